"""How a canvas is cut: tiles that own their pixels, each with a halo to see beyond them. Pure geometry.

Where a picture wraps around, what lies beyond an edge is what lies at the opposite one: halos just go on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 64  # pixels on the sides of the squares that are summed first: tiles of whole squares have the picture's sums


@dataclass(frozen=True)
class Span:
    """One axis of a tile: it owns [start, stop) and sees `halo` more on both sides, in pixels of a picture of `size`.

    Where the picture wraps around, what is owned or seen may begin below zero and end beyond `size`.
    """

    start: int
    stop: int
    size: int
    halo: int = 0
    around: bool = False

    @property
    def low(self) -> int:
        return self._inside(self.start - self.halo)

    @property
    def high(self) -> int:
        return self._inside(self.stop + self.halo)

    def _inside(self, place: int) -> int:
        return place if self.around else min(max(place, 0), self.size)

    @property
    def whole(self) -> bool:
        """Whether it owns all there is."""
        return (self.start, self.stop) == (0, self.size)

    def grown(self) -> Span:
        """It owns its halo too."""
        return replace(self, start=self.low, stop=self.high)

    def farther(self) -> Span:
        """It sees what the grown one sees."""
        return replace(self, halo=2 * self.halo)

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

    def seen(self) -> slice:
        return slice(self.low, self.high)

    @property
    def length(self) -> int:
        """How many pixels it sees."""
        return self.high - self.low


def taken(image: Tensor, rows: slice, columns: slice) -> Tensor:
    """A part of a picture that goes around where the part lies beyond an edge; else a view."""
    for axis, part in ((-2, rows), (-1, columns)):
        size = image.shape[axis]
        if part.start < 0 or part.stop > size:
            image = image.index_select(axis, torch.arange(part.start, part.stop, device=image.device) % size)
        else:
            image = image.narrow(axis, part.start, part.stop - part.start)
    return image


class _Part(torch.autograd.Function):
    """A part of an image, and zeros around it on the way back, channels-last: torch's own zeros are not, and all that
    then meets them has to turn every number round."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, rows: slice, columns: slice) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        ctx.place = image.shape, rows, columns
        return image[..., rows, columns]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 -- torch has no type for it
        (batch, channels, height, width), rows, columns = ctx.place
        whole = slope.new_empty(batch, height, width, channels).permute(0, 3, 1, 2)
        whole[..., : rows.start, :], whole[..., rows.stop :, :] = 0, 0
        inner = whole[..., rows, :]
        inner[..., : columns.start], inner[..., columns], inner[..., columns.stop :] = 0, slope, 0
        return whole, None, None


