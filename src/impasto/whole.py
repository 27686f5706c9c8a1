"""A file is at its place as a whole or not at all: it is written beside it first."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTS = ".impasto-*.part"  # what is written beside its place is called so


def behind(target: Path) -> Path:
    """What a link leads to, at last: that is written anew, and the link stays."""
    return Path(os.path.realpath(target))  # which takes links in a circle for what they are; `resolve` does not


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A name in the target's folder that nobody else uses; nothing is left there afterwards."""
    part = target.with_name(PARTS.replace("*", secrets.token_hex(8)))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def spare(suffix: str) -> Path:
    """Where a picture is kept whose own place has become impossible: a name that nobody else uses."""
    return Path(tempfile.gettempdir(), f"impasto-{secrets.token_hex(4)}{suffix}")


def write_through(path: Path, data: bytes) -> None:
    """A new file that is on the disk when this returns."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def probe(target: Path) -> None:
    """OSError where a file could not be written: for want of room, too."""
    with beside(behind(target)) as part:
        write_through(part, bytes(4096))


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """The name to write to; what was written takes the target's place at the end, unless something has gone wrong."""
    target = behind(target)
    with beside(target) as part:
        yield part
        part.replace(target)
