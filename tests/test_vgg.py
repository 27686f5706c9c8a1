"""VGG against the same convolutions chained by hand, and what it says of itself against what it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from networks import BGR, image, tensors, tiny, weights
from torch import Tensor, nn

from impasto.errors import LayerError, WeightsError
from impasto.networks.convolution import Padding
from impasto.networks.kernel import Kernel
from impasto.networks.vgg import VGG, Pooling, normalize
from impasto.weights import Preprocessing

BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # Simonyan & Zisserman, table 1, columns D and E
PaddingMode = Literal["zeros", "reflect", "replicate"]  # torch's names
PADDINGS: tuple[Padding, ...] = ("zero", "replicate", "reflect")
POOLINGS: tuple[Pooling, ...] = ("max", "average")


def chained(network: str, pooling: str, padding: str, rescale: bool) -> dict[str, nn.Module]:
    """Layer name -> module, from the paper's table, with the kernels of `tensors`."""
    kernels, chain = tensors(network), dict[str, nn.Module]()
    for block, count in enumerate(BLOCKS[network], 1):
        for i in range(1, count + 1):
            kernel = kernels[f"conv{block}_{i}.weight"]
            first: PaddingMode = "replicate" if block == i == 1 else "zeros"
            mode: PaddingMode = "reflect" if padding == "reflect" else "zeros" if padding == "zero" else first
            conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1, padding_mode=mode)
            conv.load_state_dict({"weight": kernel, "bias": kernels[f"conv{block}_{i}.bias"]})
            chain[f"conv{block}_{i}"], chain[f"relu{block}_{i}"] = conv.double(), nn.ReLU()
        pool: nn.Module = nn.MaxPool2d(2, 2) if pooling == "max" else nn.AvgPool2d(2, 2)
        chain[f"pool{block}"] = nn.Sequential(pool, Double()) if rescale else pool
    return chain


class Double(nn.Module):
    def forward(self, y: Tensor) -> Tensor:
        return 2 * y


