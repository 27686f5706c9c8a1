"""`impasto again`: a painted picture, painted anew from its record, to the same bytes or with changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto import blank, hand, presets
from impasto.blank import Blank
from impasto.cli import flags, options, order
from impasto.cli.handflags import hand_flags
from impasto.cli.options import FILE, Options
from impasto.cli.order import Order
from impasto.cli.paint import EPILOG
from impasto.cli.resume import checkpoint_flags
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.errors import DeviceError, UsageError
from impasto.hand import Hand, StyleFile

if TYPE_CHECKING:
    from impasto.recipe import Recipe
    from impasto.record import Record


def painted_again(picture: Path, preset: str | None, recipe: Path | None, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """The callback: the record of a picture, with the flags laid over it, as an order."""
    from impasto import record  # torch is imported here and below, once the flags are known to be right
    from impasto.cli.run import run
    from impasto.files import read_record

    picture = picture.absolute()
    then = record.parsed(read_record(picture), str(picture))
    base = presets.without_presets(then.recipe) if preset else then.recipe  # another one takes the place of its own
    settings = order.merged(base, preset, recipe, flags.recipe_values(given))
    asked = Order(
        content_of(then, given, settings, picture.parent),
        paintings_of(then, given, picture.parent),
        settings,
        start_of(then, given["start"], settings.start, picture.parent),
        hand_of(then, given, picture.parent),
    )
    return run(asked, options_of(then, given, settings.network, picture), then)


def content_of(then: Record, given: dict[str, Any], settings: Recipe, folder: Path) -> Path | Blank:
    """The photo: the one given, or the one of then; of a texture, the canvas at the size that is asked for."""
    from impasto.record import found

    if not isinstance(then.content, Blank):
        return given["content"] or found(then.content, folder)
    in_vain = () if settings.variation_weight else ("strength",)  # as there is nothing else to weigh it against
    for name in ("content", "protect", "strength_map", *in_vain):
        if given[name] is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"The picture is a texture, painted after no photo: {flag} has no meaning for it.")
    blank.check(settings)
    return then.content.sized(settings.size)


def start_of(then: Record, given: str | Path | None, start: str, folder: Path) -> Path | None:
    """The picture to start from: the one given, or the one of then."""
    from impasto.record import found

    if isinstance(given, Path):
        return given
    return found(then.start, folder) if start == "picture" and then.start else None


def paintings_of(then: Record, given: dict[str, Any], folder: Path) -> tuple[StyleFile, ...]:
    """The paintings given, or those of then; masks for them, if given, in their order."""
    from impasto.hand_files import style_again

    if any(given[name] for name in ("style", "coarse", "fine")):
        return hand.paintings(given["style"], given)
    return hand.parted([style_again(style, folder) for style in then.styles], given["part"])


def hand_of(then: Record, given: dict[str, Any], folder: Path) -> Hand:
    """The masks given, and those of then of the kinds that are not given."""
    from impasto.hand_files import hand_again

    asked = Hand.taken_from(given)
    if given["no_masks"] and then.hand is None:
        raise UsageError("No mask lay on the photo then, so --no-masks would change nothing.")
    return asked if given["no_masks"] else hand_again(then.hand, asked, folder)


def options_of(then: Record, given: dict[str, Any], network: str, picture: Path) -> Options:
    """What was not given is as it was then, as far as it fits this machine and the file that is written."""
    from impasto.record import found

    output = given["output"] or picture.with_name(f"{picture.stem}-again{picture.suffix}")
    inherited: dict[str, Any] = {
        "output": output,
        "device": then.device if works(then.device) else None,
        "threads": min(then.threads, os.cpu_count() or 1),
    }
    if then.weights and network == then.network and given["weights"] is None:
        inherited["weights"] = found(then.weights, picture.parent)
    if output.suffix.lower() == picture.suffix.lower():
        inherited |= {"depth": then.depth, "quality": then.quality}
    return Options.taken_from(inherited | {name: value for name, value in given.items() if value is not None})


def works(device: str) -> bool:
    """Whether there is such a device here."""
    from impasto.device import choose

    try:
        choose(device)
    except (DeviceError, RuntimeError):  # RuntimeError: a name that torch does not know
        return False
    return True


again = Sectioned(
    "again",
    context_settings=SETTINGS,
    callback=painted_again,
    params=[
        click.Argument(["picture"], type=FILE),
        Flag(["--content"], section="Inputs", metavar="FILE", type=FILE, help="another photo than the recorded one"),
        Flag(
            ["--style"], section="Inputs", multiple=True, metavar="FILE[:WEIGHT]", help="other paintings, one or more"
        ),
        Flag(["--no-masks"], section="Hand", is_flag=True, help="without the masks of then"),
        *hand_flags(),
        *options.output_flags("PICTURE-again, beside it"),
        *checkpoint_flags(),
        *options.recipe_flags(),
        *flags.knobs(defaults=False),
        *options.machine_flags(),
        *options.talk_flags(),
    ],
    short_help="Paint a painted picture again, or with changes.",
    help="Paint PICTURE again from what it says about itself: to the same bytes, or with changes.\n\n"
    "Every painted file carries its settings and the names and hashes of its inputs. Without changes, on the same "
    "machine, the result is the same file; what differs now and may change the pixels is told.",
    epilog=EPILOG,
)
