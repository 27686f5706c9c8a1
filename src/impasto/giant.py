"""Pictures larger than other programs open: BigTIFF and DeepZoom in bands of rows, and regions of large files.

This is the one place that knows libvips, which comes with the extra [giant].
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import PictureError
from impasto.icc import srgb_profile
from impasto.storage import MEMORY, finite, folder
from impasto.whole import behind

ROWS = 256  # that are converted at a time
LARGE = 32_000_000  # pixels of a TIFF that is cut into tiles and carries smaller copies
PLAIN = 500_000_000  # with 16 bits and alpha, 4 GB: a TIFF of the plain kind holds no more
QUALITY = 92  # of the JPEG tiles of DeepZoom
SUFFIXES = (".tif", ".tiff", ".dzi")


def is_giant(path: Path, size: tuple[int, int] | None) -> bool:
    """Whether a picture of this size goes into such a file: DeepZoom always, TIFF where it would be slow to open.

    Without libvips, a TIFF is a plain one as long as it can be.
    """
    pixels = 0 if size is None else size[0] * size[1]
    most = LARGE if importlib.util.find_spec("pyvips") else PLAIN
    return path.suffix.lower() == ".dzi" or (path.suffix.lower() in SUFFIXES and pixels > most)


def check(path: Path, depth: int) -> None:
    """What can be told before the painting: libvips is there, and the format has room for so many bits."""
    if depth not in (8, 16) or path.suffix.lower() not in SUFFIXES:
        raise PictureError(
            f"{path.name} cannot be written at {depth} bits; a giant is {' or '.join(SUFFIXES)}, 8 or 16."
        )
    if depth == 16 and path.suffix.lower() == ".dzi":
        raise PictureError(f"{path.name} cannot hold 16 bits per color: its tiles are JPEG or PNG; write .tif.")
    _vips()


def write(
    rgb: Tensor,
    path: Path,
    *,
    alpha: Tensor | None = None,
    depth: int = 8,
    quality: int = QUALITY,
    description: str = "",
    overwrite: bool = False,
) -> Path:
    """Write (1, 3, H, W) in [0, 1] as a tiled BigTIFF with smaller copies inside (.tif), or as a DeepZoom tree (.dzi).

    `quality` is that of DeepZoom's JPEG tiles. Memory stays at some rows, however large the picture; the canvas may lie
    in a file itself.
    """
    check(path, depth)
    if path.exists() and not overwrite:
        raise PictureError(f"{path} exists already; choose another name.")
    vips, (height, width) = _vips(), rgb.shape[-2:]
    planes = [rgb] if alpha is None else [rgb, alpha]
    with tempfile.NamedTemporaryFile(prefix="impasto-", dir=folder()) as raw:
        for top in range(0, height, ROWS):
            raw.write(_samples([each[0, :, top : top + ROWS] for each in planes], depth).data)
            MEMORY.let_go()  # of the canvas, if it lies in a file
        raw.flush()
        kind = (
            {"format": "uchar", "interpretation": "srgb"}
            if depth == 8
            else {"format": "ushort", "interpretation": "rgb16"}
        )
        bands = sum(each.shape[1] for each in planes)
        image = vips.Image.rawload(raw.name, width, height, bands, access="sequential", **kind)
        _save(image, path, description, quality, vips)
    return path


def size(path: Path) -> tuple[int, int]:
    """(width, height) of a file, of which no pixel is decoded."""
    vips = _vips()
    try:
        image = vips.Image.new_from_file(str(path))
    except vips.Error as error:
        raise PictureError(f"{path} cannot be read: {' '.join(str(error).split())}.") from None
    return image.width, image.height


def region(path: Path, left: int, top: int, width: int, height: int) -> Tensor:
    """(1, 3, height, width) in [0, 1] of a file, of which no more is decoded than needed."""
    vips = _vips()
    try:
        image = vips.Image.new_from_file(str(path))
        part = image.colourspace("rgb16" if image.format == "ushort" else "srgb").crop(left, top, width, height)
        samples = part.extract_band(0, n=3).numpy()
    except vips.Error as error:
        raise PictureError(f"{path} cannot be read at {left}, {top}: {' '.join(str(error).split())}.") from None
    scale = 65535 if samples.dtype == np.uint16 else 255
    return torch.from_numpy(samples.astype(np.float32) / scale).permute(2, 0, 1)[None]


def available() -> bool:
    """Whether libvips is there."""
    try:
        _vips()
    except PictureError:
        return False
    return True


def strips(path: Path, rows: int) -> Iterator[Any]:
    """Arrays (rows, width, channels) of a file's own numbers, from top to bottom; no more of it is held than one."""
    vips = _vips()
    try:
        image = vips.Image.new_from_file(str(path), access="sequential", fail_on="truncated")
        pixels, kind = vips.Region.new(image), np.uint16 if image.format == "ushort" else np.uint8
        for top in range(0, image.height, rows):
            count = min(rows, image.height - top)
            part = np.frombuffer(pixels.fetch(0, top, image.width, count), kind)
            yield part.reshape(count, image.width, image.bands)
    except vips.Error as error:
        raise PictureError(f"{path} is damaged or cut short: {' '.join(str(error).split())}.") from None


def _samples(planes: list[Tensor], depth: int) -> Any:  # noqa: ANN401 -- an array of either type
    """(c, h, W) floats -> (h, W, c) integers."""
    most = 2**depth - 1
    rows = torch.cat([each.cpu() for each in planes])
    if not finite(rows):
        raise PictureError("The picture has pixels that are not finite numbers, so it was not written.")
    scaled = rows.clamp(0, 1).mul_(most).round_().permute(1, 2, 0).numpy()
    return np.ascontiguousarray(scaled.astype(np.uint8 if depth == 8 else np.uint16))


def _save(image: Any, path: Path, description: str, quality: int, vips: Any) -> None:  # noqa: ANN401 -- pyvips has no types
    """Beside its place first, and then there, so that it is there as a whole or not at all."""
    path = behind(path)
    try:
        with tempfile.TemporaryDirectory(prefix=".impasto-", dir=path.parent) as beside:
            part = Path(beside, path.name)
            if path.suffix.lower() == ".dzi":
                suffix = ".png" if image.bands == 4 else f".jpeg[Q={quality}]"
                image.dzsave(str(part.with_suffix("")), suffix=suffix)
                _replace(_tiles(part), _tiles(path), Path(beside, "before"))
            else:
                _savetiff(image, part, description, vips)
            part.replace(path)
    except (vips.Error, OSError) as error:
        raise PictureError(f"{path} cannot be written: {' '.join(str(error).split())}.") from None


def _savetiff(image: Any, part: Path, description: str, vips: Any) -> None:  # noqa: ANN401 -- pyvips has no types
    image = image.copy()
    image.set_type(vips.GValue.gstr_type, "image-description", description)
    image.set_type(vips.GValue.blob_type, "icc-profile-data", srgb_profile())
    image.tiffsave(str(part), bigtiff=True, tile=True, pyramid=True, compression="deflate", predictor="horizontal")


def _tiles(path: Path) -> Path:
    """The folder of a DeepZoom picture."""
    return path.with_name(f"{path.stem}_files")


def _replace(fresh: Path, place: Path, before: Path) -> None:
    """A folder takes its place; what was there goes where it will be removed."""
    if place.exists():
        place.rename(before)
    fresh.rename(place)


def _vips() -> Any:  # noqa: ANN401 -- pyvips has no types
    try:
        import pyvips
    except (ImportError, OSError):
        raise PictureError("Giant pictures need libvips: pip install impasto[giant].") from None
    return pyvips
