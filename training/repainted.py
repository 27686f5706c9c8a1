"""Pictures that a network has painted to the end:  python -m training.repainted --network runs/second.safetensors

`painted.py` shows a student what it meets on the way. Here are whole pictures by the program itself, coarse to fine, at
many strengths: in them everything that the network sees is right, and what it overlooks may be anything. Each run is a
function of its number; of each the picture is kept, and the canvas at one moment before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from impasto import Picture, Recipe, open_network, paint
from impasto.events import Finished, Preview
from impasto.networks import Network
from training.data import Dice, find, load

SIZES = (181, 256, 256, 362)
STRENGTHS = (0.3, 1.0)
SHORTER = Recipe(steps=60, steps_decay=0.7, steps_least=24, polish=0)  # a third of the steps: most of the way
WORKERS = 2


def choose(folder: Path, dice: Dice) -> tuple[Path, Path]:
    """A photograph to repaint, and a painting, in one case of ten another photograph."""
    photos, paintings = (find(folder / kind, held=False) for kind in ("photos", "paintings"))
    styles = photos if dice.uniform() < 0.1 else paintings
    return photos[dice.below(len(photos))], styles[dice.below(len(styles))]


def repaint(network: Network, photo: Tensor, painting: Tensor, recipe: Recipe, dice: Dice) -> list[Tensor]:
    """The canvas at some moment and the finished picture, (3, H, W) in bytes."""
    events = list(paint(Picture(photo), [Picture(painting)], recipe, network=network, preview_every=12))
    previews = [event.image for event in events if isinstance(event, Preview)]
    (finished,) = (event.image for event in events if isinstance(event, Finished))
    return [(image[0] * 255).round().byte().contiguous() for image in (previews[dice.below(len(previews))], finished)]


def run(weights: Path, folder: Path, number: int) -> list[Tensor]:
    """Run number so and so, on one thread."""
    torch.set_num_threads(1)
    dice = Dice(number)
    photo, painting = choose(folder, dice)
    recipe = SHORTER.changed(size=SIZES[dice.below(len(SIZES))], strength=dice.uniform(*STRENGTHS))
    network = open_network(recipe, weights_file=weights)
    return repaint(network, load(photo), load(painting), recipe, dice)


def all_runs(work: Callable[[int], list[Tensor]], count: int) -> dict[str, Tensor]:
    """All of them, in processes side by side, numbered."""
    kept: list[Tensor] = []
    with get_context("spawn").Pool(WORKERS) as pool:
        for number, images in enumerate(pool.imap(work, range(count))):
            kept += images
            print(f"{number + 1} of {count}", flush=True)
    return {f"{i:05d}": image for i, image in enumerate(kept)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, required=True, help="an exported student")
    parser.add_argument("--out", type=Path, default=Path("runs/repainted.safetensors"))
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--runs", type=int, default=240)
    a = parser.parse_args()
    work = partial(run, a.network, a.data / "pictures/train")
    save_file(all_runs(work, a.runs), a.out)


if __name__ == "__main__":
    main()
