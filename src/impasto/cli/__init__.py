"""The command line: the one place that prints and exits. `main` turns every error into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from impasto.cli.commands import impasto
from impasto.cli.interrupt import listening
from impasto.errors import ImpastoError

USAGE, FAILED, STOPPED = 2, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (the process' own, if none is given); the exit code."""
    debug = "--debug" in (sys.argv if arguments is None else arguments)
    try:
        with listening() as interrupt:
            return int(impasto.main(arguments, prog_name="impasto", standalone_mode=False, obj=interrupt) or 0)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- this is where every error ends
        if debug:
            traceback.print_exc()
        words, code = explained(error)
        if words:
            print(f"impasto: {one_line(words)}", file=sys.stderr)
        return code


def explained(error: BaseException) -> tuple[str, int]:
    """An error in words for people, and its exit code."""
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "impasto"
            return f"{error.format_message().rstrip('.')}. See {command} --help.", USAGE
        case click.ClickException():
            return error.format_message(), error.exit_code
        case ImpastoError():
            return str(error), error.exit_code
        case click.Abort() | KeyboardInterrupt():
            return "Stopped; nothing was written.", STOPPED
        case BrokenPipeError():  # whoever read our output has gone
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- so that Python's last flush is quiet
            return "", FAILED
    return f"An unexpected error, {type(error).__name__}: {error}. Run it again with --debug to see where.", FAILED


def one_line(words: str) -> str:
    """Foreign messages may have several lines and lots of blanks."""
    return " ".join(words.split())
