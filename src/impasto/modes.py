"""A Pillow image of any mode becomes samples: grey or RGB in sRGB, upright, with alpha apart."""

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
    if image.mode.startswith(("I", "F")):
        numbers, notes = _numbers(image, label)
        eight_bits = Image.fromarray(_eight_bits(numbers)[..., 0])
        return _finish(image, eight_bits, numbers, _color_key(image, numbers), notes)
    color, alpha = _apart(image)
    return _finish(image, color, None, alpha, ())


def samples_of_sixteen_bits(image: ImageFile.ImageFile, reopen: Callable[[], Image.Image]) -> Samples | None:
    """A file of 16 bits per color at full precision; None if it is stored in a way that this cannot read.

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
    numbers = np.array(image).astype(np.uint16) << 8 | np.array(other)
    color = image.convert("RGB")
    if image.mode == "RGBA":
        return _finish(image, color, numbers[..., :3], numbers[..., 3:], ())
    return _finish(image, color, numbers, _color_key(image, numbers), ())


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
    """Modes I;16, I and F. The latter two have no scale of their own: the largest value must tell it."""
    values = np.array(image)[..., None]
    if image.mode.startswith("I;16"):
        return values.astype(np.uint16), ()
    low, high = float(values.min()), float(values.max())
    scales = (255, 65535) if image.mode == "I" else (1, 255, 65535)
    scale = next((scale for scale in scales if high <= scale), None)
    if scale is None or not low >= 0:  # NaN fails both
        raise PictureError(
            f"{label} has numbers from {low:g} to {high:g} for pixels; scale them to 0...1, 0...255 or 0...65535"
        )
    return (values / scale).astype(np.float32), (f"its pixels are numbers, read on a scale from 0 to {scale}",)


def _eight_bits(numbers: Array) -> Array:
    return (numbers >> 8 if numbers.dtype == np.uint16 else numbers * 255).astype(np.uint8)


def _color_key(image: Image.Image, numbers: Array) -> Array | None:
    """PNG may name one color that stands for transparent."""
    key = image.info.get("transparency")
    if key is None or numbers.dtype != np.uint16:
        return None
    opaque: Array = (numbers != np.array(key, np.uint16)).any(-1, keepdims=True)
    return opaque.astype(np.uint8) * 255


def _apart(image: Image.Image) -> tuple[Image.Image, Array | None]:
    """Colors of mode L, RGB, CMYK or LAB, and alpha."""
    if image.has_transparency_data:
        grey = image.mode in ("L", "LA", "La")
        image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), np.array(image.getchannel("A"))[..., None]
    if image.mode == "1":
        return image.convert("L"), None
    return (image if image.mode in ("L", "CMYK", "LAB") else image.convert("RGB")), None


def _finish(
    image: Image.Image, color: Image.Image, numbers: Array | None, alpha: Array | None, notes: tuple[str, ...]
) -> Samples:
    """Colors to sRGB and upright. `color` has 8 bits; `numbers` is the same with more, where there is more."""
    profile = image.info.get("icc_profile") or None
    pixels, told = _in_srgb(color, numbers, profile)
    turn = _TURNS.get(_orientation(image), _TURNS[1])
    return Samples(turn(pixels), None if alpha is None else turn(alpha), notes + told)


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
    if color.mode == "L" and icc.fits(profile, "RGB"):  # a grey picture kept with the profile of its camera
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


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  (damaged EXIF raises nearly anything, and must not cost the picture)
        return 1


_TURNS: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
