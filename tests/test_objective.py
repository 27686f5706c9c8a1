"""The terms against numpy, their slopes against finite differences, tiles against the whole."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import Projected, Projecting, image, maps, one_thread, tiles, tiny, value
from numpy.typing import NDArray
from torch import Tensor

from impasto import measures
from impasto.look import look, merge, survey
from impasto.losses import content_term, style_term, variation_term
from impasto.measures import DISTANCES, gaussian, moments
from impasto.networks import Network, stride
from impasto.networks.vgg import VGG
from impasto.objective import (
    Objective,
    Term,
)
from impasto.tiles import Tile, cut

__all__ = ["one_thread"]

Array = NDArray[np.float64]
DEEP = torch.float64
LAYERS = ("relu1_1", "conv2_2", "relu3_1", "pool3")


def array(f: Tensor) -> Array:
    """(channels, positions)"""
    return np.asarray(f.detach()[0].double().numpy().reshape(f.shape[1], -1))


def targets(network: Network, painting: Tensor, layer: str, root: Tensor | None = None) -> measures.Gaussian:
    sums = survey(network, painting, frozenset({layer}), cut(*painting.shape[-2:]))
    return gaussian(sums[layer], root)


def style(network: Network, painting: Tensor, layer: str, canvas: Tensor, **options: Any) -> Term:  # noqa: ANN401
    step = stride(network, layer)
    positions = (canvas.shape[-2] // step) * (canvas.shape[-1] // step)
    root = measures.root(network.metrics[layer]) if layer in network.metrics else None
    target = targets(network, painting, layer, root)
    return style_term(layer, options.pop("weight", 1.0), target, positions=positions, root=root, **options)


def content(network: Network, photo: Tensor, layer: str, **options: Any) -> Term:  # noqa: ANN401
    root = measures.root(network.metrics[layer]) if layer in network.metrics else None
    kept = look(network, photo, frozenset({layer}), cut(*photo.shape[-2:]))[layer]
    return content_term(layer, options.pop("weight", 1.0), kept, root=root, **options)


def everything(
    network: Network, height: int, width: int, statistic: str = "gram", dtype: torch.dtype = DEEP
) -> Objective:
    """One of each term."""
    photo, painting = image(height, width, 1, dtype), image(33, 47, 2, dtype)
    return Objective(
        network,
        (
            content(network, photo, "conv2_2", weight=1.0, rim=(2.0, 1.5)),
            content(network, photo, "pool3", weight=0.5),
            *(style(network, painting, name, photo, statistic=statistic, weight=3.0) for name in LAYERS),
            variation_term(0.7, photo.numel()),
        ),
    )


def test_polishing_weighs_what_is_fine_and_nothing_else() -> None:
    """Nor a term of one's own, and another by half."""
    network, canvas = tiny(dtype=DEEP), image(40, 56, 3, DEEP)
    known = everything(network, 40, 56).terms
    own = [replace(known[-1], name=f"own {share}", polished=share) for share in (0.0, 0.5)]
    plain = Objective(network, (*known, *own))
    times = [*({1: 6.0, 2: 3.0, 4: 1.5}.get(stride(network, term.layer), 1.0) for term in known), 1.0, 3.0]
    assert set(times) == {1.0, 1.5, 3.0, 6.0}
    heavier = tuple(replace(term, weight=term.weight * k) for term, k in zip(plain.terms, times, strict=True))
    whole = cut(40, 56)
    ours = replace(plain, polish=6.0).evaluate(canvas, whole)
    theirs = Objective(network, heavier).evaluate(canvas, whole)
    torch.testing.assert_close((ours.loss, ours.gradient), (theirs.loss, theirs.gradient), rtol=1e-12, atol=0)
    assert plain.named(ours.losses) == plain.named(plain.evaluate(canvas, whole).losses)


