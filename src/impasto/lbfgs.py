"""L-BFGS: the optimizer that learns from its own steps how the loss bends."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from impasto.broad import OCTAVES, broadened
from impasto.descent import State
from impasto.storage import MEMORY, Room

FIRST_MOVE = 0.01  # root mean square of a step for which there is no curvature to go by yet, in pixel values
RETREAT = 0.25  # of the length of a move that led uphill: no longer is the next one from the same place
REMEMBERED = ("pairs", "products", "along", "filled", "next", "last", "length", "rate")
CURVATURE_FLOOR = 1e-8  # of ‖s‖‖y‖, y measured by M; flatter pairs are not remembered


class LBFGS:
    """Limited-memory BFGS (Liu & Nocedal 1989) with steps of length one, in vector-free form (Chen et al. 2014).

    The inverse Hessian is first guessed as γM, where M, a preconditioner, makes more of what is broad
    (`broad.broadened`), and not as γ alone. The last `history` moves s and gradient changes My are the rows of one
    matrix. The two-loop recursion runs on the inner products s·y and y·My, numbers in float64 on the CPU; the long
    vectors are read twice a step.
    """

    def __init__(
        self,
        *,
        history: int,
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
        self.length: Tensor | None = None  # of the last move, its root mean square

    def turn(self) -> None:
        self.last = None

    def step(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        broad = broadened(gradient, self.room, self.octaves)
        if self.last is not None:
            self._remember((canvas, gradient, broad), self.last, scale)
        elif self.filled:
            self._compare(gradient)
        self.last = (canvas, gradient, broad)
        return self._moved(canvas, broad, scale, self.longest if self.filled else FIRST_MOVE * self.rate)

    def retreat(self, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        """The move that failed has taught how the loss bends; with that, a shorter one from where it began."""
        if self.last is None or self.length is None:
            return self.step(canvas, gradient, scale)
        self._remember((canvas, gradient, broadened(gradient, self.room, self.octaves)), self.last, scale)
        began, slope, broad = self.last
        self._compare(slope)
        return self._moved(began, broad, scale, RETREAT * self.length)

    def _remember(self, now: tuple[Tensor, Tensor, Tensor], last: tuple[Tensor, Tensor, Tensor], scale: float) -> None:
        """The move since the last step and what it did to the gradient take the place of the oldest pair, which is
        forgotten even if they are of no use: if the loss bends the wrong way there."""
        canvas = now[0]
        if self.pairs is None:
            self.pairs = self.room.empty(2, self.history, canvas.numel(), like=canvas)
        i, before = self.next, self.along
        found = []
        for rows in self.room.bands(canvas):
            here = self._used(positions(canvas, rows), new=1)
            (x, g, broad), (x0, g0, broad0) = ([flat(each, rows) for each in three] for three in (now, last))
            s, my = here[:, i]
            torch.sub(x, x0, out=s)
            torch.sub(broad, broad0, out=my).mul_(scale)
            y = torch.sub(g, g0)
            own = torch.stack([scale * torch.dot(s, y), scale * torch.dot(my, y), torch.dot(s, s)])
            found.append(torch.cat([own, *products(here, g)]))
        numbers = summed(found)
        own, self.along = self.room.crew.add([numbers[:3], self._each(numbers[3:])], canvas.device)
        change = scale * (self.along - before)  # p · y = p · (g − g'), but where p is new
        change[:, i] = own[:2]
        curvature, size = float(own[0]), float(own[1] * own[2])
        if not curvature > CURVATURE_FLOOR * math.sqrt(size):
            self.filled = min(self.filled, self.history - 1)
            return
        self.products[:, :, i] = change
        self.products[1, i] = change[1]
        self.next, self.filled = (i + 1) % self.history, min(self.filled + 1, self.history)

    def _compare(self, gradient: Tensor) -> None:
        """The pairs' inner products with a gradient that does not follow on the last."""
        rows_of = self.room.bands(gradient)
        found = [torch.cat(products(self._used(positions(gradient, r)), flat(gradient, r))) for r in rows_of]
        (self.along,) = self.room.crew.add([self._each(summed(found))], gradient.device)

    def _each(self, used: Tensor) -> Tensor:
        """Two numbers for each pair; those that are not used have zeros."""
        each = torch.zeros(2, self.history, dtype=torch.float64)
        each[:, : len(used) // 2] = used.view(2, -1)
        return each

    def _used(self, part: slice, new: int = 0) -> Tensor:
        """The pairs, and some that are new, (2, so many, n), at these positions: what was never written is not read."""
        assert self.pairs is not None
        return self.pairs[:, : self.filled + new if self.next == self.filled else self.history, part]

    def _moved(self, canvas: Tensor, broad: Tensor, scale: float, longest: float | Tensor) -> Tensor:
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
        (total,) = self.room.crew.add([total], canvas.device)
        length = (total / canvas.numel()).sqrt().clamp_min(1e-20)
        share = (longest / length).clamp_max(1.0 if self.filled else math.inf)
        self.length = share * length
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

    def _pictures(self) -> list[Tensor]:
        """The pairs, each a picture."""
        if self.pairs is None or self.last is None:
            return []
        _, channels, height, width = self.last[0].shape
        return [*self.pairs.view(-1, 1, height, width, channels).permute(0, 1, 4, 2, 3)]

    def state(self) -> State:
        self.room.gather(*(self.last or ()), *self._pictures())
        return {name: getattr(self, name) for name in REMEMBERED}

    def load(self, state: State) -> None:
        for name, value in state.items():
            setattr(self, name, value)


def products(pairs: Tensor, vector: Tensor) -> list[Tensor]:
    """(2, m, n) and (n,) -> two of m. One vector at a time: ten times as fast as all in one product."""
    return [each @ vector for each in pairs]


def summed(found: list[Tensor]) -> Tensor:
    """What was found in each band, added up in float64 on the CPU, one after the other. An accelerator is waited for
    only here."""
    first, *more = torch.stack(found).cpu().double()
    return sum(more, start=first)


def flat(image: Tensor, rows: slice) -> Tensor:
    """Some rows as one vector: a view, as canvases are channels-last."""
    return image[..., rows, :].permute(0, 2, 3, 1).reshape(-1)


def positions(image: Tensor, rows: slice) -> slice:
    """Where these rows lie in the image as one vector."""
    row = image[..., 0, :].numel()
    return slice(rows.start * row, rows.stop * row)
