"""Pictures larger than other programs open: BigTIFF and DeepZoom in bands of rows, and regions of large files.

This is the one place that knows libvips, which comes with the extra [giant].
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import PictureError
from impasto.storage import folder

ROWS = 256  # that are converted at a time
SUFFIXES = (".tif", ".tiff", ".dzi")


def write(rgb: Tensor, path: Path, *, depth: int = 8, description: str = "") -> Path:
    """Write (1, 3, H, W) in [0, 1] as a tiled BigTIFF with smaller copies inside (.tif), or as a DeepZoom tree (.dzi).

    Memory stays at some rows, however large the picture; the canvas may lie in a file itself.
    """
    if path.suffix.lower() not in SUFFIXES or depth not in (8, 16):
        raise PictureError(
            f"{path.name} cannot be written at {depth} bits; a giant is {' or '.join(SUFFIXES)}, 8 or 16."
        )
    if path.exists():
        raise PictureError(f"{path} exists already; choose another name.")
    vips, (height, width) = _vips(), rgb.shape[-2:]
    with tempfile.NamedTemporaryFile(prefix="impasto-", dir=folder()) as raw:
        for top in range(0, height, ROWS):
            raw.write(_samples(rgb[0, :, top : top + ROWS], depth).data)
        raw.flush()
        kind = (
            {"format": "uchar", "interpretation": "srgb"}
            if depth == 8
            else {"format": "ushort", "interpretation": "rgb16"}
        )
        _save(vips.Image.rawload(raw.name, width, height, 3, access="sequential", **kind), path, description, vips)
    return path


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


def _samples(rows: Tensor, depth: int) -> Any:  # noqa: ANN401 -- an array of either type
    """(3, h, W) floats -> (h, W, 3) integers."""
    most = 2**depth - 1
    scaled = (rows.clamp(0, 1) * most).round().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(scaled.astype(np.uint8 if depth == 8 else np.uint16))


def _save(image: Any, path: Path, description: str, vips: Any) -> None:  # noqa: ANN401 -- pyvips has no types
    part = path.with_name(f".{path.name}.part")
    try:
        if path.suffix.lower() == ".dzi":
            image.dzsave(str(path.with_suffix("")))
            return
        image = image.copy()
        image.set_type(vips.GValue.gstr_type, "image-description", description)
        image.tiffsave(str(part), bigtiff=True, tile=True, pyramid=True, compression="deflate", predictor="horizontal")
        part.replace(path)
    except vips.Error as error:
        raise PictureError(f"{path} cannot be written: {' '.join(str(error).split())}.") from None
    finally:
        part.unlink(missing_ok=True)


def _vips() -> Any:  # noqa: ANN401 -- pyvips has no types
    try:
        import pyvips
    except (ImportError, OSError):
        raise PictureError("Giant pictures need libvips: pip install impasto[giant].") from None
    return pyvips
