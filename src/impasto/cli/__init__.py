"""The command line: the one place that prints and exits. `main` turns every error into one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from impasto.cli.interrupt import listening

STOPPED = 130  # what shells call a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (the process' own, if none is given); the exit code."""
    try:
        with listening() as interrupt:
            from impasto.cli.errors import guarded  # from here on Ctrl-C is listened to, so now the imports begin

            return guarded(sys.argv[1:] if arguments is None else list(arguments), interrupt)
    except KeyboardInterrupt:
        print("impasto: Stopped; nothing was written.", file=sys.stderr)
        return STOPPED
