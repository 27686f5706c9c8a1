"""A file's bytes, or a Pillow image, become samples: any mode, upright, sRGB, alpha apart.

The content decides what a file is, never its name; its size is checked before any pixel is decoded.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from impasto.errors import ImpastoError, PictureError
from impasto.filetype import is_heif, refuse_no_picture
from impasto.modes import Samples, bits_per_color, samples_of, samples_of_sixteen_bits

# Formats that a photo or a scan comes in, each known by its first bytes. Not EPS: Pillow would run Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "JPEG2000", "PPM", "PSD", "QOI")
_FRAMES = dict.fromkeys(("GIF", "PNG", "WEBP", "AVIF"), "frames of an animation") | {"TIFF": "pages"}
_PILLOW = threading.RLock()


@contextlib.contextmanager
def pillow(label: str, max_pixels: int) -> Iterator[None]:
    """Around all work of Pillow: no warnings, our limit instead of its own, and one sentence for whatever it raises.

    Filters and limit are globals, swapped and put back; hence one thread at a time.
    """
    try:
        with _PILLOW, warnings.catch_warnings(), _pillow_limit(max_pixels):
            warnings.simplefilter("ignore")
            yield
    except ImpastoError:  # one of ours says it already
        raise
    except MemoryError as error:
        raise PictureError(f"{label} needs more memory than there is; make it smaller first") from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{label} is damaged, or no picture of a known kind; JPEG, PNG, WebP, TIFF, AVIF, GIF and BMP are"
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{label} has {_more_than(max_pixels)}") from error
    except Exception as error:  # damaged files make Pillow raise nearly every type there is
        raise PictureError(f"{label} is damaged or cut short; copy or export it again") from error


@contextlib.contextmanager
def _pillow_limit(max_pixels: int) -> Iterator[None]:
    usual = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def _more_than(max_pixels: int) -> str:
    return (
        f"more pixels than the limit of {max_pixels / 1e6:g} megapixels; "
        "make it smaller first, or raise the limit (max_pixels)"
    )


def open_header(stream: IO[bytes], label: str) -> Image.Image:
    """Mode, size and metadata; no pixel is decoded. To be called within `pillow`."""
    stream.seek(0)
    prefix = stream.read(512)
    stream.seek(0)
    refuse_no_picture(prefix, label)
    return _open_heif(stream, label) if is_heif(prefix) else Image.open(stream, formats=_FORMATS)


def _open_heif(stream: IO[bytes], label: str) -> Image.Image:
    """Asked directly: registering the plug-in would change Pillow for the whole process."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise PictureError(f"{label} is a HEIC picture; to read it, run: pip install impasto[heif]") from error
    image: Image.Image = HeifImageFile(stream, "")
    return image


def decode_file(stream: IO[bytes], label: str, max_pixels: int) -> Samples:
    with pillow(label, max_pixels):
        image = open_header(stream, label)
        check_size(image, label, max_pixels)
        notes, bits = remarks(image), bits_per_color(image)
        deep = None
        if bits == 16 and image.mode in ("RGB", "RGBA") and isinstance(image, ImageFile.ImageFile):
            deep = samples_of_sixteen_bits(image, lambda: open_header(stream, label))
        samples = deep or samples_of(image, label)
        return samples._replace(notes=notes + lost(bits, samples) + samples.notes)


def decode_image(image: Image.Image, label: str, max_pixels: int) -> Samples:
    """A Pillow image of the caller's; it is loaded, not changed."""
    with pillow(label, max_pixels):
        check_size(image, label, max_pixels)
        return samples_of(image, label)


def check_size(image: Image.Image, label: str, max_pixels: int) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise PictureError(f"{label} has no pixels ({width} × {height})")
    if width * height > max_pixels:
        raise PictureError(f"{label} is {width} × {height}, {_more_than(max_pixels)}")


def lost(bits: int, samples: Samples) -> tuple[str, ...]:
    """What became of the bits in the file."""
    return (f"read at 8 of its {bits} bits per color",) if bits > 8 and samples.pixels.dtype == np.uint8 else ()


def remarks(image: Image.Image) -> tuple[str, ...]:
    """What of a file is not read."""
    kind, count = _FRAMES.get(image.format or ""), getattr(image, "n_frames", 1)
    return (f"the first of {count} {kind}",) if kind and count > 1 else ()
