"""One call: anything that is a picture goes in, a picture comes out, and nothing else changes."""

from __future__ import annotations

import io
import logging
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import one_thread, picture, recipe, tiny
from PIL import Image

import impasto
from impasto import presets
from impasto.errors import DeviceError, LayerError, PictureError, RecipeError, UsageError
from impasto.events import Event, Finished, Planned, Step
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.stylize import stylize

__all__ = ["one_thread"]


def bytes_of(shown: Picture) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return (shown.rgb[0].permute(1, 2, 0) * 255).round().byte().numpy()


@pytest.fixture
def pixels() -> tuple[np.ndarray[Any, np.dtype[np.uint8]], ...]:
    return bytes_of(picture(36, 40, 1)), bytes_of(picture(30, 44, 2))


def test_any_kind_of_picture_gives_the_same_picture(pixels: tuple[Any, Any], tmp_path: Path) -> None:
    photo, painting = pixels
    path = tmp_path / "photo with (spaces) é.png"
    Image.fromarray(photo).save(path)
    made = stylize(photo, painting, recipe(), network=tiny(), device="cpu")
    tensor = torch.from_numpy(photo).permute(2, 0, 1)
    held = path.read_bytes()
    bytes_alike = held, bytearray(held), memoryview(held), io.BytesIO(held)
    for content in (path, str(path), *bytes_alike, Image.fromarray(photo), tensor, impasto.read(photo)):
        for styles in (painting, [painting], [(painting, 3.0)]):
            if isinstance(content, io.BytesIO):
                content.seek(0)
            again = stylize(content, styles, recipe(), network=tiny(), device="cpu")
            assert torch.equal(again.rgb, made.rgb)
    assert made.size == (40, 36)


def test_knobs_may_be_turned_in_the_call(pixels: tuple[Any, Any]) -> None:
    one = stylize(*pixels, recipe(steps=3, size=32), network=tiny(), device="cpu")
    other = stylize(*pixels, recipe(), network=tiny(), device="cpu", steps=3, size=32)
    assert torch.equal(one.rgb, other.rgb)
    with pytest.raises(RecipeError, match="did you mean 'steps'"):
        stylize(*pixels, recipe(), network=tiny(), device="cpu", stepps=3)


def test_a_preset_is_laid_under_the_knobs_of_the_call(pixels: tuple[Any, Any]) -> None:
    by_name = stylize(*pixels, size=40, preset="fast", steps=9, device=torch.device("cpu"))
    by_hand = stylize(*pixels, Recipe(**(presets.preset("fast") | {"steps": 9})), size=np.int64(40), device="cpu")
    assert torch.equal(by_name.rgb, by_hand.rgb)
    assert not torch.equal(by_name.rgb, stylize(*pixels, size=40, steps=9, device="cpu").rgb)
    assert impasto.texture(pixels[1], size=24, preset="fast", steps=2, device="cpu").size == (24, 24)
    with pytest.raises(RecipeError, match="did you mean 'fast'"):
        stylize(*pixels, preset="faast")


