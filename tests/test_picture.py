"""The Picture type: sizes, transparency, and what comes from arrays."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.errors import PictureError
from impasto.picture import Picture, read
from impasto.resample import fill_hidden
from impasto.storage import Room

sides = st.integers(1, 200)


def random_picture(width: int, height: int, *, alpha: bool = False) -> Picture:
    generator = torch.Generator().manual_seed(width * 1000 + height)
    rgb = torch.rand(1, 3, height, width, generator=generator)
    return Picture(rgb, torch.rand(1, 1, height, width, generator=generator) if alpha else None, "some.png", "ab")


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides, st.booleans())
def test_every_size_becomes_exactly_every_other(w: int, h: int, new_w: int, new_h: int, alpha: bool) -> None:
    resized = random_picture(w, h, alpha=alpha).resized(new_w, new_h)
    assert resized.size == (new_w, new_h)
    assert (resized.name, resized.sha256) == ("some.png", "ab")
    planes = [resized.rgb] if resized.alpha is None else [resized.rgb, resized.alpha]
    assert all(plane.isfinite().all() and 0 <= plane.min() <= plane.max() <= 1 for plane in planes)


@given(sides, st.integers(1, 50), st.booleans(), st.integers(1, 300), st.booleans())
@settings(max_examples=60, deadline=None)
def test_fitting_keeps_the_aspect(short: int, ratio: int, upright: bool, long_side: int, enlarge: bool) -> None:
    size = (short, short * ratio)[:: 1 if upright else -1]
    picture = Picture(torch.zeros(1, 3, size[1], size[0]))
    fitted = picture.fitted(long_side, enlarge=enlarge)
    if max(size) < long_side and not enlarge:
        assert fitted is picture
        return
    assert max(fitted.size) == long_side
    for side, original in zip(fitted.size, size, strict=True):
        assert abs(side - max(1, original * long_side / max(size))) <= 0.5


def test_the_same_size_is_the_same_picture_to_the_bit() -> None:
    picture = random_picture(31, 17, alpha=True)
    assert picture.resized(31, 17) is picture
    assert picture.fitted(31) is picture


def test_shrinking_averages_all_pixels() -> None:
    """A fine checkerboard becomes gray, not stripes."""
    board = (torch.arange(256)[:, None] + torch.arange(256)) % 2
    picture = Picture(board.float().expand(1, 3, 256, 256).contiguous())
    for side in (16, 37, 100):
        assert (picture.resized(side, side).rgb - 0.5).abs().max() < 0.02


def test_shrinking_a_smooth_picture_keeps_it() -> None:
    ramp = torch.linspace(0, 1, 640).expand(1, 3, 32, 640)
    small = Picture(ramp.contiguous()).resized(80, 4)
    assert torch.allclose(small.rgb[0, 0, 2, 4:-4], torch.linspace(0, 1, 640).reshape(80, 8).mean(1)[4:-4], atol=1e-3)


def test_a_flat_picture_stays_flat() -> None:
    picture = Picture(torch.full((1, 3, 20, 30), 0.3))
    for size in ((7, 5), (90, 61)):
        assert torch.allclose(picture.resized(*size).rgb, torch.tensor(0.3), atol=1e-6)


@pytest.mark.parametrize("size", [(20, 20), (7, 9), (55, 3)])
def test_hidden_colors_never_show(size: tuple[int, int]) -> None:
    """Red island in a transparent sea: whatever the sea's pixels hold, the picture is the same."""
    alpha = torch.zeros(1, 1, 20, 20)
    alpha[..., 5:12, 6:14] = 1
    results = []
    for hidden in (0.0, 1.0, float("nan")):
        rgb = torch.full((1, 3, 20, 20), hidden)
        rgb[..., 5:12, 6:14] = torch.tensor([1.0, 0.0, 0.25]).reshape(3, 1, 1)
        picture = Picture(rgb, alpha).resized(*size) if size != (20, 20) else Picture(fill_hidden(rgb, alpha), alpha)
        results.append(picture.rgb)
        assert torch.allclose(picture.rgb, torch.tensor([1.0, 0.0, 0.25]).reshape(3, 1, 1), atol=1e-5)
    assert torch.equal(results[0], results[1])


