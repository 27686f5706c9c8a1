"""What is told at the end of a run: each sentence where it belongs, and silence elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import image, one_thread, picture, recipe, tiny
from torch import Tensor

from impasto.diagnosis import ENOUGH, diagnosis
from impasto.events import Note
from impasto.inputs import Painting, weighted
from impasto.paint import paint
from impasto.picture import Picture

__all__ = ["one_thread"]

PHOTO, PAINTED, PAINTING = image(36, 40, 1), image(36, 40, 3), picture(36, 40, 2)
FIRST = {"content relu2_2": 0.0, "style relu1_1": 1.0, "style relu2_1": 0.9}
LAST = {"content relu2_2": 0.4, "style relu1_1": 0.1, "style relu2_1": 0.2}


def told(result: Tensor = PAINTED, painting: Any = PAINTING, **changed: Any) -> list[str]:  # noqa: ANN401 -- what may be
    """The sentences on an ordinary run, but for what is changed."""
    run = {"photo": PHOTO, "recipe": recipe(), "first": FIRST, "last": LAST, "evaluations": 100, "repairs": 0}
    return list(diagnosis(**{**run, **changed, "result": result, "paintings": weighted([painting]).paintings}))


def tinted(red: float, green: float, blue: float) -> Tensor:
    return (PHOTO * torch.tensor([red, green, blue]).view(1, 3, 1, 1)).clamp(0, 1)


def test_there_is_nothing_to_say_about_an_ordinary_run() -> None:
    assert told() == []
    assert told(PHOTO) == []
    assert told(PAINTING.rgb) == []
    assert told((PHOTO + PAINTING.rgb) / 2) == []


def test_a_painting_much_smaller_than_the_picture() -> None:
    large = image(360, 400, 3)
    assert ["3.0 times enlarged and soft" in n and "--size 100" in n for n in told(large, picture(90, 100))] == [True]
    crisp = recipe(style_scale=0.25)  # as that note says
    assert all("--style-scale 0.25 " in note for note in told(large, picture(90, 100)))
    assert told(large, picture(90, 100), recipe=crisp) == []
    assert "--style-scale 0.05 " in told(large, picture(9, 10))[0]
    assert recipe(style_scale=0.05)  # and so it may be
    both, texture = "3.0 times enlarged and soft and 6.7 times finer", recipe(content_layers={})
    assert [both in note and "--size 20" in note for note in told(large, picture(18, 20))] == [True]
    assert ["4.0 times finer" in note for note in told(large, picture(90, 100), recipe=texture)] == [True]
    assert told(large, picture(200, 210)) == []
    assert told(large, picture(90, 100), recipe=recipe(style_scale=0.4)) == []
    assert len(told(large, Painting(picture(200, 210), scale=2.0))) == 0
    assert len(told(large, picture(90, 100), recipe=recipe(style_scale=2.0))) == 1


def test_a_style_layer_that_never_moved() -> None:
    (note,) = told(last={**LAST, "style relu2_1": 0.85})
    assert "moved at relu2_1:" in note
    assert told(last={**LAST, "style relu2_1": 0.7}) == []
    assert told(last={**LAST, "style relu2_1": 0.85}, evaluations=ENOUGH - 1) == []
    faint = {"style relu2_1": 0.01}
    assert told(first={**FIRST, **faint}, last={**LAST, **faint}) == []


def test_colors_that_neither_photo_nor_painting_has() -> None:
    (note,) = told(tinted(1.6, 0.6, 0.6))
    assert "drifted" in note
    assert "--color match" in note
    assert "--color photo" in note
    (note,) = told(tinted(1.6, 0.6, 0.6), regional=True)  # where colors cannot be matched
    assert "--color match" not in note
    (note,) = (each for each in told(tinted(1.6, 0.6, 0.6), recipe=recipe(content_layers={})) if "drifted" in each)
    assert "--color photo" not in note
    assert told(tinted(1.05, 0.95, 1.0)) == []
    assert told(tinted(1.6, 0.6, 0.6), Picture(tinted(1.6, 0.6, 0.6).contiguous())) == []
    assert told(tinted(1.6, 0.6, 0.6), recipe=recipe(color="photo")) == []


def test_color_in_the_manner_of_a_drawing() -> None:
    def colored(image: Tensor, share: float) -> Tensor:
        return share * image + (1 - share) * image.mean(1, keepdim=True)

    drawing = Picture(colored(PAINTING.rgb, 0).contiguous())
    (note,) = told(colored(PAINTED, 0.1), drawing)
    assert "--color gray" in note
    assert told(colored(PAINTED, 0.002), drawing) == []
    assert told(colored(PAINTED, 0.1), drawing, recipe=recipe(color="gray")) == []
    assert told(colored(PAINTED, 0.1), drawing, recipe=recipe(strength=0.1)) == []  # as it was meant
    assert told(colored(PAINTED, 0.1), Picture(colored(PAINTING.rgb, 0.2).contiguous())) == []


def test_a_picture_of_one_color() -> None:
    flat = torch.full_like(PHOTO, 0.5)
    (note,) = told(flat)
    assert "one flat color" in note
    assert told(flat, photo=torch.full_like(PHOTO, 0.4)) == []


@pytest.mark.parametrize(("repairs", "notes"), [(0, 0), (1, 0), (2, 1), (7, 1)])
def test_a_descent_that_had_to_be_repaired_again_and_again(repairs: int, notes: int) -> None:
    found = told(repairs=repairs)
    assert len(found) == notes
    assert all(f"{repairs} times" in note for note in found)


def notes(**knobs: Any) -> list[str]:  # noqa: ANN401 -- knobs
    made = recipe(**{"steps": 40, "start": "photo", **knobs})  # tinted, few random kernels have nothing left to move
    events = paint(Picture(PHOTO.contiguous()), [PAINTING], made, network=tiny())
    return [event.text for event in events if isinstance(event, Note)]


def test_a_run_that_went_well_ends_in_silence() -> None:
    assert [note for note in notes() if "finer" in note or "moved" in note or "drifted" in note] == []


def test_a_run_that_could_not_move_says_so() -> None:
    """So much content that the style has no chance; and not when it was not even asked for."""
    assert any("Hardly anything moved" in note for note in notes(content_weight=1e4))
    assert not any("Hardly anything moved" in note for note in notes(strength=0.0, start="noise"))
