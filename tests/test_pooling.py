"""Pooling by rows and columns against torch's own, wherever the numbers lie."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto.networks import pooling

PAIRS: list[tuple[Callable[[Tensor], Tensor], Callable[..., Tensor]]] = [
    (pooling.largest, F.max_pool2d),
    (pooling.mean, F.avg_pool2d),
]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("ours", "torchs"), PAIRS)
@given(
    height=st.integers(2, 17),
    width=st.integers(2, 17),
    channels=st.integers(1, 5),
    form=st.sampled_from([torch.contiguous_format, torch.channels_last]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_values_and_slopes_are_torchs(
    ours: Callable[[Tensor], Tensor],
    torchs: Callable[..., Tensor],
    height: int,
    width: int,
    channels: int,
    form: torch.memory_format,
    dtype: torch.dtype,
) -> None:
    y = numbers(1, channels, height, width).to(dtype, memory_format=form).requires_grad_()
    weights = numbers(1, channels, height // 2, width // 2, seed=1).to(dtype)
    made, theirs = ours(y), torchs(y, 2)
    torch.testing.assert_close(made, theirs)
    slopes = [torch.autograd.grad((pooled * weights).sum(), y)[0] for pooled in (made, theirs)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("of", ["largest", "mean"])
def test_slopes_equal_finite_differences(of: str) -> None:
    y = numbers(1, 2, 7, 6).double().requires_grad_()
    assert pooling.in_planes(y)
    assert torch.autograd.gradcheck(getattr(pooling, of), y)


def test_where_all_are_equal_one_of_four_gets_the_slope() -> None:
    y = torch.full((1, 2, 6, 4), 0.5, requires_grad=True)
    (slope,) = torch.autograd.grad(pooling.largest(y).sum(), y)
    fours = slope.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    assert torch.equal(fours.sort().values, torch.tensor([0.0, 0, 0, 1]).expand_as(fours))


def test_what_is_no_number_stays_none() -> None:
    y = numbers(1, 2, 6, 4)
    y[0, 0, 1, 2] = torch.nan
    for pool in (pooling.largest, pooling.mean):
        assert pool(y).isnan().nonzero().tolist() == [[0, 0, 0, 1]]


def test_only_planes_on_the_processor_are_done_here() -> None:
    y = numbers(1, 2, 6, 4)
    assert pooling.in_planes(y)
    assert not pooling.in_planes(y.contiguous(memory_format=torch.channels_last))
    assert not pooling.in_planes(y.to("meta"))
    assert not pooling.in_planes(y[..., 1:])
