"""Convolutions of 3 x 3 with a fifth of the multiplications (Winograd's; Lavin & Gray, arXiv:1509.09308).

Torch brings a library for them along (NNPACK) and leaves it aside for single pictures. It turns squares of 6 x 6
positions and multiplies what they have become, channel by channel; with many channels and many positions, that takes
half the time of the direct way on processors with AVX2 and nothing wider (table in docs/log.md, 2026-11-30). What it
finds differs by some 1e-5 of the largest value from what the direct way does, and from its own where the squares lie
otherwise, as they do in tiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE, REACH = 6, 2  # of the squares, and how much further they see
TURNED = 4 * (SIDE + REACH) ** 2  # bytes of a square of one channel, once it is turned
WORKSPACE = 64e6  # bytes of such squares at once; the library keeps the room for ever
CHANNELS, POSITIONS = 64, 1600  # from where on turning the squares, and turning the kernel, pays


@cache
def at_hand() -> bool:
    """Whether this torch has the library, for this processor."""
    return hasattr(torch.ops.aten, "_nnpack_spatial_convolution") and bool(torch.backends.nnpack.is_available())  # type: ignore[no-untyped-call]


@cache
def pays() -> bool:
    """Wider instructions have not been measured; where there are none, the library does not run."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2" and at_hand()


def suits(y: Tensor, weight: Tensor) -> bool:
    """Whether this is the quicker way for a kernel that goes in steps of one pixel: few channels on one side, as where
    colors come in, are no hindrance."""
    single = y.device.type == "cpu" and y.shape[0] == 1
    return single and fits(weight, y.dtype) and y.shape[2] * y.shape[3] >= POSITIONS and pays()


def fits(weight: Tensor, dtype: torch.dtype) -> bool:
    """Whether the kernel is such a one, for pictures large enough."""
    return dtype == torch.float32 and weight.shape[2:] == (3, 3) and max(weight.shape[:2]) >= CHANNELS


def convolve(y: Tensor, weight: Tensor, bias: Tensor | None, padding: int = 0, *, relu: bool = False) -> Tensor:
    """The convolution, with a border of zeros, and ReLU. Rows come in bands whose squares have room."""
    multiply: Any = torch.ops.aten._nnpack_spatial_convolution
    height, width = (side + 2 * padding - REACH for side in y.shape[2:])
    band = rows_at_once(height, width, sum(weight.shape[:2]))
    if band >= height:
        made: Tensor = multiply(y.contiguous(), weight, bias, [padding, padding])
        return F.relu_(made) if relu else made
    made = y.new_empty(1, weight.shape[0], height, width)
    for top in range(0, height, band):
        low, high = top - padding, min(top + band, height) + REACH - padding  # rows that the band sees
        above, below = max(0, -low), max(0, high - y.shape[2])
        seen = F.pad(y[:, :, low + above : high - below], (0, 0, above, below))
        part, place = multiply(seen, weight, bias, [0, padding]), made[:, :, top : top + band]
        if relu:
            torch.clamp_min(part, 0, out=place)
        else:
            place.copy_(part)
    return made


def workspace(kernels: Iterable[Tensor]) -> int:
    """The most bytes that are held for convolutions with such kernels on the processor: of one, and of a band."""
    largest = max((k.shape[0] * k.shape[1] for k in kernels if fits(k, k.dtype)), default=0)
    return int(WORKSPACE) + TURNED * largest if largest and pays() else 0


def rows_at_once(height: int, width: int, channels: int) -> int:
    """Whole squares high, bands alike."""
    squares = -(-height // SIDE)
    fitting = max(1, int(WORKSPACE // (TURNED * channels * -(-width // SIDE))))
    return -(-squares // -(-squares // fitting)) * SIDE
