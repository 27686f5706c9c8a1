"""Paint the pictures of docs/control.md: python docs/make_control.py [--size 240] [--steps 80]."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto.inputs import Painting
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.regions import brightness, labeled
from impasto.resample import resize
from impasto.stylize import Styles, stylize
from impasto.texture import texture

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
GAP = 6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=240)
    options.add_argument("--steps", type=int, default=80)
    options.add_argument("--output", type=Path, default=HERE / "control")
    given = options.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(size=given.size, steps=given.steps)
    painter = Painter(recipe, open_network(recipe, device=torch.device("cpu")))
    for cells in (colors, paintings, turns, detail, bones, regions, labels, cutout, panorama, textures):
        target = given.output / f"{cells.__name__}.jpg"
        sheet(list(cells(painter))).save(target, quality=88)
        print(target)


@dataclass(frozen=True)
class Painter:
    """Paints the harbor after the swirling night, unless told otherwise."""

    recipe: Recipe
    network: Network

    def __call__(
        self,
        photo: Picture | None = None,
        styles: Styles | None = None,
        **given: Any,  # noqa: ANN401 -- those of stylize
    ) -> Picture:
        return stylize(photo or HARBOR, styles or SWIRLS, self.recipe, network=self.network, device="cpu", **given)

    def texture(self, styles: Styles, **given: Any) -> Picture:  # noqa: ANN401 -- those of texture
        """A square."""
        return texture(styles, self.recipe, network=self.network, device="cpu", size=self.recipe.size, **given)


NAMES = ("content/harbor.jpg", "content/street.jpg", "style/swirls.jpg", "style/dots.jpg", "style/waves.jpg")
HARBOR, STREET, SWIRLS, DOTS, WAVES = (read(EXAMPLES / name) for name in NAMES)


def colors(paint: Painter) -> Iterator[Picture]:
    yield paint()
    yield paint(color="photo")
    yield paint(color="luminance")
    yield paint(recolor="monge")
    yield paint(color="match")
    yield paint(color="palette", palette="#10243c,#c8553d,#f2e8cf")


def paintings(paint: Painter) -> Iterator[Picture]:
    yield paint(styles=[(SWIRLS, 0.5), (DOTS, 0.5)])
    yield paint(styles=[Painting(SWIRLS, layers="coarse"), Painting(DOTS, layers="fine")])
    yield paint(styles=[Painting(SWIRLS, scale=0.5)])
    yield paint(styles=[SWIRLS, Painting(DOTS, 0.3, scale=2.0)])
    yield paint(styles=[read(file) for file in sorted((EXAMPLES / "style").glob("*.jpg"))])
    yield paint(styles=[Painting(SWIRLS, part=mask(LOWER_THIRD))])


def turns(paint: Painter) -> Iterator[Picture]:
    for rotations in (1, 2, 4):
        yield paint(styles=WAVES, rotations=rotations)


def detail(paint: Painter) -> Iterator[Picture]:
    for kept in (0.0, 0.3, 1.0):
        yield paint(STREET, strength=0.7, detail=kept)


def bones(paint: Painter) -> Iterator[Picture]:
    yield paint(STREET)
    yield paint(STREET, content_measure="self-similarity")
    yield paint(STREET, content_measure="self-similarity", content_weight=5.0)


def regions(paint: Painter) -> Iterator[Picture]:
    sky, ramp = mask(sky_line()), mask(torch.linspace(0, 1, 300).expand(200, 300))
    yield sky
    yield paint(regions=[(sky, DOTS)])
    yield paint(protect=sky)
    yield ramp
    yield paint(strength_map=ramp)
    yield paint(regions=[(sky, DOTS, 0.3)])


def labels(paint: Painter) -> Iterator[Picture]:
    """The sky after the sky, the rest after the fields."""
    below, fields = (where.unsqueeze(-1) for where in (1 - sky_line(), LOWER_THIRD))
    drawn, painting = (Picture(colored(where.round())) for where in (below, fields))
    parts = labeled(drawn, painting, Painting(SWIRLS))
    yield drawn
    yield painting
    yield paint(regions=[(part.mask, part.painting) for part in parts])


def colored(where: Tensor) -> Tensor:
    """Blue where it is 0, ocher where it is 1."""
    blue, ocher = torch.tensor([0.1, 0.2, 0.7]), torch.tensor([0.8, 0.6, 0.1])
    return torch.lerp(blue, ocher, where).movedim(-1, 0).unsqueeze(0).contiguous()


def panorama(paint: Painter) -> Iterator[Picture]:
    """Turned by half, so that the place where left and right meet is in the middle."""
    around = Picture(torch.cat([HARBOR.rgb, HARBOR.rgb.flip(-1)], 3))
    yield turned(paint(around))
    yield turned(paint(around, seamless="horizontal"))


def turned(picture: Picture) -> Picture:
    return Picture(picture.rgb.roll(picture.width // 2, -1))


def textures(paint: Painter) -> Iterator[Picture]:
    """A texture; then, four times each, a tile of two paintings, and one that begins with the painting."""
    yield paint.texture(SWIRLS)
    for styles, start in (([SWIRLS, DOTS], "speckles"), (SWIRLS, "painting")):
        yield Picture(paint.texture(styles, tileable=True, start=start).rgb.repeat(1, 1, 2, 2))


def cutout(paint: Painter) -> Iterator[Picture]:
    """The houses without their sky."""
    alpha = 1 - brightness(mask(sky_line()), HARBOR.width, HARBOR.height)
    yield on_checks(Picture(HARBOR.rgb, alpha).fitted(240))
    yield on_checks(paint(Picture(HARBOR.rgb, alpha)))


LOWER_THIRD = (torch.arange(200).view(-1, 1).expand(200, 300) > 133).float()  # the fields of the swirling night


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
