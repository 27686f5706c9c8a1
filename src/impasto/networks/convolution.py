"""Convolutions whose derivative at a pixel is the same to the bit however large the picture is that surrounds it.

The processor's library (oneDNN) computes every position of a forward convolution in the same way, whatever the size,
but for a last bit now and then in bfloat16 with AMX. Its backward pass chooses between orders of summation by the
picture's width. A backward pass is a forward convolution with the kernel turned around, so it is computed as one here;
framed in zeros that are written along with what ReLU lets through, it takes the same time. This is what makes a picture
in tiles equal to the picture in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.networks.kernel import Kernel

Padding = Literal["reflect", "replicate", "zero"]
SHOWN = {"reflect": 2, "replicate": 1}  # which line the border shows, counted from the border


@dataclass(frozen=True)
class Convolution:
    """What it multiplies with, and what leads back, if the kernel is not learned any more."""

    there: Kernel
    back: Kernel | None


def stepping(weight: Tensor, bias: Tensor | None = None, *, fewer: bool = False) -> Convolution:
    """In steps of one pixel; with `fewer` multiplications where that is quicker, and no longer the same to the bit."""
    there = Kernel(weight, bias, fewer=fewer)
    return Convolution(there, None if weight.requires_grad else Kernel(turn(weight), fewer=fewer))


def halving(weight: Tensor, bias: Tensor) -> Convolution:
    """Of 2 x 2 or 4 x 4, in steps of two pixels.

    It is computed as one half as wide over pairs of columns, which in channels-last are only another view of the same
    numbers: the same result to the bit, and a backward pass that is many times faster. On the way back, even and odd
    rows see different rows of the kernel: they are channels of one product.
    """
    channels, side = weight.shape[1], weight.shape[2]
    paired = weight.reshape(-1, channels, side, side // 2, 2).permute(0, 4, 1, 2, 3)
    paired = paired.reshape(-1, 2 * channels, side, side // 2)
    there = Kernel(paired, bias, stride=(2, 1))
    if weight.requires_grad:
        return Convolution(there, None)
    by_row = paired.reshape(-1, 2 * channels, side // 2, 2, side // 2).flip(2, 4).permute(3, 1, 0, 2, 4)
    back = by_row.reshape(4 * channels, -1, side // 2, side // 2).contiguous(memory_format=torch.channels_last)
    return Convolution(there, Kernel(back))


def turn(weight: Tensor) -> Tensor:
    """The kernel that leads back."""
    return weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)


def convolve(y: Tensor, by: Convolution, *, padding: Padding | None = None, relu: bool = False) -> Tensor:
    """Steps of one pixel, with a border of one if `padding` says what it shows; `relu` cuts what is negative."""
    if by.back is None:
        y = F.conv2d(bordered(y, padding), by.there.weight, by.there.bias)
        return F.relu_(y) if relu else y
    result: Tensor = _Stepping.apply(y, by, padding, relu)  # type: ignore[no-untyped-call]
    return result


def halve(y: Tensor, by: Convolution, padding: Padding | None = None) -> Tensor:
    """Steps of two pixels, with a border of one if `padding` says what it shows, and ReLU."""
    if by.back is None:
        return F.relu_(F.conv2d(pairs(bordered(y, padding)), by.there.weight, by.there.bias, stride=by.there.stride))
    result: Tensor = _Halving.apply(y, by, padding)  # type: ignore[no-untyped-call]
    return result


def bordered(y: Tensor, padding: Padding | None) -> Tensor:
    """One position more on every side."""
    if padding is None:
        return y
    return F.pad(y, (1, 1, 1, 1)) if padding == "zero" else F.pad(y, (1, 1, 1, 1), padding)


def bared(slope: Tensor, padding: Padding) -> Tensor:
    """The slope without its border, which belongs to the lines that the border shows.

    It is added there in place: torch's own way reads and writes the whole picture for that.
    """
    if padding != "zero":
        line = SHOWN[padding]
        for axis in (-2, -1):
            slope.select(axis, line).add_(slope.select(axis, 0))
            slope.select(axis, -1 - line).add_(slope.select(axis, -1))
    return slope[..., 1:-1, 1:-1]


def pairs(y: Tensor) -> Tensor:
    """Two columns beside each other as one of twice the channels; the last of an odd number is left out."""
    batch, channels, height, width = y.shape
    rows = y[..., : width // 2 * 2].permute(0, 2, 3, 1)
    return rows.reshape(batch, height, width // 2, 2 * channels).permute(0, 3, 1, 2)


class _Stepping(torch.autograd.Function):
    """A border of zeros is left to the library, both ways."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, by: Convolution, padding: Padding | None, relu: bool) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        zeros = padding == "zero"
        result = by.there(y if zeros else bordered(y, padding), padding=int(zeros), relu=relu)
        ctx.by, ctx.padding = by, padding
        ctx.save_for_backward(result if relu else None)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401 -- torch has no type for it
        (shown,) = ctx.saved_tensors
        rows, columns = (side - 1 - (ctx.padding == "zero") for side in ctx.by.there.weight.shape[-2:])
        if ctx.by.back.borders_itself(slope):
            passed = slope if shown is None else torch.ops.aten.threshold_backward(slope, shown, 0)
            back = ctx.by.back(passed, padding=rows)
        else:
            back = ctx.by.back(framed(slope, shown, rows, columns))
        return back if ctx.padding in {None, "zero"} else bared(back, ctx.padding), None, None, None


class _Halving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, by: Convolution, padding: Padding | None) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        seen = bordered(y, padding)
        result = by.there(pairs(seen), relu=True)
        ctx.by, ctx.padding, ctx.shape = by, padding, seen.shape
        ctx.save_for_backward(result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 -- torch has no type for it
        """Even and odd rows are put in turn. What no step of two pixels reaches has no slope. It is written here,
        channels-last; torch's own way back through a slice gives another layout, in which all that follows takes half
        as long again.
        """
        (shown,) = ctx.saved_tensors
        batch, channels, height, width = ctx.shape
        frame = ctx.by.back.weight.shape[-1] - 1
        both = ctx.by.back(framed(slope, shown, frame, frame)).permute(0, 2, 3, 1)
        _, half, couples, _ = both.shape
        rows = slope.new_empty(batch, height, width, channels)
        for axis, reached in ((1, 2 * half), (2, 2 * couples)):
            if left := rows.shape[axis] - reached:
                rows.narrow(axis, reached, left).zero_()
        for row, part in enumerate(torch.split(both, 2 * channels, -1)):
            place = rows[:, row : 2 * half : 2, : 2 * couples]
            place.view(batch, half, couples, -1).copy_(part)
        back = rows.permute(0, 3, 1, 2)
        return back if ctx.padding is None else bared(back, ctx.padding), None, None


def framed(slope: Tensor, shown: Tensor | None, rows: int, columns: int) -> Tensor:
    """Zeros around the slope, channels-last; of the slope only what ReLU has let through, if there was one."""
    batch, channels, height, width = slope.shape
    frame = slope.new_empty(batch, height + 2 * rows, width + 2 * columns, channels).permute(0, 3, 1, 2)
    inner = frame[..., rows : rows + height, columns : columns + width]
    for axis, wide in ((-2, rows), (-1, columns)):
        if wide:
            frame.narrow(axis, 0, wide).zero_()
            frame.narrow(axis, -wide, wide).zero_()
    if shown is None:
        inner.copy_(slope)
    else:
        torch.ops.aten.threshold_backward.grad_input(slope, shown, 0, grad_input=inner)
    return frame
