"""The masks that a row of a job file names, in the words of the command line, seen from where the file lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto.errors import UsageError
from impasto.hand import Hand, RegionFile, expanded, pair, region

MASKS = ("region", "labels", "protect", "strength_map", "part")
"""The columns of a job file that name masks: the flags of the same names."""


def masks_of(row: Mapping[str, Any], folder: Path) -> Hand:
    """What a row says of masks, in the words of the command line."""
    regions = [region(worded(each, "region")) for each in listed(row.get("region", []))]
    maps = pair(worded(row["labels"], "labels"), "labels") if "labels" in row else None
    strength, protect = (
        seen_from(folder, row[name], name) if name in row else None for name in ("strength_map", "protect")
    )
    return Hand(
        tuple(placed(each, folder) for each in regions),
        None if maps is None else (folder / maps[0], folder / maps[1]),
        strength,
        protect,
    )


def placed(region: RegionFile, folder: Path) -> RegionFile:
    style = replace(region.style, path=folder / region.style.path)
    return replace(region, mask=folder / region.mask, style=style)


def listed(value: object) -> list[object]:
    """One is a list of one."""
    return value if isinstance(value, list) else [value]


def worded(value: object, what: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise UsageError(f"{what} must name a file.")
    return value


def seen_from(folder: Path, value: object, what: str) -> Path:
    """A file as seen from where the job file lies."""
    joined = folder / expanded(worded(value, what))
    return Path(os.path.abspath(joined))  # noqa: PTH100 -- keeps links
