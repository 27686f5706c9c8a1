"""Pooling of 2 x 2, the largest or the mean, as quick where rows lie in planes as where channels lie side by side.

On planes torch takes ten times as long. There it is done here, by rows first and by columns after.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def largest(y: Tensor) -> Tensor:
    """Of several that are equal, as in flat areas, one gets the whole slope, as with torch."""
    return _Largest.apply(y) if in_planes(y) else F.max_pool2d(y, 2)  # type: ignore[no-untyped-call]


def mean(y: Tensor) -> Tensor:
    return _Mean.apply(y) if in_planes(y) else F.avg_pool2d(y, 2)  # type: ignore[no-untyped-call]


def in_planes(y: Tensor) -> bool:
    """Rows of one channel follow each other, and the processor is to read them."""
    return y.device.type == "cpu" and y.is_contiguous() and not y.is_contiguous(memory_format=torch.channels_last)


def whole(y: Tensor) -> Tensor:
    """Without the last row or column of an odd number."""
    return y[..., : y.shape[-2] // 2 * 2, : y.shape[-1] // 2 * 2]


def rows(y: Tensor) -> tuple[Tensor, Tensor]:
    return y[..., 0::2, :], y[..., 1::2, :]


def columns(y: Tensor) -> tuple[Tensor, Tensor]:
    return y[..., 0::2], y[..., 1::2]


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        half = torch.maximum(*rows(whole(y)))
        ctx.save_for_backward(y, half)
        return torch.maximum(*columns(half))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        y, half = ctx.saved_tensors
        narrow, back = torch.empty_like(half), _blank(slope, y.shape)
        _give(slope, columns(half), columns(narrow))
        _give(narrow, rows(whole(y)), rows(whole(back)))
        return back


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        ctx.shape = y.shape
        return torch.add(*columns(torch.add(*rows(whole(y))))).mul_(0.25)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        back, quarter = _blank(slope, ctx.shape), 0.25 * slope
        narrow = slope.new_empty(*slope.shape[:-1], 2 * slope.shape[-1])
        for source, places in ((quarter, columns(narrow)), (narrow, rows(whole(back)))):
            for place in places:
                place.copy_(source)
        return back


def _blank(slope: Tensor, shape: torch.Size) -> Tensor:
    """Room for the slope of what has been pooled; zeros where no square of four reaches."""
    back = slope.new_empty(shape)
    for axis in (-2, -1):
        if shape[axis] % 2:
            back.select(axis, -1).zero_()
    return back


def _give(slope: Tensor, rivals: tuple[Tensor, Tensor], places: tuple[Tensor, Tensor]) -> None:
    """The slope to whichever was larger, to the first of two that are equal."""
    first, second = rivals
    torch.ops.aten.threshold_backward.grad_input(slope, second - first, 0, grad_input=places[1])
    torch.sub(slope, places[1], out=places[0])
