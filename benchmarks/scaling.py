"""What a megapixel costs at every size, and what a second process is worth.

    python -m benchmarks.scaling [--most 4] [--memory 4] [--steps 2] [--shared 4] [--save]

Sizes double in area from 0.25 megapixels to `--most`, in the tiles that the plan chooses. "step" is the time of a step
of the last level, "run" that of the whole schedule as the plan foresees it, both per megapixel. `--shared` is the size,
in megapixels, that one process of one thread and two such processes then paint in turns; 0 leaves that out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from typing import Any

import torch

from benchmarks.common import median, report, spread, table
from impasto.allocator import as_planned, give_back_now, keep_what_is_freed
from impasto.canvas import noise
from impasto.events import Planned, Step
from impasto.networks.choose import open_network
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.share import joined

CPU = torch.device("cpu")
SEEN = 2000  # pixels


def pictures(megapixels: float) -> tuple[Recipe, Picture, Picture]:
    """A recipe of that size, and noise to look at: what is seen does not change the time. It is enlarged above two
    thousand pixels, so that the memory is the canvas' own."""
    side = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    seen = min(side, SEEN)
    photo, painting = (Picture(noise(seen, seen * 3 // 4, seed)) for seed in (1, 2))
    return Recipe(size=side), photo, painting


def timed(megapixels: float, steps: int, memory: int | None) -> dict[str, float]:
    """A few steps of the last level alone; and the forecast of a whole run."""
    recipe, photo, painting = pictures(megapixels)
    network = open_network(recipe, device=CPU)
    give_back_now()
    whole = next(iter(paint(photo, [painting], recipe, network=network, memory=memory)))
    assert isinstance(whole, Planned)
    assert whole.forecast is not None
    as_planned(whole)  # as the command does
    return {
        "megapixels": megapixels,
        "tiles": whole.forecast.tiles,
        "step": median(step_times(megapixels, steps, memory, before=2)) / megapixels,
        "run": whole.forecast.seconds / megapixels,
    }


def step_times(megapixels: float, steps: int, memory: int | None, before: int) -> list[float]:
    """Seconds of each step, by as many processes as torchrun has started, but of some `before`, in which memory is
    touched for the first time."""
    recipe, photo, painting = pictures(megapixels)
    alone, moments = recipe.changed(first_level=0, steps=before + steps), []
    with joined(CPU) as crew:
        network = open_network(recipe, device=CPU)
        for event in paint(photo, [painting], alone, network=network, memory=memory, crew=crew):
            if isinstance(event, Step):
                moments.append(time.perf_counter())
    return [after - before for before, after in itertools.pairwise(moments)][-steps:]


def shared(megapixels: float, steps: int, rounds: int = 3) -> dict[str, Any]:
    """One process and two, of one thread each, taking turns."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for processes, spent in times.items():
            words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
            words += ["-m", "benchmarks.scaling", "--one", "--most", str(megapixels), "--steps", str(steps)]
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(words, env=alone, stdout=subprocess.PIPE, text=True, check=True)
            spent += json.loads(done.stdout.splitlines()[-1])
    gain = median(times[1]) / median(times[2])
    rows = [[f"{n} of one thread", median(spent), spread(spent), median(times[1]) / median(spent)]
            for n, spent in times.items()]  # fmt: skip
    print(table(rows, (f"processes at {megapixels:g} megapixels", "s a step", "spread", "times as fast")))
    return {"megapixels": megapixels, "gain": gain, "seconds": {n: median(spent) for n, spent in times.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=float, default=4.0, help="megapixels")
    parser.add_argument("--memory", type=float, help="GB")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--shared", type=float, default=4.0, help="megapixels")
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    keep_what_is_freed()  # as the command does
    memory = given.memory and int(given.memory * 1e9)
    if given.one:
        times = step_times(given.most, given.steps, memory, before=Recipe().history + 2)  # until it is full
        if os.environ["RANK"] == "0":
            print(json.dumps(times))
        return
    sizes, megapixels = [], 0.25
    while megapixels <= given.most:
        sizes.append(row := timed(megapixels, given.steps, memory))
        print(f"{megapixels:6.2f} MP  {row['tiles']:3.0f} tiles  {row['step']:6.2f} s a step and megapixel", flush=True)
        megapixels *= 2
    result = {"sizes": sizes} | ({"shared": shared(given.shared, given.steps)} if given.shared else {})
    report("scaling", result, save=given.save)


if __name__ == "__main__":
    main()
