"""The small network that ships with Impasto: a chain of few convolutions, and how its distances look to VGG-19.

Its plan is a line of text in the weights' metadata, one word per operation:

    3:24      3x3 convolution to 24 channels and ReLU           2:32   2x2, stride 2, and ReLU
    1:64      1x1 convolution and ReLU                          4:32   4x4, stride 2, and ReLU
    avg, max  2x2 pooling, stride 2                             =relu2_1   the value here is the layer of that name
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.errors import LayerError, WeightsError
from impasto.networks import Features, missing
from impasto.networks.convolution import Convolution, Padding, convolve, halve, halving, stepping
from impasto.networks.margin import Margin
from impasto.networks.view import Turnable

STRIDED = ("2", "4", "avg", "max")


class Step(NamedTuple):
    """One word of a plan: an operation ("3", "2", "4", "1", "avg", "max") or a tap ("=")."""

    kind: str
    name: str  # of the convolution's tensors, or of the tapped layer
    channels: int


def parse(plan: str) -> tuple[Step, ...]:
    """'3:24 =relu1_1 2:32' -> steps, the convolutions named conv0, conv1, ..."""
    return tuple(_parse(plan))


def _parse(plan: str) -> Iterator[Step]:
    convolutions = 0
    for word in plan.split():
        kind, _, channels = word.partition(":")
        if word.startswith("="):
            yield Step("=", word[1:], 0)
        elif word in ("avg", "max"):
            yield Step(word, word, 0)
        elif kind in ("1", "2", "3", "4") and channels.isdecimal():
            yield Step(kind, f"conv{convolutions}", int(channels))
            convolutions += 1
        else:
            raise WeightsError(f"The plan of the network has the word {word!r}; this version cannot follow it.")


def strides(steps: tuple[Step, ...]) -> dict[str, int]:
    """Picture pixels per position of each tapped layer."""
    found, stride = {}, 1
    for step in steps:
        if step.kind == "=":
            found[step.name] = stride
        elif step.kind in STRIDED:
            stride *= 2
    return found


def radius(steps: tuple[Step, ...]) -> int:
    """How many pixels beyond its own stride x stride block the last position sees."""
    reach, stride = 0, 1
    for step in steps:
        if step.kind in ("3", "4"):
            reach += stride
        if step.kind in STRIDED:
            stride *= 2
    return reach


def encode(
    steps: tuple[Step, ...],
    kernels: Mapping[str, Convolution],
    y: Tensor,
    padding: Padding,
    margin: Margin | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """Follow the steps from a picture on, telling every tapped layer."""
    margin, stride = margin or Margin(), 1
    for step in steps:
        if step.kind in ("3", "4"):
            y = margin.spent(y, stride)
        if step.kind in STRIDED:
            stride *= 2
        if step.kind == "=":
            yield step.name, y
        elif step.kind == "avg":
            y = F.avg_pool2d(y, 2)
        elif step.kind == "max":
            y = F.max_pool2d(y, 2)
        else:
            shown = padding if step.kind in ("3", "4") else None
            kernel = kernels[step.name]
            y = halve(y, kernel, shown) if step.kind in STRIDED else convolve(y, kernel, padding=shown, relu=True)


def kernels(steps: tuple[Step, ...], tensors: Mapping[str, Tensor]) -> dict[str, Convolution]:
    """The convolutions by name, from their tensors."""
    found = {}
    for step in steps:
        if step.channels:
            made = halving if step.kind in STRIDED else stepping
            found[step.name] = made(tensors[f"{step.name}.weight"], tensors[f"{step.name}.bias"])
    return found


class Lite(Turnable):
    """A frozen small network. Colors are taken as they come: the first convolution knows their range."""

    name, workspace = "lite", 0

    def __init__(self, path: Path | None = None, *, padding: Padding = "reflect") -> None:
        path = path or Path(str(files(__package__).joinpath("lite.safetensors")))
        tensors, self.metadata = _read(path)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.padding: Padding = padding
        self.steps = parse(self.metadata["plan"])
        self.strides = strides(self.steps)
        self.layers = tuple(self.strides)
        self.tensors = {n: t.float() for n, t in tensors.items() if not n.startswith("head.")}
        self.heads: Mapping[str, Tensor] = {n: tensors[f"head.{n}"].float() for n in self.layers}
        self.metrics: Mapping[str, Tensor] = {n: head.T @ head for n, head in self.heads.items()}
        self.to()

    def to(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move the kernels, channels-last as the pictures are; the metrics move too but stay float32."""
        for name, tensor in self.tensors.items():
            form = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
            self.tensors[name] = tensor.to(device=device, dtype=dtype, memory_format=form)
        self.kernels = kernels(self.steps, self.tensors)
        self.views = {}
        self.heads = {n: head.to(device=device) for n, head in self.heads.items()}
        self.metrics = {n: metric.to(device=device) for n, metric in self.metrics.items()}
        return self

    def halo(self, layers: frozenset[str]) -> int:
        """Radius of the deepest layer's receptive field, in pixels around a position's own block."""
        return radius(self._until(layers))

    def minimum(self, layers: frozenset[str]) -> int:
        """The deepest layer keeps at least one position, two where it is padded by reflection."""
        deepest = max(strides(self._until(layers)).values(), default=0)
        return max(1, deepest * (2 if self.padding == "reflect" else 1))

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> Features:
        """Features of an RGB picture (1, 3, H, W) in [0, 1] at the layers asked for, and "image" itself."""
        steps = self._until(layers)
        if min(image.shape[-2:]) < self.minimum(layers):
            height, width = image.shape[-2:]
            raise LayerError(
                f"A picture of {width} x {height} is too small for the lite network: both sides must have at least "
                f"{self.minimum(layers)} pixels."
            )
        y = image.to(self.tensors["conv0.weight"].dtype)
        tapped = encode(steps, self.kernels, y, self.padding, margin)
        return {"image": image} | {name: y for name, y in tapped if name in layers}

    def _until(self, layers: frozenset[str]) -> tuple[Step, ...]:
        """The plan down to the deepest layer asked for."""
        for name in sorted(layers - {"image"} - set(self.layers)):
            raise missing(self.name, name, self.layers)
        taps = [i for i, step in enumerate(self.steps, 1) if step.kind == "=" and step.name in layers]
        return self.steps[: max(taps, default=0)]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a weights file that holds all that its plan names."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            metadata = dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name} cannot be read as weights of the lite network: {error}.") from error
    _check(tensors, metadata, path.name)
    return tensors, metadata


def _check(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], name: str) -> None:
    """Every kernel and head that the plan names is there, of the shape that the plan says."""
    channels = 3
    for step in parse(metadata.get("plan", "")):
        if step.kind == "=":
            fits = tensors.get(f"head.{step.name}", torch.empty(0)).shape[1:] == (channels + 1,)
        elif step.channels:
            size = int(step.kind)
            shape = tensors.get(f"{step.name}.weight", torch.empty(0)).shape
            fits = shape == (step.channels, channels, size, size) and f"{step.name}.bias" in tensors
            channels = step.channels
        else:
            continue
        if not fits:
            raise WeightsError(f"{name} lacks {step.name}, or holds it in another shape than its plan says.")
    if channels == 3:
        raise WeightsError(f"{name} has no plan of a lite network in its metadata; use the file that came with it.")
