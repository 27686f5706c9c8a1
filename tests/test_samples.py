"""Sliced Wasserstein and histograms: against sorting in numpy, in one piece, tile by tile, masked, refused, painted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from networks import Projected, Projecting, image, maps, one_thread, picture, recipe, tiles, tiny
from numpy.typing import NDArray
from torch import Tensor

from impasto import device as devices
from impasto import measures, plan
from impasto.cutter import Cutter
from impasto.errors import PlanError
from impasto.events import Planned
from impasto.footprint import Footprint
from impasto.inputs import Painting, weighted
from impasto.objective import Objective
from impasto.paint import paint
from impasto.picture import Picture
from impasto.samples import BASES, Sorted, axes, gathered, pooled, slices, spread_term
from impasto.style import statistics
from impasto.stylize import stylize
from impasto.tiles import cut

__all__ = ["one_thread"]

Array = NDArray[np.float64]
DEEP = torch.float64
LAYER, STEP = "relu2_1", 2
LAYERS = frozenset({LAYER})
BOTH = ("sliced", "histogram")


def samples(painting: Tensor, network: Any = None) -> Tensor:  # noqa: ANN401 -- any network
    return gathered(network or tiny(dtype=DEEP), painting, LAYERS, cut(*painting.shape[-2:]))[LAYER]


def objective(painted: Tensor, canvas: Tensor, statistic: str, network: Any = None, **given: Any) -> Objective:  # noqa: ANN401
    size = (canvas.shape[-2] // STEP, canvas.shape[-1] // STEP)
    term = spread_term(LAYER, 1.0, painted, statistic, size, STEP, **given)
    return Objective(network or tiny(dtype=DEEP), (term,))


def loss(painted: Tensor, canvas: Tensor, statistic: str, **given: Any) -> float:  # noqa: ANN401 -- those of the term
    return float(objective(painted, canvas, statistic, **given).evaluate(canvas, cut(*canvas.shape[-2:])).loss)


# ---- against numpy ---------------------------------------------------------------------------------------------------


def along(f: Array, g: Array) -> float:
    """The squared distance of two lists of numbers: the first sorted, the second's quantiles at the same places."""
    middles = (np.arange(len(f)) + 0.5) / len(f)
    wanted = np.interp(middles, (np.arange(len(g)) + 0.5) / len(g), np.sort(g))
    return float(((np.sort(f) - wanted) ** 2).mean())


def rows(f: Tensor) -> Array:
    return np.asarray(f[:, :-1].numpy())


