"""A file is at its place as a whole or not at all: it is written beside it first."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A name in the target's folder that nobody else uses; nothing is left there afterwards."""
    part = target.with_name(f".impasto-{secrets.token_hex(8)}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """The name to write to; what was written takes the target's place at the end, unless something has gone wrong."""
    with beside(target) as part:
        yield part
        part.replace(target)
