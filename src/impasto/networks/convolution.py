"""Convolutions whose derivative at a pixel is the same to the bit however large the picture is that surrounds it.

The processor's library (oneDNN) computes every position of a forward convolution in the same way, whatever the size.
Its backward pass chooses between orders of summation by the picture's width. A backward pass is a forward convolution
with the kernel turned around, so it is computed as one here; framed in zeros that are written along with what ReLU lets
through, it takes the same time. This is what makes a picture in tiles equal to the picture in one piece.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.device import multiplies_bfloat16

Padding = Literal["reflect", "replicate", "zero"]
SHOWN = {"reflect": 2, "replicate": 1}  # which line the border shows, counted from the border

ONEDNN = {("cpu", torch.float32)} | ({("cpu", torch.bfloat16)} if multiplies_bfloat16(torch.device("cpu")) else set())


def convolve(
    y: Tensor,
    kernel: Tensor,
    bias: Tensor,
    *,
    padding: Padding | None = None,
    relu: bool = False,
    turned: Tensor | None = None,
) -> Tensor:
    """Steps of one pixel, with a border of one if `padding` says what it shows; `relu` cuts what is negative.

    Whoever keeps the kernel `turned` spares turning it in every backward pass.
    """
    if kernel.requires_grad:  # in training it is the kernel that changes
        y = F.conv2d(bordered(y, padding), kernel, bias)
        return F.relu_(y) if relu else y
    result: Tensor = _Convolution.apply(y, kernel, bias, padding, relu, turned)  # type: ignore[no-untyped-call]
    return result


def halve(y: Tensor, kernel: Tensor, bias: Tensor, padding: Padding) -> Tensor:
    """A kernel of 4 x 4 in steps of two pixels, with a border of one, and ReLU.

    It is computed as one of 4 x 2 over pairs of columns, which in channels-last are only another view of the same
    numbers: the same result to the bit, and a backward pass that is many times faster.
    """
    channels = y.shape[1]
    paired = kernel.reshape(-1, channels, 4, 2, 2).permute(0, 4, 1, 2, 3).reshape(-1, 2 * channels, 4, 2)
    if kernel.requires_grad:
        return F.relu_(F.conv2d(pairs(bordered(y, padding)), paired, bias, stride=(2, 1)))
    result: Tensor = _Halving.apply(y, paired, bias, padding)  # type: ignore[no-untyped-call]
    return result


def turn(kernel: Tensor) -> Tensor:
    """The kernel that leads back."""
    return kernel.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)


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


class _Convolution(torch.autograd.Function):
    """A border of zeros is left to the library, both ways."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 -- torch has no type for it
        y: Tensor,
        kernel: Tensor,
        bias: Tensor,
        padding: Padding | None,
        relu: bool,
        turned: Tensor | None,
    ) -> Tensor:
        zeros = padding == "zero"
        result = conv2d(y if zeros else bordered(y, padding), kernel, bias, padding=int(zeros))
        ctx.padding = padding
        ctx.save_for_backward(kernel, turned, F.relu_(result) if relu else None)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None, None, None]:  # noqa: ANN401 -- torch has no type for it
        kernel, turned, shown = ctx.saved_tensors
        rows, columns = (side - 1 - (ctx.padding == "zero") for side in kernel.shape[-2:])
        back = conv2d(framed(slope, shown, rows, columns), turn(kernel) if turned is None else turned)
        return back if ctx.padding in {None, "zero"} else bared(back, ctx.padding), None, None, None, None, None


class _Halving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, kernel: Tensor, bias: Tensor, padding: Padding) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        result = F.relu_(conv2d(pairs(bordered(y, padding)), kernel, bias, stride=(2, 1)))
        ctx.shape, ctx.padding = y.shape, padding
        ctx.save_for_backward(kernel, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401 -- torch has no type for it
        """Even and odd rows see different rows of the kernel: they are channels of one product, then put in turn.

        What no step of two pixels reaches has no slope. It is written here, channels-last; torch's own way back through
        a slice gives another layout, in which all that follows takes half as long again.
        """
        kernel, shown = ctx.saved_tensors
        batch, channels, height, width = ctx.shape
        by_row = kernel.reshape(-1, 2 * channels, 2, 2, 2).flip(2, 4).permute(3, 1, 0, 2, 4)
        turned = by_row.reshape(4 * channels, -1, 2, 2).contiguous(memory_format=torch.channels_last)
        both = conv2d(framed(slope, shown, 1, 1), turned).permute(0, 2, 3, 1)
        _, half, couples, _ = both.shape
        rows = slope.new_empty(batch, height + 2, width + 2, channels)
        rows[:, 2 * half :], rows[:, :, 2 * couples :] = 0, 0
        for row, part in enumerate(torch.split(both, 2 * channels, -1)):
            place = rows[:, row : 2 * half : 2, : 2 * couples]
            place.view(batch, half, couples, -1).copy_(part)
        return bared(rows.permute(0, 3, 1, 2), ctx.padding), None, None, None


def conv2d(
    y: Tensor, kernel: Tensor, bias: Tensor | None = None, *, stride: tuple[int, int] = (1, 1), padding: int = 0
) -> Tensor:
    """Torch's own, but computed alike for small pictures too, which torch would hand to other code."""
    if (y.device.type, y.dtype) in ONEDNN and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return torch.mkldnn_convolution(y, kernel, bias, (padding, padding), stride, (1, 1), 1)
    return F.conv2d(y, kernel, bias, stride=stride, padding=padding)


def framed(slope: Tensor, shown: Tensor | None, rows: int, columns: int) -> Tensor:
    """Zeros around the slope, channels-last; of the slope only what ReLU has let through, if there was one."""
    batch, channels, height, width = slope.shape
    frame = slope.new_empty(batch, height + 2 * rows, width + 2 * columns, channels).permute(0, 3, 1, 2)
    inner = frame[..., rows : rows + height, columns : columns + width]
    if rows:
        frame[..., :rows, :], frame[..., -rows:, :] = 0, 0
    if columns:
        frame[..., :columns], frame[..., -columns:] = 0, 0
    if shown is None:
        inner.copy_(slope)
    else:
        torch.ops.aten.threshold_backward.grad_input(slope, shown, 0, grad_input=inner)
    return frame
