"""A preconditioner: M makes more of what is broad in a gradient, and with it L-BFGS first guesses how the loss bends.

A loss of features sees edges and strokes sharply and broad tones hardly at all: along these it bends little, and the
gradient alone is too small a step. M makes √2 times as much of them with every octave:

    M = Σ_k δ_k Uᵏ Aᵏ,   δ_0 = 1,  δ_k = √2ᵏ − √2ᵏ⁻¹,  k up to the number of octaves

A halves a picture by the weights (1 3 3 1)/8 on each axis, U = 4Aᵀ doubles it by the same. M is symmetric and positive
whatever the size, so that a descent along Mg is one.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.share import ALONE
from impasto.storage import Room

OCTAVES, RISE = 5, 2**0.5  # found by measuring; see docs/log.md
LEAST = 4  # pixels on a side that are still halved
DIVIDED = 1  # the last octave that several processes divide
EDGE = 2  # rows that are seen beyond one's own


def broadened(slope: Tensor, room: Room, octaves: int = OCTAVES, octave: int = 0) -> Tensor:
    """M times an image (1, C, H, W), channels-last; the same, to the bit, wherever it lies. Sums begin at `octave`."""
    share = RISE**octave - RISE ** (octave - 1) if octave else 1.0
    deeper = octave < octaves and min(slope.shape[-2:]) >= LEAST
    coarse = _coarse(slope, room, octaves, octave) if deeper else None
    made = room.like(slope)
    for rows in room.bands(slope):
        fine, here = slope[..., rows, :], made[..., rows, :]
        if coarse is None:
            torch.mul(fine, share, out=here)
        else:
            torch.add(doubled(coarse, rows, slope), fine, alpha=share, out=here)
    return made


def _coarse(slope: Tensor, room: Room, octaves: int, octave: int) -> Tensor:
    """What the deeper octaves make of it. Several processes have strips of the first ones; then it is small, and each
    goes on alone with the whole."""
    half, below = halved(slope, room), room.divided(room.crew.halved())
    if octave >= DIVIDED:
        half, below = below.crew.whole(half), room.divided(ALONE)
    coarse = broadened(half, below, octaves, octave + 1)
    below.crew.look_beyond(coarse, EDGE)
    return coarse


def halved(fine: Tensor, room: Room) -> Tensor:
    """A times an image: the rows whose twins are one's own."""
    channels, height, width = fine.shape[1:]
    made = room.image(channels, height // 2, width // 2, fine)
    weights = _weights(channels, fine.dtype, fine.device)
    room.crew.look_beyond(fine, EDGE)
    for rows in room.bands(fine):
        top, end = rows.start // 2, rows.stop // 2
        low = max(0, 2 * top - 2)
        part = F.conv2d(fine[..., low : 2 * end + 2, :], weights, stride=2, padding=1, groups=channels)
        made[..., top:end, :] = part[..., top - low // 2 : end - low // 2, :]
    return made


def doubled(coarse: Tensor, rows: slice, like: Tensor) -> Tensor:
    """Some rows of U times an image; the whole is as large as `like`."""
    channels, height, width = coarse.shape[1:]
    low, high = max(0, rows.start // 2 - 1), min(height, rows.stop // 2 + 2)
    odd = max(0, rows.stop - 2 * high), like.shape[-1] - 2 * width
    seen, weights = coarse[..., low:high, :], 4 * _weights(channels, coarse.dtype, coarse.device)
    part = F.conv_transpose2d(seen, weights, stride=2, padding=1, output_padding=odd, groups=channels)
    return part[..., rows.start - 2 * low : rows.stop - 2 * low, :]


@cache
def _weights(channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(1 3 3 1)/8 on both axes, for each channel by itself; made once: an accelerator waits for numbers."""
    axis = torch.tensor([1, 3, 3, 1], dtype=dtype, device=device) / 8
    return torch.outer(axis, axis).expand(channels, 1, 4, 4)
