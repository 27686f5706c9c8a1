"""Downhill: a canvas and its gradient -> the next canvas. Knows nothing of style.

Each optimizer is a pair of methods, `step` and `state`: one gradient in, one canvas out, and all that it remembers as
plain tensors and numbers, so that a run can be written to disk and taken up again to the bit.

None of them searches along a line: every evaluation of the objective is a step, and one that went too far is taken
back by an optimizer that knows where it came from. The loss is scaled beforehand such that
its gradient has a root mean square of one at the start; an optimizer's settings then mean the same for every objective.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from impasto.errors import DescentError
from impasto.storage import MEMORY, Room

State = dict[str, Any]

STATE = ("canvas", "best", "mean", "lowest", "first", "scale", "steps", "troubles", "still", "ground")
EXPLOSION = 10  # times the first loss of the level
CLIMB = 0.1  # of the loss where a move began: less may be a ridge on the way, or the rounding of bfloat16
HAIR = 1e-4  # how far a pixel of ordinary slope would go in a move that nobody sees
PATIENCE = 30  # steps without a change
ADAM_AFTER, MOST_TROUBLES = 4, 8


class Optimizer(Protocol):
    """One gradient in, one canvas out."""

    def step(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        """A new tensor; of the gradient, `scale` times is meant. Both that are given may be kept, and must not be
        changed any more."""
        ...

    def retreat(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        """In the place of `step` after a move that led uphill: who knows where it began tries again from there."""
        ...

    def turn(self) -> None:
        """The next gradient is another loss's, and does not follow on the last."""
        ...

    def shorten(self, factor: float) -> None:
        """Forget the past and take shorter steps from now on."""
        ...

    def state(self) -> State: ...

    def load(self, state: State) -> None: ...


