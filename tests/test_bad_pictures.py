"""What is no picture, or no longer one, is refused in one sentence and never with anything but PictureError."""

import contextlib
import io
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
from picture_files import FORMATS, expected, in_mode, noise, saved
from PIL import Image

from impasto.errors import PictureError
from impasto.lossless import png16, tiff
from impasto.picture import read

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
    with pytest.raises(PictureError, match="/dev/stdin"):
        read("-")
    for address in ("https://example.com/a.jpg", "file:///home/a.jpg"):
        with pytest.raises(PictureError, match="is an address"):
            read(address)
    with pytest.raises(PictureError, match="no folder"):
        read("c:/a.jpg")  # a drive


def test_huge_pictures_are_refused_by_their_header(monkeypatch: pytest.MonkeyPatch) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = png16(np.zeros((1, 1, 3), np.uint16), b"", {})
    start = data.index(b"IHDR")
    bomb = data[:start] + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[start + 21 :]
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded before the size was looked at"))
    with pytest.raises(PictureError, match="limit of 500 megapixels"):
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
    *(png16(noise(9, 7, channels, np.uint16), b"", {"k": "v"}) for channels in (3, 4)),
    *(tiff(noise(9, 7, channels, np.uint16), b"", {270: "v"}) for channels in (3, 4)),
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
