"""Paint the pictures of docs/control.md: python docs/make_control.py [--size 240] [--steps 80]."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto.inputs import Painting
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.regions import brightness
from impasto.resample import resize
from impasto.stylize import stylize

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
GAP = 6

Paint = Callable[..., Picture]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=240)
    options.add_argument("--steps", type=int, default=80)
    options.add_argument("--output", type=Path, default=HERE / "control")
    given = options.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(size=given.size, steps=given.steps)
    network = open_network(recipe, device=torch.device("cpu"))
    for cells in (colors, paintings, turns, detail, bones, regions, cutout):
        target = given.output / f"{cells.__name__}.jpg"
        sheet(list(cells(painter(recipe, network)))).save(target, quality=88)
        print(target)


def painter(recipe: Recipe, network: Network) -> Paint:
    """The harbor after the swirling night, unless told otherwise."""

    def paint(photo: Picture = HARBOR, styles: object = SWIRLS, **given: object) -> Picture:
        return stylize(photo, styles, recipe, network=network, device="cpu", **given)  # type: ignore[arg-type]

    return paint


NAMES = ("content/harbor.jpg", "content/street.jpg", "style/swirls.jpg", "style/dots.jpg", "style/waves.jpg")
HARBOR, STREET, SWIRLS, DOTS, WAVES = (read(EXAMPLES / name) for name in NAMES)


def colors(paint: Paint) -> Iterator[Picture]:
    yield paint()
    yield paint(color="photo")
    yield paint(color="luminance")
    yield paint(recolor="monge")
    yield paint(color="match")
    yield paint(color="palette", palette="#10243c,#c8553d,#f2e8cf")


def paintings(paint: Paint) -> Iterator[Picture]:
    yield paint(styles=[(SWIRLS, 0.5), (DOTS, 0.5)])
    yield paint(styles=[Painting(SWIRLS, layers="coarse"), Painting(DOTS, layers="fine")])
    yield paint(styles=[Painting(SWIRLS, scale=0.5)])


def turns(paint: Paint) -> Iterator[Picture]:
    for rotations in (1, 2, 4):
        yield paint(styles=WAVES, rotations=rotations)


def detail(paint: Paint) -> Iterator[Picture]:
    for kept in (0.0, 0.3, 1.0):
        yield paint(STREET, strength=0.7, detail=kept)


def bones(paint: Paint) -> Iterator[Picture]:
    yield paint(STREET)
    yield paint(STREET, content_measure="self-similarity")
    yield paint(STREET, content_measure="self-similarity", content_weight=5.0)


def regions(paint: Paint) -> Iterator[Picture]:
    sky, ramp = mask(sky_line()), mask(torch.linspace(0, 1, 300).expand(200, 300))
    yield sky
    yield paint(regions=[(sky, DOTS)])
    yield paint(protect=sky)
    yield ramp
    yield paint(strength_map=ramp)
    yield paint(regions=[(sky, DOTS, 0.3)])


def cutout(paint: Paint) -> Iterator[Picture]:
    """The houses without their sky."""
    alpha = 1 - brightness(mask(sky_line()), HARBOR.width, HARBOR.height)
    yield on_checks(Picture(HARBOR.rgb, alpha).fitted(240))
    yield on_checks(paint(Picture(HARBOR.rgb, alpha)))


def sky_line() -> Tensor:
    """White above the roofs, with a soft edge."""
    rows = torch.arange(200).view(-1, 1).expand(200, 300)
    return ((72 - rows) / 6).clamp(0, 1)


def mask(values: Tensor) -> Picture:
    return Picture(values.expand(1, 3, *values.shape).contiguous())


def on_checks(picture: Picture) -> Picture:
    """What a transparent picture looks like in an editor."""
    assert picture.alpha is not None
    rows, columns = (torch.arange(side) // 8 for side in (picture.height, picture.width))
    checks = 0.7 + 0.2 * ((rows.view(-1, 1) + columns) % 2)
    return Picture(torch.lerp(checks.expand_as(picture.rgb), picture.rgb, picture.alpha))


def sheet(cells: list[Picture]) -> Image.Image:
    """Up to three in a row, all as large as the smallest."""
    width, height = min(cell.width for cell in cells), min(cell.height for cell in cells)
    rows = [cells[i : i + 3] for i in range(0, len(cells), 3)]
    page = torch.ones(3, len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            top, left = y * (height + GAP), x * (width + GAP)
            page[:, top : top + height, left : left + width] = resize(cell.rgb, width, height)[0]
    return Image.fromarray((page.permute(1, 2, 0) * 255).round().byte().numpy())


if __name__ == "__main__":
    main()
