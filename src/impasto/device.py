"""Choose the device and the precision; the only file that knows the accelerators by name."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch
from torch import Tensor, nn

from impasto.errors import DeviceError

CHOICES = ("auto", "cpu", "cuda", "mps")


def choose(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes the first accelerator that really computes, else the CPU.

    A device that was asked for by name and does not work is an error, never a silent fall-back.
    """
    if name == "auto":
        for kind in ("cuda", "mps"):
            if _available(kind) and _trial(torch.device(kind)) is None:
                return torch.device(kind)
        return torch.device("cpu")
    kind, colon, index = name.partition(":")
    if kind not in CHOICES[1:] or (colon and not index.isdecimal()):
        raise DeviceError(f"There is no device {name!r}; choose one of {', '.join(CHOICES)} (or cuda:1, ...).")
    if kind != "cpu":
        problem = _trial(torch.device(name)) if _available(kind) else "this build of torch finds none"
        if problem is not None:
            raise DeviceError(f"The device {name!r} does not work here ({problem}); try --device cpu.")
    return torch.device(name)


def _available(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return torch.backends.mps.is_available()


def _trial(device: torch.device) -> str | None:
    """Run a tiny convolution forward and backward; the reason it fails, or None."""
    try:
        image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()
        kernel = torch.ones(4, 3, 3, 3, device=device)
        torch.autograd.backward(nn.functional.conv2d(image, kernel).square().sum())
        if image.grad is None or not bool(image.grad.isfinite().all()):
            return "a trial convolution gave no finite gradient"
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return str(error).splitlines()[0]
    return None


def precision(name: str, device: torch.device) -> torch.dtype:
    """The number type of the convolutions; statistics and losses are float32 at least, whatever it is."""
    if name == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    return torch.float32 if name == "float32" else torch.bfloat16


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it has instructions for it: elsewhere bfloat16 is imitated, and slow."""
    if device.type == "cpu":
        told = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return bool(told.get("avx512_bf16") or told.get("amx_bf16"))
    return device.type == "cuda"


def imitates_bfloat16(device: torch.device) -> bool:
    """Whether it takes longer and more memory than float32."""
    return device.type == "cpu" and not multiplies_bfloat16(device)


def wide(matrix: Tensor) -> Tensor:
    """The matrix in float64; on the CPU where the device itself has none (Apple's GPU)."""
    return (matrix.cpu() if matrix.device.type == "mps" else matrix).double()


def finest(device: torch.device) -> torch.dtype:
    """What sums are made in: float64, where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


def called(device: torch.device) -> str:
    """What the device is called."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


def describe(device: torch.device) -> str:
    """One phrase for the first line of output: what the device is called and how much of it is free."""
    if device.type == "mps":
        return called(device)
    threads = [f"{torch.get_num_threads()} threads"] if device.type == "cpu" else []
    return ", ".join([called(device), *threads, f"{free_memory(device) / 2**30:.1f} GiB free"])


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on the device; on the CPU a container's limit counts."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # free, in torch's own pool
        return torch.cuda.mem_get_info(device)[0] + kept
    limits = [_available_ram(), *_cgroup_headroom()]
    return min(limits)


def _available_ram() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: fall through to the total that POSIX knows
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30  # Windows: a cautious guess


def _cgroup_headroom() -> list[int]:
    """What the control group still allows (version 2, then 1); empty where there is no limit."""
    pairs = (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    )
    headroom = []
    for limit, used in pairs:
        try:
            headroom.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return headroom


def held_memory(device: torch.device) -> int:
    """Bytes that this process holds on the device now; zero where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


def out_of_memory(error: BaseException) -> bool:
    """Whether this is how torch or Python say that there is no memory left."""
    words = str(error)
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and ("not enough memory" in words or "out of memory" in words)
    )


def release(device: torch.device) -> None:
    """Give memory that lies unused in torch's own pool back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def collective(device: torch.device) -> str:
    """The library through which processes on such devices talk to each other."""
    return "nccl" if device.type == "cuda" else "gloo"


def peak_memory(device: torch.device) -> int:
    """The most bytes this process has held at once: on the GPU, or resident in memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")  # Linux; what getrusage says there includes what the parent process held
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if os.uname().sysname == "Darwin" else peak * 1024
