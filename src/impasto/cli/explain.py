"""`impasto explain`: what a network keeps of a picture at each layer, as sheets, maps and curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import flags, glimpse, options, order
from impasto.cli.choices import AXIS, Axis, check_axes, choices, first, starts
from impasto.cli.options import FILE, Options
from impasto.cli.order import Order
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.cli.sheetflags import LAYERS, knobs, place_flags
from impasto.hand import StyleFile

if TYPE_CHECKING:
    from impasto.explain.grids import Grid

# Reconstructions begin with noise and are painted at one size, as the papers do it.
NOISE: dict[str, Any] = {"size": 256, "first_level": 0, "steps": 150, "polish": 0, "start": "noise"}
FROM_NOISE = (
    "Unless told otherwise: from noise, at a size of 256 at once, in 150 steps, none of which polishes. The noise that "
    "remains is what the layers do not see; --variation-weight 10 smooths it away."
)
AS_USUAL = "Unless told otherwise: as impasto paint does it, at a size of 256."
SMALL: dict[str, Any] = {"size": 256}
DIALS = ("strength", "style_weight", "start", "start_noise")
NOT_OF_CONTENT = ("Style", "Color", *DIALS, "style_scale", "content_layers")
NOT_OF_STYLE = ("Content", "Color", *DIALS, "style_layers")
NOT_OF_BOTH = ("Color", *DIALS, "content_layers", "style_layers")

explain = click.Group(
    "explain",
    context_settings=SETTINGS,
    no_args_is_help=False,
    help="Show how it works: what each layer keeps of the photo, and what of the painting.",
    short_help="Show how it works, layer by layer, as labeled sheets.",
)


def show_content(content: Path, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Reconstruct PHOTO from noise, from one layer of the network at a time."""
    from impasto.explain.grids import content_grid
    from impasto.picture import read

    asked = asked_for(content, (content,), NOISE, given)
    return sheet(asked, lambda layers: content_grid(read(content), layers, asked.recipe), "content", given)


def show_style(style: Path, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Paint noise in the manner of PAINTING, by one layer, by two, by three, ..."""
    from impasto.explain.grids import style_grid
    from impasto.picture import read

    asked = asked_for(style, (style,), NOISE, given)
    return sheet(asked, lambda layers: style_grid(read(style), layers, asked.recipe), "style", given)


def show_both(content: Path, style: Path, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Style and content, layer by layer, on one sheet: figure 1 of Gatys, Ecker, Bethge (2015)."""
    from impasto.explain.grids import both_grid
    from impasto.picture import read

    asked = asked_for(content, (style,), NOISE, given)
    return sheet(asked, lambda layers: both_grid(read(content), read(style), layers, asked.recipe), "both", given)


def show_figure(content: Path, style: Path, vary: Axis, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Photo and painting joined: more layers downwards, more style to the right; figure 3 of the same paper."""
    from impasto.explain.grids import figure_grid
    from impasto.picture import read

    check_axes((vary,), flags.recipe_values(given))
    asked = asked_for(content, (style,), SMALL, given, first(vary))

    def grid(layers: tuple[str, ...]) -> Grid:
        start = None if asked.start is None else read(asked.start)
        return figure_grid(read(content), read(style), layers, choices(vary), asked.recipe, start)

    return sheet(asked, grid, "figure", given, starts((vary,)))


def asked_for(
    content: Path,
    styles: tuple[Path, ...],
    base: dict[str, Any],
    given: dict[str, Any],
    varied: dict[str, Any] = {},  # noqa: B006 -- only read
) -> Order:
    """The command line as an order; what these commands set differently from `paint` lies lowest."""
    turned = {**flags.recipe_values(given), **varied}
    start = given.get("start")
    return Order(
        content,
        tuple(map(StyleFile, styles)),
        order.merged(base, given["preset"], given["recipe"], turned),
        start if isinstance(start, Path) else None,
    )


def sheet(
    asked: Order,
    grid: Callable[[tuple[str, ...]], Grid],
    kind: str,
    given: dict[str, Any],
    begun: tuple[Path, ...] = (),
) -> int:
    """The grid, made and painted."""
    from impasto.cli.sheets import Plan, cells_beside, default_sheet, deliver
    from impasto.explain import grids

    target = given["output"] or default_sheet(asked, kind)
    cells = given["cells"] or cells_beside(target)
    painted = {target: grid(given["layers"] or grids.LAYERS)}
    return deliver(Plan(painted, asked, Options.taken_from(given), cells, begun))


def add_sheet(
    name: str,
    callback: Callable[..., int],
    inputs: tuple[str, ...],
    left_out: tuple[str, ...],
    lowest: str,
    *more: Flag,
) -> None:
    """A command that paints a sheet of `inputs`, without the flags that would have no effect."""
    metavars = {"content": "PHOTO", "style": "PAINTING"}
    default = "_".join((*(metavars[each] for each in inputs), f"{name}.png"))
    explain.add_command(
        Sectioned(
            name,
            context_settings=SETTINGS,
            callback=callback,
            params=[
                *(click.Argument([each], type=FILE, metavar=metavars[each]) for each in inputs),
                *place_flags(f"generated/{default}"),
                Flag(["--layers"], section="Sheet", type=LAYERS, help="  [default: relu1_1,relu2_1,...,relu5_1]"),
                *more,
                *options.recipe_flags(),
                *knobs(*left_out),
                *options.machine_flags(),
                *options.talk_flags(),
            ],
            help=f"{callback.__doc__}\n\n{lowest}",
            short_help=callback.__doc__,
        )
    )


VARY = Flag(
    ["--vary"],
    section="Sheet",
    type=AXIS,
    default="style_weight=0.5,3,20,100",
    help="what changes to the right  [default: style_weight=0.5,3,20,100]",
)
add_sheet("content", show_content, ("content",), NOT_OF_CONTENT, FROM_NOISE)
add_sheet("style", show_style, ("style",), NOT_OF_STYLE, FROM_NOISE)
add_sheet("both", show_both, ("content", "style"), NOT_OF_BOTH, FROM_NOISE)
add_sheet("figure", show_figure, ("content", "style"), ("style_layers",), AS_USUAL, VARY)
for command in glimpse.COMMANDS:
    explain.add_command(command)