@given(w=st.integers(1, 9), h=st.integers(1, 9), amount=st.sampled_from((0.25, 1.0)), in_file=st.booleans())
@settings(deadline=None)
def test_sharpening_adds_what_a_blur_takes_away(w: int, h: int, amount: float, in_file: bool) -> None:
    """By numpy, pixel by pixel; in bands as in one piece, and no brighter or darker than a picture can be."""
    pixels = torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(w + 10 * h))
    framed = np.pad(pixels[0].numpy().astype(float), ((0, 0), (1, 1), (1, 1)), "edge")
    kernel = np.outer((1, 2, 1), (1, 2, 1)) / 16
    windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3), axis=(1, 2))
    there = pixels[0].numpy().astype(float)
    wanted = np.clip(there + amount * (there - np.einsum("cyxij,ij->cyx", windows, kernel)), 0, 1)
    made = Picture(pixels).sharpened(amount, Room(in_file=in_file, band=2 * w))
    np.testing.assert_allclose(made.rgb[0].numpy(), wanted, atol=1e-6)
    assert torch.equal(made.rgb, Picture(pixels).sharpened(amount).rgb)


def test_sharpening_by_nothing_is_the_same_picture_and_hidden_colors_make_no_edges() -> None:
    alpha = torch.ones(1, 1, 4, 6)
    alpha[..., 3:] = 0
    rgb = torch.where(alpha > 0, torch.full((1, 3, 4, 6), 0.25), 1.0)
    picture = Picture(rgb, alpha)
    assert picture.sharpened(0.0) is picture
    assert torch.allclose(picture.sharpened(1.0).rgb, torch.tensor(0.25))


def test_hidden_pixels_take_the_color_of_their_side() -> None:
    pixels = np.zeros((16, 64, 4), np.uint8)
    pixels[:, :8] = (255, 0, 0, 255)
    pixels[:, -8:] = (0, 0, 255, 255)
    rgb = read(pixels).rgb
    assert rgb[0, 0, 8, 14] > 0.7
    assert rgb[0, 2, 8, -14] > 0.7
    assert torch.equal(rgb[0, :, :, :8], torch.tensor([1.0, 0, 0]).reshape(3, 1, 1).expand(3, 16, 8))


def test_a_fully_transparent_picture_says_so() -> None:
    picture = read(np.zeros((4, 5, 4), np.uint8))
    assert picture.rgb.isfinite().all()
    assert picture.notes == ("every pixel is fully transparent",)


def test_opaque_alpha_is_none() -> None:
    assert read(Image.new("RGBA", (3, 3), (1, 2, 3, 255))).alpha is None


