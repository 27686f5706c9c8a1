"""VGG-19, the textbook's own objective: who reaches the loss first that the textbook loop ends with?

    python -m benchmarks.race [--iterations 300] [--size 512] [--save]

All take turns, an evaluation each, in processes of their own: the textbook loop, ours with convolutions in float32, and
in bfloat16 where the processor has instructions for it. Each one's clock runs while it works, from its first evaluation
on; what is prepared until then is counted for nobody. Both paint at one size; the textbook loop begins with the photo,
ours as it always does, with the photo in the painting's colors. What ours has when its loss is as low is judged by the
rival's own function, in float32, so that no rounding of ours can flatter it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import plain
from benchmarks.common import fitted, pair, report, table, vgg19
from impasto.allocator import keep_what_is_freed
from impasto.device import multiplies_bfloat16
from impasto.events import Preview, Step
from impasto.paint import paint
from impasto.recipe import recipe

CONTENT, STYLE = "tubingen", "starry_night_google"
STYLE_WEIGHT = 300.0
# against the textbook's loss, from where it begins; see docs/log.md
SCHEDULE = {"first_level": 0, "steps": 400, "polish": 0, "history": 64}
KEPT = 100  # canvases, the latest: one of them will have had the goal's loss
Ask = Callable[[str], float]
"""A line to a process, a number back."""


@contextmanager
def process(words: Sequence[str]) -> Iterator[Ask]:
    """A module of ours, run in a process that answers."""
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        there, back = child.stdin, child.stdout

        def ask(line: str) -> float:
            there.write(line + "\n")
            return float(back.readline())

        yield ask
        there.close()


def textbook(size: int, out: Path | None = None) -> list[str]:
    """The textbook loop: a loss for each line; then its picture is written to `out`."""
    words = ["benchmarks.plain", "--content", CONTENT, "--style", STYLE, "--on-demand", "--size", str(size)]
    return [*words, "--style-weight", str(STYLE_WEIGHT), *(["--out", str(out)] if out else [])]


class Racer:
    """The loss after each evaluation, and the seconds worked since the first."""

    def __init__(self, ask: Ask) -> None:
        self.ask, self.curve = ask, [(0.0, ask(""))]

    def advance(self) -> None:
        start = time.perf_counter()
        loss = self.ask("")
        self.curve.append((self.curve[-1][0] + time.perf_counter() - start, loss))

    def arrival(self, goal: float) -> dict[str, float]:
        """When the loss was as low, as long as it takes; and what the rival says of that canvas."""
        while self.curve[-1][1] > goal:
            self.advance()
        count = next(count for count, (_, loss) in enumerate(self.curve, 1) if loss <= goal)
        return {"seconds": self.curve[count - 1][0], "evaluations": count, "loss": self.ask(str(goal))}


def ours(size: int, precision: str, canvases: deque[Tensor]) -> Iterator[float]:
    """The losses of our loop with the same objective; the canvases that had them are put down."""
    photo, painting = pair(CONTENT, STYLE)
    wanted = recipe({
        "network": "vgg19", "size": size, "style_statistic": "gram", "style_weight": STYLE_WEIGHT, "padding": "zero",
        "pooling": "max", "precision": precision, **SCHEDULE,
    })  # fmt: skip
    loss = float("inf")
    for event in paint(photo, [painting], wanted, network=vgg19(wanted), preview_every=1):
        if isinstance(event, Step):
            loss = event.loss
        if isinstance(event, Preview):
            canvases.append(event.image)
            yield loss


def answer(size: int, precision: str) -> None:
    """In a process of its own: for an empty line the next loss, for a goal what the rival says of the canvas there."""
    keep_what_is_freed()  # as the command does
    photo, painting = fitted(*pair(CONTENT, STYLE), size)
    canvases: deque[Tensor] = deque(maxlen=KEPT)
    losses, curve = ours(size, precision, canvases), list[float]()
    for line in sys.stdin:
        if line.strip():
            first = next(i for i, loss in enumerate(curve) if loss <= float(line))
            canvas = canvases[first - len(curve)]
            print(next(plain.loop(photo.rgb, painting.rgb, 1, STYLE_WEIGHT, start=canvas)).loss, flush=True)
        else:
            curve.append(next(losses))
            print(curve[-1], flush=True)


def precisions() -> list[str]:
    """Those that the processor multiplies in; it could imitate bfloat16, slowly."""
    return ["float32", "bfloat16"] if multiplies_bfloat16(torch.device("cpu")) else ["float32"]


def race(iterations: int, size: int, out: Path | None = None) -> dict[str, Any]:
    """Seconds and evaluations of all until the loss that the textbook loop has after so many iterations."""
    with ExitStack() as stack:
        rival = Racer(stack.enter_context(process(textbook(size, out))))
        own = {kind: ["benchmarks.race", "--racer", kind, "--size", str(size)] for kind in precisions()}
        racers = {kind: Racer(stack.enter_context(process(words))) for kind, words in own.items()}
        for _ in range(iterations - 1):
            for racer in (rival, *racers.values()):
                racer.advance()
        spent, goal = rival.curve[-1]
        same = {kind: racer.arrival(goal) for kind, racer in racers.items()}
    rows = [[kind, s["seconds"], s["evaluations"], s["loss"], spent / s["seconds"]] for kind, s in same.items()]
    print(table([["plain", spent, iterations, goal, 1.0], *rows],
                ("VGG-19, same objective", "seconds", "evaluations", "loss", "x plain")))  # fmt: skip
    each = spent / (iterations - 1)
    return {
        "plain": {"iterations": iterations, "seconds": spent, "loss": goal, "seconds_per_iteration": each},
        "same_loss": same,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    parser.add_argument("--racer", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.racer:
        answer(a.size, a.racer)
    else:
        report("race", {"size": a.size, **race(a.iterations, a.size)}, save=a.save)


if __name__ == "__main__":
    main()
