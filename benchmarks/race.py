"""VGG-19, the textbook's own objective: who reaches the loss first that the textbook loop ends with?

    python -m benchmarks.race [--iterations 300] [--size 512] [--save]

All take turns, an evaluation each: the textbook loop (in a process of its own: what we ask of the C library is not
asked there), ours with convolutions in float32, and in bfloat16. Each one's clock runs while it works, from its first
evaluation on; what is prepared until then is counted for nobody. What ours has when its loss is as low is judged by the
rival's own function, in float32, so that no rounding of ours can flatter it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks import plain
from benchmarks.common import pair, report, table, vgg19
from impasto.allocator import keep_what_is_freed
from impasto.events import Preview, Step
from impasto.paint import paint
from impasto.recipe import recipe

CONTENT, STYLE = "tubingen", "starry_night_google"
STYLE_WEIGHT = 300.0
SCHEDULE = {"first_level": 0, "steps": 400, "history": 64}  # against the textbook's loss; see docs/log.md
KEPT = 100  # canvases, the latest: one of them will have had the goal's loss


@contextmanager
def textbook(size: int, out: Path | None = None) -> Iterator[Iterator[float]]:
    """The losses of the textbook loop, an iteration for each that is asked for; its picture goes to `out` then."""
    words = [sys.executable, "-m", "benchmarks.plain", "--content", CONTENT, "--style", STYLE, "--on-demand"]
    words += ["--size", str(size), "--style-weight", str(STYLE_WEIGHT), *(["--out", str(out)] if out else [])]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        there, back = process.stdin, process.stdout

        def losses() -> Iterator[float]:
            while True:
                there.write("\n")
                yield float(back.readline())

        yield losses()
        there.close()


class Racer:
    """Evaluates when asked to: the loss after each evaluation, and the seconds worked since the first."""

    def __init__(self, losses: Iterator[float]) -> None:
        self.losses, self.curve = losses, [(0.0, next(losses))]

    def advance(self) -> None:
        start = time.perf_counter()
        loss = next(self.losses)
        self.curve.append((self.curve[-1][0] + time.perf_counter() - start, loss))

    def reached(self, goal: float) -> int:
        """Evaluations until the loss was as low, as many as it takes."""
        while self.curve[-1][1] > goal:
            self.advance()
        return next(count for count, (_, loss) in enumerate(self.curve, 1) if loss <= goal)


def ours(size: int, precision: str, canvases: deque[Tensor]) -> Iterator[float]:
    """The losses of our loop with the same objective; the canvases that had them are put down."""
    photo, painting = (p.fitted(size) for p in pair(CONTENT, STYLE))
    area = photo.width * photo.height
    wanted = recipe({
        "network": "vgg19", "size": size, "style_statistic": "gram", "style_weight": STYLE_WEIGHT, "padding": "zero",
        "pooling": "max", "precision": precision, **SCHEDULE,
        "style_scale": (painting.width * painting.height / area) ** 0.5,  # the painting as large as the rival has it
    })  # fmt: skip
    loss = float("inf")
    for event in paint(photo, [painting], wanted, network=vgg19(wanted), preview_every=1):
        if isinstance(event, Step):
            loss = event.loss
        if isinstance(event, Preview):
            canvases.append(event.image)
            yield loss


def race(iterations: int, size: int, out: Path | None = None) -> dict[str, Any]:
    """Seconds and evaluations of all until the loss that the textbook loop has after so many iterations."""
    canvases: dict[str, deque[Tensor]] = {kind: deque(maxlen=KEPT) for kind in ("float32", "bfloat16")}
    with textbook(size, out) as losses:
        rival = Racer(losses)
        racers = {kind: Racer(ours(size, kind, kept)) for kind, kept in canvases.items()}
        for _ in range(iterations - 1):
            for racer in (rival, *racers.values()):
                racer.advance()
    spent, goal = rival.curve[-1]
    same = {kind: arrival(racer, goal, canvases[kind], size) for kind, racer in racers.items()}
    rows = [[kind, s["seconds"], s["evaluations"], s["loss"], spent / s["seconds"]] for kind, s in same.items()]
    print(table([["plain", spent, iterations, goal, 1.0], *rows],
                ("VGG-19, same objective", "seconds", "evaluations", "loss", "x plain")))  # fmt: skip
    each = spent / (iterations - 1)
    return {
        "plain": {"iterations": iterations, "seconds": spent, "loss": goal, "seconds_per_iteration": each},
        "same_loss": same,
    }


def arrival(racer: Racer, goal: float, canvases: deque[Tensor], size: int) -> dict[str, float]:
    """When a racer was at the goal; the loss by the rival's own function of what it had then."""
    evaluations = racer.reached(goal)
    photo, painting = (p.fitted(size) for p in pair(CONTENT, STYLE))
    canvas = canvases[evaluations - 1 - len(racer.curve)]
    loss = next(plain.loop(photo.rgb, painting.rgb, 1, STYLE_WEIGHT, start=canvas)).loss
    return {"seconds": racer.curve[evaluations - 1][0], "evaluations": evaluations, "loss": loss}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    a = parser.parse_args()
    keep_what_is_freed()  # as the command does
    report("race", {"size": a.size, **race(a.iterations, a.size)}, save=a.save)


if __name__ == "__main__":
    main()