def test_a_recipe_may_lie_in_a_file(pixels: tuple[Any, Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(recipe(steps=3).as_toml())
    by_file = [stylize(*pixels, each, network=tiny(), device="cpu", size=32).rgb for each in (file, str(file))]
    by_hand = stylize(*pixels, recipe(steps=3, size=32), network=tiny(), device="cpu").rgb
    assert all(torch.equal(each, by_hand) for each in by_file)
    file.write_text('preset = "fast"\nsteps = 2')
    assert impasto.texture(pixels[1], file, size=24, device="cpu").size == (24, 24)
    wrong: Any
    for wrong, words in (("fast", "recipe fast cannot be read"), ({"steps": 3}, "cannot be read from dict")):
        with pytest.raises(RecipeError, match=words):
            stylize(*pixels, wrong)


def test_a_picture_made_by_hand_is_finite(pixels: tuple[Any, Any]) -> None:
    photo, painting = (impasto.read(each) for each in pixels)
    torn = Picture(photo.rgb.clone(), name="torn")
    torn.rgb[0, 1, 2, 3] = float("nan")
    for content, style, start in ((torn, painting, None), (photo, torn, None), (photo, painting, torn)):
        with pytest.raises(PictureError, match="torn has pixels that are not finite"):
            stylize(content, style, recipe(), network=tiny(), device="cpu", start=start)


def test_events_are_passed_on(pixels: tuple[Any, Any]) -> None:
    seen: list[Event] = []
    made = stylize(*pixels, recipe(steps=3), network=tiny(), device="cpu", on_event=seen.append)
    assert isinstance(seen[0], Planned)
    assert [e.step for e in seen if isinstance(e, Step)] == [1, 2, 3]
    last = seen[-1]
    assert isinstance(last, Finished)
    assert torch.equal(last.image, made.rgb)


def test_transparency_is_kept_and_what_it_hid_does_not_show(pixels: tuple[Any, Any]) -> None:
    photo, painting = pixels
    alpha = np.full((36, 40, 1), 255, np.uint8)
    alpha[:, :20] = 0
    ways = []
    for hidden in (0, 255):
        shown = photo.copy()
        shown[:, :20] = hidden
        made = stylize(np.concatenate([shown, alpha], 2), painting, recipe(), network=tiny(), device="cpu")
        assert made.alpha is not None
        assert torch.equal(made.alpha[0, 0], torch.from_numpy(alpha[..., 0] / 255.0).float())
        ways.append(made.rgb)
    assert torch.equal(*ways)


def test_a_picture_to_start_from(pixels: tuple[Any, Any]) -> None:
    photo, painting = pixels
    made = stylize(photo, painting, recipe(start="picture", steps=1), network=tiny(), device="cpu", start=painting)
    expected = impasto.read(painting).resized(40, 36).rgb
    assert torch.equal(made.rgb, expected)  # one evaluation, no step behind it that was looked at


def test_the_callers_world_stays_as_it_is(
    pixels: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def world() -> tuple[Any, ...]:
        return (
            random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(),  # type: ignore[index]
            torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(), list(warnings.filters), list(logging.root.handlers),
            logging.root.level, Path.cwd(), list(tmp_path.iterdir()),
        )  # fmt: skip

    before = world()
    stylize(*pixels, recipe(start="noise"), network=tiny(), device="cpu")
    assert world() == before
    assert capfd.readouterr() == ("", "")


def test_one_painting_may_have_a_weight_and_a_network_its_place(pixels: tuple[Any, Any]) -> None:
    photo, painting = pixels
    network = tiny()
    made = stylize(photo, (painting, 0.7), recipe(), network=network)
    assert network.device == torch.device("cpu")
    assert torch.equal(made.rgb, stylize(photo, [painting], recipe(), network=network, device="cpu").rgb)


def test_a_network_by_name(pixels: tuple[Any, Any]) -> None:
    by_name, opened = (stylize(*pixels, size=48, steps=2, network=each) for each in ("lite", None))
    assert torch.equal(by_name.rgb, opened.rgb)
    with pytest.raises(RecipeError, match="network = 'vgg11'"):
        stylize(*pixels, network="vgg11")


def test_a_network_that_was_opened_is_the_one_that_is_asked_for(pixels: tuple[Any, Any]) -> None:
    asked, calm = recipe(padding="reflect", pooling="average"), tiny(pooling="average")
    assert stylize(*pixels, asked, network=tiny(padding="reflect", pooling="average")).size == (40, 36)
    for turned, opened, words in (
        (asked, calm, "padding = reflect.*has zero"),
        (recipe(network="vgg16"), tiny(), "network = vgg16.*has vgg19"),
        (recipe(pooling="average", pool_rescale=True), calm, "pool_rescale = True.*has False"),
    ):
        with pytest.raises(RecipeError, match=words):
            stylize(*pixels, turned, network=opened)


def test_the_pixels_are_a_layer_too(pixels: tuple[Any, Any]) -> None:
    """Content and style of "image": colors where they are, and which there are."""
    for knob in ("style_layers", "content_layers"):
        for measure in ("features", "self-similarity"):
            settings = recipe(**{knob: {"image": 1.0}}, content_measure=measure, steps=2, size=128)
            assert stylize(*pixels, settings, network=tiny(), device="cpu").size == (128, 115)


def test_a_layer_that_there_is_not_is_told(pixels: tuple[Any, Any]) -> None:
    for settings in (Recipe(style_layers={"relu9_1": 1.0}), Recipe(content_layers={"relu4_22": 1.0})):
        for network in (None, tiny()):
            with pytest.raises(LayerError, match=r"has no layer 'relu.*did you mean 'relu"):
                stylize(*pixels, settings, network=network, device="cpu")


def test_what_comes_in_tuples_is_checked(pixels: tuple[Any, Any]) -> None:
    photo, painting = pixels
    wrong: Any
    for wrong in ([(painting, "1")], [(painting, 1, 2)]):
        with pytest.raises(RecipeError, match="weight"):
            stylize(photo, wrong, recipe(), network=tiny())
    for wrong in ([painting], [(painting,)], [(painting, painting, 0.5, 1)]):
        with pytest.raises(RecipeError, match="A region is"):
            stylize(photo, painting, recipe(), network=tiny(), regions=wrong)
    with pytest.raises(UsageError, match="name of a file is empty"):
        stylize("", painting)


def test_how_a_painting_is_used_is_checked(pixels: tuple[Any, Any]) -> None:
    photo, painting = (impasto.read(each) for each in pixels)
    wrong: Any
    for wrong, words in (({"layers": "corse"}, "coarse"), ({"scale": 1e5}, "20"), ({"scale": float("nan")}, "20")):
        with pytest.raises(RecipeError, match=words):
            stylize(photo, impasto.Painting(painting, **wrong), recipe(), network=tiny())
    shallow, coarse = recipe(style_layers={"relu1_1": 1.0}), impasto.Painting(painting, layers="coarse")
    with pytest.raises(LayerError, match="coarse layers"):
        stylize(photo, coarse, shallow, network=tiny())


def test_pixels_that_somebody_differentiates_by(pixels: tuple[Any, Any]) -> None:
    photo, painting = (impasto.read(each) for each in pixels)
    leaf = Picture(photo.rgb.clone().requires_grad_())
    made, plain = (stylize(each, painting, recipe(), network=tiny()).rgb for each in (leaf, photo))
    assert torch.equal(made, plain)


def test_what_is_no_picture_is_refused(pixels: tuple[Any, Any], tmp_path: Path) -> None:
    written = (tmp_path / "written").open("wb")
    closed = io.BytesIO(b"a picture once")
    closed.close()
    for wrong in (
        written,
        closed,
        torch.zeros(3, 4, 4, device="meta"),
        torch.zeros(3, 4, 4).to_sparse(),
        3,
        None,
        object(),
        io.StringIO("no picture"),
        io.BytesIO(),
        np.full((4, 4, 3), np.nan),
        torch.zeros(2, 2, 2, 2, 2),
    ):
        with pytest.raises(PictureError):
            stylize(wrong, pixels[1], recipe(), network=tiny(), device="cpu")  # type: ignore[arg-type]
        with pytest.raises(PictureError):
            stylize(pixels[0], [wrong], recipe(), network=tiny(), device="cpu")  # type: ignore[list-item]
    written.close()
    with pytest.raises(DeviceError):
        stylize(*pixels, recipe(), network=tiny(), device="gpu")
    with pytest.raises(RecipeError, match="no painting"):
        stylize(pixels[0], [], recipe(), network=tiny(), device="cpu")
