"""What a run ends with: the file, beyond loss once it is painted, and the one thing that stdout is told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from impasto import device as devices
from impasto.cli.job import Job
from impasto.cli.keep import Keeper
from impasto.cli.options import Options
from impasto.cli.progress import counted, duration
from impasto.errors import PictureError, RunError
from impasto.events import Finished
from impasto.files import Written, write
from impasto.picture import Picture
from impasto.record import Record
from impasto.stylize import finished
from impasto.whole import spare


@dataclass
class Outcome:
    """What is known of a run so far."""

    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def write_or_rescue(picture: Picture, output: Path, options: Options, said: Record) -> Written:
    """Write the picture; where that has become impossible, do not lose it."""
    try:
        return write(
            picture,
            output,
            recipe_record=said.as_dict(),
            depth=options.depth,
            quality=options.quality,
            overwrite=options.force,
        )
    except PictureError as error:
        kept = spare(".png")
        write(picture, kept, recipe_record=said.as_dict())
        raise RunError(f"{error}; the picture is kept as {kept} instead.") from error


def save(job: Job, options: Options, said: Record, outcome: Outcome, last: Finished, keeper: Keeper) -> None:
    """Write the picture; its path, or all that is known about it, is the only thing on stdout."""
    picture = finished(job.content, last.image)
    written = write_or_rescue(picture, job.output, options, said)
    try:
        keeper.finished(last.image)
    except PictureError as error:
        raise RunError(f"{error}; the picture itself is {written.path}.") from error
    outcome.notes += written.notes
    if not options.quiet:
        for note in written.notes:
            print(f"note: {note}", file=sys.stderr)
        print(f"{counted(last.evaluations, 'step')} in {duration(outcome.seconds)}", file=sys.stderr)
    if not options.json:
        print(written.path)
        return
    told = {
        "output": str(written.path),
        "width": picture.width,
        "height": picture.height,
        "seconds": round(outcome.seconds, 3),
        "evaluations": last.evaluations,
        "losses": dict(last.losses),
        "network": job.network.name,
        "device": str(job.device),
        "peak_memory_bytes": devices.peak_memory(job.device),
        "recipe": said.recipe,
        "notes": outcome.notes,
    }
    print(json.dumps(told))
