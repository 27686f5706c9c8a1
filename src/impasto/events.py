"""What a run tells while it paints: frozen, detached, safe to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Level:
    """One size of the coarse-to-fine run, from 1 to `count`, and the steps it is given."""

    index: int
    count: int
    width: int
    height: int
    steps: int


@dataclass(frozen=True)
class Planned:
    """The first event: the levels that will be painted, and the loss weights that the dial set."""

    levels: tuple[Level, ...]
    weights: Mapping[str, float]


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
