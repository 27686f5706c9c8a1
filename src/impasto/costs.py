"""What a run costs, found out beforehand: its own code is run on 64 pixels, and what it holds and takes is counted.

Nothing here knows a network, an optimizer or a term, so nothing has to be kept up to date with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.canvas import channels_last, noise
from impasto.descent import Descent
from impasto.device import held_memory
from impasto.footprint import Footprint, Heights, Highest, Line
from impasto.look import survey
from impasto.networks import Network
from impasto.objective import Objective
from impasto.storage import MEMORY, Room
from impasto.tiles import cut

FORWARD_AND_BACK = 3.0  # in units of forward: back is two convolutions for one, though kernels need no gradient
SMALLEST = 64  # pixels on a side of the trial pictures, unless the network needs more
ENLARGED = 3  # times as wide and high is a picture that takes longer for its pixels


@dataclass(frozen=True)
class Seconds:
    """What the parts of a step take."""

    looking: float  # per pixel that a tile sees: forward and back
    stepping: float  # per pixel of the picture, in the optimizer
    fixed: float  # of a step, whatever the size: calls, small matrices


@dataclass(frozen=True)
class Costs:
    """Bytes as lines over pixels, of the picture or of what one tile sees; and seconds."""

    targets: Line  # kept by the objective of a picture
    state: Line  # kept by the descent of a picture, its canvas included
    stepping: Line  # the most held beyond that while the optimizer takes a step; what is fixed is that of a band
    making: Highest  # while the objective is made, for paintings as large as the picture
    looking: Highest  # while a tile goes forward
    tile: Highest  # while a tile goes forward, losses are found, and it goes back
    band: int  # pixels that were worked on at a time in the trial
    seconds: Seconds
    left: int  # what the trials leave behind in the process: who has them from elsewhere comes to hold it later


@dataclass(frozen=True)
class Run:
    """What is painted with: a picture of any size becomes an objective, a canvas a descent."""

    network: Network
    layers: frozenset[str]
    objective: Callable[[Tensor, Room], Objective]
    descent: Callable[[Tensor, Room], Descent]
    device: torch.device
    kind: str  # equal for runs whose trials would tell the same
    paintings: tuple[tuple[int, float], ...]  # of each, the pixels in its own size, and the scale of its strokes


def shortest(run: Run) -> int:
    """A side of the trial pictures."""
    return max(SMALLEST, run.network.minimum(run.layers))


def measure(run: Run, *, in_file: bool = False) -> Costs:
    """Two trials, one twice as large as the other, and the lines through them; of memory, not of what is in files."""
    side, before = shortest(run), held_memory(run.device)
    once, twice = (_trial(run, width, side) for width in (side, 2 * side))
    pixels = band = side**2
    small, large = (_held(run, picture, Room(in_file, band)) for picture in (once, twice))

    def line(name: str) -> Line:
        return Line.through((pixels, small.kept[name]), (2 * pixels, large.kept[name]))

    def most(name: str) -> Highest:
        return Highest.through((pixels, small.moments[name]), (2 * pixels, large.moments[name]))

    seconds = _took(run, once, small.objective)
    return Costs(
        targets=line("targets"),
        state=line("state"),
        stepping=line("stepping"),
        making=most("making"),
        looking=most("looking"),
        tile=most("tile"),
        band=band,
        seconds=seconds,
        left=max(0, held_memory(run.device) - before),
    )


@dataclass(frozen=True)
class Held:
    """The bytes that are kept at one size, a picture in one tile, and those held beyond them, moment by moment."""

    kept: dict[str, int]
    moments: dict[str, Heights]
    objective: Objective


def _held(run: Run, picture: Tensor, room: Room) -> Held:
    whole = cut(*picture.shape[-2:])
    gradient = 0 if room.in_file else picture.nbytes  # counted apart: it is as large as the whole picture
    with Footprint() as count:
        photo = room.copy(picture)
        before = count.mark()
        objective = run.objective(photo, room)
        making, targets = count.heights, count.mark()
        survey(run.network, photo, run.layers, whole)
        looking = count.heights
        count.mark()
        objective.evaluate(photo, whole)
        tile = count.heights
        descent, state = run.descent(room.copy(photo), room), 0
        for _ in range(3):  # the third step finds everything in its place
            state = count.mark() - targets
            _downhill(descent)
        stepping = count.peak - targets - state - gradient
    moments = {"making": lowered(making, targets), "looking": lowered(looking, targets)}
    moments["tile"] = lowered(tile, targets + gradient)
    return Held({"targets": targets - before, "state": state, "stepping": stepping}, moments, objective)


def lowered(heights: Heights, ground: int) -> Heights:
    """Counted from other ground."""
    return {moment: [height - ground for height in each] for moment, each in heights.items()}


def _took(run: Run, small: Tensor, objective: Objective) -> Seconds:
    """Steps are timed at two sizes: at the small one, most of the time is not that of the pixels."""
    large = _trial(run, *(ENLARGED * side for side in small.shape[2:]))
    looking, stepping = (
        Line.through(*((_pixels(picture), time_of(run, picture)) for picture in (small, large)))
        for time_of in (_looking, _stepping)
    )
    evaluation = _timed(lambda: objective.evaluate(small, cut(*small.shape[-2:])).loss)
    there_and_back = FORWARD_AND_BACK * max(0.0, looking.slope)
    fixed = max(0.0, evaluation - there_and_back * _pixels(small)) + stepping.fixed
    return Seconds(there_and_back, max(0.0, stepping.slope), fixed)


def _trial(run: Run, width: int, height: int) -> Tensor:
    return channels_last(noise(width, height, seed=0).to(run.device))


def _looking(run: Run, picture: Tensor) -> float:
    whole = cut(*picture.shape[-2:])
    return _timed(lambda: next(iter(survey(run.network, picture, run.layers, whole).values())), tries=4)


def _stepping(run: Run, picture: Tensor) -> float:
    descent = run.descent(picture.clone(), MEMORY)
    _downhill(descent)
    return _timed(lambda: _downhill(descent))


def _timed(work: Callable[[], Tensor], tries: int = 2) -> float:
    """The least of a few times: the first prepares what depends on the size, and others are at work, too."""
    spent = []
    for _ in range(tries):
        began = time.perf_counter()
        work().sum().item()  # a number is there when the device is done
        spent.append(time.perf_counter() - began)
    return min(spent)


def _pixels(picture: Tensor) -> int:
    return picture.shape[-2] * picture.shape[-1]


def _downhill(descent: Descent) -> Tensor:
    """A step towards gray, which costs what every step costs."""
    away = descent.room.copy(descent.canvas)
    flat = away.sub_(0.5).permute(0, 2, 3, 1).reshape(-1)
    descent.advance(torch.dot(flat, flat) / 2, away)
    return descent.canvas
