"""Optimizers step by step against others' implementations; the watchdog against injected trouble."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from networks import image, one_thread
from numpy.typing import NDArray
from test_broad import broadening
from torch import Tensor

from impasto.descent import ADAM_AFTER, PATIENCE, Adam, Descent, GradientDescent, Optimizer
from impasto.errors import DescentError
from impasto.lbfgs import LBFGS

__all__ = ["one_thread"]

Array = NDArray[np.float64]
SHAPE = (1, 3, 6, 5)


class Bowl:
    """½ (x − c)ᵀ H (x − c) with a spread of curvatures, its bottom inside of [0, 1]."""

    def __init__(self, condition: float = 50.0, dtype: torch.dtype = torch.float64) -> None:
        random = torch.Generator().manual_seed(1)
        n = math.prod(SHAPE)
        turn, _ = torch.linalg.qr(torch.randn(n, n, generator=random, dtype=torch.float64))
        curvature = torch.logspace(0, math.log10(condition), n, dtype=torch.float64)
        self.hessian = ((turn * curvature) @ turn.T).to(dtype)
        self.bottom = (0.3 + 0.4 * torch.rand(SHAPE, generator=random, dtype=torch.float64)).to(dtype)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        away = (x - self.bottom).reshape(-1)
        slope = self.hessian @ away
        return 0.5 * away @ slope, slope.reshape(SHAPE).contiguous(memory_format=torch.channels_last)


def canvas(seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return image(SHAPE[2], SHAPE[3], seed, dtype)


# ---- against others' implementations -------------------------------------------------------------------------------


def by_torch(make: Callable[[list[Tensor]], torch.optim.Optimizer], steps: int) -> Iterator[Tensor]:
    bowl, x = Bowl(), torch.nn.Parameter(canvas())
    theirs = make([x])
    for _ in range(steps):
        x.grad = bowl(x.detach())[1]
        theirs.step()
        yield x.detach().clone()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_descent_is_torchs(momentum: float) -> None:
    ours, bowl, x = GradientDescent(rate=1e-3, momentum=momentum), Bowl(), canvas()
    for theirs in by_torch(lambda p: torch.optim.SGD(p, lr=1e-3, momentum=momentum), 40):
        x = ours.step(x, bowl(x)[1])
        torch.testing.assert_close(x, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.9), (0.0, 0.0)])
def test_adam_is_torchs(betas: tuple[float, float]) -> None:
    ours, bowl, x = Adam(rate=0.02, betas=betas), Bowl(), canvas()
    for theirs in by_torch(lambda p: torch.optim.Adam(p, lr=0.02, betas=betas), 40):
        x = ours.step(x, bowl(x)[1])
        torch.testing.assert_close(x, theirs, rtol=1e-10, atol=1e-12)


class Textbook:
    """Nocedal & Wright, Numerical Optimization, algorithm 7.4, with a list of pairs and plain vectors.

    The first guess of the inverse Hessian is γM."""

    def __init__(self, history: int, rate: float, longest: float) -> None:
        self.history, self.rate, self.longest = history, rate, longest
        self.broad = np.kron(broadening(*SHAPE[2:]), np.eye(SHAPE[1]))  # channels-last
        self.pairs: list[tuple[Array, Array]] = []
        self.last: tuple[Array, Array] | None = None

    def step(self, x: Array, g: Array) -> Array:
        self.learn(x, g)
        self.last = (x.copy(), g.copy())
        return self.moved(self.longest if self.pairs else 0.01 * self.rate)

    def turn(self) -> None:
        """Nothing is learned from the difference of two losses' gradients; what was learned before is still used."""
        self.last = None

    def retreat(self, x: Array, g: Array) -> Array:
        """The pair is learned, but the next move begins where the last began, and has a quarter of its length."""
        self.learn(x, g)
        return self.moved(0.25 * self.length)

    def learn(self, x: Array, g: Array) -> None:
        if self.last is None:
            return
        s, y = x - self.last[0], g - self.last[1]
        if s @ y > 1e-8 * np.linalg.norm(s) * np.sqrt(y @ self.broad @ y):
            self.pairs = [*self.pairs, (s, y)][-self.history :]
        else:  # one departure: the oldest pair is forgotten all the same
            self.pairs = self.pairs[len(self.pairs) // self.history :]

    def moved(self, longest: float) -> Array:
        assert self.last is not None
        x, g = self.last
        move = self.rate * self.direction(g) if self.pairs else self.broad @ g
        length = np.sqrt((move**2).mean())
        share = min(1.0, longest / length) if self.pairs else longest / length
        self.length = share * length
        return np.asarray(x - move * share)

    def direction(self, g: Array) -> Array:
        q, alphas = g.copy(), []
        for s, y in reversed(self.pairs):
            alphas.append((s @ q) / (s @ y))
            q -= alphas[-1] * y
        s, y = self.pairs[-1]
        r = self.broad @ q * (s @ y) / (y @ self.broad @ y)
        for (s, y), alpha in zip(self.pairs, reversed(alphas), strict=True):
            r += s * (alpha - (y @ r) / (s @ y))
        return r


@pytest.mark.parametrize("history", [1, 3, 10])
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_lbfgs_is_the_textbooks(history: int, rate: float) -> None:
    """Thirty steps: the ring of pairs goes round several times, curvatures change sign, moves are taken back, and twice
    the loss becomes another."""
    random = torch.Generator().manual_seed(3)
    ours, theirs = LBFGS(history=history, rate=rate, longest=0.1), Textbook(history, rate, 0.1)
    bowl, x = Bowl(), canvas()
    for step in range(30):
        g = bowl(x)[1]
        if step in (7, 12):  # a gradient from elsewhere: the curvature along the move may be negative
            g = torch.randn(SHAPE, generator=random, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
        if step in (0, 4, 20):
            ours.turn()
            theirs.turn()
        flat_x, flat_g = (t.permute(0, 2, 3, 1).reshape(-1).numpy() for t in (x, g))
        uphill = step in (1, 9, 10, 12)
        expected = theirs.retreat(flat_x, flat_g) if uphill else theirs.step(flat_x, flat_g)
        x = ours.retreat(x, g) if uphill else ours.step(x, g)
        np.testing.assert_allclose(x.permute(0, 2, 3, 1).reshape(-1).numpy(), expected, rtol=1e-9, atol=1e-9)
    assert ours.filled == len(theirs.pairs) >= history - 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lbfgs_reaches_the_bottom_quickly(dtype: torch.dtype) -> None:
    ours, bowl, x = LBFGS(history=20), Bowl(dtype=dtype), canvas(dtype=dtype)
    first = float(bowl(x)[0])
    for _ in range(60):
        x = ours.step(x, bowl(x)[1])
    assert float(bowl(x)[0]) < (1e-9 if dtype == torch.float32 else 1e-10) * first
    assert x.dtype == dtype
    assert x.is_contiguous(memory_format=torch.channels_last)


# ---- the descent ---------------------------------------------------------------------------------------------------

MAKERS: dict[str, Callable[[], Optimizer]] = {
    "lbfgs": lambda: LBFGS(history=4),
    "adam": lambda: Adam(rate=0.02, betas=(0.8, 0.9)),
    "sgd": lambda: GradientDescent(rate=0.01, momentum=0.5),
}
Slope = Callable[[Tensor], tuple[Tensor, Tensor]]


def run(descent: Descent, slope: Slope, steps: int) -> list[str]:
    """The notes on the way; the canvas never leaves [0, 1]."""
    notes = []
    for _ in range(steps):
        note = descent.advance(*slope(descent.canvas))
        assert float(descent.canvas.min()) >= 0
        assert float(descent.canvas.max()) <= 1
        notes += [note] if note else []
    return notes


@pytest.mark.parametrize("maker", list(MAKERS))
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_settings_mean_the_same_whatever_the_unit_of_the_loss(maker: str, scale: float) -> None:
    def scaled(x: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(scale * t for t in Bowl()(x))  # type: ignore[return-value]

    ours, plain = Descent(canvas(), MAKERS[maker]()), Descent(canvas(), MAKERS[maker]())
    run(ours, scaled, 20)
    run(plain, Bowl(), 20)
    torch.testing.assert_close(ours.canvas, plain.canvas, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("maker", list(MAKERS))
def test_the_best_picture_is_kept_while_the_canvas_goes_on(maker: str) -> None:
    descent, bowl = Descent(canvas(), MAKERS[maker]()), Bowl()
    losses, best = [], []
    for _ in range(60):
        losses.append(float(bowl(descent.canvas)[0]))
        descent.advance(*bowl(descent.canvas))
        best.append(float(bowl(descent.result)[0]))
    assert best == pytest.approx(np.minimum.accumulate(losses), rel=1e-6)
    assert best[-1] < 0.7 * best[0]


@pytest.mark.parametrize("maker", list(MAKERS))
@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("how", ["deep copy", "file"])
def test_a_run_taken_up_again_equals_the_straight_run_to_the_bit(maker: str, average: float, how: str) -> None:
    bowl = Bowl(dtype=torch.float32)
    for stop in (0, 1, 2, 7):  # before, at and after the ring of pairs is full
        straight = Descent(canvas(dtype=torch.float32), MAKERS[maker](), average=average)
        run(straight, bowl, stop)
        state = through(straight.state(), how)
        run(straight, bowl, 12)
        resumed = Descent(canvas(9, torch.float32), MAKERS[maker](), average=average)
        resumed.load(state)
        run(resumed, bowl, 12)
        assert torch.equal(resumed.canvas, straight.canvas)
        assert torch.equal(resumed.result, straight.result)
        assert resumed.canvas.stride() == straight.canvas.stride()


@pytest.mark.parametrize("maker", list(MAKERS))
def test_a_run_is_taken_up_again_after_a_move_that_led_uphill(maker: str) -> None:
    straight = Descent(canvas(), MAKERS[maker]())
    run(straight, injected(Bowl(), {3, 4}, 1e3), 3)
    resumed = Descent(canvas(9), MAKERS[maker]())
    resumed.load(through(straight.state(), "file"))
    run(straight, injected(Bowl(), {1}, 1e3), 9)
    run(resumed, injected(Bowl(), {1}, 1e3), 9)
    assert torch.equal(resumed.canvas, straight.canvas)


def through(state: dict[str, Any], how: str) -> dict[str, Any]:
    if how == "deep copy":
        return copy.deepcopy(state)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)  # plain data, nothing to be trusted
    return loaded


@pytest.mark.parametrize("maker", list(MAKERS))
def test_a_run_that_fell_back_to_adam_is_taken_up_as_that(maker: str) -> None:
    trouble = injected(Bowl(), {5, 9, 12, 14}, math.nan)
    straight = Descent(canvas(), MAKERS[maker]())
    run(straight, trouble, 20)
    assert straight.troubles == ADAM_AFTER
    state = copy.deepcopy(straight.state())
    resumed = Descent(canvas(9), MAKERS[maker]())
    resumed.load(state)
    assert type(resumed.optimizer) is Adam
    run(straight, Bowl(), 10)
    run(resumed, Bowl(), 10)
    assert torch.equal(resumed.canvas, straight.canvas)


def test_the_average_is_that_of_the_iterates_without_the_start() -> None:
    descent, bowl, seen = Descent(canvas(), Adam(rate=0.02), average=0.8), Bowl(), []
    for _ in range(10):
        descent.advance(*bowl(descent.canvas))
        seen.append(descent.canvas)
    weights = torch.tensor([0.8**k for k in reversed(range(10))], dtype=torch.float64)
    expected = sum(w * x for w, x in zip(weights / weights.sum(), seen, strict=True))
    torch.testing.assert_close(descent.result, expected)


def test_a_move_that_led_uphill_is_taken_back_and_a_shorter_one_made() -> None:
    climbs = Descent(canvas(), LBFGS(history=4))
    seen = [climbs.canvas]
    slope = injected(Bowl(), {4, 5}, 1.5 * float(Bowl()(canvas())[0]))
    for _ in range(5):
        run(climbs, slope, 1)
        seen.append(climbs.canvas)
    began = seen[2]  # the third evaluation was there; the fourth and the fifth found themselves higher
    far, back, again = (float((x - began).square().mean().sqrt()) for x in seen[3:])
    assert far > 0.001
    assert back == pytest.approx(far / 4)
    assert again == pytest.approx(back / 4)
    first = float(Bowl()(began)[0])
    assert run(climbs, Bowl(), 40) == []
    assert climbs.lowest < 1e-4 * first


@pytest.mark.parametrize("maker", list(MAKERS))
def test_a_ridge_on_the_way_is_passed_and_only_lbfgs_turns_back_at_a_wall(maker: str) -> None:
    two = Descent(canvas(), MAKERS[maker]())
    run(two, Bowl(), 2)

    def after(third: float) -> Tensor:
        descent = Descent(canvas(), MAKERS[maker]())
        run(descent, injected(Bowl(), {3}, third * two.ground), 3)
        return descent.canvas

    assert torch.equal(after(1.09), after(0.5))
    assert torch.equal(after(1.11), after(0.5)) == (maker != "lbfgs")


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_at_their_limit_are_drawn_inward_only(unit: float, dtype: torch.dtype) -> None:
    """Whatever the loss' unit; and what is close to a limit still moves."""
    here = torch.tensor([0, 0, 1, 1, 0.5, 0.5, 0.004, 0.996, 0, 1], dtype=dtype).view(1, 1, 2, 5)
    slope = unit * torch.tensor([1, -1, 1, -1, 1, -1, 1, -1, 0, 0], dtype=dtype).view(1, 1, 2, 5)
    descent = Descent(here, GradientDescent(rate=0.001))
    descent.advance(torch.tensor(1.0), slope)
    assert (slope / unit).flatten().tolist() == pytest.approx([0, -1, 1, 0, 1, -1, 1, -1, 0, 0])
    moved = (descent.canvas - here).flatten() / -0.001
    assert (moved * 0.8**0.5).tolist() == pytest.approx([0, -1, 1, 0, 1, -1, 1, -1, 0, 0], rel=1e-3)


# ---- the watchdog --------------------------------------------------------------------------------------------------


def injected(slope: Slope, at: set[int], value: float, *, gradient_too: bool = False) -> Slope:
    """The same slope, except that the evaluations counted in `at` come out as `value`."""
    count = 0

    def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal count
        count += 1
        loss, gradient = slope(x)
        if count not in at:
            return loss, gradient
        return torch.full_like(loss, value), torch.full_like(gradient, value) if gradient_too else gradient

    return evaluate


@pytest.mark.parametrize("maker", list(MAKERS))
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("at", [2, 3, 11])
def test_trouble_brings_the_best_picture_back_and_is_told(maker: str, value: float, at: int) -> None:
    descent = Descent(canvas(), MAKERS[maker]())
    bad = injected(Bowl(), {at}, value, gradient_too=not math.isfinite(value))
    assert run(descent, bad, at - 1) == []
    (note,) = run(descent, bad, 1)
    assert "best picture" in note
    assert "number" in note if value != 1e30 else "10 times" in note
    assert torch.equal(descent.canvas, descent.best)
    lowest = descent.lowest
    assert run(descent, bad, 60) == []
    assert descent.lowest < lowest
    assert bool(descent.result.isfinite().all())


def test_infinite_gradients_of_finite_losses_are_seen_too() -> None:
    def torn(x: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = Bowl()(x)
        return loss, gradient.index_fill(3, torch.tensor([2]), math.inf)

    calls: Iterator[Slope] = iter([Bowl(), Bowl(), torn, Bowl()])
    descent = Descent(canvas(), Adam(rate=0.02))
    assert len(run(descent, lambda x: next(calls)(x), 4)) == 1
    assert bool(descent.canvas.isfinite().all())


def test_repeated_trouble_leads_to_adam() -> None:
    descent = Descent(canvas(), LBFGS(history=5))
    notes = run(descent, injected(Bowl(), {4, 6, 8, 10}, math.nan), 40)
    assert [("Adam" in note) for note in notes] == [False, False, False, True]
    assert isinstance(descent.optimizer, Adam)
    assert descent.lowest < float(Bowl()(canvas())[0])


def test_steps_become_shorter_with_each_trouble() -> None:
    for maker in MAKERS.values():
        descent = Descent(canvas(), maker())
        before = descent.optimizer.state()["rate"]
        run(descent, injected(Bowl(), {3, 5}, math.nan), 6)
        assert descent.optimizer.state()["rate"] == pytest.approx(before / 16)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_never_a_number_is_an_error(value: float) -> None:
    with pytest.raises(DescentError, match="no longer a number, and nothing helped"):
        run(Descent(canvas(), LBFGS(history=5)), injected(Bowl(), {1}, value), 1)
    with pytest.raises(DescentError, match="nothing helped"):
        run(Descent(canvas(), LBFGS(history=5)), injected(Bowl(), set(range(2, 100)), value), 100)


def test_a_loss_that_never_changes_is_an_error() -> None:
    with pytest.raises(DescentError, match="did not change any more, and nothing helped"):
        run(Descent(canvas(), LBFGS(history=5)), lambda x: (torch.tensor(3.0), torch.ones_like(x)), 12 * PATIENCE)


def test_a_slope_of_zero_under_a_loss_is_an_error_and_under_none_is_the_bottom() -> None:
    with pytest.raises(DescentError, match="no way downhill"):
        run(Descent(canvas(), LBFGS(history=5)), lambda x: (torch.tensor(3.0), torch.zeros_like(x)), 1)
    for maker in MAKERS.values():
        descent = Descent(canvas(), maker())
        assert run(descent, lambda x: (torch.tensor(0.0), torch.zeros_like(x)), 3 * PATIENCE) == []
        assert torch.equal(descent.result, canvas())


@pytest.mark.parametrize("maker", list(MAKERS))
def test_another_loss_goes_on_from_the_best_picture_and_its_size_is_no_explosion(maker: str) -> None:
    descent, bowl = Descent(canvas(), MAKERS[maker]()), Bowl()
    run(descent, bowl, 20)
    best = descent.best
    descent.turn(afresh=True)
    assert torch.equal(descent.canvas, best)
    other = Bowl()
    other.bottom = bowl.bottom.flip(1)

    def elsewhere(x: Tensor) -> tuple[Tensor, Tensor]:
        loss, slope = other(x)
        return loss + 100, slope

    before = float(other(best)[0])
    assert run(descent, elsewhere, 60) == []
    assert float(other(descent.result)[0]) < 0.8 * before


@pytest.mark.parametrize("maker", list(MAKERS))
def test_another_loss_is_gone_down_as_if_it_were_the_first(maker: str) -> None:
    descent, other = Descent(canvas(), MAKERS[maker]()), Bowl()
    other.bottom = other.bottom.flip(1)
    run(descent, Bowl(), 20)
    descent.turn(afresh=True)
    afresh = Descent(descent.best, MAKERS[maker]())
    run(descent, other, 20)
    run(afresh, other, 20)
    assert torch.equal(descent.result, afresh.result)


def raised(bowl: Slope, more: float, x: Tensor) -> tuple[Tensor, Tensor]:
    loss, slope = bowl(x)
    return loss + more, slope


@pytest.mark.parametrize("maker", list(MAKERS))
def test_a_loss_that_bends_alike_is_gone_down_with_what_was_learned(maker: str) -> None:
    """However much larger or smaller it is, the canvas goes on from where it is, and nothing is repaired."""
    other = Bowl()
    other.bottom = (other.bottom + 0.1 * other.bottom.flip(1)) / 1.1
    reached = {}
    for afresh in (False, True):
        descent = Descent(canvas(), MAKERS[maker]())
        run(descent, Bowl(), 20)
        began = descent.canvas
        descent.turn(afresh=afresh)
        assert afresh or torch.equal(descent.canvas, began)
        for more in (1e4, -1e4):
            assert run(descent, partial(raised, other, more), 3) == []
            descent.turn(afresh=False)
        reached[afresh] = float(other(descent.canvas)[0])
        assert reached[afresh] < 0.8 * float(other(began)[0])
    assert maker != "lbfgs" or reached[False] < 0.5 * reached[True]


@pytest.mark.parametrize("maker", list(MAKERS))
def test_a_start_at_the_bottom_is_no_trouble(maker: str) -> None:
    """The first step leads uphill, many times above a loss of nearly nothing."""
    bowl = Bowl()
    start = (bowl.bottom + 1e-7).contiguous(memory_format=torch.channels_last)
    descent = Descent(start, MAKERS[maker](), unit=1.0)
    notes = run(descent, bowl, 100)
    assert notes == [] or maker == "sgd"  # whose fixed rate is too long for so steep a wall, until it is repaired
    assert float((descent.result - bowl.bottom).abs().max()) < 1e-3


@pytest.mark.parametrize("maker", list(MAKERS))
def test_a_run_that_ends_in_a_corner_is_no_error(maker: str) -> None:
    """Downhill lies outside of [0, 1]: the loss stops changing though its slope is not zero."""

    def slide(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.sum() + 1, torch.ones_like(x)

    descent = Descent(canvas(), MAKERS[maker]())
    notes = run(descent, slide, 15 * PATIENCE)
    assert len(notes) <= 8
    assert float(descent.result.max()) == 0


@pytest.mark.parametrize("maker", list(MAKERS))
def test_losses_below_zero_are_losses(maker: str) -> None:
    """A term of one's own may reward something."""

    def rewarded(x: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = Bowl()(x)
        return loss - 1e4, gradient

    descent = Descent(canvas(), MAKERS[maker]())
    assert run(descent, rewarded, PATIENCE) == []
    assert descent.lowest < float(rewarded(canvas())[0])
