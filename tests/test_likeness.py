"""Self-similarity: equal to the formula, blind to what places look like, the same in tiles, of bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from networks import Projected, Projecting, image, maps, one_thread, recipe, tiles, tiny
from torch import Tensor

from impasto import likeness, measures
from impasto.footprint import Footprint
from impasto.likeness import Grid, likeness_term, relations
from impasto.look import look
from impasto.objective import Objective, Term
from impasto.picture import Picture
from impasto.stylize import stylize
from impasto.tiles import cut

__all__ = ["one_thread"]

DEEP = torch.float64
LAYER = "relu2_1"
LAYERS = frozenset({LAYER})


def features(photo: Tensor, network: Any = None) -> Tensor:  # noqa: ANN401 -- any network
    network = network or tiny(dtype=DEEP)
    return look(network, photo, LAYERS, cut(*photo.shape[-2:]))[LAYER]


def objective(term: Term, network: Any = None) -> Objective:  # noqa: ANN401 -- any network
    return Objective(network or tiny(dtype=DEEP), (term,))


def loss(canvas: Tensor, photo: Tensor, **options: Any) -> float:  # noqa: ANN401 -- those of the term
    term = likeness_term(LAYER, 1.0, features(photo), **options)
    return float(objective(term).evaluate(canvas, cut(*canvas.shape[-2:])).loss)


def by_numpy(f: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Position by position, as in the paper but for the unit of a row: its mean and not its sum."""
    rows = f[0].flatten(1).T.numpy()
    table = np.array([[1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in rows] for a in rows])
    return table / (table.mean(1, keepdims=True) + likeness.FLAT)


def test_the_loss_is_the_papers() -> None:
    photo, canvas = image(14, 18, 1, DEEP), image(14, 18, 2, DEEP)
    wanted, seen = by_numpy(features(photo)), by_numpy(features(canvas))
    assert loss(canvas, photo) == pytest.approx(((seen - wanted) ** 2).sum() / ((wanted - 1) ** 2).sum(), rel=1e-4)
    assert loss(photo, photo) == pytest.approx(0, abs=1e-20)


def test_what_places_look_like_is_free() -> None:
    """Louder features, and features with their channels exchanged, are as alike to each other as before."""
    f = features(image(14, 18, 1, DEEP))
    grid, whole = Grid.over(7, 9), (slice(0, 7), slice(0, 9))
    plain = relations(grid.sums(f, *whole))[0]
    other = relations(grid.sums(3 * f.flip(1), *whole))[0]
    torch.testing.assert_close(other, plain, rtol=1e-6, atol=1e-7)


def test_cells_hold_every_position_once_and_no_more_of_them_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "CELLS", 30)
    for height, width in [(7, 9), (1, 300), (300, 1), (5, 6), (40, 33)]:
        grid = Grid.over(height, width)
        sums = grid.sums(torch.ones(1, 2, height, width), slice(0, height), slice(0, width))
        assert len(sums) == grid.rows * grid.columns <= 30
        assert float(sums[:, -1].sum()) == height * width
        assert float(sums[:, -1].min()) >= 1
    assert (Grid.over(5, 6).rows, Grid.over(5, 6).columns) == (5, 6)


@pytest.mark.parametrize("cells", [20, 2048])
@pytest.mark.parametrize("masked", [False, True])
def test_the_slope_equals_finite_differences(cells: int, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "CELLS", cells)
    network = tiny(dtype=DEEP, pooling="average")
    photo, canvas, whole = image(13, 15, 1, DEEP), image(13, 15, 2, DEEP), cut(13, 15)
    where = torch.rand(1, 1, 6, 7, generator=torch.Generator().manual_seed(1), dtype=DEEP) if masked else None
    goal = objective(likeness_term(LAYER, 1.0, features(photo, network), where=where), network)
    gradient = goal.evaluate(canvas, whole).gradient
    for seed in range(3):
        way = torch.randn(canvas.shape, generator=torch.Generator().manual_seed(seed), dtype=DEEP)
        up, down = (float(goal.evaluate(canvas + step * way, whole).loss) for step in (1e-6, -1e-6))
        assert float((gradient * way).sum()) == pytest.approx((up - down) / 2e-6, rel=1e-4)


