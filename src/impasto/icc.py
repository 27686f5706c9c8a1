"""Color profiles: what a file's numbers mean, turned into sRGB.

Profiles of curves and a matrix (Display P3, Adobe RGB, ProPhoto, gray gammas: nearly all of them) are computed here
in floating point, because LittleCMS through Pillow knows only 8 bits; all others (CMYK, tables) go that way.
"""

import functools
import io
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Floats = NDArray[np.float32]

# sRGB's primaries as columns of XYZ, adapted to the D50 white of profiles
_SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
_ROWS_AT_ONCE = 256  # bounds the temporaries
_SPACES = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK", "LAB": "Lab "}


@functools.cache
def srgb_profile() -> bytes:
    """The profile that every written picture carries, without the date that LittleCMS puts into it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def profile_name(profile: bytes) -> str:
    """What the profile calls itself, made safe to show; ValueError for what is no profile."""
    name = ImageCms.getProfileDescription(io.BytesIO(profile))
    return "".join(letter for letter in name if letter.isprintable()).strip()[:60] or "an unnamed profile"


def fits(profile: bytes, mode: str) -> bool:
    """Is this a profile for the colors of this Pillow mode?"""
    return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space == _SPACES[mode]


def with_littlecms(image: Image.Image, profile: bytes | None) -> Image.Image:
    """To 8-bit sRGB, relative to the white point and with black mapped to black; no profile means CIELAB."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
    converted = ImageCms.profileToProfile(
        image,
        source,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # only in-place conversion returns nothing
    return converted


class Shaper(NamedTuple):
    """Curves to linear light, one per sample, then a matrix to linear sRGB."""

    curves: tuple[Floats, ...]  # tables over all values of a sample
    matrix: Floats

    def __call__(self, samples: NDArray[np.uint8] | NDArray[np.uint16]) -> Floats:
        """(H, W, 1 or 3) samples to (H, W, 3) sRGB in [0, 1]."""
        result = np.empty((*samples.shape[:2], 3), np.float32)
        for top in range(0, len(samples), _ROWS_AT_ONCE):
            block = samples[top : top + _ROWS_AT_ONCE]
            linear = np.stack([curve[block[..., c]] for c, curve in enumerate(self.curves)], -1)
            result[top : top + _ROWS_AT_ONCE] = _srgb_curve(linear @ self.matrix.T)
        return result

    def is_srgb(self) -> bool:
        """Does it move no color by as much as half an 8-bit step?"""
        channels, levels = len(self.curves), len(self.curves[0])
        steps = np.linspace(0, levels - 1, 18).astype(np.uint16)
        grid = np.stack(np.meshgrid(*[steps] * channels), -1).reshape(1, -1, channels)
        return bool(np.abs(self(grid) - grid / (levels - 1)).max() < 0.5 / 255)


def shaper(profile: bytes, levels: int) -> Shaper | None:
    """For samples of 0 to levels - 1; None if the profile is not of this kind; ValueError if it is broken."""
    try:
        tags = _tags(profile)
        space, reference = profile[16:20], profile[20:24]
        if reference != b"XYZ " or b"A2B0" in tags:
            return None
        if space == b"GRAY" and b"kTRC" in tags:
            return Shaper((_curve(tags[b"kTRC"], levels),), np.ones((3, 1), np.float32))
        if space == b"RGB " and {b"rXYZ", b"rTRC"} <= tags.keys():
            return Shaper(tuple(_curve(tags[color + b"TRC"], levels) for color in (b"r", b"g", b"b")), _matrix(tags))
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError("the color profile is cut short") from error
    return None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100)))
    return {name: profile[offset : offset + length] for name, offset, length in entries}


def _matrix(tags: Mapping[bytes, bytes]) -> Floats:
    columns = [struct.unpack_from(">3i", tags[color + b"XYZ"], 8) for color in (b"r", b"g", b"b")]
    to_xyz = np.array(columns).T / 65536
    return (np.linalg.inv(_SRGB) @ to_xyz).astype(np.float32)


def _curve(tag: bytes, levels: int) -> Floats:
    """A `curv` or `para` element as a table."""
    x = np.linspace(0, 1, levels)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        values = struct.unpack_from(f">{[1, 3, 4, 5, 7][kind]}i", tag, 12)
        y = _parametric(kind, [value / 65536 for value in values], x)
    else:
        (count,) = struct.unpack_from(">I", tag, 8)
        table = np.frombuffer(tag, ">u2", count, 12)  # ValueError if the tag is shorter than it says
        y = _tabulated(table, x)
    if not np.isfinite(y).all():
        raise ValueError("the color profile has a curve that is not finite")
    return y.clip(0, 1).astype(np.float32)


def _tabulated(table: NDArray[np.uint16], x: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(table) == 0:
        return x
    if len(table) == 1:
        return np.asarray(x ** (int(table[0]) / 256))
    return np.asarray(np.interp(x, np.linspace(0, 1, len(table)), table / 65535))


def _parametric(kind: int, values: Sequence[float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The five functions of the ICC specification: a power above a threshold, a line below it."""
    gamma = values[0]
    a, b = values[1:3] if kind else (1.0, 0.0)
    slope, threshold = values[3:5] if kind >= 3 else (0.0, -b / a if a else 0.0)
    lifts = {2: [*values[3:], *values[3:]], 4: values[5:]}.get(kind, [0.0, 0.0])
    with np.errstate(all="ignore"):  # what is not finite is refused by the caller
        power = np.maximum(a * x + b, 0) ** gamma
    return np.asarray(np.where(x >= threshold, power + lifts[0], slope * x + lifts[1]))


def _srgb_curve(linear: Floats) -> Floats:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
