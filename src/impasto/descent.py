"""Downhill: a canvas and its gradient -> the next canvas. Knows nothing of style.

Each optimizer is a pair of methods, `step` and `state`: one gradient in, one canvas out, and all that it remembers as
plain tensors and numbers, so that a run can be written to disk and taken up again to the bit.

None of them searches along a line: every evaluation of the objective is a step. The loss is scaled beforehand such that
its gradient has a root mean square of one at the start; an optimizer's settings then mean the same for every objective.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from impasto.broad import OCTAVES, broadened
from impasto.errors import DescentError
from impasto.storage import MEMORY, Room

State = dict[str, Any]

FIRST_MOVE = 0.02  # root mean square of the first L-BFGS step, in pixel values: there is no curvature to go by yet
REMEMBERED = ("pairs", "products", "along", "filled", "next", "last", "rate")  # by L-BFGS
CURVATURE_FLOOR = 1e-8  # of ‖s‖‖y‖, y measured by M; flatter pairs are not remembered
STATE = ("canvas", "best", "mean", "lowest", "first", "scale", "steps", "troubles", "still")
EXPLOSION = 10  # times the first loss of the level
PATIENCE = 30  # looks without a change
ADAM_AFTER, MOST_TROUBLES = 4, 8


class Optimizer(Protocol):
    """One gradient in, one canvas out."""

    def step(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        """A new tensor; of the gradient, `scale` times is meant. Both that are given may be kept, and must not be
        changed any more."""
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

    def shorten(self, factor: float) -> None:
        self.rate, self.velocity = self.rate * factor, None

    def state(self) -> State:
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

    def shorten(self, factor: float) -> None:
        self.rate, self.steps, self.mean, self.square = self.rate * factor, 0, None, None

    def state(self) -> State:
        return {"mean": self.mean, "square": self.square, "steps": self.steps, "rate": self.rate}

    def load(self, state: State) -> None:
        self.mean, self.square, self.steps, self.rate = (state[k] for k in ("mean", "square", "steps", "rate"))


class LBFGS:
    """Limited-memory BFGS (Liu & Nocedal 1989) with steps of length one, in vector-free form (Chen et al. 2014).

    The inverse Hessian is first guessed as γM, where M makes more of what is broad (`broad.broadened`), and not as γ
    alone. The last `history` moves s and gradient changes My are the rows of one matrix. The two-loop recursion runs on
    the inner products s·y and y·My, numbers in float64 on the CPU; the long vectors are read twice a step.
    """

    def __init__(
        self,
        *,
        history: int = 10,
        rate: float = 1.0,
        longest: float = 0.3,
        octaves: int = OCTAVES,
        room: Room = MEMORY,
    ) -> None:
        self.history, self.rate, self.longest, self.octaves, self.room = history, rate, longest, octaves, room
        self.forget()

    def shorten(self, factor: float) -> None:
        self.rate *= factor
        self.forget()

    def forget(self) -> None:
        """Drop what was learned about the curvature."""
        self.pairs: Tensor | None = None  # (2, history, n): moves s, gradient changes My
        self.products = torch.zeros(2, self.history, self.history, dtype=torch.float64)  # s_i·y_j, j no older; y_i·My_j
        self.along = torch.zeros(2, self.history, dtype=torch.float64)  # the pairs' inner products with the gradient
        self.filled = self.next = 0
        self.last: tuple[Tensor, Tensor, Tensor] | None = None  # canvas, gradient g, Mg

    def step(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        broad = broadened(gradient, self.room, self.octaves)
        if self.last is not None:
            self._remember((canvas, gradient, broad), self.last, scale)
        self.last = (canvas, gradient, broad)
        return self._moved(canvas, broad, scale)

    def _remember(self, now: tuple[Tensor, Tensor, Tensor], last: tuple[Tensor, Tensor, Tensor], scale: float) -> None:
        """The move since the last step and what it did to the gradient take the place of the oldest pair, which is
        forgotten even if they are of no use: if the loss bends the wrong way there."""
        canvas = now[0]
        if self.pairs is None:
            self.pairs = self.room.zeros(2, self.history, canvas.numel(), like=canvas)
        i, before = self.next, self.along
        own, self.along = torch.zeros(3, dtype=torch.float64), torch.zeros_like(before)
        for rows in self.room.bands(canvas):
            here = self._used(positions(canvas, rows))
            (x, g, broad), (x0, g0, broad0) = ([flat(each, rows) for each in three] for three in (now, last))
            s, my = here[:, i]
            torch.sub(x, x0, out=s)
            torch.sub(broad, broad0, out=my).mul_(scale)
            y = torch.sub(g, g0).mul_(scale)
            own += torch.stack([torch.dot(s, y), torch.dot(my, y), torch.dot(s, s)]).cpu()
            # One vector at a time: ten times as fast as all in one product.
            self.along[:, : here.shape[1]] += torch.stack([each @ g for each in here]).cpu()
        change = scale * (self.along - before)  # p · y = p · (g − g'), but where p is new
        change[:, i] = own[:2]
        curvature, size = float(own[0]), float(own[1] * own[2])
        if not curvature > CURVATURE_FLOOR * math.sqrt(size):
            self.filled = min(self.filled, self.history - 1)
            return
        self.products[:, :, i] = change
        self.products[1, i] = change[1]
        self.next, self.filled = (i + 1) % self.history, min(self.filled + 1, self.history)

    def _used(self, part: slice) -> Tensor:
        """The pairs, (2, so many, n), at these positions: what was never written need not be read."""
        assert self.pairs is not None
        return self.pairs[:, : self.history if self.filled >= self.history - 1 else self.next + 1, part]

    def _moved(self, canvas: Tensor, broad: Tensor, scale: float) -> Tensor:
        """The next canvas: first the direction is written there, then, as its length is known, the step is taken."""
        moved, bands = self.room.like(canvas), self.room.bands
        on_gradient, on_pairs = self._weights(canvas, scale)
        total = canvas.new_zeros(())
        for rows in bands(canvas):
            move = flat(moved, rows)
            torch.mul(flat(broad, rows), -on_gradient * scale, out=move)
            for pairs, weights in (
                zip(self._used(positions(canvas, rows)), on_pairs, strict=True) if self.filled else ()
            ):
                move.addmv_(pairs.T, weights[: len(pairs)], alpha=-1.0)
            total += torch.dot(move, move)
        length = (total / canvas.numel()).sqrt().clamp_min(1e-20)
        share = (self.longest / length).clamp_max(1.0) if self.filled else FIRST_MOVE * self.rate / length
        for rows in bands(canvas):
            torch.addcmul(flat(canvas, rows), flat(moved, rows), share, out=flat(moved, rows))
        return moved

    def _weights(self, like: Tensor, scale: float) -> tuple[float, Tensor]:
        """What Mg and the pairs count in the direction."""
        if not self.filled:
            return 1.0, like.new_zeros(2, self.history)
        on_gradient, on_pairs = self._two_loops(scale * self.along)
        return self.rate * on_gradient, self.rate * on_pairs.to(like)

    def _two_loops(self, along: Tensor) -> tuple[float, Tensor]:
        """Coefficients of −direction: one for Mg, (2, m) for the moves and gradient changes."""
        sy, ymy = self.products.numpy()  # of few numbers, numpy's sums are quicker
        on_s, on_y = c = np.zeros((2, self.history))  # the direction in terms of the pairs
        on_gradient = along.numpy()
        newest_first = [(self.next - 1 - k) % self.history for k in range(self.filled)]
        alphas: dict[int, float] = {}
        for i in newest_first:
            alphas[i] = (on_gradient[0, i] + sy[i] @ on_y) / sy[i, i]
            on_y[i] -= alphas[i]
        first = newest_first[0]
        gamma = float(sy[first, first] / ymy[first, first])
        on_y *= gamma
        for i in reversed(newest_first):
            beta = (gamma * on_gradient[1, i] + on_y @ ymy[:, i] + on_s @ sy[:, i]) / sy[i, i]
            on_s[i] += alphas[i] - beta
        return gamma, torch.from_numpy(c)

    def state(self) -> State:
        return {name: getattr(self, name) for name in REMEMBERED}

    def load(self, state: State) -> None:
        for name, value in state.items():
            setattr(self, name, value)


def flat(image: Tensor, rows: slice) -> Tensor:
    """Some rows as one vector: a view, as canvases are channels-last."""
    return image[..., rows, :].permute(0, 2, 3, 1).reshape(-1)


def positions(image: Tensor, rows: slice) -> slice:
    """Where these rows lie in the image as one vector."""
    row = image[..., 0, :].numel()
    return slice(rows.start * row, rows.stop * row)


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
        look_every: int = 1,
        room: Room = MEMORY,
    ) -> None:
        self.canvas, self.optimizer, self.memory, self.look_every = canvas, optimizer, average, look_every
        self.unit, self.room = unit, room
        self.best, self.mean = canvas, room.copy(canvas) if average else canvas
        self.lowest = self.first = self.scale = math.inf
        self.steps = self.troubles = self.still = 0

    @property
    def result(self) -> Tensor:
        """The picture to show: the average of the iterates if one is kept, else the best that was evaluated."""
        return self.mean if self.memory else self.best

    def advance(self, loss: Tensor, gradient: Tensor) -> str | None:
        """One step, given the loss and its gradient at `canvas`; a sentence if something had to be repaired.

        A step that fails for want of memory leaves all as it was, and may be tried again.
        """
        before = {name: getattr(self, name) for name in STATE}
        try:
            return self._advance(loss, gradient)
        except (RuntimeError, MemoryError):
            vars(self).update(before)
            raise

    def _advance(self, loss: Tensor, gradient: Tensor) -> str | None:
        self.steps += 1
        trouble = self._watch(loss, gradient) if (self.steps - 1) % self.look_every == 0 else None
        if trouble is not None:
            return self._repair(trouble)
        self.canvas = self.optimizer.step(self.canvas, gradient, self.scale)
        for rows in self.room.bands(self.canvas):
            here = self.canvas[..., rows, :].clamp_(0, 1)
            if self.memory:
                # Bias-corrected, as in Adam: the first iterates are not drowned by the start.
                self.mean[..., rows, :].lerp_(here, (1 - self.memory) / (1 - self.memory**self.steps))
        return None

    def _watch(self, loss: Tensor, gradient: Tensor) -> str | None:
        """Look at the numbers; remember the best; say what is wrong."""
        norms = torch.stack([torch.linalg.vector_norm(gradient[..., rows, :]) for rows in self.room.bands(gradient)])
        value, square = torch.stack([loss.to(norms), norms.square().sum()]).tolist()
        slope = math.sqrt(square / gradient.numel())
        if not (math.isfinite(value) and math.isfinite(slope)):
            return "the loss was no longer a number"
        if self.scale == math.inf:
            self.first, self.scale = value, 1 / slope if slope > 0 else 0.0
            if slope == 0 and value != 0:
                raise DescentError("The loss does not change with the picture: there is no way downhill.")
        if value > EXPLOSION * max(abs(self.first), self.unit):
            return f"the loss had grown {EXPLOSION} times above the start"
        self.still = self.still + 1 if abs(value - self.lowest) <= 1e-7 * abs(value) else 0
        if value < self.lowest:
            self.lowest, self.best = value, self.canvas
        return "the loss did not change any more" if self.still == PATIENCE and slope * self.scale > 1e-6 else None

    def _repair(self, trouble: str) -> str | None:
        """Back to the best picture with a shorter step and no memory; after three times with another optimizer.

        It is an error if the picture never became better; if it did, no more is said after some time.
        """
        self.troubles += 1
        tired = self.troubles > MOST_TROUBLES
        if self.lowest == math.inf or (tired and self.lowest >= self.first):
            raise DescentError(f"The descent failed: {trouble}, and nothing helped.")
        self.canvas, self.mean, self.still = self.best, self.room.copy(self.best) if self.memory else self.best, 0
        if self.troubles == ADAM_AFTER:
            self.optimizer = fallback(self.room)
            return f"Repaired: {trouble}; went back to the best picture and on with Adam."
        self.optimizer.shorten(0.25)
        return None if tired else f"Repaired: {trouble}; went back to the best picture with a shorter step."

    def state(self) -> State:
        """All that the next step depends on; its tensors are the descent's own: write or copy them before a step."""
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
