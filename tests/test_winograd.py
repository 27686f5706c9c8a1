"""Winograd's convolution against torch's in float64: sizes, borders, bands; and who is told to use it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import image, tiny
from test_convolution import framed
from test_objective import everything
from torch import Tensor

from impasto.networks import winograd
from impasto.networks.convolution import Padding, convolve, stepping
from impasto.tiles import cut

TOLERANCE = 3e-5  # of the largest value
pytestmark = pytest.mark.skipif(not winograd.at_hand(), reason="torch's library for it does not run here")


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def near(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert float((ours.double() - theirs).abs().max()) <= TOLERANCE * float(theirs.abs().max())


@pytest.fixture
def preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chosen wherever it can be, by small kernels and small pictures, on any processor, in bands of few rows."""
    for name, value in (("CHANNELS", 1), ("POSITIONS", 1), ("WORKSPACE", 20e3), ("pays", lambda: True)):
        monkeypatch.setattr(winograd, name, value)


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(3, 40),
    width=st.integers(3, 40),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    padding=st.integers(0, 2),
    relu=st.booleans(),
    biased=st.booleans(),
    room=st.sampled_from([1.0, 2e4, 1e5, 1e9]),
)
def test_it_is_the_convolution_in_bands_of_any_height(
    height: int, width: int, channels: tuple[int, int], padding: int, relu: bool, biased: bool, room: float
) -> None:
    y, weight = numbers(1, channels[0], height, width, seed=0), numbers(channels[1], channels[0], 3, 3, seed=1)
    bias = numbers(channels[1], seed=2) if biased else None
    theirs = F.conv2d(y.double(), weight.double(), None if bias is None else bias.double(), padding=padding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "WORKSPACE", room)
        ours = winograd.convolve(y, weight, bias, padding, relu=relu)
    scale = float(theirs.abs().max())
    assert float((ours.double() - (theirs.relu() if relu else theirs)).abs().max()) <= TOLERANCE * scale


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), channels=st.integers(2, 1024))
def test_bands_are_alike_made_of_whole_squares_and_have_room(height: int, width: int, channels: int) -> None:
    rows = winograd.rows_at_once(height, width, channels)
    count, squares = -(-height // rows), -(-width // winograd.SIDE) * rows // winograd.SIDE
    assert rows % winograd.SIDE == 0
    assert rows == winograd.SIDE or squares * channels * winograd.TURNED <= winograd.WORKSPACE
    assert count * rows - height < winograd.SIDE * count


def test_the_room_that_is_planned_for_is_one_kernels_and_one_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "pays", lambda: True)
    kernels = [numbers(64, 3, 3, 3, seed=0), numbers(512, 8, 3, 3, seed=0)]
    assert winograd.workspace(kernels) == winograd.WORKSPACE + 512 * 8 * 256
    assert winograd.workspace(kernel.bfloat16() for kernel in kernels) == 0
    assert winograd.workspace([numbers(63, 63, 3, 3, seed=0)]) == 0
    monkeypatch.setattr(winograd, "pays", lambda: False)
    assert winograd.workspace(kernels) == 0


@pytest.mark.parametrize("padding", [None, "reflect", "replicate", "zero"])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.usefixtures("preferred")
def test_the_way_back_is_torchs(padding: Padding | None, relu: bool) -> None:
    y, weight, bias = numbers(1, 4, 23, 17, seed=3), numbers(5, 4, 3, 3, seed=4), numbers(5, seed=5)
    exact = y.double().requires_grad_()
    theirs = F.conv2d(framed(exact, padding), weight.double(), bias.double())
    y.requires_grad_()
    ours = convolve(y, stepping(weight, bias, fewer=True), padding=padding, relu=relu)
    theirs = theirs.relu() if relu else theirs
    near(ours.detach(), theirs.detach())
    weights = numbers(*ours.shape, seed=6)
    (slope,) = torch.autograd.grad((ours * weights).sum(), y)
    near(slope, torch.autograd.grad((theirs * weights.double()).sum(), exact)[0])


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("padding", ["zero", "replicate", "reflect"])
def test_a_network_sees_the_same_and_its_slopes_too(
    padding: str, pooling: str, monkeypatch: pytest.MonkeyPatch, preferred: None
) -> None:
    def evaluated() -> tuple[Tensor, Tensor]:
        objective = everything(tiny(padding=padding, pooling=pooling), 61, 43)
        seen = objective.evaluate(image(61, 43, 3), cut(61, 43))
        return seen.losses, seen.gradient

    losses, gradient = evaluated()
    monkeypatch.setattr(winograd, "pays", lambda: False)
    plain_losses, plain_gradient = evaluated()
    assert not torch.equal(gradient, plain_gradient)  # it was another way
    torch.testing.assert_close(losses, plain_losses, rtol=1e-3, atol=1e-9)
    assert float((gradient - plain_gradient).norm()) <= 1e-3 * float(plain_gradient.norm())


@pytest.mark.usefixtures("preferred")
def test_the_same_numbers_give_the_same_bytes() -> None:
    y, weight = numbers(1, 8, 50, 60, seed=7), numbers(8, 8, 3, 3, seed=8)
    assert torch.equal(winograd.convolve(y, weight, None, 1), winograd.convolve(y.clone(), weight, None, 1))


@pytest.mark.usefixtures("preferred")
def test_what_it_cannot_do_is_left_to_others() -> None:
    kernel = numbers(5, 4, 3, 3, seed=9)
    assert winograd.suits(numbers(1, 4, 20, 20, seed=0), kernel)
    assert not winograd.suits(numbers(1, 4, 20, 20, seed=0).double(), kernel)
    assert not winograd.suits(numbers(1, 4, 20, 20, seed=0).bfloat16(), kernel)
    assert not winograd.suits(numbers(2, 4, 20, 20, seed=0), kernel)
    assert not winograd.suits(numbers(1, 4, 20, 20, seed=0), numbers(5, 4, 1, 1, seed=0))
    assert not winograd.suits(numbers(1, 4, 20, 20, seed=0).to("meta"), kernel)


def test_it_pays_for_many_channels_and_positions_where_nothing_wider_is_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, many = numbers(16, 16, 3, 3, seed=0), numbers(64, 3, 3, 3, seed=0)
    for capability, quicker in (("AVX2", True), ("AVX512", False), ("DEFAULT", False)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)  # noqa: B023 -- called at once
        winograd.pays.cache_clear()
        assert winograd.suits(torch.empty(1, 3, 40, 40), many) == quicker
        assert not winograd.suits(torch.empty(1, 3, 39, 40), many)
        assert not winograd.suits(torch.empty(1, 16, 40, 40), few)
    winograd.pays.cache_clear()
