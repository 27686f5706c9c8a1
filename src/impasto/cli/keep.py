"""Keep what a run shows on its way: snapshots on disk, frames for a film."""

from __future__ import annotations

from contextlib import suppress

from torch import Tensor

from impasto.cli.job import Job
from impasto.cli.options import Options
from impasto.errors import PictureError
from impasto.events import Planned, Preview
from impasto.files import write
from impasto.film import Reel, Snapshots, write_film
from impasto.stylize import finished


class Keeper:
    """Reads the previews of a run."""

    def __init__(self, job: Job, options: Options, *, resumed: bool) -> None:
        self._job, self._options, self._resumed = job, options, resumed
        self._reel = Reel(job.recipe.steps, film=options.film is not None, snapshots=options.snapshots)
        self.every = self._reel.every
        self._failed = False

    def planned(self, event: Planned) -> None:
        """Now the sizes and the numbers are known, and whether the run goes on from where another one stood."""
        self._reel.planned(event)
        if self._options.snapshots and not self._resumed:
            Snapshots(self._job.output).clear()

    def preview(self, event: Preview) -> str | None:
        """Write a snapshot. Where it fails, the picture is worth more: that is told, once, and none is tried again."""
        step = self._reel.preview(event)
        if step is None or self._failed:
            return None
        picture = finished(self._job.content, event.image)
        try:
            write(picture, Snapshots(self._job.output).file(step), overwrite=self._options.force or self._resumed)
        except PictureError as error:
            self._failed = True
            return f"{error}; the run goes on without snapshots."
        return None

    def finished(self, last: Tensor) -> None:
        """Write the film; where a run was too short for a snapshot, no empty folder is left. The picture is safe."""
        if self._options.snapshots:
            with suppress(OSError):
                Snapshots(self._job.output).folder.rmdir()
        if self._reel.film is not None and self._options.film is not None:
            write_film(self._reel.film, last, self._options.film)
