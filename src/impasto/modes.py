"""A Pillow image of any mode becomes samples: gray or RGB in sRGB, upright, with alpha apart."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

from impasto import icc
from impasto.errors import PictureError

Array = NDArray[Any]

_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258


class Samples(NamedTuple):
    """Of type uint8, uint16, or float32 in [0, 1]."""

    pixels: Array  # (H, W, 1 or 3)
    alpha: Array | None = None  # (H, W, 1)
    notes: tuple[str, ...] = ()


def samples_of(image: Image.Image, label: str) -> Samples:
    """What Pillow decodes: 8 bits per color, or single numbers of any precision."""
    image.load()
    return turned(as_stored(image, label), orientation(image))


def as_stored(image: Image.Image, label: str) -> Samples:
    """The same of a picture or a part of it, not yet upright."""
    if image.mode.startswith("I;16"):
        return deep(image, np.array(image)[..., None].astype(np.uint16))
    if image.mode in ("I", "F"):
        numbers, notes = _numbers(image, label)
        return _finish(image, Image.fromarray((numbers[..., 0] * 255).astype(np.uint8)), numbers, None, notes)
    color, alpha = _apart(image)
    return _finish(image, color, None, alpha, ())


def samples_of_sixteen_bits(image: ImageFile.ImageFile, reopen: Callable[[], Image.Image]) -> Samples | None:
    """A file of 16 bits per color at full precision; None if it is stored in a way that this cannot read."""
    other = lower_bytes(image, reopen)
    return None if other is None else turned(deep(image, sixteen_bits(image, other)), orientation(image))


def lower_bytes(image: ImageFile.ImageFile, reopen: Callable[[], Image.Image]) -> Image.Image | None:
    """What Pillow leaves out of 16 bits per color, as a picture of the same mode.

    Pillow unpacks only the higher byte of each sample; which one that is, is told by the file's byte order.
    Decoded once more as if in the other order, it gives the lower byte.
    """
    raw_modes = {_raw_mode(tile) for tile in image.tile}
    if not raw_modes <= _OTHER_BYTE.keys():
        return None
    image.load()
    other = reopen()
    assert isinstance(other, ImageFile.ImageFile)  # like the first
    other.tile = [_with_other_byte(tile) for tile in other.tile]
    return other


def sixteen_bits(upper: Image.Image, lower: Image.Image) -> Array:
    numbers: Array = np.array(upper).astype(np.uint16) << 8 | np.array(lower)
    return numbers


def deep(image: Image.Image, numbers: Array) -> Samples:
    """(H, W, 1, 3 or 4) of 16 bits, with what `image` says of their color and transparency; not yet upright."""
    channels = numbers.shape[2]
    colors = numbers[..., :3]
    eight_bits = (colors >> 8).astype(np.uint8)
    color = Image.fromarray(eight_bits[..., 0] if channels == 1 else eight_bits)
    alpha = numbers[..., 3:] if channels == 4 else _color_key(image, numbers)
    return _finish(image, color, colors, alpha, ())


def bits_per_color(image: Image.Image) -> int:
    """As stored in the file, where Pillow's mode does not tell."""
    if image.format == "TIFF":
        return int(max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))))
    raw_modes = [_raw_mode(tile) for tile in getattr(image, "tile", ())]
    return 16 if any(";16" in raw_mode for raw_mode in raw_modes) else 8


_NATIVE, _SWAPPED = ("L", "B") if sys.byteorder == "little" else ("B", "L")
_OTHER_BYTE = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for order, other in (("B", "L"), ("L", "B"), ("N", _SWAPPED))
}


def _raw_mode(tile: Any) -> str:  # noqa: ANN401  (Pillow: a name, or a tuple that begins with it)
    args = tile.args
    return str(args[0] if isinstance(args, tuple) and args else args)


def _with_other_byte(tile: Any) -> Any:  # noqa: ANN401  (Pillow's private type)
    raw_mode = _OTHER_BYTE[_raw_mode(tile)]
    return tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *tile.args[1:]))


