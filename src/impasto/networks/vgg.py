"""VGG-16 and VGG-19 (Simonyan & Zisserman, arXiv:1409.1556), every conv, relu and pool a tap by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import LayerError, WeightsError
from impasto.networks import Features, missing, pooling, winograd
from impasto.networks.convolution import Convolution, Padding, convolve, stepping
from impasto.networks.margin import Margin
from impasto.networks.view import Turnable
from impasto.weights import Preprocessing, Weights
from impasto.weights.identify import BLOCKS

FIRST = "conv1_1"
Pooling = Literal["max", "average"]

# Average pooling halves the magnitude of what max pooling gives; this undoes it (measured by K. Crowson).
AVERAGE_POOLING_RESCALE = 2.0


def taps(convolutions: tuple[int, ...]) -> Iterator[str]:
    """Every layer name, shallow to deep: conv1_1, relu1_1, ..., pool5."""
    for block, count in enumerate(convolutions, 1):
        for i in range(1, count + 1):
            yield f"conv{block}_{i}"
            yield f"relu{block}_{i}"
        yield f"pool{block}"


class VGG(Turnable):
    """A frozen VGG. Convolutions pad by one pixel: `zero` as published, `replicate` or `reflect` to spare the edges.

    `replicate` pads the first layer only, which is where dark borders are born; `reflect` pads every layer.
    """

    metrics: Mapping[str, Tensor] = {}

    def __init__(
        self, weights: Weights, *, pooling: Pooling = "max", rescale: bool = False, padding: Padding = "zero"
    ) -> None:
        self.name, self.sha256 = weights.network, weights.sha256
        self.pooling, self.rescale, self.padding = pooling, rescale, padding
        self.preprocessing = weights.preprocessing
        self._published = tuple(taps(BLOCKS[weights.network]))
        self.layers = tuple(_reachable(self._published, weights.tensors))
        self.strides = {name: 2 ** (int(name.removeprefix("pool")[0]) if name.startswith("pool") else int(name[4]) - 1)
                        for name in self.layers}  # fmt: skip
        self.tensors = dict(weights.tensors)
        if not self.layers:
            raise WeightsError(f"The weights hold no convolution of {self.name}; expected conv1_1 and so on.")
        self.to()

    def to(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move the weights; kernels are kept channels-last, as the pictures are."""
        for name, tensor in self.tensors.items():
            form = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
            self.tensors[name] = tensor.to(device=device, dtype=dtype, memory_format=form)
        self._kernels = {name: self._kernel(name) for name in self.layers if name.startswith("conv")}
        self.workspace = winograd.workspace(t for t in self.tensors.values() if t.dim() == 4)
        self.views = {}
        return self

    def _kernel(self, name: str) -> Convolution:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return stepping(_for_pixels(weight) if name == FIRST else weight, bias, fewer=True)

    def halo(self, layers: frozenset[str]) -> int:
        """How far a position sees beyond its own pixels: each 3x3 adds a stride; pooling windows do not overlap."""
        return sum(self.strides[name] for name in self._until(layers) if name.startswith("conv"))

    def minimum(self, layers: frozenset[str]) -> int:
        """The deepest layer keeps at least one position; what is padded by reflection needs two."""
        reflected = self.padding == "reflect"
        return max(
            (self.strides[n] * (1 + (reflected and n.startswith("conv"))) for n in self._until(layers)), default=1
        )

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> Features:
        """Features of an RGB picture (1, 3, H, W) in [0, 1] at the layers asked for, and "image" itself."""
        deepest = self._until(layers)
        if min(image.shape[-2:]) < self.minimum(layers):
            height, width = image.shape[-2:]
            raise LayerError(
                f"A picture of {width} x {height} is too small for {deepest[-1]}: both sides must have at least "
                f"{self.minimum(layers)} pixels."
            )
        features, margin = {"image": image}, margin or Margin()
        y = normalize(image, self.preprocessing)
        for name in deepest:
            if name.startswith("conv"):
                y = margin.spent(y, self.strides[name])
            y = self._layer(name, y, layers)
            if name in layers:
                features[name] = y
        return features

    def _layer(self, name: str, y: Tensor, layers: frozenset[str]) -> Tensor:
        """A convolution that nobody looks at is joined with the ReLU after it."""
        if name.startswith("relu"):
            return F.relu(y) if f"conv{name[4:]}" in layers else y
        if name.startswith("pool"):
            return self._pool(y)
        kernel = self._kernels[name]
        if name == FIRST:
            y = _pixels(y, kernel.there.weight.dtype)
        padding: Padding = "zero" if self.padding == "replicate" and name != FIRST else self.padding
        return convolve(y, kernel, padding=padding, relu=name not in layers)

    def _pool(self, y: Tensor) -> Tensor:
        if self.pooling == "max":
            return pooling.largest(y)
        y = pooling.mean(y)
        return y * AVERAGE_POOLING_RESCALE if self.rescale else y

    def _until(self, layers: frozenset[str]) -> tuple[str, ...]:
        """The chain down to the deepest layer asked for."""
        wanted = layers - {"image"}
        for name in sorted(wanted - set(self.layers)):
            raise self._without(name)
        depth = max((self.layers.index(name) for name in wanted), default=-1)
        return self.layers[: depth + 1]

    def _without(self, name: str) -> LayerError:
        if name not in self._published:
            return missing(self.name, name, self.layers)
        words = f"The weights end at {self.layers[-1]}, before {name}"
        return LayerError(f"{words}; use complete weights or a shallower layer.")


def normalize(image: Tensor, how: Preprocessing) -> Tensor:
    """RGB in [0, 1] -> the channel order, scale and zero point that the weights were trained with."""
    if how.order == "bgr":
        image = image.flip(1)
    mean, std = (image.new_tensor(v).view(1, 3, 1, 1) for v in (how.mean, how.std))
    return (image * how.scale - mean) / std


def _pixels(image: Tensor, kind: torch.dtype) -> Tensor:
    """A picture as the numbers that a kernel works with.

    Numbers of 16 bits tell colors less finely than a file of 8 bits does, and the optimizer's steps are smaller still.
    So the picture is shown twice, rounded, and what the rounding took away: L-BFGS learns more from such gradients, and
    needs a twentieth fewer of them (see docs/log.md).
    """
    near = image.to(kind)
    if kind.itemsize > 2:
        return near
    rest = (image.detach() - near.detach().to(image.dtype)).to(kind)
    return torch.cat([near, rest], 1)


def _for_pixels(weight: Tensor) -> Tensor:
    """The kernel for them."""
    return weight if weight.dtype.itemsize > 2 else torch.cat([weight, weight], 1)


def _reachable(names: tuple[str, ...], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """The layers before the first convolution that the file does not hold."""
    for name in names:
        if name.startswith("conv") and f"{name}.weight" not in tensors:
            return
        yield name
