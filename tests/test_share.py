"""Several processes, one picture: the same as one paints; and when one dies, the others say so and end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from networks import Hungry, one_thread, picture, recipe, tiny
from torch import Tensor

from impasto import plan
from impasto.checkpoint import Checkpoint
from impasto.errors import ImpastoError, ShareError, ShortageError
from impasto.events import Event, Finished, Note, Planned, Step
from impasto.lbfgs import LBFGS
from impasto.objective import Objective
from impasto.paint import paint
from impasto.share import ALONE, Crew, joined
from impasto.tiles import strips

__all__ = ["one_thread"]

PHOTO, PAINTING, NETWORK = picture(90, 150), picture(100, 80, seed=1), tiny()
Work = Callable[[Crew], object]


def together(folder: Path, work: Work, size: int = 2) -> list[Any]:
    """What `work` returns, or the error it ends with, in each of so many processes."""
    children = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            one(folder, work, rank, size)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    files = [folder / f"result{rank}" for rank in range(size)]
    return [torch.load(file, weights_only=False) if file.exists() else None for file in files]


def one(folder: Path, work: Work, rank: int, size: int) -> None:
    """The life of a process."""
    try:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
        try:
            result = work(Crew(rank, size))
        except ImpastoError as error:
            result = error
        torch.save(result, folder / f"result{rank}")
    finally:
        os._exit(0)


def painted(crew: Crew, checkpoint: Checkpoint | None = None, **knobs: Any) -> tuple[Tensor, float, float]:  # noqa: ANN401 -- knobs
    """The picture, the last loss and the seconds foreseen."""
    knobs = {"size": 150, "steps": 5, **knobs}
    seconds = 0.0
    for event in paint(PHOTO, [PAINTING], recipe(**knobs), network=NETWORK, crew=crew, checkpoint=checkpoint):
        if isinstance(event, Planned) and event.forecast is not None:
            seconds = event.forecast.seconds
        if isinstance(event, Finished):
            return event.image, sum(event.losses.values()), seconds
    raise AssertionError


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("knobs", [{}, {"optimizer": "adam", "variation_weight": 0.1}])
def test_together_they_paint_what_one_paints(size: int, knobs: dict[str, Any], tmp_path: Path) -> None:
    alone, loss, _ = painted(ALONE, **knobs)
    results = together(tmp_path, lambda crew: painted(crew, **knobs), size)
    for image, their_loss, _ in results:
        assert torch.equal(image, results[0][0])  # to the bit among themselves
        assert their_loss == pytest.approx(loss, rel=1e-3)
        assert float(((image - alone).abs() <= 1 / 255).float().mean()) > 0.999


def test_in_double_precision_loss_and_gradient_are_equal(tmp_path: Path) -> None:
    from impasto.cutter import Cutter
    from impasto.measures import gaussian
    from impasto.objective import style_term, survey
    from impasto.tiles import cut

    network, layers = tiny(dtype=torch.float64), frozenset({"relu3_1"})
    photo, painting = PHOTO.rgb.double(), PAINTING.rgb.double()
    target = gaussian(survey(network, painting, layers, cut(100, 80))["relu3_1"])
    objective = Objective(network, (style_term("relu3_1", 1.0, target, positions=22 * 37),))
    whole = objective.evaluate(photo, cut(90, 150))

    def evaluated(crew: Crew) -> tuple[Tensor, Tensor, int]:
        tiles = Cutter.of(network, layers, crew).tiles(90, 150)
        part = replace(objective, crew=crew).evaluate(photo.contiguous(memory_format=torch.channels_last), tiles)
        return part.loss, part.gradient, len(crew.own(tiles))

    for loss, gradient, share in together(tmp_path, evaluated):
        assert share == 1
        assert float((loss - whole.loss).abs() / whole.loss) < 1e-10
        assert float((gradient - whole.gradient).norm() / whole.gradient.norm()) < 1e-10


def test_the_other_says_so_when_one_dies(tmp_path: Path) -> None:
    file = tmp_path / "run"

    def dying(crew: Crew) -> object:
        checkpoint = Checkpoint(file, every=0.0)
        for event in paint(PHOTO, [PAINTING], recipe(size=150), network=NETWORK, crew=crew, checkpoint=checkpoint):
            if crew.rank == 1 and isinstance(event, Step) and event.step == 3:
                os._exit(1)
        return None

    results = together(tmp_path, dying)
    assert isinstance(results[0], ShareError)
    assert "Another process of this run is gone" in str(results[0])
    assert results[1] is None
    image, _, _ = painted(ALONE, Checkpoint(file, every=1e9), steps=6)  # one goes on where two were
    assert image.shape == (1, 3, 90, 150)


@pytest.mark.parametrize("before_the_end", [0, 2, 4, 7])
def test_memory_that_runs_out_for_one_makes_the_tiles_of_all_smaller(before_the_end: int, tmp_path: Path) -> None:
    """At a call of the network by the second process: in a step, or while the photo is looked at."""
    photo, chosen = picture(120, 200), recipe(size=200, steps=5)

    def events(network: Hungry, crew: Crew) -> list[Event]:
        return list(paint(photo, [PAINTING], chosen, network=network, crew=crew))

    def short(crew: Crew) -> list[Event]:
        trial = Hungry(at=10**9)
        events(trial, crew)
        return events(Hungry(trial.calls - before_the_end if crew.rank else 10**9), crew)

    last = events(Hungry(at=10**9), ALONE)[-1]
    first, second = together(tmp_path, short)
    for each in (first, second):
        assert any(isinstance(e, Note) and "Memory ran out; going on in tiles" in e.text for e in each)
        assert isinstance(last, Finished)
        assert torch.equal(each[-1].image, first[-1].image)
        assert float(((each[-1].image - last.image).abs() <= 1 / 255).float().mean()) > 0.999


def test_an_optimizer_that_finds_no_memory_ends_all_and_leaves_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, step = tmp_path / "run", LBFGS.step

    def short(crew: Crew) -> object:
        calls = iter(range(1, 100))

        def failing(self: LBFGS, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
            if crew.rank == 1 and next(calls) == 8:  # the trials of the plan take six
                raise MemoryError
            return step(self, canvas, gradient, scale)

        monkeypatch.setattr(LBFGS, "step", failing)
        return painted(crew, Checkpoint(file, every=0.0))

    first, second = together(tmp_path, short)
    assert isinstance(first, ShareError)
    assert isinstance(second, ShortageError)
    image, _, _ = painted(ALONE, Checkpoint(file, every=1e9))
    assert image.shape == (1, 3, 90, 150)


def test_one_stops_all_stop(tmp_path: Path) -> None:
    def stopping(crew: Crew) -> int:
        asked = iter([False] * (4 if crew.rank else 99) + [True] * 99)
        chosen = recipe(size=150, steps=9)
        events = paint(PHOTO, [PAINTING], chosen, network=NETWORK, crew=crew, stop=lambda: next(asked))
        return sum(isinstance(event, Step) for event in events)

    assert together(tmp_path, stopping) == [3, 3]


def test_the_smallest_budget_counts_for_all(tmp_path: Path) -> None:
    device = torch.device("cpu")
    assert together(tmp_path, lambda crew: crew.least(5.0 - crew.rank, device)) == [4.0, 4.0]
    assert ALONE.least(3.0, device) == 3.0
    assert plan.allowed(device, None, 2) <= plan.allowed(device, None, 1)


def test_strips_own_every_pixel_once() -> None:
    for height, width, count in ((90, 150, 2), (150, 90, 3), (64, 64, 4), (33, 17, 2)):
        tiles = strips(height, width, count, halo=10, stride=4)
        assert len(tiles) <= count
        owned = sum((t.rows.stop - t.rows.start) * (t.columns.stop - t.columns.start) for t in tiles)
        assert owned == height * width


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(torch.device("cpu")) as crew:
        assert crew is ALONE
    assert ALONE.leads
