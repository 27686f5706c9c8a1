"""Pictures that wrap around: nothing in them tells where the edge was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import SHALLOW, image, one_thread, picture, recipe, tiny
from torch import Tensor

from impasto.canvas import grown, margin
from impasto.errors import LayerError
from impasto.events import Level
from impasto.look import look, survey
from impasto.losses import content_term, style_term, variation_term
from impasto.measures import gaussian
from impasto.objective import Objective, Term
from impasto.picture import Picture
from impasto.stylize import stylize
from impasto.tiles import Tile, cut

__all__ = ["one_thread"]

BOTH = (True, True)


def pieces(height: int, width: int, side: int | None = None, wraps: tuple[bool, bool] = BOTH) -> tuple[Tile, ...]:
    network = tiny(dtype=torch.float64)
    return cut(height, width, side=side, halo=network.halo(frozenset(SHALLOW)), stride=4, wraps=wraps)


def objective(photo: Tensor) -> Objective:
    network, layers = tiny(dtype=torch.float64), frozenset(SHALLOW)
    painting = image(30, 40, 2, torch.float64)
    kept = look(network, photo, frozenset({"relu2_2"}), pieces(*photo.shape[-2:]))
    sums = survey(network, painting, layers, cut(30, 40))
    styles = [style_term(name, 1.0, gaussian(sums[name]), positions=100) for name in SHALLOW]
    content, variation = content_term("relu2_2", 1.0, kept["relu2_2"]), variation_term(1.0, photo.numel())
    return Objective(network, (content, *styles, variation))


@pytest.mark.parametrize("side", [None, 8, 16])
@pytest.mark.parametrize("shift", [(4, 0), (0, 8), (12, 20)])
def test_a_picture_on_a_torus_has_no_edge(side: int | None, shift: tuple[int, int]) -> None:
    """Turned by whole positions, it has the same loss, and the same gradient turned."""
    photo, canvas = image(32, 40, 1, torch.float64), image(32, 40, 3, torch.float64)
    plain = objective(photo).evaluate(canvas, pieces(32, 40))
    turned = objective(photo.roll(shift, (-2, -1))).evaluate(canvas.roll(shift, (-2, -1)), pieces(32, 40, side))
    torch.testing.assert_close(turned.loss, plain.loss, rtol=1e-9, atol=0)
    torch.testing.assert_close(turned.gradient, plain.gradient.roll(shift, (-2, -1)), rtol=1e-6, atol=1e-12)


def test_without_wrapping_there_is_an_edge() -> None:
    photo, canvas = image(32, 40, 1, torch.float64), image(32, 40, 3, torch.float64)
    flat = objective(photo).evaluate(canvas, cut(32, 40))
    around = objective(photo).evaluate(canvas, pieces(32, 40))
    assert float((flat.loss - around.loss).abs()) > 1e-6


@pytest.mark.parametrize("wraps", [(True, False), (False, True), BOTH])
def test_cut_and_fold_are_adjoint(wraps: tuple[bool, bool]) -> None:
    whole = torch.rand(1, 3, 32, 40, dtype=torch.float64)
    (tile,) = pieces(32, 40, None, wraps)
    seen = tile.cut(whole)
    other = torch.rand_like(seen)
    torch.testing.assert_close((seen * other).sum(), (whole * tile.fold(other)).sum())


def seam(rgb: Tensor, axis: int) -> float:
    """The step over the edge in units of the steps inside."""
    inside = rgb.diff(dim=axis).abs().mean()
    over = (rgb.narrow(axis, 0, 1) - rgb.narrow(axis, rgb.shape[axis] - 1, 1)).abs().mean()
    return float(over / inside)


def painted(**given: Any) -> Tensor:  # noqa: ANN401 -- the knobs
    settings = {"start": "noise", "content_layers": {}, "steps": 25, "strength": 1.0} | given
    return stylize(picture(64, 64), picture(64, 64, 2), recipe(**settings), network=tiny(), device="cpu").rgb


def test_seamless_pictures_have_no_seam() -> None:
    levels = {"size": 96, "first_level": 64}
    both = painted(seamless="both", **levels)
    assert seam(both, -1) < 1.3
    assert seam(both, -2) < 1.3


def test_a_panorama_goes_around_and_ends_above_and_below() -> None:
    """The photo wraps in its width: so does what is painted after it."""
    x = torch.arange(64) * (2 * torch.pi / 64)
    round_photo = Picture((0.5 + 0.3 * x.sin()).expand(1, 3, 48, 64).contiguous())
    flat, around = (
        stylize(
            round_photo, picture(64, 64, 2), recipe(size=64, steps=25, seamless=way), network=tiny(), device="cpu"
        ).rgb
        for way in ("no", "horizontal")
    )
    assert seam(around, -1) < 1.4
    assert seam(around, -1) < seam(flat, -1)


def test_turning_a_panorama_turns_what_is_painted() -> None:
    photo, settings = picture(48, 64), recipe(size=64, steps=4, seamless="horizontal")
    turned = Picture(photo.rgb.roll(16, -1))
    one, other = (stylize(p, picture(64, 64, 2), settings, network=tiny(), device="cpu").rgb for p in (photo, turned))
    torch.testing.assert_close(one.roll(16, -1), other, atol=2e-3, rtol=0)


def test_sides_that_do_not_meet_are_refused() -> None:
    with pytest.raises(LayerError, match="multiples of 4"):
        painted(seamless="both", size=62)
    deep = Term("mine", 1.0, "relu4_1", lambda features, tile, step: tile.owned(features, step).sum(), torch.square)
    with pytest.raises(LayerError, match="multiples of 8"):  # for what a term of one's own looks at, too
        stylize(picture(64, 64), picture(64, 64), recipe(seamless="both", size=60), network=tiny(), extra_terms=[deep])


@pytest.mark.parametrize(("old", "new"), [(64, 96), (176, 256), (16, 48), (100, 120)])
def test_margins_keep_the_ratio(old: int, new: int) -> None:
    before, after = margin(old, new)
    assert before * new == after * old
    assert before >= 4


def test_a_periodic_canvas_stays_periodic_when_it_grows() -> None:
    x = torch.arange(32) * (2 * torch.pi / 32)
    canvas = (0.5 + 0.4 * x.sin()).expand(1, 3, 32, 32).contiguous()
    larger = grown(canvas, Level(1, 1, 48, 48, 1), (True, True))
    turned = grown(canvas.roll(16, -1), Level(1, 1, 48, 48, 1), (True, True))
    torch.testing.assert_close(larger.roll(24, -1), turned, atol=1e-5, rtol=0)
