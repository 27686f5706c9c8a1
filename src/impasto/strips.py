"""Large pictures from their files, some rows at a time, into a file that is mapped: they are never in memory whole.

What comes out is what `decode` finds, in floats. Pillow decodes a file as a whole, in bytes; libvips, where it is
installed, does not even that with a JPEG, PNG or TIFF of the usual kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFile
from torch import Tensor

from impasto import giant
from impasto.decode import check_size, lost, open_header, pillow, remarks
from impasto.modes import BACK, Array, Samples, as_stored, bits_per_color, deep, lower_bytes, orientation, sixteen_bits
from impasto.storage import MEMORY, Room

LARGE = 32_000_000  # pixels; in floats, 12 bytes each
_SCALES = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
_PLAIN = {"L": (8,), "RGB": (8, 16), "RGBA": (8, 16), "I;16": (16,), "I;16B": (16,)}  # bits that libvips reads alike
_PHOTOMETRIC, _GREY_OR_RGB = 262, (1, 2)


class Planes(NamedTuple):
    rgb: Tensor  # float32 (1, 3, H, W), channels-last, in a file
    alpha: Tensor | None  # float32 (1, 1, H, W), in a file
    notes: tuple[str, ...]


def read(stream: IO[bytes], path: Path | None, label: str, max_pixels: int) -> Planes | None:
    """Upright, in sRGB; None where the picture is of ordinary size, or can only be read as a whole."""
    with pillow(label, max_pixels):
        image = open_header(stream, label)
        check_size(image, label, max_pixels)
        if image.width * image.height <= LARGE or image.mode in ("I", "F"):
            return None
        bits, notes = bits_per_color(image), remarks(image)
        strips = _strips(image, bits, path, lambda: open_header(stream, label), label)
        first = next(strips)
        rgb = _filled(first, strips, image)
        return Planes(*rgb, notes + lost(bits, first) + first.notes)


def _filled(first: Samples, rest: Iterator[Samples], image: Image.Image) -> tuple[Tensor, Tensor | None]:
    """The strips, one below the other, and turned."""
    turn, size = BACK[orientation(image)], (image.height, image.width)
    height, width = size if orientation(image) < 5 else size[::-1]
    room, like = Room(in_file=True), torch.zeros((), dtype=torch.float32)
    rgb = room.image(3, height, width, like)
    alpha = None if first.alpha is None else room.image(1, height, width, like)
    places = [None if each is None else turn(each[0].permute(1, 2, 0).numpy()) for each in (rgb, alpha)]
    top = 0
    for strip in itertools.chain([first], rest):
        bottom = top + len(strip.pixels)
        for place, samples in zip(places, (strip.pixels, strip.alpha), strict=True):
            if place is not None and samples is not None:
                place[top:bottom] = samples.astype(np.float32) / np.float32(_SCALES.get(samples.dtype, 1))
        top = bottom
        room.let_go()
    return rgb, alpha


def _strips(
    image: Image.Image, bits: int, path: Path | None, reopen: Callable[[], Image.Image], label: str
) -> Iterator[Samples]:
    """As they are stored, from top to bottom."""
    if path is not None and giant.available() and _is_plain(image, bits):
        numbers = giant.strips(path, _rows(image))
        return (_from_numbers(image, part, label) for part in numbers)
    return _by_pillow(image, bits, reopen, label)


def _is_plain(image: Image.Image, bits: int) -> bool:
    """Whether libvips gives the numbers that Pillow gives."""
    tags = getattr(image, "tag_v2", {})
    usual = image.format in ("JPEG", "PNG") or (
        image.format == "TIFF"
        and image.mode != "RGBA"  # which may be multiplied by its alpha
        and tags.get(_PHOTOMETRIC) in _GREY_OR_RGB
        and orientation(image) == 1  # some versions of Pillow turn a TIFF themselves
    )
    return usual and bits in _PLAIN.get(image.mode, ()) and "transparency" not in image.info


def _from_numbers(image: Image.Image, numbers: Array, label: str) -> Samples:
    """What libvips has read, with the color that Pillow knows of."""
    if numbers.dtype == np.uint16:
        return deep(image, numbers)
    part = Image.fromarray(numbers[..., 0] if numbers.shape[2] == 1 else numbers)
    part.info = image.info
    return as_stored(part, label)


def _by_pillow(image: Image.Image, bits: int, reopen: Callable[[], Image.Image], label: str) -> Iterator[Samples]:
    deeper = bits == 16 and image.mode in ("RGB", "RGBA") and isinstance(image, ImageFile.ImageFile)
    other = lower_bytes(image, reopen) if deeper and isinstance(image, ImageFile.ImageFile) else None
    image.load()
    rows = _rows(image)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        part = image.crop(box)
        yield as_stored(part, label) if other is None else deep(image, sixteen_bits(part, other.crop(box)))


def _rows(image: Image.Image) -> int:
    return max(1, MEMORY.band // image.width)
