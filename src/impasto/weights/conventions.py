"""Tell which input a file's network was trained on.

Names cannot tell: Caffe conversions and torchvision's files both say `features.N`. In this order:

1. the file's hash is that of a published file;
2. Keras' and Gatys' ways of naming were only ever used for the original weights (Caffe's input);
3. the biases of conv1_1. The original networks see pictures of 0..255 less the mean and have learned positive
   biases for them: mean / standard deviation is 1.57 in VGG-19, with one negative bias in 64. torchvision's
   networks see inputs of order one and use the biases as thresholds of either sign: the ratio is -0.13 in
   VGG-16, with 27 negative. From 1.0 up it is Caffe's, from 0.5 down torchvision's; in between nothing is
   guessed.

The scale of the weights, the obvious candidate, tells nothing: it is about 0.2 in all of them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor

from impasto.errors import WeightsError
from impasto.weights.formats import Contents
from impasto.weights.published import CAFFE, TORCHVISION, TORCHVISION_FEATURES, Preprocessing

Convention = Literal["caffe", "torchvision", "torchvision-features"]

CONVENTIONS: Mapping[str, Preprocessing] = {
    "caffe": CAFFE,
    "torchvision": TORCHVISION,
    "torchvision-features": TORCHVISION_FEATURES,
}
CAFFE_FROM = 1.0
TORCHVISION_UP_TO = 0.5


def named(convention: str) -> Preprocessing:
    """The preprocessing that a person named."""
    if convention not in CONVENTIONS:
        raise WeightsError(f"There is no preprocessing {convention!r}: choose one of {', '.join(CONVENTIONS)}.")
    return CONVENTIONS[convention]


def recognize(contents: Contents, tensors: Mapping[str, Tensor], path: Path) -> Preprocessing:
    """The preprocessing of a file that was never published under a hash we know."""
    if contents.container == "hdf5" or "conv1_1.weight" in contents.names:
        return CAFFE
    bias = tensors["conv1_1.bias"]
    ratio = (bias.mean() / bias.std().clamp(min=1e-12)).item()
    if ratio >= CAFFE_FROM:
        return CAFFE
    if ratio <= TORCHVISION_UP_TO:
        return TORCHVISION
    raise WeightsError(
        f"{path} does not tell which input its network expects (conv1_1's biases are like neither Caffe's nor "
        f"torchvision's): say so in Python, by impasto.weights.load(..., preprocessing=...) with one of "
        f"{', '.join(CONVENTIONS)}."
    )
