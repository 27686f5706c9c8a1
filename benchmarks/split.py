"""Where a step's time goes, by kind of operation."""

from __future__ import annotations

from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile

KINDS = {
    "convolutions": ("convolution", "conv2d"),
    "products: statistics and optimizer": ("aten::mm", "aten::addmm", "aten::addmv", "aten::mv", "aten::dot", "bmm"),
    "ReLU": ("threshold", "clamp_min", "relu"),
    "padding": ("pad2d", "fill_"),
    "eigenvalues": ("linalg",),
    "sums and copies": ("aten::add", "aten::sum", "aten::cat", "aten::copy_", "aten::mul", "aten::sub", "aten::div"),
}
STEPS = 10


def split(step: Callable[[], object]) -> list[list[object]]:
    """Rows of (kind, milliseconds a step, share), largest first."""
    step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(STEPS):
            step()
    times: dict[str, float] = {}
    for event in seen.key_averages():
        kind = next((kind for kind, names in KINDS.items() if any(n in event.key for n in names)), "all else")
        times[kind] = times.get(kind, 0.0) + event.self_cpu_time_total / 1000 / STEPS
    total = sum(times.values())
    return [[kind, spent, spent / total] for kind, spent in sorted(times.items(), key=lambda pair: -pair[1])]
