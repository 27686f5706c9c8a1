"""What batch and watch have in common: whoever paints, what is told on the way, and what it comes to in the end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from impasto.allocator import as_planned
from impasto.batch.crew import Alone, Crew, Team
from impasto.batch.desk import Desk
from impasto.batch.jobs import Job
from impasto.batch.manifest import Entry, Manifest
from impasto.batch.names import named, relative
from impasto.batch.overview import MARK, is_sheet, sheets
from impasto.batch.painter import Stopped, Tools
from impasto.batch.unfinished import file_of
from impasto.batch.work import work
from impasto.cli.batch import Asked
from impasto.cli.interrupt import STOPPED, Interrupt, current
from impasto.cli.progress import Teller, downloading, duration, teller
from impasto.cli.run import heard
from impasto.errors import PictureError
from impasto.events import Event, Step
from impasto.film import check_film

FAILED = 1
MANY = 1000  # more steps than are told one by one


@dataclass
class Session:
    """From the first picture to the last."""

    asked: Asked
    tell: Teller
    interrupt: Interrupt
    desk: Desk
    crew: Crew
    said: list[Entry] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    blemished: bool = False  # the pictures are there, the sheets are not

    @classmethod
    @contextmanager
    def begun(cls, asked: Asked) -> Iterator[Session]:
        """One at a time in a folder; whoever paints goes home in the end."""
        tell, interrupt, manifest = teller(asked.options.quiet), current(), Manifest(asked.out)
        with closing(tell), heard(tell, asked.options.verbose), manifest.held():
            if asked.film:
                check_film(Path(f"film{asked.film}"))
            desk = Desk(manifest, tools(asked), asked.options.force)
            progress = Progress(tell)
            with closing(crew(asked, progress, lambda: interrupt.asked)) as hired:
                interrupt.painting = True  # from now on an interruption only sets a flag
                session = cls(asked, tell, interrupt, desk, hired)
                progress.session = session
                yield session

    def stop(self) -> bool:
        return self.interrupt.asked

    @property
    def own_files(self) -> frozenset[Path]:
        """What lies in the folder because we have put it there: no photos."""
        folder = self.asked.out
        beside = (name for each in self.desk.known.values() for name in each.beside)
        own = {folder / name for name in (*self.desk.ours, *beside, "jobs.jsonl")}
        own |= {file_of(folder / name) for name in self.desk.ours}
        return frozenset(own | set(filter(is_sheet, folder.glob(f"{MARK}*.png"))))

    def paint(self, jobs: Sequence[Job]) -> None:
        """Paint them, and tell of each; those after a stop are left for the next time."""
        jobs = named(jobs, self.asked.out, self.asked.suffix, self.desk.owners, force=self.desk.force)
        self.jobs += jobs
        try:
            for said in work(jobs, self.desk, self.crew):
                self._hear(said)
        except Stopped:
            return

    def _hear(self, said: Entry) -> None:
        if said.state not in ("started", "lost"):
            self.said.append(replace(said, recipe=None))
        name, count = said.output or said.content, f"{self.finished} of {len(self.jobs)}"
        match said.state:
            case "done":
                self.tell.say(f"{count}: {name}, {duration(said.seconds)}")
                for note in said.notes if self.asked.options.verbose else ():
                    self.tell.say(f"note: {note}")
                if not self.asked.options.json:
                    print(self.asked.out / name, flush=True)
            case "failed":
                words = f"{said.output}: {said.error}" if said.output else said.error
                print(f"impasto: {' '.join(words.split())}", file=sys.stderr, flush=True)
            case "lost":
                self.tell.say(f"{name} is begun again: {said.error}")

    @property
    def finished(self) -> int:
        return sum(said.state in ("done", "skipped") for said in self.said)

    @property
    def left(self) -> int:
        """The jobs that nothing has been said of yet, nor of what they need."""
        told = {said.output for said in self.said}
        bad = {said.content for said in self.said if not said.output}
        folder = self.asked.out
        return sum(
            job.output not in told and bad.isdisjoint(relative(file, folder) for file in job.files) for job in self.jobs
        )

    def ended(self) -> int:
        """The sheets, the summary, the exit code."""
        count = Counter[str](said.state for said in self.said)
        written = [] if self.stop() else self._sheets(count["done"])
        seconds = time.monotonic() - self.began
        left = self.left
        words = [f"{count['done']} painted"]
        words += [f"{count['skipped']} done before"] if count["skipped"] else []
        words += [f"{count['failed']} failed"] if count["failed"] else []
        words += [f"{left} left for the next time"] if left and self.stop() else []
        self.tell.say(f"{', '.join(words)}, in {duration(seconds)}.")
        for path in written:
            self.tell.say(f"Contact sheet: {path}")
        if self.asked.options.json:
            print(json.dumps(self._told(count, written, seconds)))
        return STOPPED if self.stop() else FAILED if count["failed"] or self.blemished else 0

    def _sheets(self, painted: int) -> list[Path]:
        first = self.asked.out / f"{MARK}.png"
        if not self.asked.sheet or not self.finished or (first.exists() and not painted):
            return []
        if first.exists() and not is_sheet(first):
            self.tell.say(f"note: {first} is no contact sheet of ours, and stays as it is.")
        try:
            return list(sheets(self.jobs, self.desk.manifest))
        except PictureError as error:
            print(f"impasto: {error}", file=sys.stderr)
            self.blemished = True
            return []

    def _told(self, count: Counter[str], written: Sequence[Path], seconds: float) -> dict[str, object]:
        keys = ("output", "state", "content", "styles", "seconds", "error", "notes", "beside")
        return {
            "folder": str(self.asked.out),
            "manifest": str(self.desk.manifest.path),
            **{state: count[state] for state in ("done", "skipped", "failed")},
            "left": self.left,
            "seconds": round(seconds, 3),
            "sheets": [str(path) for path in written],
            "jobs": [{key: asdict(said)[key] for key in keys} for said in self.said],
        }


@dataclass
class Progress:
    """The steps of one picture as steps of all."""

    tell: Teller
    session: Session | None = None

    def __call__(self, event: Event) -> None:
        as_planned(event)
        if isinstance(event, Step) and self.session is not None:
            done, total = len(self.session.said), max(1, len(self.session.jobs))
            steps = event.evaluations + (MANY if done else 0)  # only the first picture's first steps are told apart
            self.tell.step(replace(event, fraction=min(1.0, (done + event.fraction) / total), evaluations=steps))


def tools(asked: Asked) -> Tools:
    options = asked.options
    return Tools(
        device=options.device or "auto",
        weights=options.weights,
        offline=options.offline,
        memory=options.memory,
        depth=options.depth,
        quality=options.quality,
        film=asked.film,
        snapshots=options.snapshots,
        checkpoint_every=options.checkpoint_every,
    )


def crew(asked: Asked, progress: Progress, stop: Callable[[], bool]) -> Crew:
    """This process, several, or a cluster."""
    options = asked.options
    if asked.cluster is not None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it runs
        from impasto.batch.cluster import Cluster

        return Cluster(asked.cluster, tools(asked), asked.workers, stop)
    if asked.workers and asked.workers > 1:
        threads = options.threads or max(1, cores() // asked.workers)
        return Team(tools(asked), asked.workers, partial(settled, threads), stop, downloading(progress.tell))
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return Alone(tools(asked), progress, stop, downloading(progress.tell))


def cores() -> int:
    """Those that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def settled(threads: int) -> None:
    """In a process of its own. A terminal's Ctrl-C reaches it too, but whoever hired it decides what that means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
