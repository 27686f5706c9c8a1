"""What a cell's file says about itself, so that it can be painted again on its own: `impasto again CELL`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from impasto.cli.job import Job, recorded
from impasto.cli.options import Options
from impasto.cli.order import Order
from impasto.explain.grids import Cell
from impasto.hand import StyleFile
from impasto.inputs import as_painting
from impasto.networks import Network
from impasto.record import sha256_of
from impasto.regions import Guidance

Files = Mapping[str, Path]  # by the hash of what they hold


def by_hash(paths: Iterable[Path]) -> Files:
    """These files, to be found by what they hold."""
    return {sha256_of(path): path for path in paths}


def cell_record(
    cell: Cell, files: Files, options: Options, network: Network, device: torch.device, output: Path
) -> dict[str, Any]:
    """The record of a cell that is kept as `output`."""
    paintings = tuple(as_painting(style) for style in cell.styles)
    styles = tuple(
        StyleFile(
            files[p.picture.sha256], p.weight, p.scale, p.layers, None if p.part is None else files[p.part.sha256]
        )
        for p in paintings
    )
    start = None if cell.start is None else files[cell.start.sha256]
    order = Order(files[cell.content.sha256], styles, cell.recipe, start)
    job = Job(cell.recipe, cell.content, paintings, cell.start, Guidance(), network, device, output)
    return recorded(job, order, options).as_dict()
