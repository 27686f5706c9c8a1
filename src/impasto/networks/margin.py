"""What is known beyond the edges of a strip: every convolution uses up some of it, until it is made anew."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

Renew = Callable[[Tensor, int], Tensor]
"""Features of a strip, picture pixels per position -> the same, with all that is beyond its edges as it should be."""


class Margin:
    """For one pass through a network; without anything given, a picture that ends where it ends."""

    def __init__(self, reach: float = math.inf, renew: Renew | None = None) -> None:
        self.reach, self.renew = reach, renew
        self.left = reach  # pixels

    def spent(self, y: Tensor, stride: int) -> Tensor:
        """The features, of which a convolution is about to use one position beyond each."""
        if self.renew is not None and stride > self.left:
            y, self.left = self.renew(y, stride), self.reach
        self.left -= stride
        return y
