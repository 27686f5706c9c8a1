"""Who does the work: the process itself, or several of its kind, each with a network of its own.

Whoever is hired gives back the bytes of a file and writes nothing, so that nothing is half-written when it is lost;
but for the state of an unfinished picture, if that is to be kept.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol

from impasto.allocator import as_planned, keep_what_is_freed
from impasto.batch.painter import Failed, Painted, Painter, Progress, Stopped, Task, Tools
from impasto.events import Event
from impasto.recipe import Recipe

Result = Painted | Failed | None
"""None: whoever had the task was lost."""

PATIENCE = 0.2  # seconds between two looks at whether to stop
LEAVE = 5.0  # seconds that a worker has to end


class Crew(Protocol):
    """Takes as many tasks at once as it has hands."""

    @property
    def free(self) -> bool:
        """Whether it takes another task."""
        ...

    def check(self, recipes: Iterable[Recipe]) -> None:
        """What is wrong with every job is told before the first."""
        ...

    def give(self, task: Task) -> None: ...

    def next(self) -> tuple[Task, Result]:
        """Wait for the next result; Stopped when a person has asked for the end."""
        ...

    def close(self) -> None: ...


class Alone:
    """The process itself."""

    def __init__(
        self,
        tools: Tools,
        hear: Callable[[Event], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        progress: Progress | None = None,
    ) -> None:
        self._painter, self._hear, self._stop = Painter(tools, progress), hear, stop
        self._task: Task | None = None

    @property
    def free(self) -> bool:
        return self._task is None

    def check(self, recipes: Iterable[Recipe]) -> None:
        self._painter.check(recipes)

    def give(self, task: Task) -> None:
        self._task = task

    def next(self) -> tuple[Task, Result]:
        if self._task is None or self._stop():
            raise Stopped
        task, self._task = self._task, None
        return task, self._painter.paint(task, hear=self._hear, stop=self._stop)

    def close(self) -> None:
        pass


class Team:
    """Processes on this machine. One that dies is replaced; `settle` is called in each before anything else."""

    def __init__(
        self,
        tools: Tools,
        count: int,
        settle: Callable[[], None] = lambda: None,
        stop: Callable[[], bool] = lambda: False,
        progress: Progress | None = None,
    ) -> None:
        self._tools, self._count, self._settle, self._stop, self._progress = tools, count, settle, stop, progress
        self._hands: dict[Connection, SpawnProcess] = {}
        self._busy: dict[Connection, Task] = {}

    @property
    def free(self) -> bool:
        return len(self._busy) < self._count

    @property
    def processes(self) -> list[int]:
        """Their numbers."""
        return [hand.pid for hand in self._hands.values() if hand.pid]

    def check(self, recipes: Iterable[Recipe]) -> None:
        """Also downloads what is missing, once and not in every process."""
        Painter(self._tools, self._progress).check(recipes)

    def give(self, task: Task) -> None:
        idle = next((hand for hand in self._hands if hand not in self._busy), None)
        hand = idle or self._hire()
        self._busy[hand] = task
        with contextlib.suppress(OSError):  # it has died, which `next` finds
            hand.send(task)

    def next(self) -> tuple[Task, Result]:
        while not self._stop():
            for hand in wait(list(self._busy), PATIENCE):
                assert isinstance(hand, Connection)
                try:
                    result: Result = hand.recv()
                except (EOFError, OSError):
                    result = None
                    self._dismiss(hand)
                return self._busy.pop(hand), result
        raise Stopped

    def close(self) -> None:
        for hand in self._hands:
            hand.close()  # which every worker takes as a sign to end
        for process in self._hands.values():
            process.join(LEAVE)
            process.kill()
            process.join()
        self._hands, self._busy = {}, {}

    def _hire(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._tools, self._settle), daemon=True)
        process.start()
        theirs.close()  # so that the end of the worker is the end of the pipe
        self._hands[ours] = process
        return ours

    def _dismiss(self, hand: Connection) -> None:
        process = self._hands.pop(hand)
        hand.close()
        process.kill()
        process.join()


def serve(connection: Connection, tools: Tools, settle: Callable[[], None]) -> None:
    """The life of a worker: tasks come, results go, until the other end is closed or dead."""
    settle()
    keep_what_is_freed()
    painter = Painter(tools)

    def called() -> bool:
        """Nothing is sent while we work: whatever comes is the end."""
        try:
            return connection.poll()
        except OSError:  # how Windows says so
            return True

    try:
        while True:
            connection.send(painter.paint(connection.recv(), hear=as_planned, stop=called))
    except (EOFError, OSError, Stopped):
        return
