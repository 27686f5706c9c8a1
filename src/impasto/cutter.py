"""Work in tiles, and in smaller ones when memory runs out: nothing that was painted is lost, nothing else changes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self, TypeVar

import torch
from torch import Tensor

from impasto import tiles
from impasto.descent import Descent
from impasto.device import out_of_memory, release
from impasto.errors import ShortageError
from impasto.networks import Network, stride
from impasto.objective import REACH, Evaluation
from impasto.share import ALONE, Crew, together
from impasto.tiles import BLOCK, Span, Tile

Result = TypeVar("Result")

SMALLEST = BLOCK  # pixels that a tile owns on a side; below that it is nearly all halo


def persist(device: torch.device, task: Callable[[], Result], lighten: Callable[[], None]) -> Result:
    """The result of `task`, begun again as long as memory runs out and `lighten` finds a way to need less of it."""
    while True:
        try:
            return task()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Outside of the handler: until its end, the error's traceback holds what the task had made.
        gc.collect()
        release(device)
        lighten()


@dataclass
class Cutter:
    """Cuts pictures into tiles that own `side` pixels; None leaves them whole."""

    halo: int
    stride: int
    side: int | None = None
    crew: Crew = ALONE  # the processes that share the picture, each of which can hold its own tiles
    wraps: tuple[bool, bool] = (False, False)  # rows, columns
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, network: Network, layers: frozenset[str], crew: Crew = ALONE, wraps: tuple[bool, bool] = (False, False)
    ) -> Self:
        """With a halo and edges that suit these layers."""
        halo = network.halo(layers)  # which refuses a layer that there is not
        coarsest = max((stride(network, layer) for layer in layers), default=1)
        return cls(max(REACH, halo), coarsest, crew=crew, wraps=wraps)

    def sized(self, side: int | None) -> Cutter:
        """Another of the same kind."""
        return Cutter(self.halo, self.stride, side, self.crew, self.wraps)

    def flat(self) -> Cutter:
        """The same for pictures that end at their edges."""
        return replace(self, wraps=(False, False))

    def sharing(self, height: int) -> Crew:
        """Who has a strip of a picture this high."""
        if self.crew.unit % self.stride:
            return ALONE
        return self.crew.worth(height, tiles.aligned(self.halo, self.stride))

    def spans(self, height: int, width: int) -> tuple[list[Span], list[Span]]:
        """Rows and columns of the tiles."""
        along = partial(tiles.spans, side=self.side, halo=self.halo, stride=self.stride, unit=BLOCK)
        strips = self.sharing(height).strips(height)
        return along(height, around=self.wraps[0], strips=strips), along(width, around=self.wraps[1])

    def tiles(self, height: int, width: int) -> tuple[Tile, ...]:
        return tiles.crossed(*self.spans(height, width))

    def work(self, image: Tensor, task: Callable[[Sequence[Tile]], Result]) -> Result:
        """The result of `task` on the tiles of `image`; it must leave nothing behind when it fails.

        A failure for want of memory halves the tiles, from now on, and the task is begun again: by all processes of a
        crew, if it fails for one of them.
        """
        height, width = image.shape[-2:]
        halve = partial(self._halve, height, width)
        tried = partial(together, lambda: task(self.tiles(height, width)), self.crew, image.device)
        return persist(image.device, tried, halve)

    def step(self, descent: Descent, evaluation: Evaluation) -> str | None:
        """A step down; if memory runs out, once more with an optimizer that has forgotten the steps before.

        One of several processes cannot begin again, as the others have taken the step.
        """
        attempts = 0

        def forget() -> None:
            nonlocal attempts
            attempts += 1
            if attempts > 1 or self.crew.several:
                height, width = descent.canvas.shape[-2:]
                raise ShortageError(shortage(width, height, "the optimizer"))
            descent.optimizer.shorten(1.0)
            self.notes.append("Memory ran out; the optimizer forgot the steps before, and goes on from here.")

        device = descent.canvas.device
        return persist(device, lambda: descent.advance(evaluation.loss, evaluation.gradient), forget)

    def told(self, others: Sequence[str] = ()) -> list[str]:
        """What happened since this was last asked, and what else there is to tell."""
        news, self.notes = [*self.notes, *others], []
        return news

    def _halve(self, height: int, width: int) -> None:
        whole = max(height, width)
        side = min(self.side or whole, whole) // 2
        if side < max(SMALLEST, self.stride):
            raise ShortageError(shortage(width, height, "the smallest tiles"))
        self.side = side
        self.notes.append(f"Memory ran out; going on in tiles of {side} pixels, with the same result.")


def shortage(width: int, height: int, what: str) -> str:
    """What to say when nothing helps."""
    advice = f"try --size {int(0.7 * max(width, height))}, or another --optimizer"
    return f"There is not enough memory for {what} at {width} x {height}; {advice}."
