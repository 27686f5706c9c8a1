"""`impasto paint`, which is also what `impasto` alone does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto import hand
from impasto.cli import flags, options, order
from impasto.cli.handflags import hand_flags
from impasto.cli.options import FILE, Options
from impasto.cli.order import Order
from impasto.cli.resume import checkpoint_flags
from impasto.cli.sections import SETTINGS, Sectioned
from impasto.hand import Hand

EPILOG = """\b
STYLE may carry a weight, and a scale of its strokes: one.jpg:0.7 other.jpg:0.3@2; a folder stands for its pictures.
Settings are laid one over the other: defaults, --preset, --recipe, flags.
Exit codes: 0 painted, 1 the work failed, 2 it cannot be done as asked, 130 stopped by Ctrl-C or SIGTERM (the best
picture so far is kept; a second Ctrl-C ends at once)."""


def painted(content: Path, styles: tuple[str, ...], preset: str | None, recipe: Path | None, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """The callback: the command line as an order, carried out."""
    asked = Order(
        content,
        hand.paintings(styles, given),
        order.merged({}, preset, recipe, flags.recipe_values(given)),
        given["start"] if isinstance(given["start"], Path) else None,
        Hand.taken_from(given),
    )
    from impasto.cli.run import run  # torch is imported here, once the flags are known to be right

    return run(asked, Options.taken_from(given))


paint = Sectioned(
    "paint",
    context_settings=SETTINGS,
    callback=painted,
    params=[
        click.Argument(["content"], type=FILE),
        click.Argument(["styles"], nargs=-1, metavar="STYLE...", type=click.Path()),
        *options.output_flags("generated/CONTENT_STYLE.png"),
        *checkpoint_flags(),
        *options.recipe_flags(),
        *hand_flags(),
        *flags.knobs(),
        *options.machine_flags(),
        *options.talk_flags(),
    ],
    help="Repaint the photo CONTENT in the manner of the painting STYLE, or of several of them.",
    short_help="Repaint a photo in the manner of a painting (the default).",
    epilog=EPILOG,
)
