"""Stop and go on: a run's whole state in a file, now and then, and the check that it belongs to this run."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import statefile
from impasto.errors import CheckpointError
from impasto.picture import Picture
from impasto.storage import MEMORY, Room

State = dict[str, Any]


class Checkpoint:
    """A file that holds the state of a run as it was at most `every` seconds ago.

    If the file is there, the run goes on from it, and `before` is what was `about` it; if it is of another run, or
    damaged, that is an error, or with `anew` it is removed. `about` is kept beside the state, for whoever resumes.
    """

    def __init__(
        self, path: Path, *, every: float = 60.0, about: Mapping[str, Any] | None = None, anew: bool = False
    ) -> None:
        self.path, self.every, self.about, self.anew = path, every, about, anew
        self.before: Mapping[str, Any] = {}
        self._written = time.monotonic()
        self._took = 0.0
        self._identity: dict[str, str] = {}

    def taken_up(self, identity: Mapping[str, object], device: torch.device, room: Room = MEMORY) -> State | None:
        """The state to go on from, or None. CheckpointError if anything that makes the picture has changed since."""
        self._identity = {name: fingerprint(part) for name, part in identity.items()}
        if not self.path.exists():
            return None
        try:
            return self._fitting(device, room)
        except CheckpointError:
            if not self.anew:
                raise
            self.finished()
            return None

    def _fitting(self, device: torch.device, room: Room) -> State:
        kept = statefile.read(self.path, device, room)
        changed = [name for name, digest in self._identity.items() if kept.get("identity", {}).get(name) != digest]
        if changed:
            parts = ", ".join(changed)
            raise CheckpointError(
                f"The checkpoint {self.path} is of another run (with another {parts}): start without it."
            )
        state = kept["run"]
        if not isinstance(state, dict):
            raise CheckpointError(f"The checkpoint {self.path} is damaged.")
        self.before = kept.get("about", {})
        return state

    def due(self) -> bool:
        """Whether it is time to write; where the state is large, no more than a tenth of the time is spent."""
        return time.monotonic() - self._written >= max(self.every, 9 * self._took)

    def write(self, state: State, room: Room = MEMORY) -> None:
        """Write the state, in the place of the one before."""
        begun = self._written = time.monotonic()  # where it fails, it is not tried again at once
        statefile.write(self.path, {"about": self.about or {}, "identity": self._identity, "run": state}, room)
        self._written = time.monotonic()
        self._took = self._written - begun if self.every else 0.0

    def finished(self) -> None:
        """The picture is safe; the file is not needed any more."""
        self.path.unlink(missing_ok=True)


def about(path: Path) -> Mapping[str, Any]:
    """What was kept beside the state."""
    kept = statefile.words(path).get("about")
    if not isinstance(kept, dict):
        raise CheckpointError(f"The checkpoint {path} is damaged.")
    return kept


def fingerprint(value: object) -> str:
    """Equal for what gives equal pictures, as far as that can be told: by content, not by name."""
    digest = hashlib.sha256()
    _feed(value, digest.update)
    return digest.hexdigest()


def _feed(value: object, take: Callable[[bytes | memoryview], None]) -> None:
    match value:
        case Tensor():
            take(repr(value.shape).encode())
            numbers = value.detach().cpu()
            for plane in numbers.flatten(0, -3) if value.dim() > 2 else numbers.reshape(1, -1, 1):
                for rows in MEMORY.bands(plane):
                    take(plane[rows].reshape(-1).contiguous().view(torch.uint8).numpy().data)
        case Picture():
            _feed(value.rgb, take)
            _feed(value.alpha, take)
        case Mapping():
            for name in sorted(value):
                take(repr(name).encode())
                _feed(value[name], take)
        case tuple() | list():
            take(f"{len(value)} items".encode())
            for item in value:
                _feed(item, take)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            _feed({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, take)
        case _:
            take(repr(value).encode())
