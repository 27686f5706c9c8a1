"""Pictures of every mode, made and encoded by Pillow, for tests."""

import io

import numpy as np
from PIL import Image

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