class GradientDescent:
    """x ← x − rate · v,  v ← momentum · v + g."""

    def __init__(self, *, rate: float, momentum: float = 0.0, room: Room = MEMORY) -> None:
        self.rate, self.momentum, self.room = rate, momentum, room
        self.velocity: Tensor | None = None

    def step(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        moved = self.room.like(canvas)
        before, self.velocity = self.velocity, self.room.like(canvas) if self.momentum else None
        for rows in self.room.bands(canvas):
            move = gradient[..., rows, :] * scale
            if self.velocity is not None:
                move = move if before is None else before[..., rows, :] * self.momentum + move
                self.velocity[..., rows, :] = move
            torch.add(canvas[..., rows, :], move, alpha=-self.rate, out=moved[..., rows, :])
        return moved

    retreat = step

    def turn(self) -> None:
        """Whose slopes these were makes no difference to their mean."""

    def shorten(self, factor: float) -> None:
        self.rate, self.velocity = self.rate * factor, None

    def state(self) -> State:
        self.room.gather(self.velocity)
        return {"velocity": self.velocity, "rate": self.rate}

    def load(self, state: State) -> None:
        self.velocity, self.rate = state["velocity"], state["rate"]


class Adam:
    """Kingma & Ba (arXiv:1412.6980), with bias correction."""

    def __init__(
        self, *, rate: float, betas: tuple[float, float] = (0.9, 0.99), epsilon: float = 1e-8, room: Room = MEMORY
    ) -> None:
        self.rate, self.betas, self.epsilon, self.room = rate, betas, epsilon, room
        self.mean: Tensor | None = None
        self.square: Tensor | None = None
        self.steps = 0

    def step(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        if self.mean is None or self.square is None:
            self.mean, self.square = (self.room.like(canvas).zero_() for _ in range(2))
        moved = self.room.like(canvas)
        (b1, b2), self.steps = self.betas, self.steps + 1
        for rows in self.room.bands(canvas):
            mean, square, slope = self.mean[..., rows, :], self.square[..., rows, :], gradient[..., rows, :] * scale
            mean.lerp_(slope, 1 - b1)
            square.mul_(b2).addcmul_(slope, slope, value=1 - b2)
            deviation = torch.div(square, 1 - b2**self.steps, out=slope).sqrt_().add_(self.epsilon)
            rate = -self.rate / (1 - b1**self.steps)
            torch.addcdiv(canvas[..., rows, :], mean, deviation, value=rate, out=moved[..., rows, :])
        return moved

    retreat = step

    def turn(self) -> None:
        """Whose slopes these were makes no difference to their mean."""

    def shorten(self, factor: float) -> None:
        self.rate, self.steps, self.mean, self.square = self.rate * factor, 0, None, None

    def state(self) -> State:
        self.room.gather(self.mean, self.square)
        return {"mean": self.mean, "square": self.square, "steps": self.steps, "rate": self.rate}

    def load(self, state: State) -> None:
        self.mean, self.square, self.steps, self.rate = (state[k] for k in ("mean", "square", "steps", "rate"))


class Descent:
    """A canvas on its way down: one optimizer, a watchdog beside it, the best picture so far, an average if wanted.

    Everything between two calls of `advance` lies in `state()`. `unit` is a loss of ordinary size: a canvas that starts
    (almost) at the bottom may climb that far before it is called an explosion.
    """

    def __init__(
        self,
        canvas: Tensor,
        optimizer: Optimizer,
        *,
        average: float = 0.0,
        unit: float = 0.0,
        room: Room = MEMORY,
    ) -> None:
        self.canvas, self.optimizer, self.memory, self.unit, self.room = canvas, optimizer, average, unit, room
        self.best, self.mean = canvas, room.copy(canvas) if average else None
        self.lowest = self.first = self.scale = self.ground = math.inf
        self.steps = self.troubles = self.still = 0

    @property
    def result(self) -> Tensor:
        """The picture to show: the average of the iterates if one is kept, else the best that was evaluated.

        Several processes that share a picture must all ask for it.
        """
        shown = self.best if self.mean is None else self.mean
        self.room.gather(shown)
        return shown

    def turn(self, *, afresh: bool) -> None:
        """The loss is another from now on; if it bends otherwise, too, begin `afresh` at the best picture."""
        self.lowest = self.first = self.ground = math.inf
        self.still = 0
        if not afresh:
            self.optimizer.turn()
            return
        self.canvas, self.scale = self.best, math.inf
        self.optimizer.shorten(1.0)

    def advance(self, loss: Tensor, gradient: Tensor) -> str | None:
        """One step, given the loss and its gradient at `canvas`; a sentence if something had to be repaired.

        A step that fails for want of memory leaves all as it was, and may be tried again. Of the gradient, what leads
        out of the range of colors is set to zero.
        """
        before = {name: getattr(self, name) for name in STATE}
        try:
            return self._advance(loss, gradient)
        except (RuntimeError, MemoryError):
            vars(self).update(before)
            raise

    def _advance(self, loss: Tensor, gradient: Tensor) -> str | None:
        self.steps += 1
        value, slope, trouble = self._watch(loss, gradient)
        if trouble is not None:
            return self._repair(trouble)
        if slope > 0:
            self._confine(gradient, HAIR / slope)
        if value - self.ground > CLIMB * abs(self.ground):
            self.canvas = self.optimizer.retreat(self.canvas, gradient, self.scale)
        else:
            self.ground = value
            self.canvas = self.optimizer.step(self.canvas, gradient, self.scale)
        for rows in self.room.bands(self.canvas):
            here = self.canvas[..., rows, :].clamp_(0, 1)
            if self.mean is not None:
                # Bias-corrected, as in Adam: the first iterates are not drowned by the start.
                self.mean[..., rows, :].lerp_(here, (1 - self.memory) / (1 - self.memory**self.steps))
        return None

    def _confine(self, gradient: Tensor, hair: float) -> None:
        """Pixels that the slightest move would lead beyond black or white are not drawn further; it would bend the way
        of the others."""
        for rows in self.room.bands(gradient):
            slope = gradient[..., rows, :]
            ahead = torch.sub(self.canvas[..., rows, :], slope, alpha=hair)
            torch.ops.aten.hardtanh_backward.grad_input(slope, ahead, 0.0, 1.0, grad_input=slope)

    def _watch(self, loss: Tensor, gradient: Tensor) -> tuple[float, float, str | None]:
        """Look at the numbers; remember the best; the loss, the slope's root mean square, and what is wrong."""
        norms = torch.stack([torch.linalg.vector_norm(gradient[..., rows, :]) for rows in self.room.bands(gradient)])
        (power,) = self.room.crew.add([norms.square().sum()], gradient.device)
        value, square = torch.stack([loss.to(power), power]).tolist()
        slope = math.sqrt(square / gradient.numel())
        if not (math.isfinite(value) and math.isfinite(slope)):
            return value, slope, "the loss was no longer a number"
        if self.first == math.inf:
            self.first = value
        if self.scale == math.inf:
            self.scale = 1 / slope if slope > 0 else 0.0
            if slope == 0 and value != 0:
                raise DescentError("The loss does not change with the picture: there is no way downhill.")
        if value > EXPLOSION * max(abs(self.first), self.unit):
            return value, slope, f"the loss had grown {EXPLOSION} times above the start"
        self.still = self.still + 1 if abs(value - self.lowest) <= 1e-7 * abs(value) else 0
        if value < self.lowest:
            self.lowest, self.best = value, self.canvas
        stuck = self.still == PATIENCE and slope * self.scale > 1e-6
        return value, slope, "the loss did not change any more" if stuck else None

    def _repair(self, trouble: str) -> str | None:
        """Back to the best picture with a shorter step and no memory; after three times with another optimizer.

        It is an error if the picture never became better; if it did, no more is said after some time.
        """
        self.troubles += 1
        tired = self.troubles > MOST_TROUBLES
        if self.lowest == math.inf or (tired and self.lowest >= self.first):
            raise DescentError(
                f"The descent failed: {trouble}, and nothing helped; smaller weights may, or a smaller --learning-rate."
            )
        self.canvas, self.mean, self.still = self.best, self.room.copy(self.best) if self.memory else None, 0
        self.ground = math.inf
        if self.troubles == ADAM_AFTER:
            self.optimizer = fallback(self.room)
            return f"Repaired: {trouble}; went back to the best picture and on with Adam."
        self.optimizer.shorten(0.25)
        return None if tired else f"Repaired: {trouble}; went back to the best picture with a shorter step."

    def state(self) -> State:
        """All that the next step depends on; its tensors are the descent's own: write or copy them before a step.

        Several processes that share a picture must all ask for it.
        """
        self.room.gather(self.canvas, self.best, self.mean)
        return {**{name: getattr(self, name) for name in STATE}, "optimizer": self.optimizer.state()}

    def load(self, state: State) -> None:
        """Go on where another descent of the same settings stood."""
        for name in STATE:
            setattr(self, name, state[name])
        if self.troubles >= ADAM_AFTER:
            self.optimizer = fallback(self.room)
        self.optimizer.load(state["optimizer"])


def fallback(room: Room) -> Optimizer:
    """What is tried when the optimizer of the recipe has failed several times."""
    return Adam(rate=0.01, room=room)
