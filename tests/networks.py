"""Networks of a VGG's shape, small enough for tests: seeded, few channels, every tap by its published name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.networks.margin import Margin
from impasto.networks.vgg import VGG
from impasto.networks.view import PLAIN, View
from impasto.objective import Objective
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.tiles import Tile, cut
from impasto.weights import Preprocessing, Weights
from impasto.weights.identify import BLOCKS

CHANNELS = (4, 5, 6, 6, 6)
BGR = Preprocessing("bgr", 255.0, (110.0, 120.0, 130.0), (50.0, 60.0, 70.0))
SHALLOW = ("relu1_1", "relu2_1", "relu3_1")


def tensors(network: str = "vgg19", seed: int = 0, channels: tuple[int, ...] = CHANNELS) -> dict[str, Tensor]:
    """Kernels that keep the size of what they are given, biases that keep some positions alive."""
    random = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}
    inputs = 3
    for block, (count, width) in enumerate(zip(BLOCKS[network], channels, strict=True), 1):
        for i in range(1, count + 1):
            kernel = torch.randn(width, inputs, 3, 3, generator=random)
            made[f"conv{block}_{i}.weight"] = kernel * (2 / (9 * inputs)) ** 0.5
            made[f"conv{block}_{i}.bias"] = 0.1 + 0.3 * torch.randn(width, generator=random)
            inputs = width
    return made


def weights(network: str = "vgg19", seed: int = 0, preprocessing: Preprocessing = BGR) -> Weights:
    return Weights(network, tensors(network, seed), preprocessing, "0" * 64, "made for a test", "none", "nobody")


def tiny(network: str = "vgg19", *, seed: int = 0, dtype: torch.dtype = torch.float32, **options: Any) -> VGG:  # noqa: ANN401 -- VGG's own
    """A small VGG; options are `pooling`, `padding` and `rescale`."""
    return VGG(weights(network, seed), **options).to(dtype=dtype)


class Projecting:
    """A network whose distances are measured after an affine map of its features: as the small network's are."""

    def __init__(self, inner: VGG, maps: Mapping[str, Tensor]) -> None:
        self.inner, self.maps = inner, maps
        self.name, self.sha256, self.layers, self.strides = inner.name, inner.sha256, inner.layers, inner.strides
        self.halo, self.minimum, self.workspace = inner.halo, inner.minimum, inner.workspace
        self.device = inner.device
        self.metrics = {layer: m.T @ m for layer, m in maps.items()}

    def viewed(self, view: View) -> Projecting:
        return type(self)(self.inner.viewed(view), self.maps)

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> Mapping[str, Tensor]:
        return self.inner(image, layers, margin)


class Projected(Projecting):
    """The same network with the maps carried out: what `metrics` are there to avoid."""

    def __init__(self, inner: VGG, maps: Mapping[str, Tensor]) -> None:
        super().__init__(inner, maps)
        self.metrics = {}

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> Mapping[str, Tensor]:
        features = self.inner(image, layers, margin)
        return {layer: affine(self.maps[layer], f) if layer in self.maps else f for layer, f in features.items()}


TRIALS = {(64, 64), (64, 128), (192, 192)}  # what the plan tries is let through


class Hungry:
    """A network that runs out of memory at one call, and ever after on pictures that are as large as that one."""

    def __init__(self, at: int, inner: VGG | None = None) -> None:
        inner = inner or tiny()
        self.at, self.calls, self.limit, self.inner = at, 0, float("inf"), inner
        self.name, self.sha256, self.layers, self.strides, self.metrics = (
            inner.name,
            inner.sha256,
            inner.layers,
            inner.strides,
            inner.metrics,
        )
        self.halo, self.minimum, self.workspace = inner.halo, inner.minimum, inner.workspace
        self.device = inner.device

    def viewed(self, view: View) -> Hungry:
        assert view == PLAIN, "a VGG looks in one way"
        return self

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> Mapping[str, Tensor]:
        self.calls += 1
        pixels, tried = image.shape[-1] * image.shape[-2], (*image.shape[-2:],) in TRIALS
        if self.calls == self.at and not tried:
            self.limit = pixels
        if pixels >= self.limit and not tried:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.inner(image, layers, margin)


def affine(m: Tensor, features: Tensor) -> Tensor:
    """A f + b at every position, for m = [A b]."""
    mapped = torch.einsum("oc,bchw->bohw", m[:, :-1], features)
    return mapped + m[:, -1].view(1, -1, 1, 1)


def maps(network: VGG, layers: tuple[str, ...], out: int = 9, seed: int = 5) -> dict[str, Tensor]:
    """A random affine map for each layer."""
    random = torch.Generator().manual_seed(seed)
    widths = {name: network(torch.zeros(1, 3, 32, 32), frozenset({name}))[name].shape[1] for name in layers}
    return {name: torch.randn(out, c + 1, generator=random, dtype=torch.float64) / c for name, c in widths.items()}


def image(height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Something with forms and colors: smooth noise with a little grain, kept inside of [0, 1]."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 5, generator=random, dtype=torch.float64)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    grain = torch.rand(1, 3, height, width, generator=random, dtype=torch.float64)
    made = (0.1 + 0.6 * smooth + 0.2 * grain).to(dtype)
    return made.contiguous(memory_format=torch.channels_last)


def picture(height: int, width: int, seed: int = 0) -> Picture:
    return Picture(image(height, width, seed).contiguous())


def recipe(**changes: Any) -> Recipe:  # noqa: ANN401 -- the knobs' types
    """Shallow layers, one level, few steps."""
    small: dict[str, Any] = {
        "network": "vgg19",
        "style_statistic": "gram",
        "content_layers": {"relu2_2": 1.0},
        "style_layers": dict.fromkeys(SHALLOW, 1.0),
        "size": 40,
        "first_level": 0,
        "steps": 6,
    }
    return Recipe(**{**small, **changes})


def tiles(network: VGG, height: int, width: int, layers: frozenset[str], side: int | None) -> tuple[Tile, ...]:
    """The picture cut for these layers."""
    stride = max((network.strides[name] for name in layers - {"image"}), default=1)
    return cut(height, width, side=side, halo=max(1, network.halo(layers)), stride=stride)


def value(objective: Objective, canvas: Tensor) -> float:
    return float(objective.evaluate(canvas, cut(*canvas.shape[-2:])).loss)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """As many threads for the work inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Import this where the machine's other work would slow small tensors down."""
    with threads(1):
        yield
