"""The networks that look at pictures: VGG-16 and VGG-19 as published, and the small one of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from impasto.errors import LayerError, near
from impasto.networks.margin import Margin
from impasto.networks.view import View

Features = Mapping[str, Tensor]
"""Layer name -> (1, C, h, w); "image" holds the pixels, so that total variation is a term like any other."""


class Network(Protocol):
    """A frozen network: takes RGB in [0, 1], normalizes inside, stops at the deepest layer asked for."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str:
        """Of the weights: what a picture records, to be painted again."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its weights lie: pictures are looked at there."""
        ...

    @property
    def layers(self) -> tuple[str, ...]:
        """Every tap by name, shallow to deep."""
        ...

    @property
    def strides(self) -> Mapping[str, int]:
        """Picture pixels per feature position; position i of a layer begins at pixel i * stride."""
        ...

    @property
    def metrics(self) -> Mapping[str, Tensor]:
        """Per layer, how its distances are measured: a (c + 1, c + 1) matrix M = A'ᵀA' of an affine map A' = [A b]
        into a larger space; layers without an entry are measured as they are."""
        ...

    @property
    def workspace(self) -> int:
        """Bytes that the processor's library may hold while it multiplies, beside the tensors."""
        ...

    def halo(self, layers: frozenset[str]) -> int:
        """How many pixels beyond its own a position of these layers can see."""
        ...

    def minimum(self, layers: frozenset[str]) -> int:
        """The shortest side of a picture that reaches these layers."""
        ...

    def viewed(self, view: View) -> Network:
        """The same network, looking at every picture in another way; the same object whenever it is asked for."""
        ...

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> Features:
        """Before a convolution looks beyond its own positions, the `margin` is asked for them, if there is one."""
        ...


def stride(network: Network, layer: str) -> int:
    """Pixels per position; the pixels themselves are the layer "image"."""
    return 1 if layer == "image" else network.strides[layer]


def missing(network: str, layer: str, known: Sequence[str]) -> LayerError:
    """That there is no such layer; a slip gets a suggestion."""
    return LayerError(f"{network} has no layer {layer!r}{near(layer, known)}; it has {', '.join(known)}.")
