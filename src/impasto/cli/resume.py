"""`impasto resume`: go on with a run that was interrupted; and the flags that make it possible."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from impasto.cli import flags
from impasto.cli.options import FILE, Options, talk_flags
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.errors import CheckpointError, UsageError, reason
from impasto.whole import probe

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoint

ARGUMENTS = "impasto.arguments"  # where a context keeps the command line
EVERY = 60.0


def checkpoint_flags() -> list[Flag]:
    """Flags about stopping and going on."""
    return [
        Flag(
            ["--checkpoint"],
            section="Output",
            metavar="FILE",
            type=FILE,
            help="keep the state of the run in this file, for impasto resume; removed at the end",
        ),
        Flag(
            ["--checkpoint-every"],
            section="Output",
            type=flags.Number(0),
            metavar="SECONDS",
            help=f"how often  [default: {EVERY:g}]",
        ),
    ]


def checkpoint(options: Options) -> Checkpoint | None:
    """The checkpoint that was asked for; it remembers the command line."""
    import torch

    from impasto.checkpoint import Checkpoint

    if options.checkpoint is None:
        if options.checkpoint_every is not None:
            raise UsageError("--checkpoint-every goes with --checkpoint FILE.")
        return None
    context = click.get_current_context(silent=True)
    arguments = [] if context is None else list(context.meta.get(ARGUMENTS, []))
    about = {"arguments": arguments, "folder": str(Path.cwd()), "threads": torch.get_num_threads()}
    file = options.checkpoint.absolute()
    if not file.parent.is_dir():
        raise UsageError(f"There is no folder {file.parent} for the checkpoint.")
    try:
        probe(file)
    except OSError as error:
        raise UsageError(f"The checkpoint {file} cannot be written: {reason(error)}.") from None
    return Checkpoint(file, every=EVERY if options.checkpoint_every is None else options.checkpoint_every, about=about)


def resumed(file: Path, output: Path | None, force: bool, debug: bool) -> int:
    """The callback: the command line of then, which finds its checkpoint and goes on."""
    from impasto import checkpoint as checkpoints  # torch is imported here

    kept = checkpoints.about(file)
    match kept:
        case {"arguments": [_, *_] as arguments, "folder": str(folder), "threads": int(threads)}:
            # Other numbers of threads give other last digits.
            further = [
                "--checkpoint",
                str(file.absolute()),
                "--threads",
                str(threads),
                *(["--force"] if force else []),
                *(["--debug"] if debug else []),
            ]
            further += [] if output is None else ["--output", str(output.absolute())]
        case _:
            raise CheckpointError(f"The checkpoint {file} does not say which command wrote it; run that once more.")
    if not Path(folder).is_dir():
        raise CheckpointError(f"The folder {folder}, where the run was begun, is gone.")
    root = click.get_current_context().find_root()
    end = arguments.index("--") if "--" in arguments else len(arguments)
    with contextlib.chdir(folder):
        whole = [*arguments[:end], *further, *arguments[end:]]
        return int(root.command.main(whole, prog_name="impasto", standalone_mode=False, obj=root.obj) or 0)


resume = Sectioned(
    "resume",
    context_settings=SETTINGS,
    callback=resumed,
    params=[
        click.Argument(["file"], type=FILE, metavar="CHECKPOINT"),
        Flag(["-o", "--output"], section="Output", metavar="FILE", type=FILE, help="another painted file"),
        Flag(["--force"], section="Output", is_flag=True, help="overwrite files that exist already"),
        *talk_flags()[-1:],
    ],
    short_help="Go on with a run that was interrupted.",
    help="Go on from CHECKPOINT, which paint --checkpoint wrote: to the same bytes as a run without interruption.",
)
