"""Pictures that wrap around: nothing in them tells where the edge was."""

from __future__ import annotations

import pytest
import torch
from networks import SHALLOW, image, one_thread, tiny
from torch import Tensor

from impasto.measures import gaussian
from impasto.objective import Objective, content_term, look, style_term, survey, variation_term
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
@pytest.mark.parametrize("side", [None, 8, 12])
def test_cut_and_add_are_adjoint(wraps: tuple[bool, bool], side: int | None) -> None:
    whole = torch.rand(1, 3, 32, 40, dtype=torch.float64)
    for tile in pieces(32, 40, side, wraps):
        seen = tile.cut(whole)
        other, back = torch.rand_like(seen), torch.zeros_like(whole)
        tile.add(back, other)
        torch.testing.assert_close((seen * other).sum(), (whole * back).sum())
