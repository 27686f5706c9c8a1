"""Flags and types that the commands with sheets share."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli import flags, options
from impasto.cli.options import FILE
from impasto.cli.sections import Flag


class LayerNames(click.ParamType[tuple[str, ...]]):
    """`relu1_1,relu2_1`: names only."""

    name = "LAYER,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:  # noqa: ANN401 -- click's own
        names = tuple(name.strip() for name in str(value).split(","))
        if not all(names) or len(set(names)) < len(names):
            self.fail(f"{value!r} is no list of different layers, as in relu1_1,relu2_1.", param, ctx)
        return names


LAYERS = LayerNames()


def output_flags(what: str, default: str) -> list[Flag]:
    """Where one file goes."""
    return [
        Flag(["-o", "--output"], section="Output", metavar="FILE", type=FILE, help=f"{what}  [default: {default}]"),
        Flag(["--force"], section="Output", is_flag=True, help="overwrite it if it exists already"),
    ]


def place_flags(default: str) -> list[Flag]:
    """Where sheets, cells and films go."""
    return [
        *output_flags("the sheet", default),
        Flag(
            ["--cells"],
            section="Output",
            metavar="DIR",
            type=FILE,
            help="the single pictures; what is there is not painted again  [default: SHEET_cells, beside it]",
        ),
        Flag(
            ["--film"],
            section="Output",
            metavar="DIR",
            type=FILE,
            help="a film of each descent, its loss curve beside it, as .gif",
        ),
    ]


def look_flags() -> list[Flag]:
    """Flags about the machine for a network that looks once: the CPU will do."""
    return [flag for flag in options.machine_flags() if flag.name in ("threads", "weights", "offline")]


def knobs(*left_out: str) -> list[click.Option]:
    """The flags of the recipe, but not those of the sections or names that have no effect here."""
    return [
        flag
        for flag in flags.knobs(defaults=False)
        if flag.name not in left_out and getattr(flag, "section", "") not in left_out
    ]
