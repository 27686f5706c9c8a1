"""Contact sheets of a batch: photos down, paintings across; or each picture beside what it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from impasto.batch.jobs import Job
from impasto.batch.manifest import Manifest
from impasto.errors import PictureError
from impasto.files import read_record, write
from impasto.picture import Picture, read
from impasto.sheet import contact_sheet

WIDE, TALL = 2400, 3600  # pixels of a sheet, about
LARGEST, SMALLEST = 256, 64  # a picture's long side on it
MARK = "contact-sheet"

Row = tuple[str, list[Path]]
"""Its name, its files."""


def sheets(jobs: Sequence[Job], manifest: Manifest) -> Iterator[Path]:
    """Write as many as are needed to show every job whose picture is there; only sheets are overwritten."""
    made = [job for job in jobs if (manifest.folder / job.output).is_file()]
    columns, rows = laid_out(made)
    side = max(SMALLEST, min(LARGEST, WIDE // max(1, len(columns)), TALL // max(1, len(rows))))
    for number, part in enumerate(chunks(rows, max(1, TALL // side)), 1):
        target = manifest.folder / (f"{MARK}.png" if number == 1 else f"{MARK}-{number}.png")
        if target.exists() and not is_sheet(target):
            continue
        pictures = [[thumbnail(manifest.folder / file, side) for file in files] for _, files in part]
        image = contact_sheet(pictures, columns=columns, rows=[name for name, _ in part])
        yield write(Picture(image), target, recipe_record={MARK: number}, overwrite=True).path


def laid_out(jobs: Sequence[Job]) -> tuple[list[str], list[Row]]:
    """Names of the columns; rows with their names and files."""
    photos = list(dict.fromkeys(job.content for job in jobs))
    paintings = list(dict.fromkeys(job.styles for job in jobs))
    grid = {(job.content, job.styles): job for job in jobs}
    if len(grid) == len(jobs) == len(photos) * len(paintings):
        heads = [" + ".join(style.path.stem for style in styles) for styles in paintings]
        return heads, [(p.stem, [Path(grid[p, styles].output) for styles in paintings]) for p in photos]
    rows = [(Path(job.output).stem, [job.content, job.styles[0].path, Path(job.output)]) for job in jobs]
    return ["photo", "painting", "picture"], rows


def chunks(rows: Sequence[Row], count: int) -> Iterator[Sequence[Row]]:
    yield from (rows[start : start + count] for start in range(0, len(rows), count))


def thumbnail(file: Path, side: int) -> Tensor:
    """White where the file has become unreadable."""
    white = torch.ones((), dtype=torch.float32)
    try:
        picture = read(file).fitted(side)
    except PictureError:
        return white.expand(1, 3, side, side)
    return picture.rgb if picture.alpha is None else torch.lerp(white, picture.rgb, picture.alpha)


def is_sheet(file: Path) -> bool:
    try:
        return MARK in read_record(file)
    except PictureError:
        return False
