"""Does a run survive? A process that paints is killed at random moments, again and again, and always goes on.

    python -m benchmarks.endurance [--deaths 50] [--optimizer lbfgs] [--longest 4]

A tiny picture, a checkpoint after every step. Each process is killed (SIGKILL) at a random moment, be it in a step or
in the middle of writing. Counted are the deaths, how many of them met the writing of a file, and what became of the
checkpoint; in the end the picture must be the one of a run that was left alone, to the bit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import report
from impasto import statefile
from impasto.canvas import noise
from impasto.checkpoint import Checkpoint
from impasto.events import Event, Finished
from impasto.networks.choose import open_network
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.whole import PARTS

PHOTO, PAINTING = Picture(noise(112, 84, 1)), Picture(noise(80, 80, 2))


def events(optimizer: str, checkpoint: Checkpoint | None) -> Iterator[Event]:
    """A run of three levels."""
    recipe = Recipe(size=112, first_level=56, steps=40, steps_least=30, optimizer=optimizer)  # type: ignore[arg-type]
    return paint(PHOTO, [PAINTING], recipe, network=open_network(recipe), checkpoint=checkpoint)


def painted(optimizer: str, checkpoint: Checkpoint | None) -> torch.Tensor:
    for event in events(optimizer, checkpoint):
        if isinstance(event, Finished):
            return event.image
    raise AssertionError("a run ends with Finished")


def die(optimizer: str, file: Path, moment: float) -> bool:
    """Paint in a process of its own until it is killed; whether it was killed before its end."""
    child = os.fork()
    if child == 0:
        try:
            painted(optimizer, Checkpoint(file, every=0.0))
        finally:
            os._exit(0)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def endured(optimizer: str, deaths: int, longest: float, folder: Path) -> dict[str, Any]:
    """So many deaths on the way of one picture; a run that comes to its end begins anew."""
    whole, file, moments = painted(optimizer, None), folder / "run", random.Random(1)
    told = {"deaths": 0, "while writing": 0, "finished": 0, "steps": 0}
    while told["deaths"] < deaths:
        if not die(optimizer, file, moments.uniform(0.0, longest)):
            told["finished"] += 1
            file.unlink()
            continue
        told["deaths"] += 1
        halves = list(folder.glob(PARTS))
        told["while writing"] += bool(halves)
        for half in halves:
            half.unlink()
        if file.exists():
            told["steps"] = max(told["steps"], statefile.read(file)["run"]["evaluations"])
    equal = torch.equal(painted(optimizer, Checkpoint(file, every=1e9)), whole)
    return {"optimizer": optimizer, **told, "equal": equal}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deaths", type=int, default=50)
    parser.add_argument("--optimizer", default="lbfgs", choices=["lbfgs", "adam", "sgd"])
    parser.add_argument("--longest", type=float, default=4.0, help="seconds that a process may live")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        result = endured(given.optimizer, given.deaths, given.longest, Path(folder))
    report("endurance", result, save=False)
    if not result["equal"]:
        parser.exit(1, "The picture is another one than that of a run that was left alone.\n")


if __name__ == "__main__":
    main()
