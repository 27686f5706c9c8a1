"""What is made beside a picture: a film of its run and numbered snapshots, as bytes, and what they are called."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from impasto.batch.jobs import Job
from impasto.events import Event, Planned, Preview
from impasto.files import encode
from impasto.film import Reel, Snapshots
from impasto.picture import Picture
from impasto.stylize import finished

Asked = dict[str, str | int]
"""film: .gif or .mp4; snapshots: after how many steps. What is not asked for is not there."""


def names(output: str, asked: Asked) -> tuple[str, ...]:
    """The file and the folder, as seen from the folder of the batch."""
    film = [film_of(output, str(asked["film"]))] if "film" in asked else []
    return (*film, *([Snapshots(Path(output)).folder.as_posix()] if "snapshots" in asked else []))


def film_of(output: str, kind: str) -> str:
    return Path(output).with_suffix(kind).as_posix()


class Beside:
    """Reads the events of one run."""

    def __init__(self, job: Job, asked: Asked) -> None:
        self._job, self._kind = job, str(asked.get("film", ""))
        self._reel = Reel(job.recipe.steps, film=bool(self._kind), snapshots=int(asked.get("snapshots", 0)))
        self._files: dict[str, bytes] = {}
        self.every = self._reel.every

    def read(self, event: Event, content: Picture) -> None:
        if isinstance(event, Planned):
            self._reel.planned(event)
        elif isinstance(event, Preview) and (step := self._reel.preview(event)) is not None:
            file = Snapshots(Path(self._job.output)).file(step)
            self._files[file.as_posix()], _ = encode(finished(content, event.image), file.name)

    def files(self, last: Tensor) -> dict[str, bytes]:
        """Everything, by name."""
        film = self._reel.film
        made = {} if film is None else {film_of(self._job.output, self._kind): film.encoded(self._kind, last)}
        return {**self._files, **made}
