"""The small network: its file, its layers, its geometry, and how its distances look to the big one."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from impasto.errors import LayerError, WeightsError
from impasto.networks.convolution import Padding
from impasto.networks.lite import Lite, encode, kernels, parse, radius, strides

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
TINY = "3:4 =relu1_1 2:5 =relu2_1 avg 3:6 =relu3_1"


@pytest.fixture(scope="module")
def lite() -> Lite:
    return Lite()


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def tiny(path: Path, **changes: Tensor | None) -> Path:
    """A file of a network with random weights; tensors may be replaced, or left out by None."""
    generator = torch.Generator().manual_seed(1)
    shapes = {"conv0": (4, 3, 3, 3), "conv1": (5, 4, 2, 2), "conv2": (6, 5, 3, 3)}
    tensors: dict[str, Tensor | None] = {}
    for name, shape in shapes.items():
        tensors[f"{name}.weight"] = torch.randn(shape, generator=generator)
        tensors[f"{name}.bias"] = torch.randn(shape[0], generator=generator)
    for name, channels in {"relu1_1": 4, "relu2_1": 5, "relu3_1": 6}.items():
        tensors[f"head.{name}"] = torch.randn(9, channels + 1, generator=generator)
    kept = {n.replace("__", "."): t for n, t in {**tensors, **changes}.items() if t is not None}
    save_file(kept, path, {"plan": TINY})
    return path


def test_ships_with_the_layers_that_the_literature_names(lite: Lite) -> None:
    assert lite.layers == LAYERS
    assert [lite.strides[n] for n in LAYERS] == [1, 2, 4, 8, 8, 16]


def test_shipped_file_is_small_and_says_how_it_was_made(lite: Lite) -> None:
    import impasto.networks

    file = Path(impasto.networks.__file__).parent / "lite.safetensors"
    assert file.stat().st_size < 4e6
    assert {"plan", "recipe", "data", "targets", "date", "explained", "license"} <= set(lite.metadata)
    assert set(json.loads(lite.metadata["explained"])) == set(LAYERS)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (63, 95), (101, 37)])
def test_every_size_from_the_minimum_on_gives_floored_grids(lite: Lite, height: int, width: int) -> None:
    features = lite(picture(height, width), frozenset(LAYERS))
    for name in LAYERS:
        s = lite.strides[name]
        assert features[name].shape[-2:] == (height // s, width // s)
        assert torch.isfinite(features[name]).all()


def test_stops_at_the_deepest_layer_asked_for_and_hands_the_picture_through(lite: Lite) -> None:
    x = picture(32, 40)
    features = lite(x, frozenset({"relu2_1"}))
    assert set(features) == {"image", "relu2_1"}
    assert features["image"] is x
    assert set(lite(picture(1, 1), frozenset())) == {"image"}


def test_layers_do_not_depend_on_which_others_are_asked_for(lite: Lite) -> None:
    x = picture(48, 48)
    together = lite(x, frozenset(LAYERS))
    for name in LAYERS:
        assert torch.equal(lite(x, frozenset({name}))[name], together[name])


def test_a_picture_too_small_is_refused_in_words(lite: Lite) -> None:
    assert lite.minimum(frozenset({"relu5_1"})) == 32
    with pytest.raises(LayerError, match=r"31 x 40.*at least 32"):
        lite(picture(40, 31), frozenset({"relu5_1"}))
    with pytest.raises(LayerError, match=r"relu9_1.*it has relu1_1"):
        lite(picture(40, 40), frozenset({"relu9_1"}))


@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
def test_a_tile_with_its_halo_gives_the_whole_pictures_features(padding: str) -> None:
    network = Lite(padding=padding)  # type: ignore[arg-type]
    x = picture(256, 320)
    for name in LAYERS:
        layers, s = frozenset({name}), network.strides[name]
        halo = -(-network.halo(layers) // 16) * 16
        top, left, side = 112, 128, 32
        whole = network(x, layers)[name][..., top // s : (top + side) // s, left // s : (left + side) // s]
        cut = x[..., top - halo : top + side + halo, left - halo : left + side + halo]
        inner = network(cut, layers)[name][..., halo // s : (halo + side) // s, halo // s : (halo + side) // s]
        torch.testing.assert_close(inner, whole)


def test_the_halo_is_the_receptive_field_and_no_more(lite: Lite) -> None:
    """Moving a pixel changes features no farther than the halo, and as far as the halo."""
    x = picture(256, 256).requires_grad_(True)
    for name in LAYERS:
        s, layers = lite.strides[name], frozenset({name})
        at = 128 // s
        (gradient,) = torch.autograd.grad(lite(x, layers)[name][..., at, at].sum(), x)
        rows = gradient.abs().sum((0, 1, 3)).nonzero()
        assert rows.min().item() >= 128 - lite.halo(layers)
        assert rows.max().item() < 128 + s + lite.halo(layers)


def test_metrics_measure_as_explicitly_predicted_features_do(lite: Lite) -> None:
    """tr(M D M D) is the squared distance of the Gram matrices of A f + b, value and gradient."""
    x, y = picture(64, 64).requires_grad_(True), picture(64, 64, seed=1)
    for name in LAYERS:
        f, g = (lite(p, frozenset({name}))[name][0].flatten(1) for p in (x, y))
        head, metric = lite.heads[name].double(), lite.metrics[name].double()
        moments = [_moments(torch.cat([t, torch.ones(1, t.shape[1])]).double()) for t in (f, g)]
        carried = metric @ (moments[0] - moments[1])
        projected = [_moments(head[:, :-1] @ t.double() + head[:, -1:]) for t in (f, g)]
        ours, theirs = (carried * carried.T).sum(), (projected[0] - projected[1]).square().sum()
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=0)
        gradients = [torch.autograd.grad(v, x, retain_graph=True)[0] for v in (ours, theirs)]
        torch.testing.assert_close(*gradients, rtol=1e-2, atol=1e-4 * gradients[1].abs().max().item())


def _moments(f: Tensor) -> Tensor:
    return f @ f.T / f.shape[1]


def test_metrics_are_symmetric_and_positive_semidefinite(lite: Lite) -> None:
    for name in LAYERS:
        metric = lite.metrics[name]
        channels = lite(picture(32, 32), frozenset({name}))[name].shape[1]
        assert metric.shape == (channels + 1, channels + 1)
        assert metric.dtype == torch.float32
        torch.testing.assert_close(metric, metric.T)
        eigenvalues = torch.linalg.eigvalsh(metric.double())
        assert eigenvalues.min() > -1e-5 * eigenvalues.max()


def test_half_precision_keeps_metrics_and_is_close(lite: Lite) -> None:
    x = picture(64, 64)
    half = Lite().to(dtype=torch.bfloat16)
    for name in LAYERS:
        exact, rough = (n(x, frozenset({name}))[name] for n in (lite, half))
        assert rough.dtype == torch.bfloat16
        assert half.metrics[name].dtype == torch.float32
        assert (rough.float() - exact).norm() < 0.05 * exact.norm()


def test_channels_last_in_channels_last_out(lite: Lite) -> None:
    x = picture(64, 64).contiguous(memory_format=torch.channels_last)
    for name, f in lite(x, frozenset(LAYERS)).items():
        assert f.is_contiguous(memory_format=torch.channels_last), name


def test_borders_are_alive(lite: Lite) -> None:
    """On a flat gray picture the frame looks like the middle: nothing for an optimizer to darken."""
    features = lite(torch.full((1, 3, 128, 128), 0.5), frozenset(LAYERS))
    for name in LAYERS:
        f = features[name]
        middle = f[..., f.shape[-2] // 2, f.shape[-1] // 2][..., None, None]
        torch.testing.assert_close(f, middle.expand_as(f), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize(("height", "width"), [(12, 16), (13, 17), (4, 5)])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float64, 1e-14), (torch.float32, 1e-6)])
def test_the_strided_kernel_is_the_one_that_the_plan_says(
    padding: Padding, height: int, width: int, dtype: torch.dtype, rounding: float
) -> None:
    """Forward and backward as torch's own 4x4 convolution of stride 2 in float64, up to the rounding of large terms."""
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(2, 3, height, width, generator=generator, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((5, 3, 4, 4), (5,)))
    steps = parse("4:5 =relu1_1")
    made = kernels(steps, {"conv0.weight": weight.to(dtype), "conv0.bias": bias.to(dtype)})
    ((_, ours),) = encode(steps, made, x.to(dtype), padding)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), "constant" if padding == "zero" else padding)
    theirs = torch.nn.functional.conv2d(padded, weight, bias, stride=2).relu()
    slopes = [torch.autograd.grad(y.square().sum(), x)[0] for y in (ours, theirs)]
    for mine, exact in ((ours, theirs), slopes):
        bound = rounding * float(exact.detach().abs().max())
        torch.testing.assert_close(mine.to(exact), exact, rtol=0, atol=bound)