@dataclass(frozen=True)
class Tile:
    """A rectangle of the picture."""

    rows: Span
    columns: Span
    mute: bool = False  # what it owns is looked at for the slopes alone; who owns it sums it up

    def cut(self, image: Tensor) -> Tensor:
        """What the tile sees, halo included."""
        return taken(image, self.rows.seen(), self.columns.seen())

    def fold(self, seen: Tensor) -> Tensor:
        """What was computed on all that the tile of a whole picture sees, added up where pixels are seen twice."""
        for axis, span in ((-2, self.rows), (-1, self.columns)):
            if span.around:
                shape = [*seen.shape]
                shape[axis] = span.size
                places = torch.arange(span.low, span.high, device=seen.device) % span.size
                seen = seen.new_zeros(shape).index_add_(axis, places, seen)
        return seen

    def give(self, seen: Tensor, image: Tensor, take: Callable[[Tensor, Tensor], Tensor]) -> None:
        """What was computed on all that the tile sees is copied or added to an image of the whole picture, in place."""
        rows, columns = (slice(None) if span.around else span.seen() for span in (self.rows, self.columns))
        take(image[..., rows, columns], self.fold(seen))

    def narrowed(self, halo: int) -> Tile:
        """It sees no more than that many rows beyond its own."""
        return replace(self, rows=replace(self.rows, halo=min(halo, self.rows.halo)))

    def muted(self) -> Tile:
        """The same tile, for one who knows its sums."""
        return replace(self, mute=True)

    @property
    def whole(self) -> bool:
        """Whether it owns the whole picture."""
        return self.rows.whole and self.columns.whole

    def grown(self) -> Tile:
        """One that owns the halo too: all positions that the slopes at this tile's pixels depend on."""
        return self if self.whole else Tile(self.rows.grown(), self.columns.grown(), mute=True)

    def farther(self) -> Tile:
        """The same tile, seeing all that the grown one sees."""
        return self if self.whole else Tile(self.rows.farther(), self.columns.farther())

    def own(self, stride: int) -> tuple[slice, slice]:
        """Rows and columns of the tile's own positions among the features computed on what it sees."""
        return self.rows.owned(stride), self.columns.owned(stride)

    def owned(self, features: Tensor, stride: int) -> Tensor:
        """These positions."""
        rows, columns = self.own(stride)
        if (rows, columns) == tuple(slice(0, size) for size in features.shape[-2:]):
            return features  # with nothing to fill up on the way back
        if not features.requires_grad:
            return features[..., rows, columns]
        part: Tensor = _Part.apply(features, rows, columns)  # type: ignore[no-untyped-call]
        return part

    def placed(self, features: Tensor, stride: int) -> Tensor:
        """The tile's own positions among the features of the whole picture."""
        return taken(features, self.rows.placed(stride), self.columns.placed(stride))


def aligned(halo: int, stride: int) -> int:
    """So wide that it begins on a position of a layer of this stride."""
    return math.ceil(halo / stride) * stride


def cut(
    height: int,
    width: int,
    *,
    side: int | None = None,
    halo: int = 0,
    stride: int = 1,
    unit: int = 1,
    wraps: tuple[bool, bool] = (False, False),
    strips: Sequence[slice] = (),
) -> tuple[Tile, ...]:
    """Tiles that together own every pixel once. Their edges lie on multiples of `stride` and `unit`, one of which is a
    multiple of the other; a halo is rounded up to `stride`.

    `side` is the most that a tile may own on each axis, but never less than `stride` or `unit`; None gives one tile.
    `wraps` says whether rows and columns go around; they must then be multiples of `stride`. No tile reaches over the
    edge of one of the `strips` of rows, if they are given.
    """
    along = partial(spans, side=side, halo=halo, stride=stride, unit=unit)
    return crossed(along(height, around=wraps[0], strips=strips), along(width, around=wraps[1]))


def crossed(rows: Sequence[Span], columns: Sequence[Span]) -> tuple[Tile, ...]:
    """The tiles where they meet, row by row."""
    return tuple(Tile(r, c) for r in rows for c in columns)


def spans(
    size: int,
    *,
    side: int | None,
    halo: int,
    stride: int,
    unit: int,
    around: bool = False,
    strips: Sequence[slice] = (),
) -> list[Span]:
    """One axis of a picture, as `cut` has it."""
    halo, unit = aligned(halo, stride), max(stride, unit)
    parts = strips or (slice(0, size),)
    return [span for part in parts for span in _spans(part, size, side, halo, unit, around)]


def _spans(part: slice, size: int, side: int | None, halo: int, unit: int, around: bool) -> list[Span]:
    """Of a part of an axis."""
    if side is None or side >= part.stop - part.start:
        whole = (part.start, part.stop) == (0, size)
        return [Span(part.start, part.stop, size, 0 if whole and not around else halo, around)]
    blocks = math.ceil((part.stop - part.start) / unit)
    count = math.ceil(blocks / max(1, side // unit))
    # Even shares, so that no tile is much smaller than the others.
    edges = [part.start + i * blocks // count * unit for i in range(count)] + [part.stop]
    return [Span(a, b, size, halo, around) for a, b in itertools.pairwise(edges)]
