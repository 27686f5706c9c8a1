"""The command line: the one place that prints and exits. `main` turns every error into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

from impasto.allocator import keep_what_is_freed
from impasto.cli.interrupt import STOPPED, listening

ASLEEP, AWAKE = "1000", "10000"  # turns of a loop that a thread waits before it sleeps


def program() -> None:
    """The process is a command, and ends with it."""
    stand_in_for_closed_streams()
    sys.stderr = cast(TextIO, Aside(sys.stderr))
    tell_any_name()
    seldom_search_for_garbage()
    leave(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (the process' own, if none is given); the exit code."""
    yield_the_processor()
    keep_what_is_freed()
    forget_old_shapes()
    try:
        with listening() as interrupt:
            from impasto.cli.errors import guarded  # from here on Ctrl-C is listened to, so now the imports begin

            return guarded(sys.argv[1:] if arguments is None else list(arguments), interrupt)
    except KeyboardInterrupt:
        print("impasto: Stopped; nothing was written.", file=sys.stderr)
        return STOPPED


def stand_in_for_closed_streams() -> None:
    """Daemons close them, windowed programs have none: Python has None there, and the next file that is opened would
    take their number, and whoever complains would write to it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 -- as long as the process


class Aside:
    """A stream for what is said beside the work: the picture is worth more than that somebody hears of it, so nothing
    ends because a reader has gone, or a disk with a log is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- all else is the stream's own
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def tell_any_name() -> None:
    """Names of files may hold what the terminal's encoding lacks, or bytes that are no letters: a picture that was
    painted shall not end in an error for it."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="surrogateescape" if stream.encoding.lower() == "utf-8" else "backslashreplace")


def leave(code: int) -> None:
    """End the process. Python would take apart first what it holds; with torch that takes half a second."""
    if threading.active_count() > 1:  # somebody is still at work
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads; Python knows how to end then
        sys.exit(code)
    os._exit(code)


def seldom_search_for_garbage() -> None:
    """Importing torch makes a hundred thousand objects, all of which stay; Python would search them again and again for
    what refers to itself. A step leaves nothing of the kind: see docs/log.md."""
    gc.set_threshold(20_000)


def yield_the_processor() -> None:
    """Threads that wait for each other shall sleep soon. It must be said before torch begins, so the library can't.

    By default GNU's OpenMP lets them spin for milliseconds at every operation. That costs nothing on an idle machine,
    but beside other work, a compiler say, it keeps the very thread that is waited for from running. Where nobody else
    is at work they may sleep a little later, as a virtual machine wakes them late: see docs/log.md.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", AWAKE if alone() else ASLEEP)


def alone() -> bool:
    """Whether nothing else runs, looked at a few times, as what runs sleeps now and then; no where it is not told."""
    for _ in range(5):
        if running() != 1:
            return False
        time.sleep(0.002)
    return True


def running() -> int:
    """How many threads want a processor now, on the whole machine, this one included; 0 where it is not told."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0


def forget_old_shapes() -> None:
    """What is prepared for each shape of picture shall not be kept for ever. It, too, must be said before torch works.

    Torch keeps a description of each of the last 1024 convolutions that differed in shape, and its library oneDNN the
    code for as many: 60 kB for each, so that a batch of many sizes holds more and more. A run in tiles of nine shapes
    needs less than 200; to prepare one again takes some tenths of a millisecond: see docs/log.md.
    """
    for cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "256")
