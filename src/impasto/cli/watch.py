"""`impasto watch`: whatever is put into a folder is painted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto.cli import flags, options
from impasto.cli.batch import Asked, batch_flags, style_flag
from impasto.cli.handflags import hand_flags
from impasto.cli.options import FILE
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.errors import UsageError
from impasto.hand import StyleFile, parted

EPILOG = """\b
A file is painted once it has stopped growing. What is painted already is not painted again.
Ctrl-C ends it; the picture that is being painted then is painted the next time. Exit code: 130."""


def watched(folder: Path, style: tuple[str, ...], every: float, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """The callback: paint what comes, until a person has had enough."""
    asked = Asked.taken_from({**given, "sheet": False})
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder.absolute()}.")
    if not style and not asked.further:
        raise UsageError("There is no painting: name one or more with --style.")
    from impasto.batch import jobs  # torch is imported here, once the flags are known to be right
    from impasto.batch.sources import pictures
    from impasto.batch.watch import arrivals
    from impasto.cli.many import Session

    with Session.begun(asked) as session:
        used = parted([StyleFile(path) for path in pictures(style)], asked.parts)
        session.tell.say(f"Watching {folder.absolute()}; Ctrl-C ends it.")
        for files in arrivals(folder.absolute(), every=every, stop=session.stop, tell=session.tell.say):
            own = session.own_files
            photos = [file for file in files if file not in own]
            session.desk.forget_seen(photos)  # another may lie there under the same name
            found = jobs.every(photos, [each.path for each in used], asked.recipe, asked.start)
            session.paint(jobs.handled(found, asked.hand, used, asked.further))
        return session.ended()


watch = Sectioned(
    "watch",
    context_settings=SETTINGS,
    callback=watched,
    params=[
        click.Argument(["folder"], type=FILE),
        style_flag("the paintings: folders, files, quoted patterns, lists; multiple"),
        Flag(
            ["--every"],
            section="Inputs",
            type=flags.Number(0.05, 3600),
            default=1.0,
            metavar="SECONDS",
            help="between two looks into the folder  [default: 1]",
        ),
        *batch_flags(),
        *options.recipe_flags(),
        *hand_flags(),
        *flags.knobs(),
        *options.machine_flags(),
        *options.talk_flags(),
    ],
    help="Paint whatever is put into FOLDER, until Ctrl-C.",
    short_help="Paint whatever is put into a folder.",
    epilog=EPILOG,
)
