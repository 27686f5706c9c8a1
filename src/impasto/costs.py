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
from impasto.footprint import Footprint, Line
from impasto.networks import Network
from impasto.objective import Objective, survey
from impasto.tiles import cut

SMALLEST = 64  # pixels on a side of the trial pictures, unless the network needs more


@dataclass(frozen=True)
class Costs:
    """Bytes as lines over pixels, of the picture or of what one tile sees; seconds per pixel."""

    targets: Line  # kept by the objective of a picture
    state: Line  # kept by the descent of a picture, its canvas included
    stepping: Line  # the most held beyond that while the optimizer takes a step
    looking: Line  # the most held while a tile goes forward
    tile: Line  # the most held while a tile goes forward and back
    seconds: float  # forward and back
    stepping_seconds: float


@dataclass(frozen=True)
class Run:
    """What is painted with: a picture of any size becomes an objective, a canvas a descent."""

    network: Network
    layers: frozenset[str]
    objective: Callable[[Tensor], Objective]
    descent: Callable[[Tensor], Descent]
    device: torch.device


def measure(run: Run) -> Costs:
    """Two trials, one twice as large as the other, and the lines through them."""
    side = max(SMALLEST, run.network.minimum(run.layers))
    small, large = (channels_last(noise(width, side, seed=0).to(run.device)) for width in (side, 2 * side))
    before, after = _held(run, small), _held(run, large)
    lines = {name: Line.through((side**2, before[name]), (2 * side**2, after[name])) for name in before}
    seconds, stepping_seconds = (elapsed / (2 * side**2) for elapsed in _took(run, large))
    return Costs(**lines, seconds=seconds, stepping_seconds=stepping_seconds)


def _held(run: Run, picture: Tensor) -> dict[str, int]:
    """The bytes of each kind at one size, with a picture in one tile."""
    whole = cut(*picture.shape[-2:])
    with Footprint() as count:
        objective = run.objective(picture)
        targets = count.mark()
        survey(run.network, picture, run.layers, whole)
        looking = count.peak - targets
        count.mark()
        objective.evaluate(picture, whole)
        tile = count.peak - targets - picture.nbytes  # without the gradient, which is as large as the whole picture
        descent, state = run.descent(picture.clone()), 0
        for _ in range(3):  # the third step finds everything in its place
            state = count.mark() - targets
            _downhill(descent)
        stepping = count.peak - targets - state - picture.nbytes
    return {"targets": targets, "looking": looking, "tile": tile, "state": state, "stepping": stepping}


def _took(run: Run, picture: Tensor) -> tuple[float, float]:
    """The seconds of an evaluation and of a step."""
    objective, descent = run.objective(picture), run.descent(picture.clone())
    began = time.perf_counter()
    objective.evaluate(picture, cut(*picture.shape[-2:])).loss.item()
    between = time.perf_counter()
    _downhill(descent)
    descent.canvas.mean().item()
    return between - began, time.perf_counter() - between


def _downhill(descent: Descent) -> None:
    """A step towards grey, which costs what every step costs."""
    away = descent.canvas - 0.5
    descent.advance(away.square().sum() / 2, away)
