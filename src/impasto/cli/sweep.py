"""`impasto sweep`: labeled sheets over any knobs of the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto import hand
from impasto.cli import flags, options, order
from impasto.cli.choices import AXIS, MOST, Axis, check_axes, choices, first, starts
from impasto.cli.options import FILE, Options
from impasto.cli.order import Order
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.cli.sheetflags import knobs, place_flags
from impasto.errors import UsageError

SMALL: dict[str, Any] = {"size": 256}


def swept(
    content: Path,
    styles: tuple[str, ...],
    vary: tuple[Axis, ...],
    blend: int | None,
    **given: Any,  # noqa: ANN401 -- the flags' values
) -> int:
    """The callback: a grid for each value of the third knob."""
    turned = flags.recipe_values(given)
    check_axes(vary, turned)
    if not vary and blend is None:
        raise UsageError("There is nothing to vary: give --vary KNOB=A,B,... or --blend N.")
    start = given["start"] if isinstance(given["start"], Path) else None
    at_first = {name: value for axis in vary for name, value in first(axis).items()}
    asked = Order(
        content,
        tuple(style for argument in styles for style in hand.opened(argument)),
        order.merged(SMALL, given["preset"], given["recipe"], {**turned, **at_first}),
        start,
    )
    if blend is not None and (len(asked.styles) != 2 or len(vary) == MOST):
        raise UsageError(f"--blend goes from one STYLE to another, and with less than {MOST} --vary.")
    if blend is not None and any(style.weight != 1 for style in asked.styles):
        raise UsageError("--blend goes from one STYLE to the other, so their weights would change nothing.")
    from impasto.cli.sheets import Plan, cells_beside, default_sheet, deliver
    from impasto.cli.workshop import file_name
    from impasto.explain.grids import blends, sweep_grids
    from impasto.hand_files import opened
    from impasto.picture import read

    target = given["output"] or default_sheet(asked, "sweep")
    paintings = tuple(map(opened, asked.styles))
    strip = [] if blend is None else [blends((asked.stems[1], asked.stems[2]), blend)]
    axes = [*strip, *(choices(axis) for axis in vary)]
    grids = sweep_grids(read(content), paintings, asked.recipe, axes, None if start is None else read(start))
    named = {
        target.with_name(f"{target.stem}_{file_name(grid.title)}{target.suffix}") if grid.title else target: grid
        for grid in grids
    }
    cells = given["cells"] or cells_beside(target)
    return deliver(Plan(named, asked, Options.taken_from(given), cells, starts(vary)))


sweep = Sectioned(
    "sweep",
    context_settings=SETTINGS,
    callback=swept,
    params=[
        click.Argument(["content"], type=FILE),
        click.Argument(["styles"], nargs=-1, required=True, metavar="STYLE...", type=click.Path()),
        *place_flags("generated/CONTENT_STYLE_sweep.png"),
        Flag(
            ["--vary"],
            section="Sheet",
            type=AXIS,
            multiple=True,
            help="a knob and its values: to the right, downwards, and the third time on a sheet of its own for each",
        ),
        Flag(
            ["--blend"],
            section="Sheet",
            type=click.IntRange(2, 25),
            metavar="N",
            help="to the right, from the first STYLE to the second in N pictures",
        ),
        *options.recipe_flags(),
        *knobs(),
        *options.machine_flags(),
        *options.talk_flags(),
    ],
    short_help="Paint labeled sheets over two or three knobs.",
    help="Paint CONTENT in the manner of STYLE with each combination of some settings, as a labeled sheet.\n\n"
    "\b\n"
    "impasto sweep photo.jpg painting.jpg --vary strength=0.2,0.5,0.8 --vary style_scale=0.5,1,2\n"
    "impasto sweep photo.jpg painting.jpg --vary seed=0,1,2 --start noise\n"
    "impasto sweep photo.jpg painting.jpg --vary start=photo,noise,other.jpg\n"
    "impasto sweep photo.jpg one.jpg other.jpg --blend 5\n\n"
    "Layers are joined by a plus: --vary style_layers=relu1_1,relu1_1+relu2_1. What is painted already is taken from "
    "the folder of cells, so that a sweep may be stopped, continued and extended.",
)
