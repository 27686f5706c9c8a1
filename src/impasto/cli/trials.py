"""What trials have told is kept in the cache, so that the next run of the kind begins to paint at once."""

from __future__ import annotations

import hashlib
import platform
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError

import impasto
from impasto.costs import Costs
from impasto.findings import Trials
from impasto.weights import places
from impasto.whole import whole

ROOM = 200  # kinds of runs, of some 20 kB each; the oldest go


class KeptTrials(Trials):
    """In files, one for each kind. What cannot be read is tried out again, and what cannot be written is not kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def told(self, key: object) -> Costs | None:
        try:
            return self._form.validate_json(self._file(key).read_bytes())
        except (OSError, ValidationError):
            return None

    def tell(self, key: object, found: Costs) -> None:
        file = self._file(key)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with whole(file) as fresh:
                fresh.write_bytes(self._form.dump_json(found))
            for old in sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-ROOM]:
                old.unlink()

    @cached_property
    def _form(self) -> TypeAdapter[Costs]:
        return TypeAdapter(Costs)

    def _file(self, key: object) -> Path:
        return self._folder / f"{hashlib.sha256(f'{key}{circumstances()}'.encode()).hexdigest()[:32]}.json"


def of_this_user() -> KeptTrials | None:
    """None for who has no home: a folder that is called ~ would appear where the command is called."""
    with suppress(RuntimeError):  # Python's, for a ~ in $IMPASTO_CACHE_DIR
        folder = places.home() / "trials"
        return None if "~" in folder.parts else KeptTrials(folder)
    return None


def circumstances() -> str:
    """The machine, torch and the program: with others, the same run may cost something else."""
    code = max(path.stat().st_mtime_ns for path in Path(impasto.__file__).parent.rglob("*.py"))
    return f"{platform.node()} {torch.backends.cpu.get_cpu_capability()} {torch.__version__} {code}"