# ---- the formulas of the literature --------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["relative", "gatys", "mean", "positions", "size"])
@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "conv3_1"])
def test_style_losses_equal_the_formulas(scale: Any, layer: str) -> None:  # noqa: ANN401
    network = tiny(dtype=DEEP)
    canvas, painting = image(20, 28, 1, DEEP), image(20, 28, 2, DEEP)
    F, P = (array(network(x, frozenset({layer}))[layer]) for x in (canvas, painting))
    N, M = F.shape
    G = np.array([[sum(F[i] * F[j]) for j in range(N)] for i in range(N)])
    A = np.array([[sum(P[i] * P[j]) for j in range(N)] for i in range(N)])
    expected = {
        "relative": ((G - A) ** 2).sum() / (A**2).sum(),
        "gatys": ((G - A) ** 2).sum() / (4 * N**2 * M**2),
        "mean": ((G - A) ** 2).mean(),
        "positions": ((G / M - A / M) ** 2).mean(),
        "size": ((G / (N * M) - A / (N * M)) ** 2).mean(),
    }[scale]
    ours = value(Objective(network, (style(network, painting, layer, canvas, scale=scale),)), canvas)
    assert ours == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("scale", ["relative", "half-sum", "mean", "size"])
@pytest.mark.parametrize("layer", ["conv1_1", "relu2_2", "pool3"])
def test_content_losses_equal_the_formulas(scale: Any, layer: str) -> None:  # noqa: ANN401
    network = tiny(dtype=DEEP)
    canvas, photo = image(20, 28, 1, DEEP), image(20, 28, 2, DEEP)
    F, P = (array(network(x, frozenset({layer}))[layer]) for x in (canvas, photo))
    C, HW = F.shape
    expected = {
        "relative": ((F - P) ** 2).sum() / max(((P - P.mean(1, keepdims=True)) ** 2).sum(), (P**2).sum() / 2),
        "half-sum": ((F - P) ** 2).sum() / 2,
        "mean": ((F - P) ** 2).sum() / (C * HW),
        "size": ((F - P) ** 2).sum() / (4 * C * HW),
    }[scale]
    ours = value(Objective(network, (content(network, photo, layer, scale=scale),)), canvas)
    assert ours == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("layer", ["conv1_1", "pool3"])
def test_content_counts_more_along_the_border(layer: str, masked: bool) -> None:
    """And inside as much as without: its unit is that of the photo, whatever the border counts."""
    network = tiny(dtype=DEEP)
    canvas, photo = image(20, 28, 1, DEEP), image(20, 28, 2, DEEP)
    F, P = (network(x, frozenset({layer}))[layer][0].numpy() for x in (canvas, photo))
    where = np.random.default_rng(3).random(F.shape[1:]) if masked else np.ones(F.shape[1:])
    apart = where * ((F - P) ** 2).sum(0)
    rows, columns = (
        np.where(np.isin(np.arange(n), (0, n - 1)), times, 1) for n, times in zip(F.shape[1:], (2, 3), strict=True)
    )
    mask = torch.from_numpy(where)[None, None] if masked else None
    border, plain = (
        value(Objective(network, (content(network, photo, layer, rim=rim, where=mask),)), canvas)
        for rim in ((2.0, 3.0), (1.0, 1.0))
    )
    assert border / plain == pytest.approx((rows[:, None] * columns * apart).sum() / apart.sum(), rel=1e-10)


@pytest.mark.parametrize("mean", [True, False])
def test_variation_losses_equal_the_formulas(mean: bool) -> None:
    canvas = image(9, 7, 1, DEEP)
    x = canvas[0].numpy()
    pairs = np.concatenate([(x[:, 1:] - x[:, :-1]).ravel(), (x[:, :, 1:] - x[:, :, :-1]).ravel()])
    for kind, total in (("l1", abs(pairs).sum()), ("l2", (pairs**2).sum())):
        term = variation_term(2.0, canvas.numel(), kind=kind, mean=mean)  # type: ignore[arg-type]
        expected = 2 * total / (3 * 9 * 7 if mean else 1)
        assert value(Objective(tiny(dtype=DEEP), (term,)), canvas) == pytest.approx(expected, rel=1e-10)


def test_a_flat_photo_has_a_unit_of_its_own() -> None:
    """Nothing varies, so the variation is no unit; half the features' size is, near which photos vary."""
    network = tiny(padding="reflect", dtype=DEEP)
    photo, canvas = torch.full((1, 3, 16, 16), 0.4, dtype=DEEP), image(16, 16, 3, DEEP)
    F, P = (array(network(x, frozenset({"relu2_1"}))["relu2_1"]) for x in (canvas, photo))
    ours = value(Objective(network, (content(network, photo, "relu2_1"),)), canvas)
    assert ours == pytest.approx(2 * ((F - P) ** 2).sum() / (P**2).sum(), rel=1e-10)


