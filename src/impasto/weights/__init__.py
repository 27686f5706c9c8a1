"""Find, download, verify and convert the weights of VGG-19 and VGG-16."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from impasto.errors import WeightsError
from impasto.weights import formats
from impasto.weights.identify import TITLES, identify
from impasto.weights.published import CAFFE, Preprocessing

__all__ = ["Preprocessing", "Weights", "load"]


@dataclass(frozen=True)
class Weights:
    """A network's convolutions, ready to use, and where they come from.

    `tensors` goes up to the deepest convolution that the file holds: "conv1_1.weight" (O, I, 3, 3) and
    "conv1_1.bias" (O). `sha256` is over the float32 numbers and the preprocessing, not over the file: the
    same weights have the same hash in whichever file they came.
    """

    network: str
    tensors: Mapping[str, Tensor]
    preprocessing: Preprocessing
    sha256: str
    source: str
    licence: str
    attribution: str
    stand_in: str = ""


def load(
    network: str,
    *,
    file: Path | None = None,
    offline: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Weights:
    """The weights of "vgg19" or "vgg16"."""
    if network not in TITLES:
        raise WeightsError(f"There are no weights for {network!r}: the networks are {', '.join(TITLES)}.")
    if file is None:
        raise WeightsError(f"No weights for {TITLES[network]}: give a file.")
    contents = formats.read(file)
    tensors = identify(contents, network, file)
    stand_in = "; ".join(f"{k}: {v}" for k, v in contents.metadata.items() if "stand-in" in v)
    return Weights(network, tensors, CAFFE, digest(tensors, CAFFE), file.name, "", "", stand_in)


def digest(tensors: Mapping[str, Tensor], preprocessing: Preprocessing) -> str:
    """sha256 over names, shapes, numbers and preprocessing."""
    total = hashlib.sha256(repr(preprocessing).encode())
    for name, tensor in tensors.items():
        total.update(f"{name}{tuple(tensor.shape)}".encode())
        total.update(tensor.contiguous().numpy().data)
    return total.hexdigest()
