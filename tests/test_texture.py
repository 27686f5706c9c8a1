"""Textures: of the size that was asked for, after no photo, without a seam, painted again and resumed like pictures."""

from __future__ import annotations

from dataclasses import replace
from inspect import unwrap
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch
from command import here, opened, picture_file
from hypothesis import given
from hypothesis import strategies as st
from networks import one_thread, picture, recipe, tiny
from PIL import Image
from torch import Tensor

from impasto import blank
from impasto.blank import Blank
from impasto.canvas import noise
from impasto.cli.texture import Canvas
from impasto.coloring import speckled
from impasto.errors import LayerError, RecipeError
from impasto.files import read_record
from impasto.inputs import weighted
from impasto.judge import finest
from impasto.paint import paint
from impasto.picture import Picture, read
from impasto.plan import Schedule, lay_out
from impasto.recipe import Recipe
from impasto.texture import texture

__all__ = ["one_thread"]

Capture = pytest.CaptureFixture[str]
EXAMPLES = Path(__file__).parents[1] / "examples" / "style"
PLAIN = recipe(content_layers={}, size=64, steps=25)


def textured(**settings: Any) -> Tensor:  # noqa: ANN401 -- of a texture
    return texture(picture(64, 80, 2), PLAIN, network=tiny(), device="cpu", **settings).rgb


# ---- what it is ----------------------------------------------------------------------------------------------------


def test_sizes() -> None:
    assert textured(size=(48, 36), steps=1).shape[-2:] == (36, 48)
    assert textured(size=40, steps=1).shape[-2:] == (40, 40)
    assert textured(size=np.int64(40), steps=1).shape[-2:] == (40, 40)
    for wrong in (0, -5, (48,), (48, 36, 3), (48.5, 36), [48, 36], 2_000_000):
        with pytest.raises(RecipeError, match="size = "):
            textured(size=wrong, steps=1)
    assert textured(steps=1).shape[-2:] == (51, 64)  # the painting's aspect, its long side that of the recipe


def test_a_texture_has_the_colors_of_the_painting_and_not_of_the_ground() -> None:
    """With the network that ships: as red as the painting, and not washed out."""
    red = picture(64, 64)
    red = replace(red, rgb=red.rgb * torch.tensor([1.0, 0.2, 0.1]).view(1, 3, 1, 1))
    made = texture(red, device="cpu", size=64, steps=30, first_level=0).rgb
    assert float((made - red.rgb).mean((0, 2, 3)).abs().max()) < 0.05
    assert float(made[:, 0].std() / red.rgb[:, 0].std()) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("style", [picture(40, 60, 1), Picture(torch.full((1, 3, 20, 20), 0.3))])
def test_speckles_have_the_colors_of_the_paintings(style: Picture) -> None:
    paintings = weighted([(style, 3.0), picture(60, 40, 2)])
    made = speckled(noise(50, 50, seed=1), paintings)
    wanted = sum(w * p.rgb.mean((0, 2, 3)) for w, p in zip(paintings.weights, paintings.pictures, strict=True))
    torch.testing.assert_close(made.mean((0, 2, 3)), wanted, atol=0.02, rtol=0)
    assert not torch.equal(made, speckled(noise(50, 50, seed=2), paintings))


@pytest.mark.parametrize("start", ["speckles", "noise"])
def test_the_small_network_leaves_no_noise(start: str) -> None:
    """What it begins with is gone at the end: what is fine has the painting's energy, or less."""
    painting = read(EXAMPLES / "swirls.jpg").fitted(96)
    made = texture(painting, device="cpu", size=96, start=start, preset="fast")
    assert finest(made.rgb) < 1.2 * finest(painting.rgb)


def test_another_seed_is_another_texture() -> None:
    one, same, other = textured(steps=2), textured(steps=2), textured(steps=2, seed=1)
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=0.05)