def gaussians(f: Array, g: Array) -> float:
    """As `measures.wasserstein_distance` has it, ridge and all."""
    ridge = (measures.RIDGE * np.trace(g.T @ g / len(g)) + measures.EPSILON) * np.eye(g.shape[1])
    a, b = (np.cov(x.T, bias=True) + ridge for x in (f, g))
    cross = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
    return float(((f.mean(0) - g.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * cross)


@pytest.mark.parametrize("side", [20, 31])
def test_the_losses_equal_sorting_by_hand(side: int) -> None:
    """Also where the painting has another number of positions."""
    canvas = image(20, 26, 1, DEEP)
    painted = samples(image(side, 33, 2, DEEP))
    f, g = rows(samples(canvas)), rows(painted)
    channels = sum(along(a, b) for a, b in zip(f.T, g.T, strict=True)) + gaussians(f, g)
    unit = (g**2).sum(1).mean()
    nothing = sum(along(0 * a, b) for a, b in zip(g.T, g.T, strict=True)) + gaussians(0 * g, g)
    assert loss(painted, canvas, "histogram") == pytest.approx(channels / nothing, rel=1e-6)
    directions = slices(g.shape[1], STEP)[:-1].numpy()
    sliced = sum(along(f @ d, g @ d) for d in directions.T)
    assert loss(painted, canvas, "sliced") == pytest.approx(sliced / unit, rel=1e-9)


@pytest.mark.parametrize("statistic", BOTH)
def test_a_painting_is_at_distance_zero_from_itself_and_from_itself_hung_twice(statistic: str) -> None:
    painting = image(20, 26, 2, DEEP)
    own = samples(painting)
    assert loss(own, painting, statistic) == pytest.approx(0, abs=1e-12)
    assert loss(own.flip(0), painting, statistic) == pytest.approx(0, abs=1e-12)
    assert loss(torch.cat([own, own]), painting, statistic) < 1e-3 < loss(own, image(20, 26, 1, DEEP), statistic)


def test_what_has_the_same_mean_and_covariance_is_told_apart() -> None:
    """Which is what these statistics are for."""
    random = torch.Generator().manual_seed(1)
    bell = torch.randn(4000, 3, generator=random, dtype=DEEP)
    two = torch.where(torch.rand(4000, 3, generator=random, dtype=DEEP) < 0.5, -1.0, 1.0)
    clouds = [torch.cat([(x - x.mean(0)) / x.std(0), torch.ones(4000, 1, dtype=DEEP)], 1) for x in (bell, two)]
    for directions in (axes(3).double(), slices(3, 1)):
        a, b = (Sorted.of(cloud, directions).values for cloud in clouds)
        assert float((a - b).square().mean(1).min()) > 0.03


@pytest.mark.parametrize("bases", [1, BASES])
def test_a_cloud_that_was_moved_is_as_far_away_as_it_was_moved(bases: int) -> None:
    cloud = samples(image(20, 26, 2, DEEP))
    way = torch.tensor([0.3, -0.2, 0.0, 0.1, 0.5, 0.0], dtype=DEEP)
    a, b = (Sorted.of(x, slices(5, bases)).values for x in (cloud, cloud + way))
    assert float((a - b).square().mean(1).sum()) == pytest.approx(float(way.square().sum()), rel=1e-9)


@pytest.mark.parametrize("statistic", BOTH)
@pytest.mark.parametrize("masked", [False, True])
def test_the_slope_equals_finite_differences(statistic: str, masked: bool) -> None:
    network = tiny(dtype=DEEP, pooling="average")
    canvas, painted = image(13, 15, 1, DEEP), samples(image(17, 14, 2, DEEP), network)
    where = torch.rand(1, 1, 6, 7, generator=torch.Generator().manual_seed(1), dtype=DEEP) if masked else None
    goal, whole = objective(painted, canvas, statistic, network, where=where), cut(13, 15)
    gradient = goal.evaluate(canvas, whole).gradient
    for seed in range(3):
        way = torch.randn(canvas.shape, generator=torch.Generator().manual_seed(seed), dtype=DEEP)
        up, down = (float(goal.evaluate(canvas + step * way, whole).loss) for step in (1e-7, -1e-7))
        assert float((gradient * way).sum()) == pytest.approx((up - down) / 2e-7, rel=1e-4)


@pytest.mark.parametrize("statistic", BOTH)
def test_tiles_would_change_nothing(statistic: str) -> None:
    """They save no memory, but when it runs out in mid-run they are what is left."""
    network, canvas = tiny(dtype=DEEP), image(41, 50, 1, DEEP)
    goal = objective(samples(image(30, 40, 2, DEEP)), canvas, statistic)
    one, many = (goal.evaluate(canvas, tiles(network, 41, 50, LAYERS, side)) for side in (None, 16))
    torch.testing.assert_close(one.loss, many.loss, rtol=1e-10, atol=0)
    torch.testing.assert_close(one.gradient, many.gradient, rtol=1e-8, atol=1e-12)


def test_the_histograms_of_a_metrics_space_do_not_depend_on_how_it_is_reached() -> None:
    """Along the principal axes: those of the metric, or of what it stands for."""
    inner = tiny()
    projections = maps(inner, (LAYER,), out=6)
    inner.to(dtype=DEEP)
    canvas, painting = image(20, 26, 1, DEEP), image(22, 24, 2, DEEP)
    network = Projecting(inner, projections)
    root = measures.root(network.metrics[LAYER])
    ours = float(
        objective(samples(painting, network), canvas, "histogram", network, root=root)
        .evaluate(canvas, cut(20, 26))
        .loss
    )
    far = Projected(inner, projections)
    f, g = (rows(samples(x, far)) for x in (canvas, painting))
    _, vectors = np.linalg.eigh(projections[LAYER].numpy() @ projections[LAYER].numpy().T)
    apart = sum(along(f @ v, g @ v) for v in vectors.T) + gaussians(f, g)
    nothing = (g**2).sum(1).mean() + gaussians(0 * g, g)
    assert ours == pytest.approx(apart / nothing, rel=1e-4)


# ---- masks, several paintings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", BOTH)
def test_masks_count_as_often_as_they_weigh(statistic: str) -> None:
    """A position of weight two is as good as two positions."""
    canvas, painted = image(16, 20, 1, DEEP), samples(image(18, 22, 2, DEEP))
    twice = painted.clone()
    twice[:40] *= 2
    again = torch.cat([painted, painted[:40]])
    assert loss(twice, canvas, statistic) == pytest.approx(loss(again, canvas, statistic), rel=0.02)
    assert loss(twice, canvas, statistic) != pytest.approx(loss(painted, canvas, statistic), rel=1e-3)
    ones = torch.ones(1, 1, 8, 10, dtype=DEEP)
    plain = loss(painted, canvas, statistic)
    assert loss(painted, canvas, statistic, where=ones / 3) == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("statistic", BOTH)
def test_only_what_counts_is_painted(statistic: str) -> None:
    canvas, where = image(16, 40, 1, DEEP), torch.ones(1, 1, 8, 20, dtype=DEEP)
    where[..., 10:] = 0
    goal = objective(samples(image(18, 22, 2, DEEP)), canvas, statistic, where=where)
    gradient = goal.evaluate(canvas, cut(16, 40)).gradient
    assert gradient[..., :18].any()
    assert not gradient[..., 26:].any()


def test_paintings_are_pooled_by_weight() -> None:
    one, other = samples(image(20, 26, 2, DEEP)), samples(image(12, 14, 3, DEEP))
    both = pooled([{LAYER: one}, {LAYER: other}], [0.75, 0.25])[LAYER]
    assert len(both) == len(one) + len(other)
    assert float(both[: len(one), -1].sum()) == pytest.approx(0.75)
    mean = both[:, :-1].sum(0) / both[:, -1].sum()
    torch.testing.assert_close(mean, 0.75 * one[:, :-1].mean(0) + 0.25 * other[:, :-1].mean(0))


def test_parts_and_rotations_of_a_painting_reach_the_samples() -> None:
    network, cutter, canvas = tiny(), Cutter.of(tiny(), LAYERS), image(40, 40)
    half = Picture((torch.arange(40) < 20).float().expand(1, 3, 40, 40).contiguous())
    found = {}
    for part in (None, half):
        paintings = weighted([Painting(picture(40, 40, 3), part=part)])
        for rotations in (1, 4):
            found[part is None, rotations] = statistics(
                network, paintings, LAYERS, canvas, recipe(style_statistic="sliced", rotations=rotations), cutter
            )[LAYER]
    assert len(found[True, 1]) == 400
    assert 150 < len(found[False, 1]) <= 200
    assert [len(found[whole, 4]) / len(found[whole, 1]) for whole in (True, False)] == [4, 4]


@pytest.mark.parametrize("statistic", BOTH)
@pytest.mark.parametrize("flat", ["picture", "painting", "both"])
def test_flat_pictures_have_finite_slopes(statistic: str, flat: str) -> None:
    even, other, network = torch.full((1, 3, 14, 18), 0.6), image(14, 18, 1), tiny()
    canvas, painting = {"picture": (even, other), "painting": (other, even), "both": (even, even)}[flat]
    seen = objective(samples(painting, network), canvas, statistic, network).evaluate(canvas, cut(14, 18))
    assert bool(seen.loss.isfinite())
    assert bool(seen.gradient.isfinite().all())


# ---- runs ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "allowed", lambda device, memory, shares=1: 1e12 if memory is None else float(memory))
    monkeypatch.setattr(devices, "held_memory", lambda device: 0)


def planned(statistic: str, memory: int | None = None, **knobs: Any) -> Planned:  # noqa: ANN401 -- knobs
    made = recipe(style_statistic=statistic, **{"size": 300, **knobs})
    first = next(iter(paint(picture(60, 80), [picture(90, 80, 1)], made, network=tiny(), memory=memory)))
    assert isinstance(first, Planned)
    assert first.forecast is not None
    return first


@pytest.mark.usefixtures("budget")
@pytest.mark.parametrize("statistic", BOTH)
def test_what_does_not_fit_in_one_piece_is_refused_with_a_size_that_does(statistic: str) -> None:
    whole = planned(statistic).forecast
    assert whole is not None
    memory = int(0.7 * whole.memory)
    assert planned("gram", memory).forecast is not None
    with pytest.raises(PlanError, match=rf"in one piece, as style_statistic = {statistic} asks.*--size (\d+) would"):
        planned(statistic, memory)
    assert planned(statistic, memory, size=200).forecast is not None


@pytest.mark.usefixtures("budget")
@pytest.mark.parametrize("statistic", BOTH)
def test_the_plan_holds_what_the_footprint_of_a_run_is(statistic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "HOLES", 0.0)  # of the C library's heap, which a footprint does not see
    made = recipe(style_statistic=statistic, size=320, steps=3, polish=0)  # which would forget the steps before
    photo, painting = picture(240, 320), picture(240, 320, 1)
    with Footprint() as count:
        *_, _ = paint(photo, [painting], made, network=tiny())
    forecast = planned(statistic, size=320).forecast
    assert forecast is not None
    assert count.peak == pytest.approx(forecast.memory - plan.SLACK, rel=0.2)


@pytest.mark.parametrize("statistic", BOTH)
def test_the_painting_comes_nearer(statistic: str) -> None:
    """In its colors, of which the layers know nothing directly."""
    photo, painting = picture(36, 40, 1), Picture((image(36, 40, 2) ** 3).contiguous())
    painted = stylize(
        photo, painting, recipe(steps=60, strength=1.0, style_statistic=statistic), network=tiny(), device="cpu"
    )
    away = [float((x.rgb.flatten(2).sort().values - painting.rgb.flatten(2).sort().values).abs().mean())
            for x in (photo, painted)]  # fmt: skip
    assert away[1] < 0.6 * away[0]
