"""How a canvas is cut: tiles that own their pixels, each with a halo to see beyond them. Pure geometry.

Where a picture wraps around, what lies beyond an edge is what lies at the opposite one: halos just go on.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """One axis of a tile: it owns [start, stop) and sees [low, high), in pixels of a picture of `size`.

    Where the picture wraps around, `low` may be negative and `high` beyond `size`.
    """

    start: int
    stop: int
    low: int
    high: int
    size: int

    def owned(self, stride: int) -> slice:
        """The owned positions of a layer of this stride, counted from the tile's own first position.

        Pooling drops what does not fill a window, so the last tile owns up to size // stride.
        """
        stop = self.size // stride if self.stop == self.size else self.stop // stride
        return slice(self.start // stride - self.low // stride, stop - self.low // stride)

    def placed(self, stride: int) -> slice:
        """The same positions, counted from the picture's first."""
        own = self.owned(stride)
        return slice(own.start + self.low // stride, own.stop + self.low // stride)

    @property
    def wrapped(self) -> bool:
        return self.low < 0 or self.high > self.size

    def seen(self, device: torch.device) -> Tensor:
        """The pixels that are seen, one by one."""
        return torch.arange(self.low, self.high, device=device) % self.size


@dataclass(frozen=True)
class Tile:
    """A rectangle of the picture."""

    rows: Span
    columns: Span

    def cut(self, image: Tensor) -> Tensor:
        """What the tile sees, halo included."""
        for axis, span in ((-2, self.rows), (-1, self.columns)):
            if span.wrapped:
                image = image.index_select(axis, span.seen(image.device))
            else:
                image = image.narrow(axis, span.low, span.high - span.low)
        return image

    def add(self, whole: Tensor, seen: Tensor) -> None:
        """Add what was computed on what the tile sees to the whole picture (1, C, H, W)."""
        if self.rows.wrapped:
            all_rows = seen.new_zeros(*whole.shape[:-1], seen.shape[-1])
            seen = all_rows.index_add_(-2, self.rows.seen(seen.device), seen)
        else:
            whole = whole.narrow(-2, self.rows.low, self.rows.high - self.rows.low)
        if self.columns.wrapped:
            whole.index_add_(-1, self.columns.seen(seen.device), seen)
        else:
            whole.narrow(-1, self.columns.low, self.columns.high - self.columns.low).add_(seen)

    @property
    def whole(self) -> bool:
        """Whether it sees the whole picture, and nothing beyond."""
        return all((span.low, span.high) == (0, span.size) for span in (self.rows, self.columns))

    def owned(self, features: Tensor, stride: int) -> Tensor:
        """The tile's own positions among the features computed on what it sees."""
        return features[..., self.rows.owned(stride), self.columns.owned(stride)]

    def placed(self, features: Tensor, stride: int) -> Tensor:
        """The tile's own positions among the features of the whole picture."""
        return features[..., self.rows.placed(stride), self.columns.placed(stride)]


def cut(
    height: int,
    width: int,
    *,
    side: int | None = None,
    halo: int = 0,
    stride: int = 1,
    wraps: tuple[bool, bool] = (False, False),
) -> tuple[Tile, ...]:
    """Tiles that together own every pixel once. Edges lie on multiples of `stride`; a halo is rounded up to one.

    `side` is the most that a tile may own on each axis, but never less than `stride`; None gives one tile. `wraps` says
    whether rows and columns go around; they must then be multiples of `stride`.
    """
    halo = math.ceil(halo / stride) * stride
    rows, columns = (
        _spans(size, side, halo, stride, around) for size, around in zip((height, width), wraps, strict=True)
    )
    return tuple(Tile(r, c) for r in rows for c in columns)


def strips(height: int, width: int, count: int, *, halo: int, stride: int) -> tuple[Tile, ...]:
    """At most `count` tiles in a row along the longer side, for as many hands."""
    halo = math.ceil(halo / stride) * stride
    share = math.ceil(max(height, width) / count / stride) * stride
    rows = _spans(height, share if height > width else None, halo, stride, around=False)
    columns = _spans(width, None if height > width else share, halo, stride, around=False)
    return tuple(Tile(r, c) for r in rows for c in columns)


def _spans(size: int, side: int | None, halo: int, stride: int, around: bool) -> list[Span]:
    beyond = halo if around else 0
    if side is None or side >= size:
        return [Span(0, size, -beyond, size + beyond, size)]
    blocks = math.ceil(size / stride)
    count = math.ceil(blocks / max(1, side // stride))
    # Even shares, so that no tile is much smaller than the others.
    edges = [i * blocks // count * stride for i in range(count)] + [size]
    return [
        Span(a, b, max(-beyond, a - halo), min(size + beyond, b + halo), size) for a, b in itertools.pairwise(edges)
    ]
