"""Keep what a run shows on its way: snapshots on disk, frames for a film."""

from __future__ import annotations

from torch import Tensor

from impasto.cli.job import Job
from impasto.cli.options import Options
from impasto.events import Planned, Preview
from impasto.files import write
from impasto.film import Film, Snapshots, write_film
from impasto.stylize import finished

FRAMES = 50  # of a film, at the first level, where no number of steps is asked for


class Keeper:
    """Reads the previews of a run."""

    def __init__(self, job: Job, options: Options) -> None:
        self._job, self._options = job, options
        self._snapshots = Snapshots(job.output) if options.snapshots else None
        self._film: Film | None = None
        self._before: dict[int, int] = {}  # level -> steps of the levels before it
        film_every = max(1, job.recipe.steps // FRAMES) if options.film else 0
        self.every = options.snapshots or film_every

    def planned(self, event: Planned) -> None:
        """Now the sizes and the numbers are known."""
        steps = 0
        for level in event.levels:
            self._before[level.index] = steps
            steps += level.steps
        if self._options.film is not None:
            self._film = Film(event.levels[-1].width, event.levels[-1].height)

    def preview(self, event: Preview) -> None:
        if self._film is not None:
            self._film.add(event.image)
        if self._snapshots is not None:
            file = self._snapshots.file(self._before[event.level.index] + event.step)
            picture = finished(self._job.content, event.image)
            write(picture, file, overwrite=self._options.force)

    def finished(self, last: Tensor) -> None:
        """Write the film."""
        if self._film is not None and self._options.film is not None:
            write_film(self._film, last, self._options.film)
