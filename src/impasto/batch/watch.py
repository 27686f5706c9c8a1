"""Files that come into a folder, told once they have stopped growing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from impasto.batch.sources import inside
from impasto.errors import PictureError

Look = tuple[int, int]  # bytes, time of the last change


def arrivals(
    folder: Path, *, every: float, stop: Callable[[], bool], tell: Callable[[str], None]
) -> Iterator[list[Path]]:
    """The files that are new or have changed, and are the same for two looks; first those that are there already.

    A folder that goes away, or may not be read, may come back: that is told, once, and waited for.
    """
    before: dict[Path, Look] = {}
    told: dict[Path, Look] = {}
    away = False
    while not stop():
        try:
            now, away = looks(folder), False
        except PictureError as error:
            if not away:
                tell(f"note: {error} It is looked for again and again.")
            now, away = {}, True
        ready = [path for path, look in now.items() if look == before.get(path) != told.get(path)]
        told |= {path: now[path] for path in ready}
        before = now
        if ready:
            yield ready
        else:
            time.sleep(every)


def looks(folder: Path) -> dict[Path, Look]:
    """Every file with its size and time; those that go away meanwhile are left out, and so are empty ones."""
    found: dict[Path, Look] = {}
    for path in inside(folder):
        try:
            state = path.stat()
        except OSError:
            continue
        if state.st_size:
            found[path] = state.st_size, state.st_mtime_ns
    return found
