"""Detail: the fine and sharp is kept where the photo has some, the same in tiles; the rest is left to the brush."""

from __future__ import annotations

import pytest
import torch
from networks import image, one_thread, picture, recipe, tiny
from torch import Tensor

from impasto import color
from impasto.cutter import Cutter
from impasto.detail import blurred, detail_term, detailed, high_band
from impasto.objective import REACH, Objective
from impasto.picture import Picture
from impasto.stylize import stylize
from impasto.tiles import Tile, cut

__all__ = ["one_thread"]

DEEP = torch.float64
WHOLE = cut(41, 50)


def half_sharp(height: int, width: int) -> Tensor:
    """Stripes on the left, smooth on the right."""
    stripes = 0.5 + 0.4 * (torch.arange(width) % 4 < 2).double().sub(0.5).sign()
    smooth = torch.linspace(0.2, 0.8, width, dtype=DEEP)
    row = torch.where(torch.arange(width) < width // 2, stripes, smooth)
    return row.expand(1, 3, height, width).contiguous()


def objective(photo: Tensor, tiles: tuple[Tile, ...], where: Tensor | None = None) -> Objective:
    return Objective(tiny(dtype=DEEP), (detail_term(photo, 1.0, tiles, where=where),))


def test_the_blur_is_binomial_and_keeps_what_is_even() -> None:
    point = torch.zeros(1, 1, 17, 17, dtype=DEEP)
    point[..., 8, 8] = 1
    row = blurred(point)[0, 0].sum(0)
    expected = torch.tensor([1, 8, 28, 56, 70, 56, 28, 8, 1], dtype=DEEP) / 256
    torch.testing.assert_close(row[4:13], expected)
    torch.testing.assert_close(high_band(torch.full((1, 3, 9, 9), 0.3)), torch.zeros(1, 3, 9, 9))


def test_each_color_is_blurred_for_itself() -> None:
    colors = image(21, 26, 1, DEEP)
    for channel, plane in enumerate(colors.unbind(1)):
        torch.testing.assert_close(blurred(colors)[:, channel], blurred(plane[:, None])[:, 0])


def test_none_is_lost_in_the_photo_and_all_of_it_in_a_flat_picture() -> None:
    photo = image(41, 50, 1, DEEP)
    gray, flat = color.gray(photo), torch.full_like(photo, 0.5)
    kept, lost = (objective(photo, WHOLE).evaluate(x, WHOLE).loss for x in (gray, flat))
    assert float(kept) == 0
    assert float(lost) == pytest.approx(1, rel=1e-9)


def test_other_colors_and_other_large_forms_cost_nothing() -> None:
    photo = color.gray(image(41, 50, 1, DEEP))
    slope = torch.linspace(0, 0.2, 50, dtype=DEEP).expand_as(photo)
    tint = torch.tensor([0.587, -0.299, 0.0], dtype=DEEP).view(1, 3, 1, 1) / 3  # of no luma
    inside = cut(41, 50)
    loss = objective(photo, inside).evaluate(photo + slope + tint, inside).loss
    assert float(loss) < 1e-3
    assert float(objective(photo, inside).evaluate(photo.flip(3), inside).loss) > 0.5


def test_only_places_with_detail_count() -> None:
    photo = half_sharp(41, 50)
    share = detailed(photo, WHOLE)
    assert float(share[..., 2:20].min()) > 0.5
    assert float(share[..., 32:].max()) < 0.01
    strokes = image(41, 50, 3, DEEP) * 0.3
    left, right = strokes.clone(), strokes.clone()
    left[..., 25:], right[..., :33] = 0, 0
    losses = [float(objective(photo, WHOLE).evaluate(photo + x, WHOLE).loss) for x in (left, right)]
    assert losses[0] > 1000 * losses[1]


@pytest.mark.parametrize("photo", [torch.full((1, 3, 41, 50), 0.4, dtype=DEEP), torch.zeros(1, 3, 41, 50, dtype=DEEP)])
def test_a_photo_without_detail_asks_for_none(photo: Tensor) -> None:
    seen = objective(photo, WHOLE).evaluate(image(41, 50, 2, DEEP), WHOLE)
    assert float(seen.loss) == 0
    assert not seen.gradient.any()


def test_what_nobody_sees_does_not_count() -> None:
    photo, where = image(41, 50, 1, DEEP), torch.ones(1, 1, 41, 50, dtype=DEEP)
    where[..., 20:] = 0
    gradient = objective(photo, WHOLE, where).evaluate(image(41, 50, 2, DEEP), WHOLE).gradient
    assert gradient[..., :20].any()
    assert not gradient[..., 24:].any()  # four pixels further, the blur of the last that counts


def test_the_slope_equals_finite_differences() -> None:
    photo, canvas = image(13, 15, 1, DEEP), image(13, 15, 2, DEEP)
    whole = cut(13, 15)
    goal = objective(photo, whole)
    gradient = goal.evaluate(canvas, whole).gradient
    for seed in range(3):
        way = torch.randn(canvas.shape, generator=torch.Generator().manual_seed(seed), dtype=DEEP)
        up, down = (float(goal.evaluate(canvas + step * way, whole).loss) for step in (1e-5, -1e-5))
        assert float((gradient * way).sum()) == pytest.approx((up - down) / 2e-5, rel=1e-7)


@pytest.mark.parametrize("side", [1, 7, 16])
@pytest.mark.parametrize("wraps", [(False, False), (True, True), (False, True)])
def test_tiles_change_nothing(side: int, wraps: tuple[bool, bool]) -> None:
    photo, canvas = image(21, 26, 1, DEEP), image(21, 26, 2, DEEP)
    whole, pieces = (cut(21, 26, side=s, halo=REACH, wraps=wraps) for s in (None, side))
    one, many = (objective(photo, tiles).evaluate(canvas, tiles) for tiles in (whole, pieces))
    torch.testing.assert_close(one.loss, many.loss, rtol=1e-11, atol=0)
    torch.testing.assert_close(one.gradient, many.gradient, rtol=1e-9, atol=1e-14)


def test_every_halo_has_room_for_it() -> None:
    """Also beside layers that see hardly any further than their own pixels."""
    assert Cutter.of(tiny(), frozenset({"image"})).halo == Cutter.of(tiny(), frozenset({"relu1_1"})).halo == REACH


def test_more_of_it_keeps_more_of_the_photos_detail() -> None:
    photo, painting = Picture(half_sharp(48, 60).float()), picture(50, 40, 2)
    lost, whole = [], cut(48, 60)
    for detail in (0.0, 0.5, 1.0):
        made = recipe(size=60, steps=40, strength=0.8, detail=detail)
        painted = stylize(photo, painting, made, network=tiny(), device="cpu").rgb.double()
        lost.append(float(objective(photo.rgb.double(), whole).evaluate(color.gray(painted), whole).loss))
    assert lost[0] > 1.2 * lost[1] > 2.4 * lost[2]


def test_strokes_that_the_detail_forbids_are_not_drawn_in_color_instead() -> None:
    photo, painting = Picture(half_sharp(48, 60).float()), Picture(color.gray(picture(50, 40, 2).rgb))
    fine = []
    for detail in (0.0, 1.0):
        made = recipe(size=60, steps=40, strength=0.8, detail=detail, start="photo")
        painted = stylize(photo, painting, made, network=tiny(), device="cpu").rgb
        fine.append(float(high_band(painted - color.luma(painted)).square().mean()))
    assert fine[1] < 0.75 * fine[0]
