"""How far a run has come: what a checkpoint keeps of it, and what it goes on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from impasto.checkpoint import Checkpoint, State
from impasto.cutter import Cutter
from impasto.descent import Descent
from impasto.errors import CheckpointError
from impasto.events import Level
from impasto.share import ALONE, Crew
from impasto.storage import MEMORY, Room

KEPT = ("sides", "coarse", "level", "step", "evaluations", "losses", "first", "repairs")


@dataclass
class Diary:
    """The level and the steps that are done there; everything else is in the descent, which is kept with it."""

    sides: list[int | None]  # of the tiles of every level: other tiles give other last digits
    checkpoint: Checkpoint | None = None
    crew: Crew = ALONE  # the processes that share the picture, one of which writes
    level: int = 1
    step: int = 0
    evaluations: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    first: Mapping[str, float] = field(default_factory=dict)  # the losses of the start
    repairs: int = 0
    coarse: Tensor | None = None  # what the level before ended with
    descent: State | None = None  # read from the file, and not yet taken up
    halted: bool = False  # and what there was is kept
    failed: bool = False  # to keep the state, the last time
    news: list[str] = field(default_factory=list)  # not told yet

    @classmethod
    def opened(
        cls,
        checkpoint: Checkpoint | None,
        identity: Mapping[str, object],
        sides: Sequence[int | None],
        device: torch.device,
        room: Room = MEMORY,
        *,
        crew: Crew = ALONE,
    ) -> Diary:
        """A new one, or the one that the checkpoint holds."""
        kept = None if checkpoint is None else checkpoint.taken_up(identity, device, room)
        start = {"sides": list(sides)} if kept is None else kept
        return cls(checkpoint=checkpoint, crew=crew, **start)

    def turn(self, level: Level, descent: Descent) -> None:
        """Begin a level, or go on with the one that was interrupted."""
        if self.descent is not None:
            descent.load(self.descent)
            self.descent = None
        elif level.index != self.level:
            self.level, self.step = level.index, 0

    def tell(self, losses: Mapping[str, float], *, repaired: bool) -> None:
        """One more step is done."""
        self.losses = dict(losses)  # who was told of them may do with them what he likes
        self.first = self.first or self.losses
        self.step, self.evaluations, self.repairs = self.step + 1, self.evaluations + 1, self.repairs + repaired

    def halts(self, stop: Callable[[], bool], descent: Descent, cutter: Cutter) -> bool:
        """Whether to stop here. Where the run stands is kept then, once: what follows only enlarges the picture."""
        if not stop():
            return False
        if not self.halted:
            self.halted = True
            self.write(descent, cutter, now=True)
        return True

    def told(self) -> list[str]:
        """What happened since this was last asked."""
        news, self.news = self.news, []
        return news

    def write(self, descent: Descent, cutter: Cutter, *, now: bool = False) -> None:
        """Keep what there is, if it is time: then every process of a crew gives its part."""
        self.sides[self.level - 1] = cutter.side
        checkpoint = self.checkpoint
        if checkpoint is None:
            return
        due = self.crew.agreed(lambda: self.crew.leads and (now or checkpoint.due()), descent.canvas.device)
        if due():
            state = {name: getattr(self, name) for name in KEPT} | {"descent": descent.state()}
            if self.crew.leads:
                self._keep(checkpoint, state, descent.room)

    def _keep(self, checkpoint: Checkpoint, state: State, room: Room) -> None:
        """Where it fails, the picture is worth more than what it might be taken up from: that is told, once."""
        try:
            checkpoint.write(state, room)
            self.failed = False
        except CheckpointError as error:
            self.news += [] if self.failed else [f"{error} The run goes on; it cannot be taken up from where it is."]
            self.failed = True
