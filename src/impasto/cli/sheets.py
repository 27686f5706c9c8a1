"""Contact sheets, painted and written: what `explain` and `sweep` have in common."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from impasto import film
from impasto.batch.painter import Stopped
from impasto.canvas import final_size
from impasto.cli.interrupt import STOPPED, current
from impasto.cli.options import Options
from impasto.cli.order import Order, check_target
from impasto.cli.progress import Teller, teller
from impasto.cli.provenance import by_hash
from impasto.cli.run import heard
from impasto.cli.workshop import Shelf, Workshop
from impasto.explain.cells import Cells
from impasto.explain.grids import Cell, Grid
from impasto.files import check_writable, write
from impasto.picture import Picture
from impasto.sheet import contact_sheet


@dataclass(frozen=True)
class Plan:
    """The sheets by the files that they go to, and what is written below each."""

    grids: Mapping[Path, Grid]
    order: Order
    options: Options
    cells: Path
    starts: tuple[Path, ...] = ()  # pictures that some of the cells start from

    @property
    def caption(self) -> str:
        recipe = self.order.recipe
        names = " + ".join(dict.fromkeys(path.name for path in self.order.files))
        return f"{names}: {recipe.network}, size {recipe.size}, {recipe.steps} steps"

    @property
    def painted(self) -> list[tuple[str, Cell]]:
        return [pair for grid in self.grids.values() for pair in grid.painted()]


def deliver(plan: Plan) -> int:
    """Paint what is not there yet, write the sheets, say where; the exit code."""
    tell, interrupt = teller(plan.options.quiet), current()
    with closing(tell), heard(tell, plan.options.verbose):
        shop = Workshop.opened(plan.options, tell, interrupt)
        check_plan(plan)
        shop.check(cell for _, cell in plan.painted)
        shelf = Shelf(
            shop, Cells(plan.cells), by_hash((*plan.order.files, *plan.starts)), len(plan.painted), plan.options.film
        )
        try:
            written = [write_sheet(plan, target, grid, shelf) for target, grid in plan.grids.items()]
        except Stopped:
            return stopped(shelf, tell)
    report(plan, written, shelf)
    return 0


def stopped(shelf: Shelf, tell: Teller) -> int:
    """What there is stays, and the next run goes on from it."""
    tell.say(
        f"Stopped: {len(shelf.painted)} of {shelf.count} pictures are kept in {shelf.cells.folder}; "
        "the same command goes on from there."
    )
    return STOPPED


def check_plan(plan: Plan) -> None:
    """Every place can be written to."""
    for target in plan.grids:
        check_target(target, plan.order, plan.options.force)
        check_writable(target, overwrite=plan.options.force)
    film.check_folder(plan.cells / "cell")
    if plan.options.film is not None:
        film.check_folder(plan.options.film / "film")


def write_sheet(plan: Plan, target: Path, grid: Grid, shelf: Shelf) -> Path:
    """One sheet, its cells painted or found."""
    painted = {id(cell): shelf.picture(name, cell).rgb for name, cell in grid.painted()}
    side = plan.order.recipe.size
    shown = [
        [painted[id(cell)] if isinstance(cell, Cell) else sized(cell, side).rgb for cell in row] for row in grid.cells
    ]
    sheet = contact_sheet(shown, columns=grid.columns, rows=grid.rows, title=grid.title, caption=plan.caption)
    return write(Picture(sheet), target, overwrite=plan.options.force).path


def sized(picture: Picture, side: int) -> Picture:
    """A picture as it is, as large as those that are painted."""
    return picture.resized(*final_size(picture.width, picture.height, side))


def report(plan: Plan, written: Sequence[Path], shelf: Shelf) -> None:
    """The sheets on stdout, a line each, or one object with all that is known."""
    if plan.options.json:
        sheets = list(map(str, written))
        print(json.dumps({"sheets": sheets, "cells": shelf.painted, "recipe": plan.order.recipe.as_dict()}))
        return
    for path in written:
        print(path)
    if not plan.options.quiet:
        print(f"The pictures of the sheet are kept in {shelf.cells.folder}.", file=sys.stderr)


def default_sheet(asked: Order, kind: str) -> Path:
    """generated/PHOTO_PAINTING_figure.png"""
    return Path("generated", "_".join((*dict.fromkeys(asked.stems), kind)) + ".png")


def cells_beside(output: Path) -> Path:
    """Where the cells of a sheet lie, unless a folder is named."""
    return output.with_name(f"{output.stem}_cells")
