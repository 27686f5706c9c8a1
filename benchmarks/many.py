"""Many pictures: whether memory grows over a thousand jobs, and how much faster two workers are than one process.

    python -m benchmarks.many endurance [--jobs 1000] [--size 32] [--steps 3] [--workers 1]
    python -m benchmarks.many throughput [--jobs 6] [--size 256] [--rounds 5] [--cluster]

"endurance" tells for every tenth of the jobs how much memory was resident in those who paint and how much was in use in
this process, both on average, and how many objects and open files there were; in the end, by how much memory grew over
the last half. In "throughput" one thread of this process paints the same pictures as two processes with a thread each,
and with --cluster as two of Ray's actors with a core each; in turns, all of them warm.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import linear_regression, mean
from typing import ClassVar

import torch

from benchmarks.common import interleaved, median, report, spread, table
from impasto.allocator import keep_what_is_freed
from impasto.batch.crew import Alone, Crew, Team
from impasto.batch.desk import Desk
from impasto.batch.jobs import Job, every
from impasto.batch.manifest import Manifest
from impasto.batch.names import named
from impasto.batch.painter import Tools
from impasto.batch.sources import pictures
from impasto.batch.work import work
from impasto.canvas import noise
from impasto.cli import forget_old_shapes
from impasto.files import write
from impasto.picture import Picture
from impasto.recipe import Recipe

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CPU = Tools(device="cpu", offline=True)


def done(jobs: Sequence[Job], folder: Path, crew: Crew) -> Iterator[int]:
    """Carry them out, and count those that are done."""
    count = 0
    for told in work(named(jobs, folder, ".png", {}), Desk(Manifest(folder), CPU), crew):
        assert told.state in ("started", "done"), told
        count += told.state == "done"
        if told.state == "done":
            yield count
    assert count == len(jobs)


# ---- endurance -----------------------------------------------------------------------------------------------------


def endurance(given: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    recipe = Recipe(size=given.size, first_level=0, steps=given.steps)
    samples, used, rows = list[float](), list[float](), list[tuple[float, ...]]()
    share = max(1, given.jobs // 10)
    with tempfile.TemporaryDirectory() as name, closing(crew_of(given.workers)) as crew:
        jobs = scribbles(Path(name), given.jobs, given.size, recipe)
        for count in done(jobs, Path(name, "out"), crew):
            samples.append(held(crew))
            used.append(in_use())
            if count % share == 0:
                gc.collect()
                rows.append(
                    (count, mean(samples[-share:]), mean(used[-share:]), len(gc.get_objects()), open_files(crew))
                )
                print(*rows[-1], flush=True)
    header = ("jobs", "MB resident", "MB in use", "objects", "open files")
    print(table(rows, header))
    grows = {name: slope(each[len(each) // 2 :]) * 1000 for name, each in (("resident", samples), ("in use", used))}
    print(", ".join(f"{name} {each:+.1f} kB a job" for name, each in grows.items()), "over the last half")
    result = {"size": given.size, "steps": given.steps, "workers": given.workers, "kB_a_job": grows}
    report("endurance", {**result, "rows": [dict(zip(header, row, strict=True)) for row in rows]}, save=given.save)


def slope(values: Sequence[float]) -> float:
    """Of the line that fits best."""
    return linear_regression(range(len(values)), values).slope


def scribbles(folder: Path, count: int, size: int, recipe: Recipe) -> list[Job]:
    """Each photo in a size of its own among sixteen, each painting in a shape of its own.

    Little of what is kept for the next job fits it, so that all that is kept, which has its bounds, is soon full.
    """
    photos, paintings = folder / "photos", folder / "paintings"
    for i in range(math.ceil(math.sqrt(count))):
        write(Picture(noise(2 * size, 2 * size, i)), photos / f"{i}.png")
        write(Picture(noise(2 * size + 7 * i % size, 2 * size + 5 * i % size, i)), paintings / f"{i}.png")
    jobs = every(pictures([photos]), pictures([paintings]), recipe)[:count]
    number = {photo: i for i, photo in enumerate(dict.fromkeys(job.content for job in jobs))}
    return [replace(job, recipe=recipe.changed(size=size + number[job.content] % 16)) for job in jobs]


def crew_of(workers: int) -> Crew:
    return Alone(CPU) if workers == 1 else Team(CPU, workers, partial(torch.set_num_threads, 1))


def processes(crew: Crew) -> list[int]:
    """Of those who paint."""
    return crew.processes if isinstance(crew, Team) else [os.getpid()]


def held(crew: Crew) -> float:
    """Megabytes resident."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in processes(crew))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Malloc(ctypes.Structure):
    """What the C library, glibc, tells of itself."""

    _fields_: ClassVar = [(f"of_no_interest_{i}", ctypes.c_size_t) for i in range(4)] + [
        (name, ctypes.c_size_t) for name in ("mapped", "_", "__", "allocated", "free", "top")
    ]


def in_use() -> float:
    """Megabytes that this process has asked of the C library and not given back; it keeps others for the next time."""
    told = ctypes.CDLL(None).mallinfo2
    told.restype = Malloc
    now = told()
    return float(now.allocated + now.mapped) / 1e6


def open_files(crew: Crew) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in processes(crew))


# ---- throughput ----------------------------------------------------------------------------------------------------


def throughput(given: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    jobs = every(pictures([EXAMPLES / "content"]), pictures([EXAMPLES / "style"]), Recipe(size=given.size))
    chosen = sorted(jobs, key=lambda job: str(job.styles))[: given.jobs]
    with ExitStack() as stack:
        crews: dict[str, Crew] = {"one process": Alone(CPU), "two processes": crew_of(2)}
        if given.cluster:
            crews["two actors"] = cluster()
        for crew in crews.values():
            stack.enter_context(closing(crew))
        times = interleaved({name: partial(once, chosen, crew) for name, crew in crews.items()}, given.rounds)
    first = median(times["one process"])
    rows = [(name, median(each), f"{spread(each):.0%}", first / median(each)) for name, each in times.items()]
    print(table(rows, ("", f"seconds for {len(chosen)}", "spread", "times as fast")))
    speedups = {name: first / median(each) for name, each in times.items()}
    result = {"jobs": len(chosen), "size": given.size, "seconds": times, "times_as_fast": speedups}
    report("throughput", result, save=given.save)


def once(jobs: Sequence[Job], crew: Crew) -> None:
    """All of them, into a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        list(done(jobs, Path(folder), crew))


def cluster() -> Crew:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from impasto.batch.cluster import Cluster

    return Cluster("auto", CPU, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True)
    first, second = what.add_parser("endurance"), what.add_parser("throughput")
    first.set_defaults(run=endurance, jobs=1000, size=32)
    second.set_defaults(run=throughput, jobs=6, size=256)
    for each in (first, second):
        each.add_argument("--jobs", type=int)
        each.add_argument("--size", type=int)
        each.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    first.add_argument("--steps", type=int, default=3)
    first.add_argument("--workers", type=int, default=1)
    second.add_argument("--rounds", type=int, default=5)
    second.add_argument("--cluster", action="store_true", help="Ray as well; with the extra [cluster]")
    given = parser.parse_args()
    forget_old_shapes()  # as the command does
    keep_what_is_freed()
    given.run(given)


if __name__ == "__main__":
    main()