def _numbers(image: Image.Image, label: str) -> tuple[Array, tuple[str, ...]]:
    """Modes I and F, which have no scale of their own: the largest value must tell it."""
    values = np.array(image)[..., None]
    low, high = float(values.min()), float(values.max())
    scales = (255, 65535) if image.mode == "I" else (1, 255, 65535)
    scale = next((scale for scale in scales if high <= scale), None)
    if scale is None or not low >= 0:  # NaN fails both
        raise PictureError(
            f"{label} has numbers from {low:g} to {high:g} for pixels; scale them to 0...1, 0...255 or 0...65535"
        )
    return (values / scale).astype(np.float32), (f"its pixels are numbers, read on a scale from 0 to {scale}",)


def _color_key(image: Image.Image, numbers: Array) -> Array | None:
    """PNG may name one color that stands for transparent."""
    key = image.info.get("transparency")
    if key is None:
        return None
    opaque: Array = (numbers != np.array(key, np.uint16)).any(-1, keepdims=True)
    return opaque.astype(np.uint8) * 255


def _apart(image: Image.Image) -> tuple[Image.Image, Array | None]:
    """Colors of mode L, RGB, CMYK or LAB, and alpha."""
    if image.has_transparency_data:
        gray = image.mode in ("L", "LA", "La")
        image = image.convert("LA" if gray else "RGBA")
        return image.convert("L" if gray else "RGB"), np.array(image.getchannel("A"))[..., None]
    if image.mode == "1":
        return image.convert("L"), None
    return (image if image.mode in ("L", "CMYK", "LAB") else image.convert("RGB")), None


def _finish(
    image: Image.Image, color: Image.Image, numbers: Array | None, alpha: Array | None, notes: tuple[str, ...]
) -> Samples:
    """Colors to sRGB. `color` has 8 bits; `numbers` is the same with more, where there is more."""
    pixels, told = _in_srgb(color, numbers, image.info.get("icc_profile") or None)
    return Samples(pixels, alpha, notes + told)


def _in_srgb(color: Image.Image, numbers: Array | None, profile: bytes | None) -> tuple[Array, tuple[str, ...]]:
    if profile is not None:
        try:
            return _with_profile(color, numbers, profile)
        except (ValueError, OSError, ImageCms.PyCMSError):
            pixels, notes = _in_srgb(color, numbers, None)
            return pixels, (*notes, "its color profile is damaged or of another kind, and was ignored")
    if numbers is not None:
        return numbers, ()
    if color.mode == "LAB":
        return np.array(icc.with_littlecms(color, None)), ()
    if color.mode == "CMYK":
        return np.array(color.convert("RGB")), ("CMYK without a color profile; its colors are approximate",)
    pixels = np.array(color)
    return pixels.reshape(*pixels.shape[:2], -1), ()


def _with_profile(color: Image.Image, numbers: Array | None, profile: bytes) -> tuple[Array, tuple[str, ...]]:
    note = f"converted from {icc.profile_name(profile)} to sRGB"
    if color.mode == "L" and icc.fits(profile, "RGB"):  # a gray picture kept with the profile of its camera
        color = color.convert("RGB")
        numbers = None if numbers is None else numbers.repeat(3, -1)
    if not icc.fits(profile, color.mode):
        raise ValueError("a profile for other colors")
    samples = np.array(color) if numbers is None or numbers.dtype != np.uint16 else numbers
    samples = samples.reshape(*samples.shape[:2], -1)
    shaper = icc.shaper(profile, 1 << 8 * samples.itemsize)
    if shaper is None:
        return np.array(icc.with_littlecms(color, profile)), (note,)
    if shaper.is_srgb():
        return (samples if numbers is None else numbers), ()
    return shaper(samples), (note,)


def orientation(image: Image.Image) -> int:
    """From 1, upright, to 8, as EXIF counts them."""
    try:
        told = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  (damaged EXIF raises nearly anything, and must not cost the picture)
        return 1
    return told if told in TURNS else 1


def turned(samples: Samples, told: int) -> Samples:
    """Upright, by views."""
    turn = TURNS[told]
    return samples._replace(pixels=turn(samples.pixels), alpha=None if samples.alpha is None else turn(samples.alpha))


TURNS: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
BACK = {**TURNS, 6: TURNS[8], 8: TURNS[6]}  # from upright to how it is stored
