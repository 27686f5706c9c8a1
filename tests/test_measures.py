"""Sums and distances against plain numpy in float64, written from the formulas and not from the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import affine, threads
from numpy.typing import NDArray
from torch import Tensor

from impasto import bures, measures
from impasto.measures import DISTANCES, gaussian, moments, squared_difference, total_variation
from impasto.samples import spread_term

Array = NDArray[np.float64]


def features(channels: int = 5, height: int = 4, width: int = 7, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=random, dtype=torch.float64) * 2 + 0.7


def rows(f: Tensor) -> Array:
    """(positions, channels)"""
    return np.asarray(f.detach()[0].double().numpy().reshape(f.shape[1], -1).T)


def stats(f: Tensor) -> tuple[Array, Array, Array]:
    """Gram matrix per position, mean, covariance."""
    x = rows(f)
    gram = np.sum([np.outer(p, p) for p in x], 0) / len(x)
    mean = np.sum(x, 0) / len(x)
    covariance = np.sum([np.outer(p - mean, p - mean) for p in x], 0) / len(x)
    return gram, mean, covariance


def same(ours: Tensor, theirs: float | Array, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=tolerance, atol=tolerance)


# ---- sums ----------------------------------------------------------------------------------------------------------


def test_moments_are_the_sums_over_positions() -> None:
    f = features()
    x = rows(f)
    expected = sum(np.outer(np.append(p, 1), np.append(p, 1)) for p in x)
    same(moments(f), expected)


def test_weighted_moments_count_each_position_as_often_as_its_weight() -> None:
    f = features()
    w = torch.rand(1, 1, 4, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = sum(v * np.outer(np.append(p, 1), np.append(p, 1)) for v, p in zip(rows(w)[:, 0], rows(f), strict=True))
    same(moments(f, w), expected)
    same(moments(f, torch.ones_like(w)), moments(f).numpy())


@pytest.mark.parametrize("weighted", [False, True])
def test_mute_sums_have_the_same_slopes(weighted: bool) -> None:
    """What is summed elsewhere need not be summed here, only differentiated."""
    random = torch.Generator().manual_seed(5)
    features, target = (torch.rand(1, 4, 7, 9, generator=random, dtype=torch.float64) for _ in range(2))
    weight = torch.rand(1, 1, 7, 9, generator=random, dtype=torch.float64) if weighted else None
    root, slope = (torch.rand(5, 5, generator=random, dtype=torch.float64) for _ in range(2))
    slopes = []
    for mute in (False, True):
        f = features.clone().requires_grad_()
        sums = measures.moments(f, weight, mute=mute)
        apart = measures.squared_difference(f, target, measures.linear(root), weight, mute=mute)
        slopes.append(torch.autograd.grad((sums * slope).sum() + apart, f)[0])
        assert bool(sums.any()) != mute
    assert torch.equal(*slopes)


@pytest.mark.parametrize("own", [(slice(1, 3), slice(0, 4)), (slice(0, 7), slice(2, 9)), (slice(3, 3), slice(0, 9))])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_counts_are_the_positions_that_are_named(own: tuple[slice, slice], weighted: bool) -> None:
    """The same as of these alone, and no slope for the others; there may be none at all."""
    random = torch.Generator().manual_seed(6)
    seen = torch.rand(1, 4, 7, 9, generator=random, dtype=torch.float64).requires_grad_()
    height, width = own[0].stop - own[0].start, own[1].stop - own[1].start
    weight = torch.rand(1, 1, height, width, generator=random, dtype=torch.float64) if weighted else None
    slope = torch.rand(5, 5, generator=random, dtype=torch.float64)
    inside = moments(seen[..., own[0], own[1]], weight)
    named = moments(seen, weight, own=own)
    same(named, inside.detach().numpy())
    slopes = [torch.autograd.grad((sums * slope).sum(), seen)[0] for sums in (named, inside)]
    same(slopes[0], slopes[1].numpy())


def test_mean_second_moment_and_covariance_come_out_of_the_sums() -> None:
    f = features()
    gram, mean, covariance = stats(f)
    g = gaussian(moments(f))
    same(g.mean, mean)
    same(g.second, gram)
    same(g.covariance, covariance)
    same(measures.deviations(g), np.sqrt(np.diag(covariance) + 1e-8))


def test_squared_difference_sums_over_positions_and_channels() -> None:
    f, p = features(), features(seed=1)
    expected = sum((a - b) ** 2 for a, b in zip(rows(f).flat, rows(p).flat, strict=True))
    same(squared_difference(f, p), expected)
    w = torch.rand(1, 1, 4, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weighted = sum(v * ((a - b) ** 2).sum() for v, a, b in zip(rows(w)[:, 0], rows(f), rows(p), strict=True))
    same(squared_difference(f, p, weight=w), weighted)


def variation_by_loops(image: Tensor, top: int, bottom: int, left: int, right: int, kind: str, power: float) -> float:
    x, total = image[0].numpy(), 0.0
    channels, height, width = x.shape
    for c in range(channels):
        for i in range(top, bottom):
            for j in range(left, right):
                dy = x[c, i + 1, j] - x[c, i, j] if i + 1 < height else 0.0
                dx = x[c, i, j + 1] - x[c, i, j] if j + 1 < width else 0.0
                if kind == "l1":
                    total += abs(dx) + abs(dy)
                elif kind == "l2":
                    total += dx**2 + dy**2
                else:
                    total += (dx**2 + dy**2 + 1e-8) ** power - 1e-8**power
    return float(total)


@pytest.mark.parametrize(("kind", "power"), [("l1", 1.25), ("l2", 1.25), ("power", 0.5), ("power", 1.25), ("power", 2)])
@pytest.mark.parametrize("area", [(0, 5, 0, 6), (0, 3, 0, 2), (2, 5, 1, 6), (1, 4, 2, 5), (4, 5, 5, 6)])
def test_total_variation_counts_each_pair_of_neighbors_once(
    kind: measures.Variation, power: float, area: tuple[int, int, int, int]
) -> None:
    image = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    top, bottom, left, right = area
    same(
        total_variation(image, slice(top, bottom), slice(left, right), kind, power),
        variation_by_loops(image, top, bottom, left, right, kind, power),
    )


@pytest.mark.parametrize("kind", ["l1", "l2", "power"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_total_variation_of_lines_and_points(kind: measures.Variation, shape: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    area = (0, shape[0], 0, shape[1])
    same(
        total_variation(image, slice(0, shape[0]), slice(0, shape[1]), kind),
        variation_by_loops(image, *area, kind, 1.25),
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_of_half_precision_features_are_float64_and_finite(dtype: torch.dtype) -> None:
    f = (features().float().abs() * 1e3).to(dtype)
    p = (features(seed=1).float().abs() * 1e3).to(dtype)
    ours = [moments(f), squared_difference(f, p), total_variation(f, slice(0, 4), slice(0, 7))]
    weight = torch.ones(1, 1, 4, 7, dtype=dtype)
    ours += [moments(f, weight), squared_difference(f, p, weight=weight)]
    assert all(s.dtype == torch.float64 and bool(s.isfinite().all()) for s in ours)
    same(moments(f), moments(f.double()).numpy(), 1e-5)


# ---- distances -----------------------------------------------------------------------------------------------------


def gram_by_numpy(a: Tensor, b: Tensor) -> float:
    return float(((stats(a)[0] - stats(b)[0]) ** 2).sum())


def covariance_by_numpy(a: Tensor, b: Tensor) -> float:
    (_, mean_a, sigma_a), (_, mean_b, sigma_b) = stats(a), stats(b)
    unit = np.sqrt((sigma_b**2).sum()) + (mean_b**2).sum() / 100
    return float(((sigma_a - sigma_b) ** 2).sum() + 2 * unit * ((mean_a - mean_b) ** 2).sum())


def moments_by_numpy(a: Tensor, b: Tensor) -> float:
    (gram_a, mean_a, sigma_a), (gram_b, mean_b, sigma_b) = stats(a), stats(b)
    deviation_a, deviation_b = (np.sqrt(np.diag(s) + 1e-8) for s in (sigma_a, sigma_b))
    rest = ((mean_a - mean_b) ** 2).sum() + ((deviation_a - deviation_b) ** 2).sum()
    return float(((gram_a - gram_b) ** 2).sum() + np.sqrt((gram_b**2).sum()) * rest)


def wasserstein_by_numpy(a: Tensor, b: Tensor, ridge: float = 0.0) -> float:
    """The eigenvalues of Σ_a Σ_b are those of Σ_b^½ Σ_a Σ_b^½."""
    (_, mean_a, sigma_a), (gram_b, mean_b, sigma_b) = stats(a), stats(b)
    lift = (ridge * np.trace(gram_b) + 1e-8 * bool(ridge)) * np.eye(len(mean_a))
    sigma_a, sigma_b = sigma_a + lift, sigma_b + lift
    cross = np.sqrt(np.linalg.eigvals(sigma_a @ sigma_b).real.clip(0)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(sigma_a) + np.trace(sigma_b) - 2 * cross)


BY_NUMPY: dict[str, Callable[[Tensor, Tensor], float]] = {
    "gram": gram_by_numpy,
    "covariance": covariance_by_numpy,
    "moments": moments_by_numpy,
    "wasserstein": lambda a, b: wasserstein_by_numpy(a, b, 1e-6),
}


def distance(name: str, a: Tensor, b: Tensor) -> Tensor:
    return DISTANCES[name](gaussian(moments(a)), gaussian(moments(b)))


@pytest.mark.parametrize("name", list(DISTANCES))
@pytest.mark.parametrize("seed", range(3))
def test_distances_equal_the_formulas(name: str, seed: int) -> None:
    a, b = features(seed=seed), features(height=9, seed=seed + 10) * 1.5
    same(distance(name, a, b), BY_NUMPY[name](a, b), 1e-9)


@pytest.mark.parametrize("name", list(DISTANCES))
def test_a_painting_is_at_distance_zero_from_itself_and_the_slope_is_zero_there(name: str) -> None:
    f = features().requires_grad_()
    d = distance(name, f, f.detach())
    (slope,) = torch.autograd.grad(d, f)
    assert abs(float(d.detach())) < 1e-10
    assert float(slope.abs().max()) < 1e-6


def test_wasserstein_is_the_textbook_one_where_covariances_are_regular() -> None:
    a, b = features(seed=3), features(height=9, seed=4) * 1.5
    same(distance("wasserstein", a, b), wasserstein_by_numpy(a, b), 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_wasserstein_sees_small_differences_of_many_faint_channels(dtype: torch.dtype) -> None:
    """A floor under the eigenvalues would swallow them: 64 channels, most a thousand times fainter than the first."""
    faint = torch.logspace(0, -1.5, 64, dtype=torch.float64).view(1, -1, 1, 1)
    a, b = features(64, 16, 16, seed=1) * faint, features(64, 16, 16, seed=2) * faint
    a = b + 0.05 * (a - b)
    ours = distance("wasserstein", a.to(dtype), b.to(dtype)).double()
    same(ours, wasserstein_by_numpy(a, b), 0.02 * wasserstein_by_numpy(a, b))
    assert float(ours) > 0


@pytest.mark.parametrize("name", list(DISTANCES))
@pytest.mark.parametrize("flat", ["picture", "painting", "both", "black"])
def test_flat_pictures_have_finite_distances_and_slopes(name: str, flat: str) -> None:
    constant = torch.full((1, 5, 4, 7), 0.0 if flat == "black" else 0.6)
    a = constant if flat != "painting" else features().float()
    b = constant if flat != "picture" else features(seed=1).float()
    a = a.clone().requires_grad_()
    d = distance(name, a, b)
    (slope,) = torch.autograd.grad(d, a)
    assert bool(d.isfinite())
    assert float(d.detach()) > -1e-5
    assert bool(slope.isfinite().all())


@pytest.mark.parametrize("name", list(DISTANCES))
def test_slopes_equal_finite_differences(name: str) -> None:
    target = gaussian(moments(features(3, 4, 4, seed=1)))

    def loss(f: Tensor) -> Tensor:
        return DISTANCES[name](gaussian(moments(f)), target)

    assert torch.autograd.gradcheck(loss, features(3, 3, 3).requires_grad_(), rtol=1e-4)


@pytest.mark.parametrize(("kind", "power"), [("l1", 1), ("l2", 1), ("power", 0.5), ("power", 1.25)])
def test_slopes_of_the_variation_equal_finite_differences(kind: measures.Variation, power: float) -> None:
    image = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: total_variation(x, slice(0, 4), slice(0, 5), kind, power), image)


def test_slopes_of_the_squared_difference_equal_finite_differences() -> None:
    target = features(3, 2, 2, seed=1)
    weight = torch.rand(1, 1, 2, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    root = measures.root(matrix(7, 4).T @ matrix(7, 4))
    f = features(3, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: squared_difference(x, target, measures.linear(root), weight), f)


@given(st.floats(0.1, 10), st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_distances_do_not_depend_on_the_number_of_positions(scale: float, seed: int) -> None:
    """A painting hung twice side by side has the manner of one."""
    a, b = features(seed=seed) * scale, features(seed=seed + 1)
    for name in DISTANCES:
        same(distance(name, torch.cat([a, a], 3), torch.cat([b, b, b], 2)), float(distance(name, a, b)), 1e-6)


# ---- the metric ----------------------------------------------------------------------------------------------------


def matrix(out: int, inputs: int, seed: int = 7) -> Tensor:
    return torch.randn(out, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("out", [3, 6, 20])
def test_root_is_a_square_root_whatever_the_rank(out: int) -> None:
    m = matrix(out, 6)
    metric = m.T @ m
    r = measures.root(metric)
    same(r.T @ r, metric.numpy())
    assert r.shape == (min(out, 6), 6)
    assert measures.root(metric.float()).dtype == torch.float32


@pytest.mark.parametrize("name", ["gram", "covariance", "wasserstein"])
@pytest.mark.parametrize("out", [3, 6, 20])
def test_distances_under_a_metric_are_those_of_the_projected_features(name: str, out: int) -> None:
    """Loss and slope. (The moments distance compares axis by axis, so it does depend on the axes.)"""
    m = matrix(out, 6)
    r = measures.root(m.T @ m)
    a, b = features().requires_grad_(), features(seed=1) * 1.4
    ours = DISTANCES[name](gaussian(moments(a), r), gaussian(moments(b), r))
    theirs = DISTANCES[name](gaussian(moments(affine(m, a))), gaussian(moments(affine(m, b))))
    tolerance = 1e-4 if name == "wasserstein" and out != 6 else 1e-8  # null directions carry the ridge
    same(ours, float(theirs.detach()), tolerance)
    (slope,), (expected,) = torch.autograd.grad(ours, a), torch.autograd.grad(theirs, a)
    np.testing.assert_allclose(slope.numpy(), expected.numpy(), atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize("out", [3, 6, 20])
def test_in_the_axes_of_the_painting_the_wasserstein_distance_and_its_slope_are_the_same(out: int) -> None:
    m = matrix(out, 6)
    root = measures.root(m.T @ m)
    a, b = features().requires_grad_(), features(seed=1) * 1.4
    target = gaussian(moments(b), root)
    ours = bures.distance(moments(a), bures.axes(target, root))
    theirs = DISTANCES["wasserstein"](gaussian(moments(a), root), target)
    same(ours, float(theirs.detach()))
    (slope,), (expected,) = torch.autograd.grad(ours, a), torch.autograd.grad(theirs, a)
    same(slope, expected.numpy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_these_axes_a_flat_picture_has_a_slope_and_the_painting_has_none(dtype: torch.dtype) -> None:
    m = matrix(20, 6).to(dtype)
    root, painting = measures.root(m.T @ m), moments(features(seed=1).to(dtype))
    axes = bures.axes(gaussian(painting.to(dtype), root), root)

    def slope(sums: Tensor) -> Tensor:
        sums = sums.to(dtype).requires_grad_()
        return torch.autograd.grad(bures.distance(sums, axes), sums)[0]

    flat, arrived = slope(moments(torch.full_like(features(), 0.3).to(dtype))), slope(painting)
    assert bool(flat.isfinite().all())
    assert float(arrived.abs().max()) < 1e-3 * float(flat.abs().max())


@pytest.mark.parametrize("out", [3, 6, 20])
def test_squared_differences_under_a_metric_are_those_of_the_projected_features(out: int) -> None:
    m = matrix(out, 6)
    r = measures.root(m.T @ m)
    a, b = features().requires_grad_(), features(seed=1)
    ours, theirs = squared_difference(a, b, measures.linear(r)), squared_difference(affine(m, a), affine(m, b))
    same(ours, float(theirs.detach()), 1e-9)
    (slope,), (expected,) = torch.autograd.grad(ours, a), torch.autograd.grad(theirs, a)
    same(slope, expected.numpy(), 1e-9)


# ---- devices without float64 ---------------------------------------------------------------------------------------


class OnApple(torch.Tensor):
    """A tensor that says it lives on Apple's GPU and has no float64, until it is brought to the CPU."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN206
        name = getattr(func, "__name__", "")
        if name == "cpu":
            return args[0].as_subclass(torch.Tensor)
        if name == "__get__" and func == torch.Tensor.device.__get__:
            return torch.device("mps")
        if name == "double" or any(value is torch.float64 for value in (*args, *(kwargs or {}).values())):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        if name == "to" and len(args) > 1 and isinstance(args[1], OnApple):
            return args[0].float().as_subclass(OnApple)
        if name == "to" and len(args) > 1 and args[1] == torch.device("cpu"):
            return args[0].as_subclass(torch.Tensor)
        if name == "__getitem__" and isinstance(args[1], OnApple) and not isinstance(args[0], OnApple):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor")
        return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call] # torch's


