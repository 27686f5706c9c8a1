"""The memory of a batch: jobs.jsonl in its folder, a line for whatever happens to a job; the last one counts.

Lines are only ever added, each in one piece and through to the disk. A line that was cut short, by a full disk or a
pulled plug, is passed over when it is read, and nothing is added to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import TypeAdapter, ValidationError

from impasto.errors import RunError, UsageError, reason
from impasto.whole import PARTS

try:
    import fcntl
except ImportError:  # Windows: two batches in one folder are not noticed there
    fcntl = None  # type: ignore[assignment]

STALE = 60.0  # seconds

State = Literal["started", "done", "skipped", "failed", "lost"]


@dataclass(frozen=True)
class Entry:
    """One line: what became of a job. Paths are as seen from the manifest."""

    output: str  # empty: this is about an input that cannot be used
    state: State
    content: str = ""
    styles: tuple[str, ...] = ()
    key: str = ""  # of everything that the picture was made of
    sha256: str = ""  # of the picture
    seconds: float = 0.0
    error: str = ""
    notes: tuple[str, ...] = ()
    recipe: dict[str, Any] | None = None
    made: dict[str, str | int] = field(default_factory=dict)  # what was asked for beside the picture
    beside: tuple[str, ...] = ()  # what was ever made beside it: files and folders


@dataclass(frozen=True)
class Manifest:
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "jobs.jsonl"

    def entries(self) -> dict[str, Entry]:
        """The last line of every output, the sound ones."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {reason(error)}.") from None
        found = filter(None, map(parsed, lines))
        return {entry.output: entry for entry in found if entry.output}

    def add(self, entry: Entry) -> None:
        """A line more; RunError if the disk does not take it, and then no part of it is left."""
        line = json.dumps({k: v for k, v in dataclasses.asdict(entry).items() if v}, ensure_ascii=True).encode() + b"\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end and file.seek(end - 1) is not None and file.read(1) != b"\n":
                    line = b"\n" + line
                self._written(file.fileno(), line, end)
        except OSError as error:
            raise RunError(f"{self.path} cannot be written: {reason(error)}.") from error

    def _written(self, handle: int, line: bytes, end: int) -> None:
        try:
            if os.write(handle, line) < len(line):
                raise OSError("the disk is full")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """One batch at a time works in a folder."""
        with self._opened() as file:
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"Another batch is at work in {self.folder}; wait for it, or take another.") from None
            self._tidy()
            yield

    def _tidy(self) -> None:
        """What a killed process could not clear away; a file that somebody writes at this moment is younger."""
        for part in self.folder.rglob(PARTS):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE:
                    part.unlink()

    def _opened(self) -> IO[bytes]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return self.path.open("ab")
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {reason(error)}.") from None


@cache
def _adapter() -> TypeAdapter[Entry]:
    return TypeAdapter(Entry)


def parsed(line: bytes) -> Entry | None:
    """An entry, or None where the line is no sound one."""
    try:
        return _adapter().validate_json(line) if line.strip() else None
    except ValidationError:
        return None
