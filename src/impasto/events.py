"""What a run tells while it paints: frozen, detached, safe to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor


@dataclass(frozen=True)
class Level:
    """One size of the coarse-to-fine run, from 1 to `count`, and the steps it is given. The last of these polish, in
    equal parts, one after another; at each step of a part the network `looks` in so many ways."""

    index: int
    count: int
    width: int
    height: int
    steps: int
    polish: int = 0
    looks: tuple[int, ...] = (1,)

    def parts(self) -> list[range]:
        """The steps of each part of the polishing."""
        ends = [self.steps - self.polish + self.polish * part // len(self.looks) for part in range(len(self.looks) + 1)]
        return [range(*pair) for pair in pairwise(ends)]

    def looked(self, step: int) -> int:
        """How often a network has looked at the picture after so many steps."""
        parts = zip(self.parts(), self.looks, strict=True)
        return step + sum(len(range(part.start, min(step, part.stop))) * (looks - 1) for part, looks in parts)


@dataclass(frozen=True)
class Forecast:
    """What the run will take: the tiles of its last level, the most bytes that the process will hold, the seconds."""

    width: int
    height: int
    tiles: int
    side: int | None
    memory: int
    seconds: float
    in_file: bool  # all that is as large as the picture lies in files
    keeps: bool  # there is room to keep what is freed; else it must be given back at once

    def __str__(self) -> str:
        pieces = "one piece" if self.side is None else f"{self.tiles} tiles of {self.side}"
        file = ", the rest in files" if self.in_file else ""
        return f"{self.width} x {self.height}: {pieces}, about {size(self.memory)}{file}, {roughly(self.seconds)}"


@dataclass(frozen=True)
class Planned:
    """The first event: the levels that will be painted, what the dial set (the weights of the losses, and the reach of
    the style where it is not aimed at the painting itself), and what it will take.

    Nothing is foreseen where nothing is painted, as nothing pulls away from the photo, nor of a picture so small that
    trying out what it takes would take no less.
    """

    levels: tuple[Level, ...]
    weights: Mapping[str, float]
    forecast: Forecast | None = None


@dataclass(frozen=True)
class Step:
    """One step of the descent: the loss before it, by name, and how far the whole run has come (0 to 1)."""

    level: Level
    step: int
    loss: float
    losses: Mapping[str, float]
    evaluations: int
    fraction: float


@dataclass(frozen=True)
class Preview:
    """The picture as it is now, its own copy: (1, 3, H, W) in [0, 1] on the CPU."""

    level: Level
    step: int
    image: Tensor


@dataclass(frozen=True)
class Note:
    """A sentence worth telling: a repaired divergence, a painting that is too small."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The last event: the picture (1, 3, H, W) in [0, 1] on the CPU, and the last losses by name."""

    image: Tensor
    losses: Mapping[str, float]
    evaluations: int


Event = Planned | Step | Preview | Note | Finished


def size(count: float) -> str:
    """Bytes for people: 3.1 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count, 0) / 1e6:.0f} MB"


def roughly(seconds: float) -> str:
    """Seconds for people: 21 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
