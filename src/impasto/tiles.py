"""How a canvas is cut: tiles that own their pixels, each with a halo to see beyond them. Pure geometry."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Span:
    """One axis of a tile: it owns [start, stop) and sees [low, high), in pixels of a picture of `size`."""

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


@dataclass(frozen=True)
class Tile:
    """A rectangle of the picture."""

    rows: Span
    columns: Span

    def cut(self, image: Tensor) -> Tensor:
        """What the tile sees, halo included."""
        return image[..., self.rows.low : self.rows.high, self.columns.low : self.columns.high]

    def owned(self, features: Tensor, stride: int) -> Tensor:
        """The tile's own positions among the features computed on what it sees."""
        return features[..., self.rows.owned(stride), self.columns.owned(stride)]

    def placed(self, features: Tensor, stride: int) -> Tensor:
        """The tile's own positions among the features of the whole picture."""
        return features[..., self.rows.placed(stride), self.columns.placed(stride)]


def cut(height: int, width: int, *, side: int | None = None, halo: int = 0, stride: int = 1) -> tuple[Tile, ...]:
    """Tiles that together own every pixel once. Edges lie on multiples of `stride`; a halo is rounded up to one.

    `side` is the most that a tile may own on each axis, but never less than `stride`; None gives one tile.
    """
    halo = math.ceil(halo / stride) * stride
    rows, columns = (_spans(size, side, halo, stride) for size in (height, width))
    return tuple(Tile(r, c) for r in rows for c in columns)


def _spans(size: int, side: int | None, halo: int, stride: int) -> list[Span]:
    if side is None or side >= size:
        return [Span(0, size, 0, size, size)]
    blocks = math.ceil(size / stride)
    count = math.ceil(blocks / max(1, side // stride))
    # Even shares, so that no tile is much smaller than the others.
    edges = [i * blocks // count * stride for i in range(count)] + [size]
    return [Span(a, b, max(0, a - halo), min(size, b + halo), size) for a, b in itertools.pairwise(edges)]
