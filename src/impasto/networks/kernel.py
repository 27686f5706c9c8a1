"""A kernel, and the form in which the processor's library multiplies with it.

The library (oneDNN) would bring a kernel into a form of its own for every convolution. The form depends on the size of
the picture: here that of the last one is kept, as most steps of a run are of one size. The result is the same to the
bit.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.device import multiplies_bfloat16
from impasto.networks import winograd

ONEDNN = {("cpu", torch.float32)} | ({("cpu", torch.bfloat16)} if multiplies_bfloat16(torch.device("cpu")) else set())


class Kernel:
    """Weights (O, I, h, w), a bias if there is one, and how many positions a step goes; `fewer` multiplications, where
    that is quicker, or those that give the same to the bit wherever a tile lies."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None = None, *, stride: tuple[int, int] = (1, 1), fewer: bool = False
    ) -> None:
        self.weight, self.bias, self.stride, self.fewer = weight, bias, stride, fewer
        self._form: tuple[tuple[int, ...], Tensor] | None = None  # the size that it is for, and the weights in it

    def __getstate__(self) -> dict[str, object]:
        """For a copy, or another process: the library's form cannot be carried, and is made anew."""
        return {**vars(self), "_form": None}

    def __call__(self, y: Tensor, *, padding: int = 0, relu: bool = False) -> Tensor:
        """The convolution, with a border of zeros, and ReLU of what is still in the processor's cache.

        Small pictures are computed as large ones are, where torch would hand them to other code.
        """
        if self.borders_itself(y):
            return winograd.convolve(y, self._rowwise(), self.bias, padding, relu=relu)
        if (y.device.type, y.dtype) in ONEDNN and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            how = [padding, padding], self.stride, [1, 1], 1
            made: Tensor = torch.ops.mkldnn._convolution_pointwise(
                y, self._formed(y, padding), self.bias, *how, "relu" if relu else "none", [], ""
            )
            return made
        made = F.conv2d(y, self.weight, self.bias, stride=self.stride, padding=padding)
        return F.relu_(made) if relu else made

    def _formed(self, y: Tensor, padding: int) -> Tensor:
        """The weights as the library wants them for such pictures."""
        size, form = (*y.shape, padding), self._form
        if form is None or form[0] != size:
            how = [padding, padding], self.stride, [1, 1], 1, y.shape
            self._form = form = size, torch.ops.mkldnn._reorder_convolution_weight(self.weight, *how)
        return form[1]

    def borders_itself(self, y: Tensor) -> bool:
        """Whether a border of zeros costs nothing, however wide: it is Winograd's way, which cuts squares anyway."""
        return self.fewer and winograd.suits(y, self.weight)

    def _rowwise(self) -> Tensor:
        """The weights as they are wanted there, for pictures of any size."""
        form = self._form  # another thread may replace it
        if form is None or form[0]:
            self._form = form = (), self.weight.contiguous()
        return form[1]
