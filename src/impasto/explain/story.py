"""A run, told: its losses as curves, and a film of the canvas with the curves beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.canvas import final_size
from impasto.chart import Curve, Mark, chart
from impasto.events import Event, Level, Planned, Preview, Step
from impasto.film import Film
from impasto.resample import resize
from impasto.sheet import raster

SIDE, CHART = 300, 420  # pixels: the canvas in a film, and the width of the chart beside it
FRAMES = 60


class Story:
    """Reads the events of one run."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, Step]] = []
        self._frames: list[tuple[int, Tensor]] = []
        self._levels: tuple[Level, ...] = ()

    def read(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._levels = event.levels
        elif isinstance(event, Step):
            self._steps.append((self._before(event.level) + event.step, event))
        elif isinstance(event, Preview):
            self._frames.append((self._before(event.level) + event.step, screened(event.image)))

    def _before(self, level: Level) -> int:
        return sum(each.steps for each in self._levels[: level.index - 1])

    def curves(self) -> list[Curve]:
        """The whole loss, and each of its parts where there are several."""
        numbers = tuple(number for number, _ in self._steps)
        names = list(dict.fromkeys(name for _, step in self._steps for name in step.losses))
        parts = [Curve(name, numbers, tuple(step.losses.get(name, 0.0) for _, step in self._steps)) for name in names]
        total = Curve("total", numbers, tuple(step.loss for _, step in self._steps))
        return [total, *parts] if len(parts) > 1 else parts

    def chart(self, width: int, height: int, until: int | None = None) -> list[Mark]:
        """The curves, with the size of each level where it begins."""
        sizes = [(self._before(level), f"{level.width} x {level.height}") for level in self._levels]
        return chart(self.curves(), width, height, breaks=sizes, until=until)

    def film(self, last: Tensor) -> tuple[Film, Tensor]:
        """The film, and the frame that it ends with."""
        ending = self._frame(screened(last), None)
        film = Film(ending.shape[-1], ending.shape[-2])
        for number, image in self._frames:
            film.add(self._frame(image, number))
        return film, ending

    def _frame(self, image: Tensor, until: int | None) -> Tensor:
        curve = raster(self.chart(CHART, SIDE, until), CHART, SIDE)
        height, width = image.shape[-2:]
        board = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float32)
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        board[..., top : top + height, left : left + width] = image
        return torch.cat([board, curve], -1)


def every(steps: int) -> int:
    """How many steps lie between two frames of a film."""
    return max(1, steps // FRAMES)


def screened(image: Tensor) -> Tensor:
    """As large as it is in the film."""
    return resize(image, *final_size(image.shape[-1], image.shape[-2], SIDE))
