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

from impasto import plan, seam
from impasto.checkpoint import Checkpoint
from impasto.errors import ImpastoError, ShareError, ShortageError
from impasto.events import Event, Finished, Note, Planned, Step
from impasto.lbfgs import LBFGS
from impasto.networks import convolution
from impasto.objective import Objective
from impasto.paint import paint
from impasto.share import ALONE, Crew, joined
from impasto.storage import Room

__all__ = ["one_thread"]

PHOTO, PAINTING, NETWORK = picture(330, 90), picture(100, 80, seed=1), tiny()  # high enough for strips of three
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
    knobs = {"size": 330, "steps": 5, **knobs}
    seconds = 0.0
    for event in paint(PHOTO, [PAINTING], recipe(**knobs), network=NETWORK, crew=crew, checkpoint=checkpoint):
        if isinstance(event, Planned) and event.forecast is not None:
            seconds = event.forecast.seconds
        if isinstance(event, Finished):
            return event.image, sum(event.losses.values()), seconds
    raise AssertionError


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(
    "knobs",
    [
        {"steps": 8},
        {"steps": 8, "learning_rate": 3.0},  # five moves of these lead uphill
        {"optimizer": "sgd", "first_level": 100, "steps_least": 5, "average": 0.5},
        {"optimizer": "adam", "variation_weight": 0.1},
        {"optimizer": "sgd", "momentum": 0.5, "detail": 0.3},
        {"optimizer": "sgd", "style_statistic": "sliced"},
        {"steps": 8, "strength": 0.1},
        {"seamless": "both", "size": 352, "start": "speckles"},
    ],
)
def test_together_they_paint_what_one_paints(
    size: int, knobs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And look at nothing that is not theirs: what is made without content holds no numbers."""
    empty = Room.empty

    def void(self: Room, *shape: int, like: Tensor) -> Tensor:
        return empty(self, *shape, like=like).fill_(torch.nan)

    monkeypatch.setattr(Room, "empty", void)
    alone, loss, _ = painted(ALONE, **knobs)
    results = together(tmp_path, lambda crew: painted(crew, **knobs), size)
    for image, their_loss, _ in results:
        assert torch.equal(image, results[0][0])  # to the bit among themselves
        assert their_loss == pytest.approx(loss, rel=1e-3)
        assert float(((image - alone).abs() <= 1 / 255).float().mean()) > 0.999


@pytest.mark.parametrize("side", [None, 64])
def test_in_double_precision_loss_and_gradient_are_equal(side: int | None, tmp_path: Path) -> None:
    from impasto.cutter import Cutter
    from impasto.look import survey
    from impasto.losses import style_term
    from impasto.measures import gaussian
    from impasto.tiles import cut

    network, layers = tiny(dtype=torch.float64), frozenset({"relu3_1"})
    photo, painting = PHOTO.rgb.double(), PAINTING.rgb.double()
    target = gaussian(survey(network, painting, layers, cut(100, 80))["relu3_1"])
    objective = Objective(network, (style_term("relu3_1", 1.0, target, positions=82 * 22),))
    whole = objective.evaluate(photo, cut(330, 90))

    def evaluated(crew: Crew) -> tuple[Tensor, Tensor, slice]:
        """Of the canvas, each knows its own rows alone."""
        cutter, rows = Cutter.of(network, layers, crew).sized(side), crew.rows(330)
        known = torch.full_like(photo, torch.nan, memory_format=torch.channels_last)
        known[..., rows, :] = photo[..., rows, :]
        part = replace(objective, crew=cutter.sharing(330)).evaluate(known, cutter.tiles(330, 90))
        return part.loss, part.gradient[..., rows, :], rows

    for loss, gradient, rows in together(tmp_path, evaluated, 3):
        assert 96 <= rows.stop - rows.start <= 128
        assert float((loss - whole.loss).abs() / whole.loss) < 1e-10
        assert float((gradient - whole.gradient[..., rows, :]).norm() / whole.gradient.norm()) < 1e-10


def test_the_other_says_so_when_one_dies(tmp_path: Path) -> None:
    file = tmp_path / "run"

    def dying(crew: Crew) -> object:
        checkpoint = Checkpoint(file, every=0.0)
        for event in paint(PHOTO, [PAINTING], recipe(size=330), network=NETWORK, crew=crew, checkpoint=checkpoint):
            if crew.rank == 1 and isinstance(event, Step) and event.step == 3:
                os._exit(1)
        return None

    results = together(tmp_path, dying)
    assert isinstance(results[0], ShareError)
    assert "Another process of this run is gone" in str(results[0])
    assert results[1] is None
    image, _, _ = painted(ALONE, Checkpoint(file, every=1e9), steps=6)  # one goes on where two were
    assert image.shape == (1, 3, 330, 90)


@pytest.mark.parametrize("before_the_end", [0, 2, 4, 7])
def test_memory_that_runs_out_for_one_makes_the_tiles_of_all_smaller(before_the_end: int, tmp_path: Path) -> None:
    """At a call of the network by the second process: in a step, or while the photo is looked at."""
    photo, chosen = picture(330, 120), recipe(size=330, steps=5)

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


@pytest.mark.parametrize("call", [1, 3])
def test_memory_that_runs_out_on_the_way_back_makes_the_tiles_of_all_smaller(
    call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after the processes have told each other what their deep layers found."""
    photo, framed = picture(330, 120), convolution.framed

    def short(crew: Crew) -> list[Event]:
        calls, events = iter(range(0)), []

        def failing(*args: Any) -> Tensor:  # noqa: ANN401 -- those of framed
            if next(calls, None) == call:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return framed(*args)

        monkeypatch.setattr(convolution, "framed", failing)
        for event in paint(photo, [PAINTING], recipe(size=330, steps=5), network=NETWORK, crew=crew):
            events.append(event)
            if crew.rank == 1 and isinstance(event, Step) and event.step == 2:
                calls = iter(range(1, 99))
        return events

    first, second = together(tmp_path, short)
    *_, alone = paint(photo, [PAINTING], recipe(size=330, steps=5), network=NETWORK)
    assert isinstance(alone, Finished)
    for each in (first, second):
        assert any(isinstance(e, Note) and "Memory ran out; going on in tiles" in e.text for e in each)
        assert torch.equal(each[-1].image, first[-1].image)
        assert float(((each[-1].image - alone.image).abs() <= 1 / 255).float().mean()) > 0.999


def test_a_strip_is_told_on_the_way_what_lies_farther_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is: else the tests above would show nothing of it."""
    made = seam.renewed

    def count(crew: Crew) -> list[int]:
        strides = []

        def counted(y: Tensor, stride: int, **keywords: Any) -> Tensor:  # noqa: ANN401 -- those of renewed
            strides.append(stride)
            return made(y, stride, **keywords)

        monkeypatch.setattr(seam, "renewed", counted)
        painted(crew)
        return strides

    for strides in together(tmp_path, count):
        assert strides == [4] * 5  # once a step, before conv3_1


def test_an_optimizer_that_finds_no_memory_ends_all_and_leaves_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, step = tmp_path / "run", LBFGS.step

    def short(crew: Crew) -> object:
        calls = iter(range(1, 100))

        def failing(self: LBFGS, canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
            if crew.rank == 1 and canvas.shape[-1] == 90 and next(calls) == 2:  # not in the trials of the plan
                raise MemoryError
            return step(self, canvas, gradient, scale)

        monkeypatch.setattr(LBFGS, "step", failing)
        return painted(crew, Checkpoint(file, every=0.0))

    first, second = together(tmp_path, short)
    assert isinstance(first, ShareError)
    assert isinstance(second, ShortageError)
    image, _, _ = painted(ALONE, Checkpoint(file, every=1e9))
    assert image.shape == (1, 3, 330, 90)


def test_one_stops_all_stop(tmp_path: Path) -> None:
    def stopping(crew: Crew) -> int:
        asked = iter([False] * (4 if crew.rank else 99) + [True] * 99)
        chosen = recipe(size=330, steps=9, polish=0)  # asked once before the first step, and before each
        events = paint(PHOTO, [PAINTING], chosen, network=NETWORK, crew=crew, stop=lambda: next(asked))
        return sum(isinstance(event, Step) for event in events)

    assert together(tmp_path, stopping) == [3, 3]


def test_the_smallest_budget_counts_for_all(tmp_path: Path) -> None:
    device = torch.device("cpu")
    assert together(tmp_path, lambda crew: crew.least(5.0 - crew.rank, device)) == [4.0, 4.0]
    assert ALONE.least(3.0, device) == 3.0
    assert plan.allowed(device, None, 2) <= plan.allowed(device, None, 1)


@pytest.mark.parametrize("maker", ["lbfgs", "adam", "sgd"])
def test_what_two_have_written_down_one_goes_on_with(maker: str, tmp_path: Path) -> None:
    """The state of a run is whole, and that of one process to rounding."""
    chosen: dict[str, Any] = {"optimizer": maker, "momentum": 0.5} if maker == "sgd" else {"optimizer": maker}
    straight, _, _ = painted(ALONE, steps=7, **chosen)

    def interrupted(crew: Crew) -> None:
        asked = iter([False] * 5 + [True] * 99)
        events = paint(
            *(PHOTO, [PAINTING], recipe(size=330, steps=7, **chosen)),
            network=NETWORK,
            crew=crew,
            checkpoint=Checkpoint(tmp_path / "run"),
            stop=lambda: next(asked),
        )
        for _ in events:
            pass

    together(tmp_path, interrupted)
    resumed, _, _ = painted(ALONE, Checkpoint(tmp_path / "run"), steps=7, **chosen)
    assert float(((resumed - straight).abs() <= 1 / 255).float().mean()) > 0.999


@pytest.mark.parametrize("height", [1, 31, 33, 64, 90, 331, 4097])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_strips_own_every_row_once_and_are_as_thick_as_what_is_seen_beyond(height: int, size: int) -> None:
    strips = Crew(0, size).strips(height)
    assert [row for strip in strips for row in range(strip.start, strip.stop)] == [*range(height)]
    for reach in (8, 16, 60, 160):
        thin = min(strip.stop - strip.start for strip in strips) < 2 * reach
        if size > 1 and Crew(0, size).worth(height, reach) is not ALONE:
            assert not thin


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(torch.device("cpu")) as crew:
        assert crew is ALONE
    assert ALONE.leads
