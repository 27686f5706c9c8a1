"""The artist's hand on the command line: flags for the use of paintings, and for masks."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli.options import FILE
from impasto.cli.sections import Flag
from impasto.errors import UsageError


def once(_: click.Context, flag: click.Parameter, given: tuple[Any, ...]) -> Any:  # noqa: ANN401 -- of the flag's type
    """Two masks of a kind would be understood as both; the last one alone would count."""
    if len(given) > 1:
        raise UsageError(f"{flag.opts[0]} is given {len(given)} times; lay all of it into one mask.")
    return given[0] if given else None


def hand_flags() -> list[Flag]:
    """Flags about the use of paintings, and about masks."""
    words = {
        "--coarse": ("FILE[:WEIGHT]", "a painting for the large forms only; multiple"),
        "--fine": ("FILE[:WEIGHT]", "a painting for the fine strokes only; multiple"),
        "--part": ("MASK", "use only what is bright here of the STYLE; once for each STYLE, in their order"),
        "--region": ("MASK=STYLE[:STRENGTH]", "paint what is bright in MASK after STYLE, to 0-1 of the dial; multiple"),
    }
    masks = {
        "--protect": "what is bright here stays the photo",
        "--strength-map": "how strongly to paint where: white fully, black not at all",
    }
    return [
        *(Flag([name], section="Hand", multiple=True, metavar=kind, help=text) for name, (kind, text) in words.items()),
        Flag(
            ["--labels"],
            section="Hand",
            metavar="MAP=MAP",
            multiple=True,
            callback=once,
            help="two maps in the same colors, of the photo and of the STYLE: like is painted after like",
        ),
        *(
            Flag([name], section="Hand", metavar="MASK", type=FILE, multiple=True, callback=once, help=text)
            for name, text in masks.items()
        ),
    ]
