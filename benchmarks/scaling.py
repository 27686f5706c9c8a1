"""What a megapixel costs at every size: one step of the network and the optimizer, in the tiles that the plan chooses.

    python -m benchmarks.scaling [--most 4] [--memory 4] [--steps 2]

Sizes double in area from 0.25 megapixels to `--most`. "step" is the time of a step, "run" that of the whole schedule as
the plan foresees it, both per megapixel.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from impasto.canvas import noise
from impasto.events import Planned, Step
from impasto.networks.choose import open_network
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe

RESULTS = Path(__file__).parent / "results" / "scaling.json"


def timed(megapixels: float, steps: int, memory: int | None) -> dict[str, float]:
    """A few steps of the last level alone; and the forecast of a whole run."""
    side = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    photo, painting = Picture(noise(side, side * 3 // 4, 1)), Picture(noise(side, side * 3 // 4, 2))
    device, recipe = torch.device("cpu"), Recipe(size=side)
    network = open_network(recipe, device=device)
    whole = next(iter(paint(photo, [painting], recipe, network=network, memory=memory)))
    assert isinstance(whole, Planned)
    assert whole.forecast is not None
    moments = []
    alone = recipe.changed(first_level=0, steps=steps + 1)
    for event in paint(photo, [painting], alone, network=network, memory=memory):
        if isinstance(event, Step):
            moments.append(time.perf_counter())
    return {
        "megapixels": megapixels,
        "tiles": whole.forecast.tiles,
        "step": (moments[-1] - moments[0]) / steps / megapixels,
        "run": whole.forecast.seconds / megapixels,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=float, default=4.0, help="megapixels")
    parser.add_argument("--memory", type=float, help="GB")
    parser.add_argument("--steps", type=int, default=2)
    given = parser.parse_args()
    rows, megapixels = [], 0.25
    while megapixels <= given.most:
        rows.append(row := timed(megapixels, given.steps, given.memory and int(given.memory * 1e9)))
        print(f"{megapixels:6.2f} MP  {row['tiles']:3.0f} tiles  {row['step']:6.2f} s a step and megapixel", flush=True)
        megapixels *= 2
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