def test_the_objective_is_the_weighted_sum_and_names_its_parts() -> None:
    network, canvas = tiny(dtype=DEEP), image(24, 26, 5, DEEP)
    objective = everything(network, 24, 26)
    evaluation = objective.evaluate(canvas, cut(24, 26))
    named = objective.named(evaluation.losses)
    assert float(evaluation.loss) == pytest.approx(sum(named.values()), rel=1e-12)
    for term in objective.terms:
        alone = value(Objective(network, (term,)), canvas)
        assert named[term.name] == pytest.approx(alone, rel=1e-12)
        assert alone == pytest.approx(term.weight * value(Objective(network, (replace(term, weight=1.0),)), canvas))
    assert set(named) == {"content conv2_2", "content pool3", "variation", *(f"style {name}" for name in LAYERS)}


def test_a_term_of_weight_zero_is_as_none() -> None:
    network, canvas = tiny(dtype=DEEP), image(24, 26, 5, DEEP)
    objective = everything(network, 24, 26)
    first, *rest = objective.terms
    without = Objective(network, tuple(rest)).evaluate(canvas, cut(24, 26))
    zeroed = Objective(network, (replace(first, weight=0.0), *rest)).evaluate(canvas, cut(24, 26))
    assert float(zeroed.loss) == pytest.approx(float(without.loss), rel=1e-14)
    torch.testing.assert_close(zeroed.gradient, without.gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (2.0, 0.5, 1.5)])
def test_merged_paintings_are_the_weighted_mean_of_their_statistics(weights: tuple[float, ...]) -> None:
    """Per position: a large painting counts no more than a small one."""
    network, one = tiny(dtype=DEEP), frozenset({"relu2_1"})
    paintings = [image(20 + 9 * i, 30 - 4 * i, i, DEEP) for i in range(3)]
    merged = gaussian(merge([survey(network, p, one, cut(*p.shape[-2:])) for p in paintings], weights)["relu2_1"])
    features = [array(network(p, one)["relu2_1"]) for p in paintings]
    share = np.array(weights) / sum(weights)
    gram = sum(w * f @ f.T / f.shape[1] for w, f in zip(share, features, strict=True))
    np.testing.assert_allclose(merged.second.numpy(), gram, rtol=1e-12)
    np.testing.assert_allclose(merged.mean.numpy(), sum(w * f.mean(1) for w, f in zip(share, features, strict=True)))


# ---- slopes --------------------------------------------------------------------------------------------------------


def kinds() -> Mapping[str, Any]:
    styles = {f"style {s}": lambda n, p, c, s=s: style(n, p, "relu2_1", c, statistic=s) for s in DISTANCES}
    scaled = {
        f"style {s}": lambda n, p, c, s=s: style(n, p, "relu2_1", c, scale=s)
        for s in ("gatys", "mean", "positions", "size")
    }
    contents = {
        f"content {s}": lambda n, p, c, s=s: content(n, p, "conv2_1", scale=s)
        for s in ("relative", "half-sum", "mean", "size")
    }
    variations = {
        f"variation {k}": lambda n, p, c, k=k: variation_term(1.0, c.numel(), kind=k) for k in ("l1", "l2", "power")
    }
    return {**styles, **scaled, **contents, **variations}


@pytest.mark.parametrize("kind", list(kinds()))
def test_the_slope_of_each_term_equals_finite_differences(kind: str) -> None:
    network, canvas = tiny(dtype=DEEP, pooling="average"), image(9, 11, 1, DEEP)
    check_slope(Objective(network, (kinds()[kind](network, image(9, 11, 2, DEEP), canvas),)), canvas)


@pytest.mark.parametrize("statistic", list(DISTANCES))
def test_the_slope_of_the_whole_objective_equals_finite_differences(statistic: str) -> None:
    check_slope(everything(tiny(dtype=DEEP), 17, 19, statistic), image(17, 19, 3, DEEP), step=1e-5)


