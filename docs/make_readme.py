"""Paint the pictures of the README:  python -m docs.make_readme"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import files
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.picture import Picture, read
from impasto.presets import preset
from impasto.recipe import Recipe, recipe
from impasto.stylize import stylize

ROOT = Path(__file__).resolve().parent.parent
PAIRS = (
    ("harbor", "swirls"),
    ("still_life", "mosaic"),
    ("street", "knife"),
    ("harbor", "waves"),
    ("still_life", "ink"),
)
STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
PRESETS = ("fast", "default", "fine")
GAP = 6


def example(kind: str, name: str) -> Picture:
    return read(ROOT / "examples" / kind / f"{name}.jpg")


def boxed(image: Tensor, width: int, height: int) -> Tensor:
    """As large as fits, in the middle of white."""
    scale = min(width / image.shape[-1], height / image.shape[-2])
    small = Picture(image).resized(round(image.shape[-1] * scale), round(image.shape[-2] * scale)).rgb
    right, below = width - small.shape[-1], height - small.shape[-2]
    sides = (right // 2 + GAP, right - right // 2 + GAP, below // 2 + GAP, below - below // 2 + GAP)
    return F.pad(small, sides, value=1.0)


def save(rows: list[list[Tensor]], name: str) -> None:
    sheet = torch.cat([torch.cat(row, 3) for row in rows], 2)
    files.write(Picture(sheet), ROOT / "docs/pictures" / name, quality=85, overwrite=True)


def timed(photo: str, painting: str, network: Network, asked: Recipe, name: str) -> Picture:
    start = time.perf_counter()
    painted = stylize(example("content", photo), example("style", painting), asked, network=network)
    print(f"{photo} after {painting}, {name}: {time.perf_counter() - start:.1f} s", flush=True)
    return painted


@cache
def shipped() -> Network:
    return open_network(Recipe())


@cache
def with_preset(photo: str, painting: str, name: str) -> Picture:
    return timed(photo, painting, shipped(), recipe(preset(name)), name)


def by_default() -> None:
    rows = []
    for photo, painting in PAIRS:
        pictures = example("content", photo), example("style", painting), with_preset(photo, painting, "default")
        rows.append([boxed(p.rgb, 380, 300) for p in pictures])
    save(rows, "readme.jpg")


def by_presets() -> None:
    painted = [[with_preset(*pair, name) for name in PRESETS] for pair in PAIRS[:2]]
    save([[boxed(p.rgb, 512, 384) for p in row] for row in painted], "presets.jpg")


def along_the_dial() -> None:
    content, style = example("content", "harbor"), example("style", "swirls")
    turned = [stylize(content, style, network=shipped(), strength=s, size=384) for s in STRENGTHS]
    save(
        [[boxed(p.rgb, 384, 256) for p in turned[:3]], [boxed(p.rgb, 384, 256) for p in (*turned[3:], style)]],
        "dial.jpg",
    )


def main() -> None:
    (ROOT / "docs/pictures").mkdir(exist_ok=True)
    for sheet in (by_default, by_presets, along_the_dial):
        sheet()


if __name__ == "__main__":
    main()
