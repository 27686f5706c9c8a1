"""The photo in the paintings' colors: what a canvas shows at first."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from networks import tiny
from torch import Tensor

from impasto import dial
from impasto.coloring import glanced, tinted, together
from impasto.events import Finished, Preview
from impasto.inputs import Painting, weighted
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe, starts
from impasto.regions import Guidance, Passage, Region
from impasto.storage import Room
from impasto.stylize import stylize
from impasto.texture import texture

RED, BLUE = (0.7, 0.3, 0.2), (0.2, 0.3, 0.7)


def hued(color: tuple[float, float, float], seed: int = 0, height: int = 40, width: int = 56) -> Picture:
    """Noise around a color, far enough from black and white not to be clipped."""
    noise = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return Picture((torch.tensor(color).view(1, 3, 1, 1) + 0.03 * noise).clamp(0, 1))


def passage(*paintings: Painting | Picture, where: Tensor | None = None, strength: float = 1.0) -> Passage:
    return Passage(weighted(paintings), where, strength=strength)


def told(image: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the colors, by numpy."""
    pixels = image[0].flatten(1).double().numpy()
    return pixels.mean(1), np.cov(pixels, bias=True)


def wholly(_: float) -> float:
    return 1.0


def test_the_colors_are_the_paintings_and_the_forms_the_photos() -> None:
    photo, painting = hued(BLUE, 1), hued(RED, 2)
    made = tinted(photo.rgb, [passage(painting)], wholly)
    for found, wanted in zip(told(made), told(painting.rgb), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)
    for channel in range(3):  # the map that moves colors least keeps what is light light
        assert np.corrcoef(made[0, channel].flatten(), photo.rgb[0, channel].flatten())[0, 1] > 0.9


def test_as_far_as_is_asked_for_and_only_where() -> None:
    photo, painting = hued(BLUE, 1), hued(RED, 2)
    where = torch.zeros(1, 1, 40, 56)
    where[..., 28:] = 1
    here = tinted(photo.rgb, [passage(painting, where=where)], wholly)
    assert torch.equal(here[..., :28], photo.rgb[..., :28])
    assert float(here[:, 0, :, 28:].mean()) == pytest.approx(0.7, abs=0.01)
    half = tinted(photo.rgb, [passage(painting, where=where, strength=0.5)], lambda strength: strength)
    torch.testing.assert_close(half, torch.lerp(photo.rgb, here, 0.5))
    assert torch.equal(tinted(photo.rgb, [passage(painting)], lambda _: 0.0), photo.rgb)


def test_a_region_takes_the_colors_that_it_had_to_the_paintings() -> None:
    """A dark half whose painting is as dark stays as it is, whatever the other half shows."""
    dark, light = 0.3 * hued(BLUE, 1).rgb, hued(RED, 2).rgb
    photo, where = torch.cat([dark, light], -1), torch.cat([torch.ones_like(dark), torch.zeros_like(light)], -1)[:, :1]
    made = tinted(photo, [passage(Picture(dark), where=where)], wholly)
    torch.testing.assert_close(made, photo, atol=5e-3, rtol=0)


def test_in_bands_and_in_a_file_as_in_one_piece() -> None:
    photo, made = hued(BLUE, 1).rgb, list[Tensor]()
    for room in (Room(), Room(band=100), Room(in_file=True, band=100)):
        made.append(tinted(photo, [passage(hued(RED, 2))], wholly, room).clone())
    assert torch.equal(made[0], made[1])
    assert torch.equal(made[0], made[2])


def test_colors_come_from_what_is_used_for_fine_layers() -> None:
    red, blue = hued(RED), hued(BLUE)
    found = together(glanced(weighted([Painting(red, layers="coarse"), Painting(blue, layers="fine")])))
    torch.testing.assert_close(found.mean.float(), blue.rgb.mean((0, 2, 3)), atol=1e-5, rtol=0)
    both, left = Picture(torch.cat([red.rgb, blue.rgb], -1)), torch.ones(1, 3, 40, 112)
    left[..., 56:] = 0
    for used in (Painting(both, part=Picture(left)), Painting(replace(both, alpha=left[:, :1]))):
        torch.testing.assert_close(together(glanced(weighted([used]))).mean.float(), red.rgb.mean((0, 2, 3)))
    only = together(glanced(weighted([Painting(red, layers="coarse")])))
    torch.testing.assert_close(only.mean.float(), red.rgb.mean((0, 2, 3)), atol=1e-5, rtol=0)
    thirds = together(glanced(weighted([(red, 1.0), (blue, 2.0)]))).mean.float()
    torch.testing.assert_close(thirds, (red.rgb.mean((0, 2, 3)) + 2 * blue.rgb.mean((0, 2, 3))) / 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3, 2), (300, 257)])