@pytest.mark.parametrize("name", list(DISTANCES))
def test_no_float64_on_a_device_that_has_none(name: str) -> None:
    with pytest.raises(TypeError, match="float64"):
        features().float().as_subclass(OnApple).double()
    a, b = (features(seed=s).float().as_subclass(OnApple) for s in (0, 1))
    apple = distance(name, a, b)
    r = measures.root(matrix(6, 6).float().as_subclass(OnApple))
    assert apple.dtype == r.dtype == torch.float32
    expected = distance(name, features().float(), features(seed=1).float())
    same(apple.as_subclass(torch.Tensor), float(expected), 1e-4)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("statistic", ["sliced", "histogram"])
def test_nor_where_values_are_sorted(statistic: str, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    arange: Any = torch.arange

    def counted(*ends: int, device: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
        made: torch.Tensor = arange(*ends, dtype=dtype)
        return made.as_subclass(OnApple) if device.type == "mps" else made

    monkeypatch.setattr(torch, "arange", counted)
    generator = torch.Generator().manual_seed(4)
    values = torch.rand(24, 6, generator=generator)
    values[:, -1] = values[:, -1] if masked else 1.0
    root, picture = measures.root(matrix(5, 6).T @ matrix(5, 6)).float(), torch.rand(24, 6, generator=generator)
    losses = []
    for there in (torch.Tensor, OnApple):
        painted, seen, axes = (each.as_subclass(there) for each in (values, picture, root))
        term = spread_term("relu2_1", 1.0, painted, statistic, (4, 6), 2, root=axes, where=None)
        losses.append(term.loss(seen))
    assert losses[1].dtype == torch.float32
    same(losses[1].as_subclass(torch.Tensor), float(losses[0]), 1e-4)


def test_a_square_alone_has_the_sums_that_it_has_among_others() -> None:
    """Bit for bit, with several threads: a processor that divides one product among them sums in another order."""
    generator = torch.Generator().manual_seed(0)
    for channels in (16, 48):
        f = torch.randn(1, channels, 64, 128, generator=generator).contiguous(memory_format=torch.channels_last)
        with threads(2):
            left, right = (moments(f, own=(slice(0, 64), slice(*part))) for part in ((0, 64), (64, 128)))
            assert torch.equal(left + right, moments(f))


def test_slopes_too_small_to_count_are_none_and_the_others_stay() -> None:
    """Below the smallest normal number a product takes many times as long: channels that a metric hardly sees."""
    f = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    slope = torch.diag(torch.tensor([1.0, 1e-19, 1e-40, 0.5], dtype=torch.float64))
    (found,) = torch.autograd.grad((moments(f) * slope).sum(), f)
    assert torch.equal(found[:, 0], 2 * f[:, 0])
    torch.testing.assert_close(found[:, 1], 2e-19 * f[:, 1], rtol=1e-12, atol=0)
    assert not found[:, 2].any()