GOOD_ARRAYS: dict[str, Any] = {
    "bytes": np.full((4, 6, 3), 51, np.uint8),
    "words": np.full((4, 6, 3), 13107, np.uint16),
    "floats": np.full((4, 6, 3), 0.2, np.float32),
    "doubles": np.full((4, 6, 3), 0.2),
    "halves": np.full((4, 6, 1), 0.2, np.float16),
    "gray": np.full((4, 6), 51, np.uint8),
    "opaque": np.concatenate([np.full((4, 6, 3), 51, np.uint8), np.full((4, 6, 1), 255, np.uint8)], -1),
    "upside down": np.full((4, 6, 3), 51, np.uint8)[::-1],
    "tensor": torch.full((3, 4, 6), 0.2),
    "batch": torch.full((1, 3, 4, 6), 51, dtype=torch.uint8),
    "gradient": torch.full((1, 1, 4, 6), 0.2, requires_grad=True),
    "bfloat16": torch.full((4, 6), 0.2, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("name", GOOD_ARRAYS)
def test_arrays_of_every_kind(name: str) -> None:
    picture = read(GOOD_ARRAYS[name])
    assert picture.size == (6, 4)
    assert torch.allclose(picture.rgb, torch.tensor(0.2), atol=1e-3)
    assert picture.alpha is None
    assert picture.sha256 == read(GOOD_ARRAYS[name]).sha256 != read(np.zeros((4, 6, 3), np.uint8)).sha256


def test_equal_pixels_have_equal_hashes() -> None:
    pixels = GOOD_ARRAYS["bytes"]
    assert (
        read(pixels).sha256 == read(Image.fromarray(pixels)).sha256 == read(torch.tensor(pixels).movedim(2, 0)).sha256
    )
    assert read(pixels).sha256 != read(pixels.reshape(6, 4, 3)).sha256


def test_a_picture_owns_its_pixels() -> None:
    for source in (np.full((4, 6, 1), 0.5, np.float32), torch.full((3, 4, 6), 0.5)):
        picture = read(source)
        source[:] = 0
        assert picture.rgb.min() == 0.5


BAD_SOURCES: dict[str, Any] = {
    "channels first": np.zeros((3, 40, 50), np.uint8),
    "five channels": np.zeros((4, 5, 5), np.uint8),
    "one dimension": np.zeros(7),
    "empty": np.zeros((0, 5, 3)),
    "not a number": np.full((4, 5, 3), np.nan),
    "infinite": np.full((4, 5), np.inf),
    "scale of bytes": np.full((4, 5, 3), 255.0),
    "negative": np.full((4, 5, 3), -0.1),
    "integers": np.zeros((4, 5, 3), np.int64),
    "complex": np.zeros((4, 5, 3), complex),
    "objects": np.full((4, 5), None),
    "channels last": torch.zeros(40, 50, 3),
    "two pictures": torch.zeros(2, 3, 4, 5),
    "empty tensor": torch.zeros(3, 0, 5),
    "infinite mode F": Image.fromarray(np.full((4, 5), np.inf, np.float32)),
    "negative mode I": Image.new("I", (3, 3), -5),
    "enormous mode I": Image.new("I", (3, 3), 1 << 20),
    "a list": [[0, 1], [1, 0]],
    "nothing": None,
}


@pytest.mark.parametrize("name", BAD_SOURCES)
def test_what_is_no_picture_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(PictureError) as caught:
        read(BAD_SOURCES[name])
    assert "\n" not in str(caught.value)


def test_modes_without_a_scale_say_which_was_taken() -> None:
    picture = read(Image.fromarray(np.array([[0, 100], [200, 255]], np.float32)))
    assert picture.rgb[0, 0, 1, 0] == pytest.approx(200 / 255)
    assert "0 to 255" in picture.notes[0]


def test_a_picture_checks_its_planes() -> None:
    rgb = torch.zeros(1, 3, 4, 5)
    bad = [(rgb[0], None), (rgb.double(), None), (rgb[:, :2], None), (rgb, rgb), (rgb, torch.zeros(1, 1, 5, 4))]
    for planes, alpha in bad:
        with pytest.raises(PictureError):
            Picture(planes, alpha)
    with pytest.raises(PictureError, match="at least 1"):
        Picture(rgb).resized(0, 5)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.to(torch.float8_e5m2).float().to(torch.float8_e5m2),
        lambda t: t.double(),
        lambda t: torch.complex(t, -t).conj().imag,  # whose sign is still to be turned
        lambda t: t.requires_grad_(),
    ],
)
def test_tensors_that_numpy_does_not_know(change: Any) -> None:  # noqa: ANN401 -- of tensors
    quarters = torch.tensor([0.0, 0.25, 0.5, 1.0]).repeat(3, 4, 1)
    assert torch.equal(read(change(quarters.clone())).rgb[0], quarters)


def test_numbers_of_another_byte_order_and_bytes_with_gaps() -> None:
    numbers = np.arange(48, dtype=np.uint16).reshape(4, 4, 3) * 1000
    assert torch.equal(read(numbers.astype(">u2")).rgb, read(numbers).rgb)
    stream = io.BytesIO()
    Image.fromarray(numbers.astype(np.uint8)).save(stream, "PNG")
    doubled = bytes(byte for byte in stream.getvalue() for _ in range(2))
    assert torch.equal(read(memoryview(doubled)[::2]).rgb, read(stream.getvalue()).rgb)