def check_slope(objective: Objective, canvas: Tensor, step: float = 1e-6) -> None:
    """Along random directions."""
    gradient = objective.evaluate(canvas, cut(*canvas.shape[-2:])).gradient
    random = torch.Generator().manual_seed(4)
    for _ in range(4):
        way = torch.randn(canvas.shape, generator=random, dtype=DEEP)
        way /= way.norm()
        rise = (value(objective, canvas + step * way) - value(objective, canvas - step * way)) / (2 * step)
        assert float((gradient * way).sum()) == pytest.approx(rise, rel=2e-5, abs=1e-8 * float(gradient.norm()))


@pytest.mark.parametrize("kind", list(kinds()))
def test_five_steps_downhill_lower_each_term(kind: str) -> None:
    network, canvas = tiny(), image(24, 28, 1)
    objective = Objective(network, (kinds()[kind](network, image(24, 28, 2), canvas),))
    first = value(objective, canvas)
    rate = 1e-3 / float(objective.evaluate(canvas, cut(24, 28)).gradient.square().mean().sqrt())
    for _ in range(5):
        canvas = canvas - rate * objective.evaluate(canvas, cut(24, 28)).gradient
    assert value(objective, canvas) < first


def test_evaluation_neither_needs_nor_leaves_a_grad_mode() -> None:
    network, canvas = tiny(), image(16, 16, 1)
    objective = everything(network, 16, 16, dtype=torch.float32)
    expected = objective.evaluate(canvas, cut(16, 16))
    for mode in (torch.no_grad, torch.enable_grad):
        with mode():
            before = torch.is_grad_enabled()
            ours = objective.evaluate(canvas, cut(16, 16))
            assert torch.is_grad_enabled() == before
        assert torch.equal(ours.gradient, expected.gradient)
        assert not any(t.requires_grad for t in (ours.loss, ours.losses, ours.gradient))
    assert canvas.grad is None
    assert not canvas.requires_grad


# ---- a network measured in another's space -------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["gram", "covariance", "wasserstein"])
def test_a_metric_stands_for_the_projection(statistic: str) -> None:
    """Content, style and their slopes are those of the features A f + b, and no A f + b is ever made."""
    inner = tiny()
    projections = maps(inner, LAYERS)
    inner.to(dtype=DEEP)
    canvas = image(24, 26, 5, DEEP)
    ours, theirs = (
        everything(kind(inner, projections), 24, 26, statistic).evaluate(canvas, cut(24, 26))
        for kind in (Projecting, Projected)
    )
    tolerance = 1e-5 if statistic == "wasserstein" else 1e-9  # the larger space has null directions, under a ridge
    torch.testing.assert_close(ours.losses, theirs.losses, rtol=tolerance, atol=1e-12)
    worst = float((ours.gradient - theirs.gradient).abs().max())
    assert worst < 100 * tolerance * float(theirs.gradient.abs().max())


# ---- tiles ---------------------------------------------------------------------------------------------------------


def check_tiles(objective: Objective, canvas: Tensor, side: int, tolerance: float) -> int:
    network = objective.network
    assert isinstance(network, VGG)
    whole = objective.evaluate(canvas, cut(*canvas.shape[-2:]))
    pieces = tiles(network, canvas.shape[-2], canvas.shape[-1], objective.layers, side)
    cut_up = objective.evaluate(canvas, pieces)
    torch.testing.assert_close(cut_up.losses, whole.losses, rtol=tolerance, atol=1e-12)
    assert float(cut_up.loss) == pytest.approx(float(whole.loss), rel=tolerance)
    worst = float((cut_up.gradient - whole.gradient).abs().max())
    assert worst <= tolerance * float(whole.gradient.abs().max())
    return len(pieces)


