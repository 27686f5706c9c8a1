"""Every error ends here: one line for people, and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path

import click

from impasto.cli.commands import impasto
from impasto.cli.interrupt import Interrupt
from impasto.errors import ImpastoError, UsageError, reason

FAILED, USAGE = 1, 2


def guarded(arguments: list[str], interrupt: Interrupt) -> int:
    """Run the command; its exit code, or that of the error that it ended with, which is told."""
    try:
        somewhere()
        return int(impasto.main(arguments, prog_name="impasto", standalone_mode=False, obj=interrupt) or 0)
    except click.Abort:
        raise KeyboardInterrupt from None  # which is what it was before click took it
    except Exception as error:  # noqa: BLE001 -- this is where they all end
        if "--debug" in arguments:
            traceback.print_exc()
        words, code = explained(error)
        if words:
            print(f"impasto: {one_line(words)}", file=sys.stderr)
        return code


def somewhere() -> None:
    """Torch's library for matrices ends a process that stands in a folder which was removed."""
    try:
        Path.cwd()
    except OSError:
        raise UsageError("The folder that you are in was removed; change to another one.") from None


def explained(error: Exception) -> tuple[str, int]:
    """An error in words for people, and its exit code."""
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "impasto"
            return f"{error.format_message().rstrip('.')}. See {command} --help.", USAGE
        case click.ClickException():
            return error.format_message(), error.exit_code
        case ImpastoError():
            return str(error), error.exit_code
        case BrokenPipeError():  # whoever read our output has gone
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- so that Python's last flush is quiet
            return "", FAILED
        case OSError(errno=errno.ENOSPC):
            return f"There is no space left to write {error.filename or 'what was to be told'}.", FAILED
        case OSError(filename=str() | os.PathLike() as file):  # in a folder that may not be entered, a name too long
            return f"{os.fspath(file)} cannot be used: {reason(error).lower()}.", USAGE
    return f"An unexpected error, {type(error).__name__}: {error}. Run it again with --debug to see where.", FAILED


def one_line(words: str) -> str:
    """Foreign messages may have several lines and lots of blanks."""
    return " ".join(words.split())
