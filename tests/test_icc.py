"""Color profiles: the same scene in any color space is the same picture."""

import io

import numpy as np
import pytest
import torch
from color_profiles import ADOBE_RGB, DISPLAY_P3, SRGB, cmyk_profile, gray_profile, rgb_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto import icc
from impasto.errors import PictureError
from impasto.lossless import png16, tiff
from impasto.picture import Picture, read


def scene(levels: int = 256) -> np.ndarray:
    """sRGB colors that no space has to clip, as float64."""
    return np.random.default_rng(1).integers(levels // 5, 4 * levels // 5, (12, 17, 3)) / (levels - 1)


def encoded(image: Image.Image, profile: bytes, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, icc_profile=profile, lossless=True)  # which only WebP looks at
    return stream.getvalue()


def to_linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def from_linear(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def in_space(srgb: np.ndarray, primaries: np.ndarray, gamma: float | None) -> np.ndarray:
    """The same colors as numbers of another space, in float64."""
    linear = to_linear(srgb) @ (np.linalg.inv(primaries) @ SRGB).T
    return from_linear(linear) if gamma is None else np.maximum(linear, 0) ** (1 / gamma)


def pixels(picture: Picture) -> np.ndarray:
    return picture.rgb[0].permute(1, 2, 0).double().numpy()


SPACES = {"Display P3": (DISPLAY_P3, None), "Adobe RGB (1998)": (ADOBE_RGB, 2.19921875)}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("name", SPACES)
def test_a_picture_with_a_profile_equals_its_srgb_twin(name: str, kind: str) -> None:
    primaries, gamma = SPACES[name]
    flat = np.broadcast_to(scene()[:1, :1], (16, 16, 3))  # one color, so that lossy formats keep it
    numbers = np.round(in_space(flat, primaries, gamma) * 255).astype(np.uint8)
    picture = read(encoded(Image.fromarray(numbers), rgb_profile(name, primaries, gamma), kind))
    assert np.abs(pixels(picture) - flat).max() < (1.5 if kind in ("PNG", "TIFF") else 4) / 255
    assert picture.notes == (f"converted from {name} to sRGB",)


def test_sixteen_bits_keep_their_precision_through_a_profile() -> None:
    numbers = np.round(in_space(scene(65536), DISPLAY_P3, None) * 65535).astype(np.uint16)
    profile = rgb_profile("Display P3", DISPLAY_P3)
    for data in (png16(numbers, profile, {}), tiff(numbers, profile, {})):
        assert np.abs(pixels(read(data)) - scene(65536)).max() < 3e-5


def test_our_matrix_agrees_with_littlecms() -> None:
    image = Image.fromarray(np.random.default_rng(2).integers(0, 256, (40, 40, 3), np.uint8))
    profile = rgb_profile("Adobe", ADOBE_RGB, 2.2)
    theirs = np.array(icc.with_littlecms(image, profile)) / 255
    assert np.abs(pixels(read(encoded(image, profile))) - theirs).max() < 1.6 / 255


def test_an_srgb_profile_changes_no_bit_and_says_nothing() -> None:
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (9, 9, 3), np.uint8))
    with_profile, without = read(encoded(image, icc.srgb_profile())), read(image)
    assert torch.equal(with_profile.rgb, without.rgb)
    assert with_profile.notes == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_gray_profile_is_applied(dtype: type) -> None:
    top = np.iinfo(dtype).max
    ramp = np.linspace(0.1, 1, 16)[None].repeat(3, 0)
    image = Image.fromarray(np.round(to_linear(ramp) ** (1 / 1.8) * top).astype(dtype))
    picture = read(encoded(image, gray_profile("Gray Gamma 1.8", 1.8)))
    assert np.abs(pixels(picture) - ramp[..., None]).max() < 2 / top
    assert picture.notes == ("converted from Gray Gamma 1.8 to sRGB",)


def test_a_gray_picture_may_carry_the_profile_of_a_color_camera() -> None:
    picture = read(encoded(Image.new("L", (4, 4), 128), rgb_profile("P3", DISPLAY_P3)))
    assert np.abs(pixels(picture) - 128 / 255).max() < 0.5 / 255  # equal curves, equal white


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_goes_through_its_profile(kind: str) -> None:
    inks = {"paper": (0, 0, 0, 0), "black": (0, 0, 0, 255), "cyan": (255, 0, 0, 0), "magenta": (0, 255, 0, 0)}
    profile = cmyk_profile("A Small Press")
    seen = {ink: pixels(read(encoded(Image.new("CMYK", (8, 8), c), profile, kind)))[4, 4] for ink, c in inks.items()}
    assert seen["paper"].min() > 0.98
    assert seen["black"].max() < 0.02
    assert seen["cyan"][2] > seen["cyan"][0] + 0.1
    assert np.ptp(seen["magenta"]) < 0.03
    assert abs(seen["magenta"].mean() - 0.466) < 0.02  # L* = 50


def test_cmyk_without_a_profile_is_approximate_and_says_so() -> None:
    picture = read(encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 128)), b"", "TIFF"))
    assert np.abs(pixels(picture) - 127 / 255).max() < 0.01
    assert "approximate" in picture.notes[0]


def test_a_profile_for_other_colors_is_ignored_with_a_note() -> None:
    image = Image.new("RGB", (4, 4), (10, 20, 30))
    picture = read(encoded(image, cmyk_profile("Press")))
    assert torch.equal(picture.rgb, read(image).rgb)
    assert "ignored" in picture.notes[0]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_profiles_never_cost_the_picture(data: st.DataObject) -> None:
    sources = [rgb_profile("x", DISPLAY_P3, 2.2), gray_profile("x", 2), cmyk_profile("x"), b"not a profile"]
    profile = bytearray(data.draw(st.sampled_from(sources)))
    for _ in range(data.draw(st.integers(0, 4))):
        profile[data.draw(st.integers(0, len(profile) - 1))] = data.draw(st.integers(0, 255))
    profile = profile[: data.draw(st.integers(1, len(profile)))]
    picture = read(encoded(Image.new(data.draw(st.sampled_from(["L", "RGB", "CMYK"])), (3, 2)), bytes(profile), "TIFF"))
    assert picture.size == (3, 2)
    assert picture.rgb.isfinite().all()
    assert 0 <= picture.rgb.min() <= picture.rgb.max() <= 1


def test_a_name_from_a_profile_cannot_reach_the_terminal() -> None:
    picture = read(encoded(Image.new("RGB", (2, 2), "red"), rgb_profile("\x1b[31mP3\n", DISPLAY_P3)))
    assert all(note.isprintable() for note in picture.notes)


def test_lab_is_understood() -> None:
    stream = io.BytesIO()
    Image.new("LAB", (4, 4), (255, 128, 128)).save(stream, "TIFF")
    assert read(stream.getvalue()).rgb.min() > 0.98
    with pytest.raises(PictureError):
        read(stream.getvalue()[:-60])
