"""Reading: every mode, format, orientation and depth becomes the same kind of Picture, and the rest one sentence."""

import contextlib
import io
import itertools
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from impasto.errors import PictureError
from impasto.lossless import png16, tiff
from impasto.picture import Picture, read

MODES = [
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"),
    *("I;16", "I;16L", "I;16B", "I;16N", "I", "F"),
]
FORMATS = ["PNG", "JPEG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "JPEG2000", "PPM", "QOI"]
COLOR = (200, 100, 50)
GREY = 124  # what Pillow makes of it


def in_mode(mode: str, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """A flat picture in the color above, as near as the mode can come to it."""
    if mode == "LAB":
        return Image.new("LAB", size, (135, 165, 173))  # a* and b* are stored with 128 added
    if mode.startswith("I;16"):
        numbers = np.full(size[::-1], GREY * 257, ">u2" if mode == "I;16B" else "<u2")
        return Image.frombytes(mode, size, numbers.tobytes())
    if mode in ("RGBa", "La", "PA"):
        through = {"RGBa": "RGBA", "La": "LA", "PA": "P"}[mode]
        return in_mode(through, size).convert(mode)
    return Image.new("RGB", size, COLOR).convert(mode)


def expected(mode: str) -> tuple[float, ...]:
    if mode in ("L", "LA", "La", "I", "F") or mode.startswith("I;16"):
        return (GREY / 255,) * 3
    return tuple(value / 255 for value in COLOR)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(height: int, width: int, channels: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(height * width).integers(
        0, np.iinfo(dtype).max, (height, width, channels), dtype, True
    )


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_a_pillow_image(mode: str) -> None:
    picture = read(in_mode(mode))
    assert picture.size == (24, 16)
    if mode != "1":  # which is dithered
        assert torch.allclose(picture.rgb.mean((0, 2, 3)), torch.tensor(expected(mode)), atol=0.03)
    assert picture.alpha is None  # all of it is opaque


def written_by_pillow() -> dict[str, bytes]:
    """Every mode in every format that Pillow can write it into."""
    files = {}
    for mode, kind in itertools.product(MODES, FORMATS):
        if mode.startswith("I;16") and kind in ("WEBP", "AVIF", "GIF"):
            continue  # Pillow writes white: it cuts off all above 255
        with contextlib.suppress(OSError, KeyError, ValueError, SystemError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some of this is deprecated in older Pillows
            files[f"{mode} {kind}"] = saved(in_mode(mode), kind)
    return files


WRITTEN = written_by_pillow()


@pytest.mark.parametrize("mode_and_kind", WRITTEN)
def test_every_mode_in_every_format(mode_and_kind: str) -> None:
    mode, _ = mode_and_kind.split()
    picture = read(WRITTEN[mode_and_kind])
    assert picture.size == (24, 16)
    if mode != "1":  # which is dithered
        assert torch.allclose(picture.rgb.mean((0, 2, 3)), torch.tensor(expected(mode)), atol=0.05)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_kept_apart(mode: str, kind: str) -> None:
    image = Image.new("RGBA", (20, 10), (*COLOR, 255))
    image.paste((*COLOR, 51), (0, 0, 10, 10))
    picture = read(saved(image.convert(mode), kind, lossless=True))
    assert picture.alpha is not None
    assert picture.alpha[0, 0, 5, 4] == pytest.approx(0.2, abs=0.01)
    assert picture.alpha[0, 0, 5, 15] == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_a_single_transparent_color(mode: str) -> None:
    image = Image.new("RGB", (8, 4), "white")
    image.paste((0, 0, 0), (0, 0, 4, 4))
    if mode == "I;16":
        image = Image.fromarray(np.array(image.convert("L")).astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(mode)
    key = {"RGB": (0, 0, 0), "P": image.getpixel((0, 0))}.get(mode, 0)
    picture = read(saved(image, "PNG", transparency=key))
    assert picture.alpha is not None
    assert picture.alpha[0, 0, 2].tolist() == [0] * 4 + [1] * 4
    assert picture.rgb.min() > 0.99  # the hidden black is gone


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    image = Image.new("RGB", (48, 32), "blue")
    image.paste((255, 0, 0), (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(image, kind, exif=exif)
    upright = read(data)
    assert upright.size == ((48, 32) if orientation < 5 else (32, 48))
    reference = image.copy()
    reference.getexif()[0x0112] = orientation
    assert (upright.rgb - read(ImageOps.exif_transpose(reference)).rgb).abs().mean() < 0.03


def test_sixteen_bits_and_orientation_go_together() -> None:
    numbers = noise(6, 9, 3, np.uint16)
    exif = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # turn right
    plain = png16(numbers, b"", {})
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    start = plain.index(b"IDAT") - 4
    turned = torch.rot90(read(plain).rgb, -1, (2, 3))
    assert torch.equal(read(plain[:start] + chunk + plain[start:]).rgb, turned)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("encode", [png16, tiff])
def test_sixteen_bits_are_read_exactly(encode: object, channels: int) -> None:
    numbers = noise(37, 23, channels, np.uint16)
    picture = read(encode(numbers, b"", {}))  # type: ignore[operator]
    ours = torch.from_numpy(numbers.astype(np.float32).transpose(2, 0, 1))[None] / 65535
    shown = ours[:, 3:] > 0 if channels == 4 else torch.ones(1, 1, 37, 23, dtype=torch.bool)
    assert torch.equal(torch.where(shown, picture.rgb, 0), torch.where(shown, ours[:, :3], 0))
    assert picture.alpha is None or torch.equal(picture.alpha, ours[:, 3:])
    assert picture.notes == ()


def test_sixteen_bit_grey_is_read_exactly() -> None:
    numbers = noise(5, 7, 1, np.uint16)[..., 0]
    for kind in ("PNG", "TIFF"):
        picture = read(saved(Image.fromarray(numbers), kind))
        assert torch.equal(picture.rgb[0, 1], torch.from_numpy(numbers.astype(np.float32)) / 65535)


@pytest.mark.parametrize("filter_type", range(5))
def test_sixteen_bit_png_with_every_filter(filter_type: int) -> None:
    """The decoder undoes the filters by whole samples of 6 bytes; an independent inverse is kept here."""
    rows = np.random.default_rng(5).integers(0, 256, (4, 30), np.uint8)
    stream = zlib.compress(b"".join(bytes([filter_type]) + row.tobytes() for row in rows))
    data = png16(np.zeros((4, 5, 3), np.uint16), b"", {})
    start = data.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(stream)) + b"IDAT" + stream + struct.pack(">I", zlib.crc32(b"IDAT" + stream))
    numbers = np.frombuffer(unfiltered(rows, filter_type).tobytes(), ">u2").reshape(4, 5, 3).astype(np.float32)
    picture = read(data[:start] + chunk + data[-12:])
    assert torch.equal(picture.rgb[0].permute(1, 2, 0), torch.from_numpy(numbers) / 65535)


def unfiltered(rows: np.ndarray, filter_type: int) -> np.ndarray:
    result = np.zeros((len(rows) + 1, 6 + rows.shape[1]), int)  # with the zeros above and to the left
    for y, x in np.ndindex(*rows.shape):
        left, above, corner = result[y + 1, x], result[y, x + 6], result[y, x]
        nearest = min((left, above, corner), key=lambda value: abs(left + above - corner - value))
        guess = [0, left, above, (left + above) // 2, nearest][filter_type]
        result[y + 1, x + 6] = (int(rows[y, x]) + guess) % 256
    return result[1:, 6:].astype(np.uint8)


def test_a_big_endian_sixteen_bit_tiff() -> None:
    numbers = noise(4, 5, 3, np.uint16)
    pixels = numbers.astype(">u2").tobytes()
    tags = [(256, 5), (257, 4), (258, None), (259, 1), (262, 2), (273, 8), (277, 3), (278, 4), (279, len(pixels))]
    directory = struct.pack(">H", len(tags))
    bits_at = 8 + len(pixels) + 2 + 12 * len(tags) + 4
    for tag, value in tags:
        directory += (
            struct.pack(">HHII", tag, 3, 3, bits_at) if value is None else struct.pack(">HHII", tag, 4, 1, value)
        )
    data = (
        struct.pack(">2sHI", b"MM", 42, 8 + len(pixels))
        + pixels
        + directory
        + bytes(4)
        + struct.pack(">3H", 16, 16, 16)
    )
    picture = read(data)
    assert torch.equal(picture.rgb[0].permute(1, 2, 0), torch.from_numpy(numbers.astype(np.float32)) / 65535)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_the_first_frame_is_taken_with_a_note(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue", "lime")]
    picture = read(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert picture.rgb[0, :, 8, 8].tolist() == pytest.approx([1, 0, 0], abs=0.05)
    assert picture.notes == (f"the first of 3 {'pages' if kind == 'TIFF' else 'frames of an animation'}",)


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "Größe (1) 日本.jpg"
    path.write_bytes(saved(in_mode("RGBA"), "PNG"))
    picture = read(str(path))
    assert (picture.name, picture.size) == (path.name, (24, 16))
    assert picture.sha256 == read(path.read_bytes()).sha256


BAD_FILES = {
    "empty.jpg": (b"", "empty"),
    "page.jpg": (b"\n<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "drawing.png": (b"<?xml version='1.0'?><svg xmlns='x'></svg>", "SVG"),
    "film.jpg": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(40), "video"),
    "film.png": (b"\x1aE\xdf\xa3" + bytes(40), "video"),
    "film.avi": (b"RIFF\0\0\0\0AVI LIST" + bytes(40), "video"),
    "scan.pdf": (b"%PDF-1.7\n", "PDF"),
    "text.png": (b"hello, I am no picture", "no picture of a known kind"),
    "cut.png": (saved(in_mode("RGB"), "PNG")[:50], "damaged or cut short"),
    "cut.jpg": (saved(in_mode("RGB"), "JPEG")[:300], "damaged"),
    "plot.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture of a known kind"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_picture_says_what_it_is(name: str, tmp_path: Path) -> None:
    data, reason = BAD_FILES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PictureError, match=reason) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heic_is_read_or_the_extra_is_named() -> None:
    prefix = b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(200)
    try:
        import pillow_heif
    except ImportError:
        with pytest.raises(PictureError, match=r"pip install impasto\[heif\]"):
            read(prefix)
        return
    stream = io.BytesIO()
    pillow_heif.from_pillow(in_mode("RGB", (64, 64))).save(stream)
    assert torch.allclose(read(stream.getvalue()).rgb.mean((0, 2, 3)), torch.tensor(expected("RGB")), atol=0.05)
    with pytest.raises(PictureError, match="damaged"):
        read(prefix)


def test_a_missing_file_names_its_neighbors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Holiday.JPG").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PictureError, match=r"did you mean Holiday\.JPG") as caught:
        read("holidays.jpg")
    assert str(tmp_path / "holidays.jpg") in str(caught.value)
    with pytest.raises(PictureError, match="no folder"):
        read("nowhere/holiday.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(PictureError, match="device"):
        read("/dev/null")
    with pytest.raises(PictureError):
        read("zero\0byte.jpg")
    with pytest.raises(PictureError):
        read("x" * 5000)


def test_huge_pictures_are_refused_by_their_header(monkeypatch: pytest.MonkeyPatch) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = png16(np.zeros((1, 1, 3), np.uint16), b"", {})
    start = data.index(b"IHDR")
    bomb = data[:start] + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[start + 21 :]
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded before the size was looked at"))
    with pytest.raises(PictureError, match="limit of 200 megapixels"):
        read(bomb)


def test_the_limit_is_the_callers() -> None:
    data = saved(Image.new("RGB", (100, 100)), "PNG")
    assert read(data, max_pixels=10_000).size == (100, 100)
    with pytest.raises(PictureError, match=r"100 × 100, more pixels than the limit of 0\.009999 megapixels"):
        read(data, max_pixels=9_999)


def test_pillow_and_the_warning_filters_are_left_as_they_were() -> None:
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters), sorted(Image.OPEN)
    data = saved(in_mode("P"), "PNG", transparency=bytes(range(256)))  # Pillow warns when it converts this
    threads = [threading.Thread(target=read, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    with pytest.raises(PictureError):
        read(b"GIF89a")
    for thread in threads:
        thread.join()
    assert before[:2] == (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    assert "HEIF" not in Image.OPEN


VALID = [
    *(saved(in_mode("RGB"), kind) for kind in FORMATS),
    *(encode(noise(9, 7, channels, np.uint16), b"", {"k": "v"} if encode is png16 else {270: "v"})
      for encode in (png16, tiff) for channels in (3, 4)),
    saved(in_mode("P"), "GIF", save_all=True, append_images=[in_mode("L")]),
    saved(in_mode("CMYK"), "TIFF", compression="tiff_lzw"),
]  # fmt: skip


def read_or_refuse(data: bytes) -> None:
    with contextlib.suppress(PictureError):
        picture = read(data, max_pixels=1_000_000)
        assert picture.rgb.isfinite().all()
        assert 0 <= picture.rgb.min() <= picture.rgb.max() <= 1


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(VALID), st.data())
def test_truncated_files(data: bytes, draw: st.DataObject) -> None:
    read_or_refuse(data[: draw.draw(st.integers(0, len(data)))])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_files(data: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at % len(data)] = value
    read_or_refuse(bytes(damaged))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", *(data[:12] for data in VALID)]), st.binary(max_size=200))
def test_random_bytes(start: bytes, rest: bytes) -> None:
    read_or_refuse(start + rest)


def test_a_picture_is_itself() -> None:
    picture = read(in_mode("RGB"))
    assert read(picture) is picture
    assert isinstance(picture, Picture)