@pytest.mark.parametrize("statistic", list(DISTANCES))
@pytest.mark.parametrize(
    ("padding", "pooling"), list(itertools.product(["zero", "replicate", "reflect"], ["max", "average"]))
)
def test_tiles_change_nothing(statistic: str, padding: str, pooling: str) -> None:
    network = tiny(dtype=DEEP, padding=padding, pooling=pooling)
    objective = everything(network, 61, 43, statistic)
    tolerance = 1e-9 if statistic == "wasserstein" else 1e-10  # roots of flat layers: 2e-10 on some processors
    count = check_tiles(objective, image(61, 43, 3, DEEP), 16, tolerance)
    assert count == 4 * 3


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(61, 43, 8), (61, 43, 24), (97, 33, 32), (33, 97, 40), (65, 17, 16), (57, 73, 56), (16, 113, 24), (131, 16, 8)],
)
def test_sizes_divisible_by_nothing_and_slivers(height: int, width: int, side: int) -> None:
    """65 and 57 leave a last tile of one pixel, which owns no position of the deep layers."""
    network = tiny(dtype=DEEP, padding="reflect")
    assert check_tiles(everything(network, height, width), image(height, width, 3, DEEP), side, 1e-10) > 1


@pytest.mark.parametrize("statistic", list(DISTANCES))
def test_tiles_change_nothing_in_single_precision_either(statistic: str) -> None:
    network = tiny()
    objective = everything(network, 61, 43, statistic, torch.float32)
    check_tiles(objective, image(61, 43, 3), 16, 1e-4)


@pytest.mark.parametrize("kind", ["l1", "l2", "power"])
@pytest.mark.parametrize("side", [1, 3, 7, 16])
def test_tiles_change_nothing_for_the_pixels_alone(kind: Any, side: int) -> None:  # noqa: ANN401
    network, canvas = tiny(dtype=DEEP), image(17, 13, 1, DEEP)
    check_tiles(Objective(network, (variation_term(1.0, canvas.numel(), kind=kind),)), canvas, side, 1e-10)


@pytest.mark.parametrize("side", [8, 16, 32])
@pytest.mark.parametrize("padding", ["zero", "replicate", "reflect"])
def test_survey_and_look_are_the_same_in_tiles(side: int, padding: str) -> None:
    network, picture = tiny(dtype=DEEP, padding=padding), image(61, 43, 3, DEEP)
    layers = frozenset({*LAYERS, "image"})
    pieces, one = tiles(network, 61, 43, layers, side), cut(61, 43)
    whole, direct = look(network, picture, layers, one), network(picture, layers)
    for name in layers:
        torch.testing.assert_close(look(network, picture, layers, pieces)[name], direct[name], rtol=1e-12, atol=1e-12)
        assert torch.equal(whole[name], direct[name])
        expected = moments(direct[name])
        for how in (one, pieces):
            torch.testing.assert_close(survey(network, picture, layers, how)[name], expected, rtol=1e-12, atol=1e-12)


# ---- precision, and terms of one's own ------------------------------------------------------------------------------


def test_bfloat16_networks_have_float32_losses_and_gradients() -> None:
    network, canvas = tiny(dtype=torch.bfloat16), image(32, 32, 1)
    evaluation = everything(network, 32, 32, dtype=torch.float32).evaluate(canvas, cut(32, 32))
    assert evaluation.losses.dtype == evaluation.loss.dtype == evaluation.gradient.dtype == torch.float32
    exact = everything(tiny(), 32, 32, dtype=torch.float32).evaluate(canvas, cut(32, 32))
    assert float(evaluation.loss) == pytest.approx(float(exact.loss), rel=0.1)
    assert bool(evaluation.gradient.isfinite().all())


def test_a_term_of_ones_own_is_a_name_a_layer_sums_and_a_loss() -> None:
    def redness(pixels: Tensor, tile: Tile, step: int) -> Tensor:
        return tile.owned(pixels, step)[:, 0].sum()

    network, canvas = tiny(dtype=DEEP), image(30, 22, 1, DEEP)
    term = Term("red", 2.0, "image", redness, lambda total: (total / canvas[:, 0].numel() - 1).square())
    evaluation = Objective(network, (term,)).evaluate(canvas, cut(30, 22, side=8))
    mean = float(canvas[:, 0].mean())
    assert float(evaluation.loss) == pytest.approx(2 * (mean - 1) ** 2)
    torch.testing.assert_close(evaluation.gradient[:, 0], torch.full((1, 30, 22), 4 * (mean - 1) / 660, dtype=DEEP))
    assert not evaluation.gradient[:, 1:].any()
