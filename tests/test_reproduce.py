"""docs/reproduce.md: every command there is parsed as the program would, says what the page claims, and paints."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import picture, tiny

from impasto.cli import flags, order
from impasto.cli.paint import paint as command
from impasto.events import Finished, Step
from impasto.paint import paint
from impasto.presets import preset
from impasto.recipe import Recipe, recipe

PAGE = Path(__file__).parent.parent / "docs" / "reproduce.md"
DOCUMENTS = ("000", "001", "002", "003", "004")
CONV = tuple(f"conv{block}_1" for block in range(1, 6))
CLASSIC = ("gatys2015", "gatys2016", "neural-style")  # presets
RELU = tuple(f"relu{block}_1" for block in range(1, 6))


def commands() -> dict[str, Recipe]:
    """Each command of the page: by the number in the heading above it, or by the preset that it names."""
    found: dict[str, Recipe] = {}
    for title, text in re.findall(
        r"^## (.*?)\n.*?^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        for line in text.replace("\\\n", " ").splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "impasto"
            context = command.make_context("paint", arguments)
            given = context.params
            assert (given["content"], given["styles"]) == (Path("photo.jpg"), ("painting.jpg",))
            made = order.merged({}, given["preset"], given["recipe"], flags.recipe_values(given))
            found[given["preset"] or title.partition(":")[0]] = made
    return found


COMMANDS = commands()


def test_there_is_a_command_for_each_document_and_for_each_preset() -> None:
    assert COMMANDS.keys() == {*DOCUMENTS, *CLASSIC}
    for name in CLASSIC:
        assert COMMANDS[name] == recipe(preset(name))


STATED: Mapping[str, dict[str, Any]] = {
    "000": {
        "network": "vgg19", "content_layers": {"conv4_2": 1.0}, "content_scale": "size", "content_weight": 1.0,
        "style_layers": dict.fromkeys(CONV, 0.2), "style_statistic": "gram", "style_scaling": "gatys",
        "style_weight": 1e3, "optimizer": "adam", "learning_rate": 0.0225, "steps": 500, "start": "photo",
    },
    "001": {
        "network": "vgg19", "content_layers": {"relu5_2": 1.0}, "content_scale": "mean",
        "style_layers": dict.fromkeys(RELU, 0.2), "style_statistic": "gram", "style_scaling": "positions",
        "variation_weight": 1e-6, "variation": "l1", "variation_scale": "sum",
        "optimizer": "adam", "learning_rate": 0.02, "beta1": 0.99, "steps": 100, "start": "noise",
    },
    "002": {
        "network": "vgg19", "content_layers": dict.fromkeys(CONV, 1.0), "content_scale": "mean", "content_weight": 1.0,
        "style_layers": dict.fromkeys(CONV, 1.0), "style_statistic": "gram", "style_scaling": "mean",
        "style_weight": 1.0, "optimizer": "adam", "learning_rate": 0.001, "steps": 6000, "start": "photo",
    },
    "003": {
        "network": "vgg16", "content_scale": "mean", "style_statistic": "gram", "style_scaling": "mean",
        "optimizer": "sgd", "momentum": 0.0, "size": 1400, "steps": 6000,
    },
    "004": {
        "network": "vgg19", "pooling": "max", "content_layers": {"conv4_2": 1.0}, "content_scale": "half-sum",
        "content_weight": 8e-4, "style_layers": dict.fromkeys(CONV, 0.2), "style_statistic": "gram",
        "style_scaling": "gatys", "style_weight": 0.8, "optimizer": "adam", "steps": 3000,
    },
    "gatys2015": {
        "network": "vgg19", "pooling": "average", "content_layers": {"relu4_2": 1.0}, "content_scale": "half-sum",
        "style_layers": dict.fromkeys(RELU, 0.2), "style_scaling": "gatys", "style_weight": 1e4,
        "optimizer": "lbfgs", "start": "noise",
    },
    "gatys2016": {
        "network": "vgg19", "pooling": "average", "content_layers": {"relu4_2": 1.0}, "content_scale": "half-sum",
        "style_layers": dict.fromkeys(RELU, 0.2), "style_scaling": "gatys", "style_weight": 1e3,
        "optimizer": "lbfgs", "start": "noise",
    },
    "neural-style": {
        "network": "vgg19", "pooling": "max", "content_layers": {"relu4_2": 1.0}, "content_weight": 5.0,
        "style_layers": dict.fromkeys(RELU, 1.0), "style_scaling": "size", "style_weight": 100.0,
        "variation": "l1", "optimizer": "lbfgs", "history": 100, "steps": 1000, "start": "noise",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_the_command_says_what_the_document_says(name: str) -> None:
    told = COMMANDS[name].as_dict()
    assert {knob: told[knob] for knob in STATED[name]} == STATED[name]
    assert (told["first_level"], told["padding"]) == (0, "zero")


@pytest.mark.parametrize("name", STATED)
def test_the_command_paints(name: str) -> None:
    """A few steps, small, with a small network of the same shape: downhill, so units of losses and steps fit."""
    asked = COMMANDS[name].changed(size=60, steps=10)
    pooling = "average" if asked.pooling == "average" else "max"
    network = tiny(asked.network, pooling=pooling, padding=asked.padding)
    photo = picture(40, 60, seed=1)
    events = list(paint(photo, [picture(48, 48, seed=2)], asked, network=network))
    losses, last = [event.loss for event in events if isinstance(event, Step)], events[-1]
    assert len(losses) == 10
    assert min(losses[1:]) < losses[0]
    assert isinstance(last, Finished)
    assert last.image.shape == photo.rgb.shape
    assert bool(last.image.isfinite().all())
    assert not torch.equal(last.image, photo.rgb)
    terms = {f"content {layer}" for layer in asked.content_layers} | {f"style {layer}" for layer in asked.style_layers}
    assert last.losses.keys() == terms | ({"variation"} if asked.variation_weight else set())
    assert all(value > 0 for value in last.losses.values())
