"""Reading: every mode, format, orientation and depth becomes the same kind of Picture."""

import contextlib
import io
import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_files import COLOR, FORMATS, MODES, expected, in_mode, noise, saved
from PIL import Image, ImageOps

from impasto.lossless import png16, tiff
from impasto.picture import Picture, read


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_a_pillow_image(mode: str) -> None:
    picture = read(in_mode(mode))
    assert picture.size == (24, 16)
    if mode != "1":  # which is dithered
        assert torch.allclose(picture.rgb.mean((0, 2, 3)), torch.tensor(expected(mode)), atol=0.03)
    assert picture.alpha is None  # all of it is opaque


def written_by_pillow() -> dict[str, bytes]:
    """Every mode in every format that Pillow can keep it in."""
    files = {}
    for mode, kind in itertools.product(MODES, FORMATS):
        if (mode.startswith("I;16") and kind in ("WEBP", "AVIF", "GIF")) or (mode == "I" and kind == "PNG"):
            continue  # Pillow writes white or nearly black: it takes the numbers to be on another scale
        with contextlib.suppress(OSError, KeyError, ValueError, SystemError):
            data = saved(in_mode(mode), kind)
            Image.open(io.BytesIO(data)).load()  # some versions cannot read what they wrote
            files[f"{mode} {kind}"] = data
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


def test_sixteen_bit_gray_is_read_exactly() -> None:
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


def test_a_picture_is_itself() -> None:
    picture = read(in_mode("RGB"))
    assert read(picture) is picture
    assert isinstance(picture, Picture)
