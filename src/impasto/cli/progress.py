"""What is told on stderr while a picture is painted: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from impasto.events import Step

EVERY = 5.0  # seconds between two lines where there is no terminal


class Teller(Protocol):
    """Whoever tells a person how the work goes."""

    def say(self, line: str) -> None: ...

    def step(self, step: Step) -> None: ...

    def close(self) -> None: ...


def teller(quiet: bool) -> Teller:
    """A bar, lines or nothing, whichever suits the place that stderr goes to."""
    if quiet:
        return Silence()
    return Bar() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Lines()


class Silence:
    """Tells nothing."""

    def say(self, line: str) -> None:
        pass

    def step(self, step: Step) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """The first step, the third, by which the pace is known, and then a line every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(clock)
        self._clock = clock
        self._told = clock()

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def step(self, step: Step) -> None:
        left = self._pace.left(step.fraction)
        if step.evaluations in (1, 3) or self._clock() - self._told >= EVERY:
            self._told = self._clock()
            self.say("  ".join(filter(None, (position(step), named(step.losses), left))))

    def close(self) -> None:
        pass


class Bar:
    """One line that fills, redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(stderr=True, highlight=False, markup=False)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(12), TextColumn("{task.fields[tail]}"))
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("", total=1.0, tail="")
        self._pace = Pace()

    def say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)

    def step(self, step: Step) -> None:
        self._progress.start()
        level = step.level
        head = f"{level.index}/{level.count}  {level.width} x {level.height}  step {step.step}/{level.steps}"
        tail = f"{self._pace.left(step.fraction)}  {named(by_kind(step.losses))}"
        self._progress.update(self._task, completed=step.fraction, description=head, tail=tail)

    def close(self) -> None:
        self._progress.stop()


def position(step: Step) -> str:
    """Where the run is."""
    level = step.level
    return f"level {level.index}/{level.count} ({level.width} x {level.height})  step {step.step}/{level.steps}"


def named(losses: Mapping[str, float]) -> str:
    """The losses by name."""
    return "  ".join(f"{name} {loss:.4g}" for name, loss in losses.items())


def by_kind(losses: Mapping[str, float]) -> dict[str, float]:
    """The losses of all layers added up: content, style, ... fit into a line of a terminal."""
    sums: dict[str, float] = {}
    for name, loss in losses.items():
        kind = name.partition(" ")[0]
        sums[kind] = sums.get(kind, 0.0) + loss
    return sums


class Pace:
    """How long it will still take, if it goes on as it went since the first step."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, float] | None = None

    def left(self, fraction: float) -> str:
        """In words; empty while it is not known."""
        now = self._clock()
        self._first = self._first or (now, fraction)
        elapsed, done = now - self._first[0], fraction - self._first[1]
        return f"{duration(elapsed * (1 - fraction) / done)} left" if done > 0 else ""


def counted(number: int, word: str) -> str:
    """1 step, 2 steps"""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def duration(seconds: float) -> str:
    """4 s, 2:05 min, 1:20 h"""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    large, small = divmod(whole, 60) if whole < 3600 else divmod(whole // 60, 60)
    return f"{large}:{small:02} {'min' if whole < 3600 else 'h'}"


def downloading(tell: Teller) -> Callable[[int, int], None]:
    """Tell every few seconds how much of the weights has arrived."""
    told = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY or (total and done >= total):
            told = time.monotonic()
            of = f" of {total / 1e6:.0f}" if total else ""
            tell.say(f"Downloading the network's weights: {done / 1e6:.0f}{of} MB")

    return progress
