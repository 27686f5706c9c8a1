"""Ways of looking at a picture: as it is, mirrored, upside down, lying on its side, and these together.

What a network sees in a mirrored picture is, place by place, what one with mirrored kernels sees in the picture itself.
So it is the kernels that are turned, and whatever works in tiles need not know of it.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class View(NamedTuple):
    """What is done to the picture before it is looked at, in this order."""

    aside: bool = False  # rows become columns
    mirrored: bool = False  # left becomes right
    inverted: bool = False  # top becomes bottom


PLAIN, MIRRORED, ASIDE = View(), View(mirrored=True), View(aside=True)

# Any number of ways, chosen to be unlike each other; one is the plain one, so that it costs nothing.
WAYS: dict[int, tuple[View, ...]] = {
    1: (PLAIN,),
    2: (MIRRORED, ASIDE),
    4: (MIRRORED, ASIDE, PLAIN, View(aside=True, mirrored=True, inverted=True)),
    8: tuple(View(a, m, i) for a in (False, True) for m in (False, True) for i in (False, True)),
}


def turned(kernel: Tensor, view: View) -> Tensor:
    """The kernel (O, I, h, w) that sees in a picture what this one sees in the picture so turned."""
    kernel = kernel.flip([axis for axis, flipped in ((-1, view.mirrored), (-2, view.inverted)) if flipped])
    return kernel.transpose(-1, -2) if view.aside else kernel
