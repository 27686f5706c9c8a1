"""`impasto texture`: a painting's manner without a photo, of any size, as a tile that continues in itself if asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from impasto import blank, hand
from impasto.blank import Blank
from impasto.cli import flags, options, order
from impasto.cli.handflags import hand_flags
from impasto.cli.options import Options
from impasto.cli.order import Order
from impasto.cli.resume import checkpoint_flags
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.hand import Hand, StyleFile
from impasto.recipe import Recipe

EPILOG = """\b
STYLE may carry a weight, and a scale of its strokes: one.jpg:0.7 other.jpg:0.3@2; a folder stands for its pictures.
A tile's sides must be multiples of what a position of the deepest layer covers: of 16 with the usual layers.
The file says how it was made: impasto again paints it again, or with changes."""

NEEDS_PHOTO = ("Content", "strength", "style_reach", "recolor")
OTHERWISE = ("size", "seamless", "color", "start")  # flags of the same name with other values, or another name
OF_PAINTINGS = ("coarse", "fine", "part", "region", "labels")


class Canvas(click.ParamType[Blank]):
    """`800x600`, or `512` for a square."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Blank:  # noqa: ANN401 -- click's own
        found = re.fullmatch(r"([1-9]\d{0,5})(?:\s*[x×*]\s*([1-9]\d{0,5}))?", str(value).strip().lower())
        if found is None:
            self.fail(f"{value!r} is no size, as in 800x600, or 512 for a square.", param, ctx)
        return Blank(int(found[1]), int(found[2] or found[1]))


def textured(
    styles: tuple[str, ...],
    size: Blank | None,
    tileable: bool,
    preset: str | None,
    recipe: Path | None,
    **given: Any,  # noqa: ANN401 -- the flags' values
) -> int:
    """The callback: the command line as an order, carried out."""
    turned = {"content_layers": {}, **({"seamless": "both"} if tileable else {}), **flags.recipe_values(given)}
    settings = order.merged({"start": blank.START}, preset, recipe, turned)
    blank.check(settings)
    paintings = hand.paintings(styles, given)
    canvas = size or own_size(paintings[0], settings)
    asked = Order(
        canvas,
        paintings,
        settings.changed(size=max(canvas.width, canvas.height)),
        given["start"] if isinstance(given["start"], Path) else None,
        Hand.taken_from({**given, "strength_map": None, "protect": None}),
    )
    from impasto.cli.run import run  # torch is imported here, once the flags are known to be right

    return run(asked, Options.taken_from(given))


def own_size(painting: StyleFile, settings: Recipe) -> Blank:
    """That of the painting, as it is seen upright."""
    from impasto.picture import read

    return blank.own(*read(painting.path).size, settings)


def texture_flags() -> list[click.Option]:
    """The painter's flags but for those about a photo."""
    left_out = {*NEEDS_PHOTO, *OTHERWISE}
    return [
        Flag(
            ["--size"],
            section="Look",
            type=Canvas(),
            metavar="WxH",
            help=f"of the texture, or 512 for a square  [default: the first painting's, at most {Recipe().size}]",
        ),
        Flag(["--tileable"], section="Look", is_flag=True, help="let it go on at the opposite edges, as a tile"),
        *(flag for flag in flags.knobs() if not {flag.name, flag.section} & left_out),
        Flag(
            ["--color"],
            section="Color",
            type=click.Choice(blank.COLORS),
            help="the painting's as they come (style), exactly the painting's (match), those of a palette, or none  "
            f"[default: {Recipe().color}]",
        ),
        Flag(
            ["--start"],
            section="Start",
            type=flags.StartFrom(blank.STARTS),
            help=f"what the canvas shows at first; speckles: noise in the painting's colors  [default: {blank.START}]",
        ),
    ]


texture = Sectioned(
    "texture",
    context_settings=SETTINGS,
    callback=textured,
    params=[
        click.Argument(["styles"], nargs=-1, metavar="STYLE...", type=click.Path()),
        *options.output_flags("generated/STYLE_texture.png"),
        *checkpoint_flags(),
        *options.recipe_flags(),
        *(flag for flag in hand_flags() if flag.name in OF_PAINTINGS),
        *texture_flags(),
        *options.machine_flags(),
        *options.talk_flags(),
    ],
    help="Paint a texture in the manner of the painting STYLE, or of several of them, after no photo.",
    short_help="Paint a texture after a painting, without a photo.",
    epilog=EPILOG,
)