@pytest.mark.parametrize("cells", [20, 2048])
@pytest.mark.parametrize("side", [8, 16])
def test_tiles_change_nothing(cells: int, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "CELLS", cells)
    network = tiny(dtype=DEEP)
    photo, canvas = image(41, 50, 1, DEEP), image(41, 50, 2, DEEP)
    goal = objective(likeness_term(LAYER, 1.0, features(photo, network)), network)
    one, many = (goal.evaluate(canvas, tiles(network, 41, 50, LAYERS, s)) for s in (None, side))
    torch.testing.assert_close(one.loss, many.loss, rtol=1e-10, atol=0)
    torch.testing.assert_close(one.gradient, many.gradient, rtol=1e-8, atol=1e-12)


def test_a_metric_stands_for_the_projection() -> None:
    inner = tiny()
    projections: Mapping[str, Tensor] = maps(inner, (LAYER,))
    inner.to(dtype=DEEP)
    photo, canvas, whole = image(14, 18, 1, DEEP), image(14, 18, 2, DEEP), cut(14, 18)
    seen = []
    for kind in (Projecting, Projected):
        network = kind(inner, projections)
        root = measures.root(network.metrics[LAYER]) if network.metrics else None
        goal = objective(likeness_term(LAYER, 1.0, features(photo, network), root=root), network)
        seen.append(goal.evaluate(canvas, whole))
    torch.testing.assert_close(seen[0].loss, seen[1].loss, rtol=1e-6, atol=0)
    torch.testing.assert_close(seen[0].gradient, seen[1].gradient, rtol=1e-5, atol=1e-9)


def test_what_nobody_sees_does_not_count() -> None:
    photo, where = image(16, 40, 1, DEEP), torch.ones(1, 1, 8, 20, dtype=DEEP)
    where[..., 10:] = 0
    spoiled = torch.cat([photo[..., :30], image(16, 40, 5, DEEP)[..., 30:]], 3)
    assert loss(spoiled, photo, where=where) == pytest.approx(0, abs=1e-20)
    assert loss(spoiled, photo) > 1e-3


@pytest.mark.parametrize("level", [0.0, 0.6])
def test_flat_pictures_do_no_harm(level: float) -> None:
    flat, other = torch.full((1, 3, 14, 18), level), image(14, 18, 1)
    for photo, canvas in ((flat, other), (other, flat), (flat, flat)):
        term = likeness_term(LAYER, 1.0, features(photo, tiny()))
        seen = objective(term, tiny()).evaluate(canvas, cut(14, 18))
        assert bool(seen.gradient.isfinite().all())
        assert bool(seen.loss.isfinite())


def test_the_planner_counts_what_all_pairs_take() -> None:
    """Beside what a loss of the features takes, in a picture that fills the grid."""
    photo, layers = image(128, 128, 1), frozenset({"relu2_1"})
    network = tiny()
    with Footprint() as count:
        term = likeness_term("relu2_1", 1.0, look(network, photo, layers, cut(128, 128))["relu2_1"])
        objective(term, network).evaluate(image(128, 128, 2), cut(128, 128))
    assert count.peak == pytest.approx(Grid.over(64, 64).memory, rel=0.2)


def test_colors_go_where_the_painting_has_them() -> None:
    """A red photo after a blue painting: the places stay apart as they are, the color goes."""
    rgb = image(40, 40, 1) * torch.tensor([1.0, 0.3, 0.1]).view(1, 3, 1, 1)
    blue = Picture((image(40, 40, 3) * torch.tensor([0.1, 0.3, 1.0]).view(1, 3, 1, 1)).contiguous())
    left = []
    for measure in ("features", "self-similarity"):
        made = recipe(steps=40, content_measure=measure, content_layers={"relu1_1": 1.0}, strength=0.3)
        painted = stylize(Picture(rgb.contiguous()), blue, made, network=tiny(), device="cpu").rgb
        left.append(float(painted[:, 0].mean() - painted[:, 2].mean()))
    assert left[1] < left[0] - 0.05