def test_it_may_start_from_the_painting() -> None:
    """Then few steps are enough to make a tile of it."""
    painting = picture(64, 64, 2)
    made = texture(painting, PLAIN, network=tiny(), device="cpu", size=64, tileable=True, start="painting", steps=2).rgb
    assert float((made - painting.rgb).abs().mean()) < 0.1


def across(rgb: Tensor, axis: int) -> tuple[float, float]:
    """The energy of the steps over the edge, and that of those over the lines inside: the liveliest but for a few.

    Of these, every twelfth: the network's positions begin there as they do at the edge, and so do the pixels of the
    level before, between which there is more of a step than on them.
    """
    steps = (rgb - rgb.roll(1, axis)).square().movedim(axis, 0).flatten(1).mean(1)  # the first is over the edge
    return float(steps[0]), float(steps[12::12].quantile(0.95))


@pytest.mark.parametrize("side", [None, 32])
def test_a_tile_has_no_seam(side: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrapped around, no more happens over the edge than over the lines inside; in one piece and in tiles."""
    sides: list[int | None] = []

    def cut(*given: Any, **options: Any) -> Schedule:  # noqa: ANN401 -- those of a plan
        schedule = lay_out(*given, **options)
        schedule = replace(schedule, layouts=tuple(replace(layout, side=side) for layout in schedule.layouts))
        sides.extend(schedule.sides)
        return schedule

    monkeypatch.setitem(unwrap(paint).__globals__, "lay_out", cut)
    made = textured(tileable=True, size=96, first_level=64, steps_least=20)
    assert sides == [side] * len(sides)
    assert len(sides) > 1
    for axis in (-1, -2):
        over, inside = across(made, axis)
        assert over <= inside


def test_without_being_asked_it_ends_at_its_edges() -> None:
    made = textured(size=96, first_level=64, steps_least=20)
    over, inside = across(made, -1)
    assert over > inside


def test_sides_that_cannot_meet_name_what_can() -> None:
    with pytest.raises(LayerError, match="52 x 40 would do"):
        textured(size=(51, 39), tileable=True)
    assert textured(tileable=True, steps=1).shape[-2:] == (64, 64)  # the painting is 80 x 64, here 64 x 51


# ---- no photo ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "knobs",
    [{"color": "photo"}, {"color": "luminance"}, {"recolor": "monge"}, {"content_layers": {"relu2_2": 1.0}},
     {"start": "photo"}, {"detail": 0.5}],
)  # fmt: skip
def test_what_needs_a_photo_is_refused(knobs: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="no photo"):
        textured(**knobs)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(16, 4000), st.booleans())
def test_the_size_of_its_own(width: int, height: int, longest: int, around: bool) -> None:
    settings = Recipe(size=longest, seamless="both" if around else "no")
    found = blank.own(width, height, settings)
    slack = blank.UNIT if around else 0
    assert max(found.width, found.height) <= min(longest, max(width, height)) + slack
    if around:
        assert found.width % blank.UNIT == found.height % blank.UNIT == 0
    elif max(width, height) <= longest:
        assert found == Blank(width, height)


@given(st.text(alphabet="0123456789xX×* -.", max_size=12))
def test_any_words_are_a_size_or_an_error(words: str) -> None:
    try:
        found = Canvas()(words)
    except click.BadParameter:
        return
    assert found.width > 0
    assert found.height > 0


# ---- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def flags(weights_file: Path) -> tuple[str, ...]:
    layers = ("--network", "vgg19", "--style-layers", "relu1_1,relu2_1", "--weights", str(weights_file))
    return (*layers, "--steps", "3", "--first-level", "0")


def test_the_command_paints_and_the_picture_says_how(capsys: Capture, painting: Path, flags: tuple[str, ...]) -> None:
    out = painting.with_name("out.png")
    ran = here(capsys, "texture", painting, "--size", "48x32", "--tileable", "-o", out, *flags)
    assert (ran.code, ran.out) == (0, f"{out}\n"), ran.err
    assert opened(out).size == (48, 32)
    record = read_record(out)
    assert record["content"] == {"width": 48, "height": 32}
    assert (record["recipe"]["seamless"], record["recipe"]["content_layers"]) == ("both", {})


def test_again(capsys: Capture, painting: Path, flags: tuple[str, ...]) -> None:
    """To the same bytes, or larger with the same aspect; never after a photo."""
    out, other = painting.with_name("out.png"), painting.with_name("other.png")
    assert here(capsys, "texture", painting, "--size", "48x32", "-o", out, *flags).code == 0
    assert here(capsys, "again", out).code == 0
    assert out.with_name("out-again.png").read_bytes() == out.read_bytes()
    assert here(capsys, "again", out, "--size", "60", "-o", other).code == 0
    assert opened(other).size == (60, 40)
    assert read_record(other)["content"] == {"width": 60, "height": 40}
    photo_flags = ("--content", painting), ("--color", "photo"), ("--content-layers", "relu2_1"), ("--strength", "1")
    for refused in photo_flags:
        ran = here(capsys, "again", out, "-o", other, "--force", *refused)
        assert ran.code == 2
        assert "no photo" in ran.err


def test_default_size_and_name(
    capsys: Capture, painting: Path, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(painting.parent)
    ran = here(capsys, "texture", painting, *flags)
    assert ran.code == 0, ran.err
    made = painting.parent / "generated" / f"{painting.stem}_texture.png"
    assert opened(made).size == opened(painting).size
    assert "enlarged" not in ran.err


def test_several_paintings_and_regions(capsys: Capture, painting: Path, flags: tuple[str, ...]) -> None:
    """A plan drawn by hand, painted without a photo."""
    other, mask = picture_file(painting.with_name("other.png"), 40, 40, seed=9), painting.with_name("mask.png")
    values = np.zeros((48, 48), np.uint8)
    values[:, :24] = 255
    Image.fromarray(values).save(mask)
    outs = [painting.with_name(f"{name}.png") for name in "abc"]
    for out, more in zip(outs, ((), (f"{other}:0.5",), ("--region", f"{mask}={other}")), strict=True):
        ran = here(capsys, "texture", painting, *more, "--size", "48", "-o", out, *flags)
        assert ran.code == 0, ran.err
    assert len({out.read_bytes() for out in outs}) == 3
    assert here(capsys, "again", outs[2]).code == 0
    assert outs[2].read_bytes() == outs[2].with_name("c-again.png").read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--size", "big"), "is no size"),
        (("--size", "0x4"), "is no size"),
        (("--color", "photo"), "is not one of"),
        (("--start", "photo"), "none of speckles"),
        (("--strength", "0.5"), "No such option"),
        (("--tileable", "--size", "51x30"), "52 x 30 would do"),
        (("--seed", "3", "--start", "gray"), "no effect"),
        (("--style-weight", "0"), "Nothing is wanted of the picture"),
    ],
)
def test_slips(capsys: Capture, painting: Path, flags: tuple[str, ...], more: tuple[str, ...], words: str) -> None:
    out = painting.with_name("out.png")
    ran = here(capsys, "texture", painting, "-o", out, *flags, *more)
    assert ran.code == 2
    assert words in ran.err
    assert not out.exists()


def test_a_painting_is_needed(capsys: Capture) -> None:
    ran = here(capsys, "texture")
    assert ran.code == 2
    assert "no STYLE" in ran.err


def test_presets_lose_what_is_about_a_photo(capsys: Capture, painting: Path, weights_file: Path) -> None:
    out = painting.with_name("out.png")
    small = ("--style-layers", "relu1_1,relu2_1", "--weights", weights_file, "--steps", "2", "--size", "40")
    ran = here(capsys, "texture", painting, "--preset", "gatys2015", "-o", out, *small)
    assert ran.code == 0, ran.err
    told = read_record(out)["recipe"]
    assert (told["style_statistic"], told["content_layers"]) == ("gram", {})
