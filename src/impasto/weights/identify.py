"""Tell which network a file's tensors belong to, and give them the papers' names, such as conv1_1.

Three ways of naming circulate: `features.N` counts every layer as torchvision does (Caffe conversions use it
too), `convB_I` is Gatys', `blockB_convI` is Keras'. A file may be cut after any convolution.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import WeightsError
from impasto.weights.formats import Contents

BLOCKS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}
WIDTHS = (64, 128, 256, 512, 512)
TITLES = {"vgg19": "VGG-19", "vgg16": "VGG-16"}

_NAMED = re.compile(r"(?:conv|block)(\d+)_(?:conv)?(\d+)")
_NUMBERED = re.compile(r"(\d+)\.(?:weight|bias)$")


def convolutions(network: str) -> dict[str, tuple[int, int]]:
    """Every convolution of a network, in order, with its (output, input) channels."""
    shapes: dict[str, tuple[int, int]] = {}
    inputs = 3
    for block, (count, width) in enumerate(zip(BLOCKS[network], WIDTHS, strict=True), start=1):
        for index in range(1, count + 1):
            shapes[f"conv{block}_{index}"] = (width, inputs)
            inputs = width
    return shapes


def positions(network: str) -> dict[int, str]:
    """torchvision's number of each convolution: one each for convolution, ReLU and pooling."""
    numbers: dict[int, str] = {}
    position = 0
    for block, count in enumerate(BLOCKS[network], start=1):
        for index in range(1, count + 1):
            numbers[position] = f"conv{block}_{index}"
            position += 2
        position += 1
    return numbers


def identify(contents: Contents, network: str, path: Path) -> dict[str, Tensor]:
    """The file's convolutions as `network`'s, float32, in the papers' names; an error says what it is instead."""
    _refuse_relatives(contents, path)
    if _fits(contents, network):
        return _converted(contents, network, path)
    for other in BLOCKS:
        if other != network and _fits(contents, other):
            raise WeightsError(
                f"{path} holds {TITLES[other]}, but {TITLES[network]} was asked for: "
                f"choose the network {other}, or give a file of {TITLES[network]}."
            )
    raise WeightsError(f"{path} is not {TITLES[network]}: {_misfit(contents, network)}.")


def _refuse_relatives(contents: Contents, path: Path) -> None:
    if any(name.endswith("running_mean") for name in contents.names):
        raise WeightsError(f"{path} holds a batch-normalized network, not the plain VGG that Impasto paints with.")
    if any(tensor.shape[2:] == (1, 1) for tensor in contents.tensors.values()):
        raise WeightsError(
            f"{path} begins with a 1x1 convolution, as AdaIN's vgg_normalised.pth does: give a plain VGG file instead."
        )


def _fits(contents: Contents, network: str) -> bool:
    return not _misfit(contents, network)


def _misfit(contents: Contents, network: str) -> str:
    """Why these tensors are not this network's first convolutions; empty where they are."""
    shapes = {name: tuple(t.shape) for name, t in _named(contents, network).items()}
    expected = convolutions(network)
    present = [name for name in expected if f"{name}.weight" in shapes]
    if not present:
        return f"it has no VGG convolutions ({_some(contents.names)})"
    for name in list(expected)[: len(present)]:
        out, inputs = expected[name]
        for part, shape in ((f"{name}.weight", (out, inputs, 3, 3)), (f"{name}.bias", (out,))):
            if part not in shapes:
                return f"it lacks {part}"
            if shapes[part] != shape:
                return f"{part} is {shapes[part]}, expected {shape}"
    strays = set(shapes) - {f"{name}.{part}" for name in present for part in ("weight", "bias")}
    return f"it also has {_some(sorted(strays))}" if strays else ""


def _named(contents: Contents, network: str) -> dict[str, Tensor]:
    """The tensors under the papers' names, Keras' kernels turned round; other names stay as they came."""
    numbers = positions(network)
    named: dict[str, Tensor] = {}
    for name, tensor in contents.tensors.items():
        found = _NAMED.search(name)
        numbered = _NUMBERED.search(name)
        if found is not None:
            layer = f"conv{found[1]}_{found[2]}"
        else:
            layer = numbers.get(int(numbered[1]), name) if numbered is not None else name
        part = "bias" if tensor.ndim == 1 else "weight"
        turned = contents.container == "hdf5" and tensor.ndim == 4
        named[f"{layer}.{part}"] = tensor.permute(3, 2, 0, 1) if turned else tensor
    return named


def _converted(contents: Contents, network: str, path: Path) -> dict[str, Tensor]:
    named = _named(contents, network)
    ordered = [f"{name}.{part}" for name in convolutions(network) for part in ("weight", "bias")]
    converted: dict[str, Tensor] = {}
    for name in ordered:
        if name in named:
            converted[name] = _plain(named[name], name, path)
    return converted


def _plain(tensor: Tensor, name: str, path: Path) -> Tensor:
    """A float32 copy of its own: no view into a file that may change under us."""
    if tensor.layout is not torch.strided or not tensor.is_floating_point():
        raise WeightsError(f"{path}: {name} is {tensor.dtype}, expected plain floating-point numbers.")
    plain = torch.empty(tensor.shape, dtype=torch.float32).copy_(tensor)
    if not bool(torch.isfinite(plain).all()):
        raise WeightsError(f"{path}: {name} holds numbers that are not finite, so the file is damaged: fetch it again.")
    return plain


def _some(names: Iterable[str]) -> str:
    names = list(names)
    if not names:
        return "it holds nothing"
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