@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
@pytest.mark.parametrize("pooling", ["max", "average", "average, rescaled"])
@pytest.mark.parametrize("padding", PADDINGS)
def test_every_layer_equals_the_published_chain(network: str, pooling: str, padding: Padding) -> None:
    kind, _, rescale = pooling.partition(", ")
    ours = tiny(network, dtype=torch.float64, pooling=kind, padding=padding, rescale=bool(rescale))
    chain = chained(network, kind, padding, bool(rescale))
    assert ours.layers == tuple(chain)
    assert ours.name == network

    photo = image(45, 51, dtype=torch.float64)
    features = ours(photo, frozenset(ours.layers))
    y = (255 * photo.flip(1) - torch.tensor(BGR.mean).view(3, 1, 1)) / torch.tensor(BGR.std).view(3, 1, 1)
    for name, module in chain.items():
        y = module(y)
        torch.testing.assert_close(features[name], y, rtol=1e-12, atol=1e-12)
        assert features[name].shape[-2:] == (45 // ours.strides[name], 51 // ours.strides[name])
    assert features["image"] is photo


def test_conv_taps_are_the_values_before_the_relu() -> None:
    features = tiny()(image(32, 32), frozenset({"conv1_1", "relu1_1", "conv3_1", "relu3_1", "pool5"}))
    for block in ("1_1", "3_1"):
        before, after = features[f"conv{block}"], features[f"relu{block}"]
        assert float(before.min()) < 0
        assert torch.equal(before.clamp_min(0), after)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_preprocessing_is_channel_order_then_scale_then_mean_then_deviation(order: str) -> None:
    how = Preprocessing(order, 100.0, (1.0, 2.0, 3.0), (10.0, 20.0, 40.0))  # type: ignore[arg-type]
    red, green, blue = 0.2, 0.5, 0.9
    ours = normalize(torch.tensor([red, green, blue]).view(1, 3, 1, 1), how).flatten()
    first, last = (red, blue) if order == "rgb" else (blue, red)
    expected = [(100 * first - 1) / 10, (100 * green - 2) / 20, (100 * last - 3) / 40]
    torch.testing.assert_close(ours, torch.tensor(expected))


def test_work_stops_at_the_deepest_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    convolve = Kernel.__call__

    def counted(self: Kernel, *args: Any, **options: Any) -> Tensor:  # noqa: ANN401 -- those of a kernel
        nonlocal calls
        calls += 1
        return convolve(self, *args, **options)

    monkeypatch.setattr(Kernel, "__call__", counted)
    network = tiny()
    for layer, convolutions in [("image", 0), ("conv1_1", 1), ("relu2_1", 3), ("pool2", 4), ("conv5_4", 16)]:
        calls = 0
        network(image(32, 32), frozenset({layer, "image"}))
        assert calls == convolutions


@pytest.mark.parametrize("padding", PADDINGS)
def test_minimum_is_the_least_that_works(padding: Padding) -> None:
    network = tiny(padding=padding)
    for layer in network.layers:
        one = frozenset({layer})
        least = network.minimum(one)
        assert min(network(torch.zeros(1, 3, least, least + 3), one)[layer].shape) > 0
        if least > 1:
            with pytest.raises(LayerError, match=f"{least - 1} x {least} is too small for {layer}.*{least} pixels"):
                network(torch.zeros(1, 3, least, least - 1), one)
            with pytest.raises((RuntimeError, ValueError)):  # and not from too much caution
                unchecked(network, torch.zeros(1, 3, least, least - 1), layer)
    assert network.minimum(frozenset({"image"})) == 1


def unchecked(network: VGG, picture: Tensor, layer: str) -> None:
    """The features without the check of the size; a ValueError where there are none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "minimum", lambda _: 1)
        if network(picture, frozenset({layer}))[layer].numel() == 0:
            raise ValueError("no positions")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layer", ["image", "conv1_1", "relu1_2", "pool1", "relu2_1", "relu3_2", "pool3", "conv4_1"])
def test_halo_is_how_far_a_position_sees(layer: str, pooling: Pooling) -> None:
    """By the gradient with respect to the pixels: nothing from beyond the halo, something from its edge."""
    network = tiny(pooling=pooling, dtype=torch.float64)
    halo, stride = network.halo(frozenset({layer})), network.strides.get(layer, 1)
    start = -(-halo // stride) * stride + stride
    size = start + stride + halo + stride
    size += -size % stride
    reach_low, reach_high = size, 0
    for seed in range(4):  # where a ReLU is closed a path is cut, so look several times
        photo = image(size, size, seed, torch.float64).requires_grad_()
        features = network(photo, frozenset({layer}))[layer]
        (slope,) = torch.autograd.grad(features[..., start // stride, start // stride].square().sum(), photo)
        touched = slope.abs().sum((0, 1)).nonzero()
        reach_low, reach_high = min(reach_low, int(touched.min())), max(reach_high, int(touched.max()))
    assert start - halo <= reach_low
    assert reach_high < start + stride + halo
    if pooling == "average":  # max pooling takes one of the four, so it may look elsewhere
        assert reach_low <= start - halo + stride // 2
        assert reach_high >= start + stride + halo - 1 - stride // 2


def test_unknown_layers_are_refused_by_name() -> None:
    network = tiny("vgg16")
    for ask in (network.halo, network.minimum, lambda layers: network(image(32, 32), layers)):
        with pytest.raises(LayerError, match=r"vgg16 has no layer 'relu6_6'.*; it has conv1_1, relu1_1"):
            ask(frozenset({"relu1_1", "relu6_6"}))
    with pytest.raises(LayerError, match="no layer 'conv3_4'"):
        network.halo(frozenset({"conv3_4"}))  # VGG-19 has it


def test_weights_that_end_early_say_where() -> None:
    part = {name: t for name, t in tensors().items() if name < "conv3_3"}
    network = VGG(replace(weights(), tensors=part))
    assert network.layers[-1] == "relu3_2"
    assert network(image(16, 16), frozenset({"relu3_2"}))["relu3_2"].shape[-1] == 4
    with pytest.raises(LayerError, match="The weights end at relu3_2, before relu4_1"):
        network(image(16, 16), frozenset({"relu4_1"}))
    with pytest.raises(WeightsError, match="no convolution of vgg19"):
        VGG(replace(weights(), tensors={}))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_features_have_the_type_of_the_weights_and_the_picture_keeps_its_own(dtype: torch.dtype) -> None:
    features = tiny(dtype=dtype)(image(32, 32), frozenset({"relu2_1"}))
    assert features["relu2_1"].dtype == dtype
    assert features["image"].dtype == torch.float32


def test_moving_a_network_leaves_the_weights_it_was_made_from() -> None:
    loaded = weights()
    VGG(loaded).to(dtype=torch.float64)
    assert all(t.dtype == torch.float32 for t in loaded.tensors.values())


def beyond(ours: Tensor, theirs: Tensor) -> float:
    """The largest error that is not explained by the last rounding to 16 bits."""
    return float(((ours - theirs).abs() - 2**-8 * theirs.abs()).max().detach())


def test_in_sixteen_bits_the_picture_itself_is_not_rounded() -> None:
    """What the first convolution gives is as near as the rounding of its result allows; slopes reach the picture."""
    network, seen = tiny(dtype=torch.bfloat16), image(24, 32).requires_grad_()
    ours = network(seen, frozenset({"conv1_1"}))["conv1_1"]
    kernel, bias = (tensors()[f"conv1_1.{name}"].bfloat16().double() for name in ("weight", "bias"))
    normal = normalize(seen, BGR)
    theirs = nn.functional.conv2d(normal.double(), kernel, bias, padding=1)
    assert beyond(ours, theirs) < 1e-3
    rounded = nn.functional.conv2d(normal.bfloat16().double(), kernel, bias, padding=1)  # it would show
    assert beyond(rounded, theirs) > 3e-3
    slopes = [torch.autograd.grad(y.double().sum(), seen, retain_graph=True)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*slopes, rtol=0.02, atol=0.02 * float(slopes[1].abs().max()))