def test_plans_read_as_geometry() -> None:
    steps = parse(TINY)
    assert strides(steps) == {"relu1_1": 1, "relu2_1": 2, "relu3_1": 4}
    assert radius(steps) == 1 + 4


def test_a_file_of_another_plan_works(tmp_path: Path) -> None:
    network = Lite(tiny(tmp_path / "tiny.safetensors"))
    assert network.layers == ("relu1_1", "relu2_1", "relu3_1")
    assert network(picture(9, 11), frozenset({"relu3_1"}))["relu3_1"].shape == (1, 6, 2, 2)


@pytest.mark.parametrize(
    "changes",
    [{"conv1__weight": None}, {"conv1.weight": torch.zeros(5, 4, 3, 3)}, {"conv2.bias": None}, {"head.relu2_1": None}],
)
def test_a_file_that_lacks_a_piece_is_refused(tmp_path: Path, changes: dict[str, Tensor | None]) -> None:
    changes = {n.replace("__", "."): t for n, t in changes.items()}
    with pytest.raises(WeightsError, match=r"tiny\.safetensors lacks"):
        Lite(tiny(tmp_path / "tiny.safetensors", **changes))


def test_missing_files_and_unknown_plans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors cannot be read"):
        Lite(tmp_path / "none.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "empty.safetensors")
    with pytest.raises(WeightsError, match="no plan"):
        Lite(tmp_path / "empty.safetensors")


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="1234:avgmx=relu_ 07", max_size=40))
def test_plans_parse_or_are_refused_in_words(plan: str) -> None:
    with suppress_refusal("cannot follow"):
        assert all(step.kind in ("1", "2", "3", "4", "avg", "max", "=") for step in parse(plan))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3000))
def test_damaged_files_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    path = tiny(tmp_path_factory.mktemp("lite") / "tiny.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[:at] + junk + data[at + len(junk) :])
    with suppress_refusal(r"tiny\.safetensors|cannot follow"):
        Lite(path)


@contextmanager
def suppress_refusal(words: str) -> Iterator[None]:
    """Either it works, or it is refused in these words."""
    try:
        yield
    except WeightsError as error:
        if not re.search(words, str(error)):
            raise
