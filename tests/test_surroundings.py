"""Whatever a program has told torch for its own sake, the same picture is painted, and what was told stays told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from networks import one_thread
from torch import Tensor

import impasto
from impasto import Painting, Recipe
from impasto.events import Finished

__all__ = ["one_thread"]


@contextmanager
def numbers_of(kind: torch.dtype) -> Iterator[None]:
    """Where nothing else is said."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64 by default": lambda: numbers_of(torch.float64),
    "float16 by default": lambda: numbers_of(torch.float16),
    "a default device": lambda: torch.device("meta"),  # whose tensors hold nothing
}
PHOTO, PAINTING = (np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8) for seed in (1, 2))
QUICK = Recipe(size=80, first_level=48, steps=6, steps_least=4)


def told(recipe: Recipe = QUICK) -> Tensor:
    """By the generator, with all that it needs made in the same surroundings."""
    photo, painting = impasto.read(PHOTO), impasto.read(PAINTING)
    *_, last = impasto.paint(photo, [Painting(painting)], recipe, network=impasto.open_network(recipe))
    assert isinstance(last, Finished)
    return last.image


WAYS: dict[str, Callable[[], Tensor]] = {
    "stylize": lambda: impasto.stylize(PHOTO, PAINTING, QUICK).rgb,
    "texture": lambda: impasto.texture(PAINTING, QUICK, size=48, tileable=True).rgb,
    "paint": told,
    "stylize, noise and regions": lambda: (
        impasto.stylize(PHOTO, PAINTING, QUICK, start="noise", regions=[(PAINTING, PHOTO)], strength_map=PHOTO).rgb
    ),
    "paint, one look at all": lambda: told(QUICK.changed(style_statistic="sliced", content_measure="self-similarity")),
    "paint, Adam, averaged": lambda: told(QUICK.changed(optimizer="adam", average=0.9, detail=0.5)),
}


@cache
def alone(way: str) -> Tensor:
    return WAYS[way]()


@pytest.mark.parametrize("name", SURROUNDINGS)
@pytest.mark.parametrize("way", WAYS)
def test_the_same_bytes(way: str, name: str) -> None:
    beforehand = alone(way)
    with SURROUNDINGS[name]():
        within = WAYS[way]()
    assert torch.equal(within, beforehand)


def test_tensors_made_in_inference_mode() -> None:
    with torch.inference_mode():
        photo, painting = (torch.from_numpy(each).permute(2, 0, 1) / 255 for each in (PHOTO, PAINTING))
        ramp = torch.linspace(0, 1, 80).expand(1, 60, 80)
        within = impasto.stylize(photo, painting, QUICK, strength_map=ramp)
    assert torch.equal(within.rgb, impasto.stylize(photo.clone(), painting.clone(), QUICK, strength_map=ramp).rgb)
    within.rgb.mul_(2)  # is an ordinary tensor, which may be written to


def test_what_was_told_stays_told_between_events() -> None:
    def world() -> tuple[bool, bool, torch.device]:
        return torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"), torch.get_default_device()

    network = impasto.open_network(QUICK)
    with torch.inference_mode(), torch.autocast("cpu"), torch.device("meta"):
        before = world()
        for _ in impasto.paint(impasto.read(PHOTO), [Painting(impasto.read(PAINTING))], QUICK, network=network):
            assert world() == before
    assert before == (True, True, torch.device("meta"))
    assert world() == (False, False, torch.device("cpu"))


def test_an_error_leaves_it_too() -> None:
    with torch.inference_mode(), torch.autocast("cpu"):
        with pytest.raises(impasto.ImpastoError):
            impasto.stylize(PHOTO, [], QUICK)
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu")


FORKED = """
import os, numpy, torch, impasto

torch.set_num_threads(2)
network = impasto.open_network(impasto.Recipe())
picture = numpy.full((40, 40, 3), 99, numpy.uint8)
if child := os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    impasto.stylize(picture, picture, size=32)
except impasto.ImpastoError as error:
    assert "set_num_threads(1)" in str(error)
    torch.set_num_threads(1)
    impasto.stylize(picture, picture, size=32, steps=2, network=network)
    os._exit(7)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads are not GNU's")
def test_a_forked_process_is_told_that_its_threads_are_gone() -> None:
    """It would hang, without a word."""
    ran = subprocess.run([sys.executable, "-c", FORKED], timeout=120, capture_output=True, text=True, check=False)
    assert ran.returncode == 7, ran.stderr
