"""Painted cells, kept as files that are named by all that their pixels depend on, so that none is painted twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch

from impasto import __version__
from impasto.errors import PictureError
from impasto.explain.grids import Cell
from impasto.files import write
from impasto.inputs import Style, as_painting
from impasto.networks import Network
from impasto.picture import Picture, read


class Cells:
    """A folder of finished cells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, cell: Cell, network: Network, device: torch.device) -> Path:
        """Where this cell lies, or will."""
        return self.folder / f"{identity(cell, network, device)[:20]}.png"

    def found(self, file: Path) -> Picture | None:
        """A finished cell; None where there is none that can be read."""
        try:
            return read(file) if file.is_file() else None
        except PictureError:
            return None

    def keep(self, picture: Picture, file: Path, record: Mapping[str, object] | None = None) -> Picture:
        """The cell as it will be found: a sheet is the same whether its cells were kept or are new."""
        write(picture, file, recipe_record=record, overwrite=True)
        return read(file)


def identity(cell: Cell, network: Network, device: torch.device) -> str:
    """Equal for cells of equal pixels: the recipe, the inputs, the weights, what paints."""
    parts = {
        "recipe": cell.recipe.as_dict(),
        "content": fingerprint(cell.content),
        "styles": [style_identity(style) for style in cell.styles],
        "start": cell.start and fingerprint(cell.start),
        "weights": [network.name, network.sha256],
        "painter": [__version__, device.type],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def style_identity(style: Style) -> list[object]:
    """A painting and how it is used."""
    painting = as_painting(style)
    part = painting.part and fingerprint(painting.part)
    return [fingerprint(painting.picture), painting.weight, painting.scale, painting.layers, part]


def fingerprint(picture: Picture) -> str:
    """Of the file that it came from, or of its pixels."""
    return picture.sha256 or read(picture.rgb).sha256
