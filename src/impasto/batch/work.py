"""A batch from its jobs to its pictures: whoever paints gives bytes, and here alone they become files.

A line in the manifest goes before a picture is begun and another after its file is in place. What happens in between,
a crash or a pulled plug, is seen from the two: see `desk`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from impasto.batch.crew import Crew, Result
from impasto.batch.desk import Desk, entry, recipes, unusable
from impasto.batch.jobs import Job
from impasto.batch.manifest import Entry
from impasto.batch.painter import Failed, Painted, Task
from impasto.errors import PictureError
from impasto.files import check_writable, place
from impasto.film import Snapshots
from impasto.whole import spare

TRIES = 3  # a task whose worker was lost so often is taken to be the reason


def work(jobs: Sequence[Job], desk: Desk, crew: Crew) -> Iterator[Entry]:
    """Do what is to do, and tell what becomes of each job. `Stopped` ends it; the manifest knows where to go on."""
    bad = dict(examined(jobs, desk))
    for path, error in bad.items():
        yield written(desk, unusable(path, error, desk.manifest.folder))
    tasks: list[Task] = []
    for job in jobs:
        if bad.keys().isdisjoint(job.files):
            found = desk.due(job)
            if isinstance(found, Task):
                tasks.append(found)
            else:
                yield found if found.state == "skipped" else written(desk, found)
    if tasks:
        crew.check(recipes(tasks))
        yield from carried_out(
            sorted(tasks, key=lambda task: [str(style.path) for style in task.job.styles]), desk, crew
        )


def examined(jobs: Iterable[Job], desk: Desk) -> Iterator[tuple[Path, PictureError]]:
    """The inputs that cannot be used, each once."""
    for path in dict.fromkeys(file for job in jobs for file in job.files):
        try:
            desk.examine(path)
        except PictureError as error:
            yield path, error


def carried_out(tasks: Iterable[Task], desk: Desk, crew: Crew) -> Iterator[Entry]:
    """Give out the tasks, those of a painting together; a task whose worker was lost is given out again."""
    waiting, running, losses = deque(tasks), 0, Counter[str]()
    while waiting or running:
        while waiting and crew.free:
            task = waiting.popleft()
            said = begun(task, desk)
            yield written(desk, said)
            if said.state == "started":
                crew.give(task)
                running += 1
        if not running:
            break
        task, result = crew.next()
        running -= 1
        losses[task.job.output] += result is None
        said = outcome(task, result, desk)
        if said.state == "lost" and losses[task.job.output] < TRIES:
            waiting.appendleft(task)
        elif said.state == "lost":
            said = replace(said, state="failed", error=f"It was begun {TRIES} times, and each time the worker died.")
        yield written(desk, said)


def begun(task: Task, desk: Desk) -> Entry:
    """Nothing is painted that could not be kept: the disk may have become full since the jobs were looked at."""
    said = replace(entry(task.job, task.key, desk.manifest.folder), beside=task.beside)
    try:
        check_writable(task.target, overwrite=True, depth=desk.tools.depth)
    except PictureError as error:
        return replace(said, state="failed", error=str(error))
    return said


def outcome(task: Task, result: Result, desk: Desk) -> Entry:
    """Put the picture into its place; what the manifest says then."""
    folder = desk.manifest.folder
    said = replace(entry(task.job, task.key, folder), recipe=task.job.recipe.as_dict(), beside=task.beside)
    match result:
        case None:
            return replace(said, state="lost", error="The process that painted it has died.")
        case Failed():
            return replace(said, state="failed", error=result.error)
    try:
        put(result, task, folder)
        desk.forget(task.target)
    except (PictureError, OSError) as error:
        return replace(said, state="failed", error=rescued(result, task.target, error))
    digest = sha256(result.data).hexdigest()
    return replace(
        said,
        state="done",
        sha256=digest,
        seconds=result.seconds,
        notes=result.notes,
        beside=tuple(name for name in task.beside if (folder / name).exists()),
        made=desk.tools.beside,
    )


def put(painted: Painted, task: Task, folder: Path) -> None:
    """What belongs to the picture first, so that where the picture is, all of it is. Older snapshots go."""
    new = {folder / name for name in painted.beside}
    snapshots = Snapshots(task.target)
    if any(file.parent == snapshots.folder for file in new):
        snapshots.clear(but=new)
    for name, data in painted.beside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        place(data, folder / name, overwrite=True)
    task.target.parent.mkdir(parents=True, exist_ok=True)
    place(painted.data, task.target, overwrite=True)


def rescued(painted: Painted, target: Path, error: Exception) -> str:
    """Where its place has become impossible, the picture is not lost; a sentence that says where it is."""
    kept = spare(target.suffix)
    try:
        place(painted.data, kept)
    except (PictureError, OSError):
        return f"{error}."
    return f"{error}; the picture is kept as {kept} instead."


def written(desk: Desk, said: Entry) -> Entry:
    """In the manifest; without it nothing goes on, as nobody would know what was done."""
    desk.manifest.add(said)
    if said.output:
        desk.known[said.output] = replace(said, recipe=None, notes=())  # which the file keeps
    return said
