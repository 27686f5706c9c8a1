"""Ways of looking at a picture: as it is, mirrored, upside down, lying on its side, and these together.

What a network sees in a mirrored picture is, place by place, what one with mirrored kernels sees in the picture itself.
So it is the kernels that are turned, and whatever works in tiles need not know of it.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, Self

import torch
from torch import Tensor


class View(NamedTuple):
    """What is done to the picture before it is looked at, in this order."""

    aside: bool = False  # rows become columns
    mirrored: bool = False  # left becomes right
    inverted: bool = False  # top becomes bottom


PLAIN, MIRRORED, ASIDE = View(), View(mirrored=True), View(aside=True)

# So many ways at a time, at most, in parts of the time that follow one another; chosen to be unlike each other and by
# measuring, see docs/log.md. One is the plain one, so that it costs nothing.
WAYS: dict[int, tuple[tuple[View, ...], ...]] = {
    1: ((PLAIN,),),
    2: ((MIRRORED,), (ASIDE, PLAIN)),
    4: ((MIRRORED, ASIDE, PLAIN, View(aside=True, mirrored=True, inverted=True)),),
    8: (tuple(View(a, m, i) for a in (False, True) for m in (False, True) for i in (False, True)),),
}


def ways(looks: tuple[int, ...]) -> tuple[tuple[View, ...], ...]:
    """Those of which there are so many at a time, part after part."""
    return next(parts for parts in WAYS.values() if tuple(map(len, parts)) == looks)


class Turnable:
    """A network of kernels, which can be turned."""

    tensors: dict[str, Tensor]
    views: dict[View, Self]  # those that were asked for since it was moved

    def to(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        return next(iter(self.tensors.values())).device

    def viewed(self, view: View) -> Self:
        """The same network, looking at every picture in this way; kept, so that what it saw can be recalled."""
        if view == PLAIN:
            return self
        if view not in self.views:
            other = copy.copy(self)
            other.tensors = {n: turned(t, view) if t.dim() == 4 else t for n, t in self.tensors.items()}
            self.views[view] = other.to()
        return self.views[view]


def turned(kernel: Tensor, view: View) -> Tensor:
    """The kernel (O, I, h, w) that sees in a picture what this one sees in the picture so turned."""
    kernel = kernel.flip([axis for axis, flipped in ((-1, view.mirrored), (-2, view.inverted)) if flipped])
    return kernel.transpose(-1, -2) if view.aside else kernel
