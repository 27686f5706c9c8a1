"""Looking in other ways: what the turned network sees is what the network sees in the turned picture."""

from __future__ import annotations

import copy
import pickle
from itertools import product

import pytest
import torch
from networks import image, tiny
from torch import Tensor

from impasto.networks import Network
from impasto.networks.lite import Lite
from impasto.networks.vgg import VGG
from impasto.networks.view import MIRRORED, PLAIN, WAYS, Turnable, View, turned

ALL = [View(*ways) for ways in product((False, True), repeat=3)]


def shown(picture: Tensor, view: View) -> Tensor:
    """The picture as it is held before the network."""
    picture = picture.transpose(-1, -2) if view.aside else picture
    picture = picture.flip(-1) if view.mirrored else picture
    return picture.flip(-2) if view.inverted else picture


def network(kind: str) -> Network:
    return Lite(padding="replicate").to(dtype=torch.float64) if kind == "lite" else tiny(dtype=torch.float64)


@pytest.mark.parametrize("kind", ["lite", "vgg19"])
@pytest.mark.parametrize("view", ALL, ids=str)
def test_it_sees_in_the_picture_what_the_other_sees_in_the_turned_one(view: View, kind: str) -> None:
    plain = network(kind)
    layers = frozenset({"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"})
    canvas = image(48, 80, 5, torch.float64)
    ours, theirs = plain.viewed(view)(canvas, layers), plain(shown(canvas, view).contiguous(), layers)
    for layer in layers:
        torch.testing.assert_close(shown(ours[layer], view), theirs[layer], rtol=1e-9, atol=1e-12)
    if view != PLAIN:
        assert not torch.allclose(ours["relu3_1"], plain(canvas, layers)["relu3_1"], rtol=1e-2)


@pytest.mark.parametrize("kind", ["lite", "vgg19"])
def test_the_same_object_looks_whenever_it_is_asked_for(kind: str) -> None:
    """What it saw in a painting can be recalled; and what moves the network moves those that come after."""
    plain = network(kind)
    assert plain.viewed(PLAIN) is plain
    assert isinstance(plain, Turnable)
    assert plain.viewed(ALL[3]) is plain.viewed(ALL[3]) is not plain
    assert plain.viewed(ALL[3]).sha256 == plain.sha256
    before, moved = plain.viewed(ALL[3]), plain.to(dtype=torch.float32)
    assert moved.viewed(ALL[3]) is not before
    assert moved.viewed(ALL[3])(image(32, 32, 1), frozenset({"relu1_1"}))["relu1_1"].dtype == torch.float32


def test_as_many_ways_as_are_asked_for_all_different() -> None:
    """And whoever takes a turn later brings other ways."""
    for most, parts in WAYS.items():
        every = [way for ways in parts for way in ways]
        assert max(map(len, parts)) == most
        assert len(set(every)) == len(every)
        assert PLAIN in every
    assert WAYS[1] == ((PLAIN,),)
    assert len(WAYS[2]) == 2
    assert set(*WAYS[8]) == set(ALL)


def test_two_turns_may_bring_a_kernel_back() -> None:
    kernel = torch.randn(4, 3, 3, 3)
    for view in ALL:
        again = turned(turned(kernel, view), view)
        straight = not view.aside or view.mirrored == view.inverted  # else it is turned by a quarter
        assert torch.equal(again, kernel) == straight


@pytest.mark.parametrize("network", [Lite(), tiny()], ids=["lite", "VGG"])
def test_a_network_that_has_looked_can_be_copied_and_sent_to_another_process(network: Lite | VGG) -> None:
    seen, layers = image(64, 64), frozenset({"relu1_1", "relu3_1"})
    there = network.viewed(MIRRORED)(seen, layers)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        again = other.viewed(MIRRORED)(seen, layers)
        assert all(torch.equal(there[name], again[name]) for name in layers)
