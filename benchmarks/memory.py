"""Is the plan right? The memory that a run is predicted to hold, and what it held.

    python -m benchmarks.memory [--weights vgg19.safetensors]

Each configuration runs in a process of its own, for as many steps as fill the optimizer's memory. Predicted and
measured are the most bytes that the process held (VmHWM on Linux), both less what it held before the plan was made:
Python, torch, the weights and the pictures.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "memory.json"
HISTORY = 5

CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {"network": "lite", "size": 768, "optimizer": "lbfgs"},
    {"network": "lite", "size": 1024, "optimizer": "adam"},
    {"network": "lite", "size": 1536, "optimizer": "lbfgs", "style_statistic": "gram"},
    {"network": "lite", "size": 2048, "optimizer": "sgd", "average": 0.9, "style_scale": 0.5},
    {"network": "lite", "size": 2048, "optimizer": "adam", "megabytes": 650},
    {"network": "lite", "size": 2048, "optimizer": "lbfgs", "megabytes": 1000},
    {"network": "lite", "size": 2048, "optimizer": "lbfgs", "megabytes": 700},
    {"network": "lite", "size": 3072, "optimizer": "adam", "megabytes": 600},
    {"network": "lite", "size": 1024, "optimizer": "lbfgs", "precision": "bfloat16"},
    {"network": "lite", "size": 2048, "optimizer": "lbfgs", "precision": "bfloat16", "megabytes": 600},
    {"network": "lite", "size": 1024, "optimizer": "lbfgs", "region": True},
    {"network": "lite", "size": 1536, "optimizer": "lbfgs", "region": True, "megabytes": 500},
    {"network": "lite", "size": 1536, "optimizer": "lbfgs", "first_level": 384, "steps_least": 6},
    {"network": "lite", "size": 1536, "optimizer": "lbfgs", "first_level": 384, "steps_least": 6, "megabytes": 1400},
    {"network": "lite", "size": 2048, "optimizer": "lbfgs", "precision": "bfloat16", "megabytes": 1600},
    {"network": "lite", "size": 2048, "optimizer": "lbfgs", "first_level": 512, "steps_least": 6, "megabytes": 500},
    {"network": "vgg19", "size": 448, "optimizer": "lbfgs", "style_statistic": "gram"},
    {"network": "vgg19", "size": 640, "optimizer": "adam", "style_statistic": "gram", "pooling": "average"},
    {"network": "vgg19", "size": 768, "optimizer": "lbfgs", "style_statistic": "gram", "megabytes": 1300},
    {"network": "vgg19", "size": 512, "optimizer": "adam", "style_statistic": "gram", "style_scale": 2.0},
    {"network": "vgg19", "size": 640, "optimizer": "adam", "style_statistic": "gram", "precision": "bfloat16"},
    {"network": "vgg19", "size": 448, "optimizer": "lbfgs", "style_statistic": "gram", "polish_views": 2},
)


def measured(configuration: dict[str, Any], weights: Path | None) -> dict[str, float]:
    """Run this configuration in this process."""
    from impasto import allocator
    from impasto import device as devices
    from impasto.canvas import noise
    from impasto.events import Planned
    from impasto.inputs import Painting
    from impasto.networks.choose import open_network
    from impasto.paint import paint
    from impasto.picture import Picture
    from impasto.recipe import Recipe
    from impasto.regions import Guidance, Region

    allocator.keep_what_is_freed()  # as the command does
    knobs = dict(configuration)
    extra, region = knobs.pop("megabytes", None), knobs.pop("region", False)
    steps = HISTORY + 2 if knobs["optimizer"] == "lbfgs" else 2
    asked: dict[str, Any] = {"precision": "float32", "first_level": 0, "steps": steps}
    recipe = Recipe(**(asked | ({"history": HISTORY} if steps > 2 else {}) | knobs))
    device = devices.choose("cpu")
    network = open_network(recipe, device=device, weights_file=weights if recipe.network != "lite" else None)
    long = recipe.size
    photo, painting = Picture(noise(long, long * 3 // 4, 1)), Picture(noise(long, long * 3 // 4, 2))
    regions = (Region(half(long), Painting(Picture(noise(long, long // 2, 3)))),) if region else ()
    gc.collect()
    allocator.give_back_now()
    before = devices.held_memory(device)
    memory = None if extra is None else before + extra * 1_000_000
    told = None
    guidance = Guidance(regions)
    for event in paint(photo, [painting], recipe, network=network, device=device, memory=memory, guidance=guidance):
        if isinstance(event, Planned):
            told = event.forecast
        allocator.as_planned(event)  # as the command does
    assert told is not None
    held = devices.peak_memory(device) - before
    return {
        "predicted": told.memory - before,
        "measured": held,
        "tiles": told.tiles,
        "files": told.in_file,
        "seconds": round(told.seconds, 1),
    }


def half(side: int) -> Any:  # noqa: ANN401 -- torch is not imported yet
    """A mask whose left half is white."""
    import torch

    from impasto.picture import Picture

    rgb = torch.zeros(1, 3, side // 2, side)
    rgb[..., : side // 2] = 1
    return Picture(rgb)


def in_a_process(configuration: dict[str, Any], weights: Path | None) -> dict[str, Any]:
    """One configuration and what came of it."""
    arguments = [sys.executable, "-m", "benchmarks.memory", "--one", json.dumps(configuration)]
    arguments += [] if weights is None else ["--weights", str(weights)]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    return {**configuration, **json.loads(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="of vgg19; without them, only lite is measured")
    parser.add_argument("--only", type=int, nargs="*", help="the numbers of some configurations; nothing is saved")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.one, given.weights)))
        return
    rows = []
    for number, configuration in enumerate(CONFIGURATIONS):
        if given.only and number not in given.only:
            continue
        if given.weights is None and configuration["network"] != "lite":
            continue
        rows.append(row := in_a_process(configuration, given.weights))
        ratio = row["predicted"] / row["measured"]
        print(
            f"{ratio:5.2f}  {row['predicted'] / 1e6:6.0f} of {row['measured'] / 1e6:6.0f} MB  {configuration}",
            flush=True,
        )
    if not given.only:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