@pytest.mark.parametrize("flat", [False, True])
def test_any_photo_has_a_beginning(size: tuple[int, int], flat: bool) -> None:
    photo = torch.full((1, 3, *size), 0.4) if flat else hued(BLUE, 1, *size).rgb
    for painting in (hued(RED), Picture(torch.zeros(1, 3, 9, 9)), Picture(torch.ones(1, 3, 1, 5))):
        made = tinted(photo, [passage(painting)], wholly)
        assert made.isfinite().all()
        assert made.min() >= 0
        assert made.max() <= 1
        torch.testing.assert_close(made.mean((0, 2, 3)), painting.rgb.mean((0, 2, 3)), atol=0.05, rtol=0)


# ---- the dial ------------------------------------------------------------------------------------------------------


def test_the_tint_follows_the_dial() -> None:
    shares = [dial.tint(Recipe(strength=tenth / 10)) for tenth in range(11)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[3:] == [1] * 8
    assert dial.tint(Recipe(), 0.3) == dial.tint(Recipe(strength=0.15)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("knobs", "share"),
    [({"style_weight": 0.0}, 0), ({"style_weight": 1e-6}, 0), ({"style_weight": 1e6}, 1), ({"content_weight": 1e9}, 0),
     ({"content_weight": 0.0}, 1), ({"style_reach": 0.25}, 0.25)],
)  # fmt: skip
def test_weights_that_are_set_by_hand_tint_as_much_as_they_pull(knobs: dict[str, Any], share: float) -> None:
    assert dial.tint(Recipe(**knobs)) == pytest.approx(share, abs=1e-5)


# ---- runs ----------------------------------------------------------------------------------------------------------

QUICK = Recipe(size=48, steps=2, first_level=0)


def first(recipe: Recipe, guidance: Guidance = Guidance()) -> Tensor:  # noqa: B008 -- frozen
    """What the canvas shows after one short step."""
    network = tiny()
    for event in paint(hued(BLUE, 1), [hued(RED, 2)], recipe, network=network, preview_every=1, guidance=guidance):
        if isinstance(event, Preview):
            return event.image
    raise AssertionError


def test_a_run_begins_with_the_photo_in_the_paintings_colors() -> None:
    assert Recipe().start == "tinted" == starts()[0]
    base = QUICK.changed(network="vgg19", polish=0)
    assert float(first(base)[:, 0].mean()) == pytest.approx(0.7, abs=0.05)
    assert float(first(base.changed(start="photo"))[:, 0].mean()) == pytest.approx(0.2, abs=0.05)


def test_a_region_begins_in_the_colors_of_its_painting() -> None:
    mask = torch.zeros(1, 3, 40, 56)
    mask[..., :28] = 1
    guidance = Guidance(regions=(Region(Picture(mask), Painting(hued(BLUE, 3))),))
    shown = first(QUICK.changed(network="vgg19", polish=0), guidance=guidance)
    assert float(shown[:, 0, :, :20].mean()) == pytest.approx(0.2, abs=0.06)
    assert float(shown[:, 0, :, 30:].mean()) == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize("knobs", [{"strength": 0.0}, {"style_weight": 0.0}, {"style_reach": 0.0}])
def test_what_is_pulled_nowhere_is_the_photo(knobs: dict[str, Any]) -> None:
    photo = hued(BLUE, 1)
    made = stylize(photo, hued(RED, 2), Recipe(size=56, **knobs), network=tiny()).rgb
    assert torch.equal(made, photo.rgb)


def test_of_a_photo_nothing_stays_where_there_is_none() -> None:
    """A texture has no photo to tint, and begins with speckles unless it is told."""
    seen = list[Any]()
    made = partial(texture, hued(RED), QUICK, network=tiny(), device="cpu", size=48, on_event=seen.append)
    plain, speckles = made(), made(start="speckles")
    assert torch.equal(plain.rgb, speckles.rgb)
    assert any(isinstance(event, Finished) for event in seen)
