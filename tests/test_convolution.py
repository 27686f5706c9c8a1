"""Convolutions with their own way back against torch's, border by border."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.networks.convolution import Padding, convolve, halve, halving, stepping
from impasto.networks.kernel import Kernel

SIZES = [(2, 2), (3, 5), (8, 6), (17, 4)]
PADDINGS: tuple[Padding | None, ...] = (None, "reflect", "replicate", "zero")


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def framed(y: Tensor, padding: Padding | None) -> Tensor:
    """As the documentation of torch.nn.functional.pad has it."""
    modes = {"reflect": "reflect", "replicate": "replicate", "zero": "constant"}
    return y if padding is None else F.pad(y, (1, 1, 1, 1), modes[padding])


def agree(ours: Tensor, theirs: Tensor, leaf: Tensor) -> None:
    """Values, and slopes of a sum that tells all of them apart."""
    torch.testing.assert_close(ours, theirs)
    weights = numbers(*ours.shape, seed=9).to(ours.dtype)
    slopes = [torch.autograd.grad((y * weights).sum(), leaf, retain_graph=True)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_slopes_are_torchs(
    size: tuple[int, int], padding: Padding | None, relu: bool, dtype: torch.dtype
) -> None:
    side = 1 if padding is None else 3
    y, kernel, bias = numbers(1, 4, *size, seed=0), numbers(5, 4, side, side, seed=1), numbers(5, seed=2)
    y, kernel, bias = y.to(dtype, memory_format=torch.channels_last).requires_grad_(), kernel.to(dtype), bias.to(dtype)
    ours = convolve(y, stepping(kernel, bias), padding=padding, relu=relu)
    theirs = F.conv2d(framed(y, padding), kernel, bias)
    agree(ours, theirs.relu() if relu else theirs, y)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_halving_too(
    size: tuple[int, int], side: int, padding: Padding | None, learns: bool, dtype: torch.dtype
) -> None:
    if min(size) + 2 * (padding is not None) < side:
        pytest.skip("no step is as small")
    y, kernel, bias = numbers(1, 4, *size, seed=3), numbers(5, 4, side, side, seed=4), numbers(5, seed=5)
    y, kernel, bias = y.to(dtype, memory_format=torch.channels_last).requires_grad_(), kernel.to(dtype), bias.to(dtype)
    kernel.requires_grad_(learns)
    theirs = F.conv2d(framed(y, padding), kernel, bias, stride=2).relu()
    agree(halve(y, halving(kernel, bias), padding), theirs, kernel if learns else y)


@pytest.mark.parametrize("padding", PADDINGS)
def test_in_training_it_is_the_kernel_that_learns(padding: Padding | None) -> None:
    y, kernel, bias = numbers(1, 4, 7, 6, seed=6), numbers(5, 4, 3, 3, seed=7).requires_grad_(), numbers(5, seed=8)
    agree(convolve(y, stepping(kernel, bias), padding=padding), F.conv2d(framed(y, padding), kernel, bias), kernel)


def test_what_a_convolution_was_given_is_not_changed() -> None:
    """The border is added in place, but to its own numbers: a second way back finds the same."""
    y = numbers(1, 4, 6, 6, seed=10).requires_grad_()
    result = convolve(y, stepping(numbers(5, 4, 3, 3, seed=11), numbers(5, seed=12)), padding="reflect")
    slope = torch.ones_like(result)
    first, second = (torch.autograd.grad(result, y, slope, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(slope, torch.ones_like(result))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_kernel_is_the_same_at_any_size_that_it_meets(dtype: torch.dtype, padding: int) -> None:
    """The form that is kept is that of the size before."""
    weight, bias = numbers(48, 32, 3, 3, seed=13).to(dtype, memory_format=torch.channels_last), numbers(48, seed=14)
    kernel = Kernel(weight, bias.to(dtype))
    for size in [(40, 60), (3, 4), (40, 60), (60, 40), (9, 9), (3, 4)]:
        y = numbers(1, 32, *size, seed=15).to(dtype, memory_format=torch.channels_last)
        theirs = F.conv2d(y.double(), weight.double(), bias.to(dtype).double(), padding=padding)
        ours = kernel(y, padding=padding)
        assert torch.equal(ours, Kernel(weight, bias.to(dtype))(y, padding=padding))
        assert torch.equal(kernel(y, padding=padding, relu=True), ours.relu())
        torch.testing.assert_close(ours.double(), theirs, rtol=torch.finfo(dtype).eps * 4, atol=1e-4)
