"""The plan: what it foresees, what it refuses, and that no way of cutting changes the picture."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Hungry, one_thread, picture, recipe, tiny
from torch import Tensor

from impasto import canvas, plan, storage
from impasto import device as devices
from impasto.cutter import Cutter
from impasto.descent import Adam, Descent, Optimizer
from impasto.errors import PlanError, ShortageError
from impasto.events import Event, Finished, Forecast, Level, Note, Planned, size
from impasto.footprint import Footprint
from impasto.inputs import Painting
from impasto.lbfgs import LBFGS
from impasto.networks.lite import Lite
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import Guidance, Region
from impasto.share import Crew

__all__ = ["one_thread"]

PHOTO, PAINTING = picture(150, 210), picture(180, 160, seed=1)
NETWORK = tiny()


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """`memory` counts from what is held already, which in a test's process is anything."""
    monkeypatch.setattr(plan, "allowed", lambda device, memory, shares=1: 1e12 if memory is None else float(memory))
    monkeypatch.setattr(devices, "held_memory", lambda device: 0)


def events(memory: int | None = None, network: Any = NETWORK, **knobs: Any) -> Iterator[Event]:  # noqa: ANN401 -- knobs
    knobs = {"size": 210, "steps": 8, **knobs}
    return paint(PHOTO, [PAINTING], recipe(**knobs), network=network, memory=memory)


def planned(memory: int | None = None, **knobs: Any) -> Forecast:  # noqa: ANN401 -- knobs
    first = next(iter(events(memory, **knobs)))
    assert isinstance(first, Planned)
    assert first.forecast is not None
    return first.forecast


def painted(memory: int | None = None, network: Any = NETWORK, **knobs: Any) -> tuple[Tensor, list[str]]:  # noqa: ANN401 -- knobs
    """The picture and the notes."""
    all_events = list(events(memory, network, **knobs))
    last = all_events[-1]
    assert isinstance(last, Finished)
    return last.image, [e.text for e in all_events if isinstance(e, Note)]


def same_picture(a: Tensor, b: Tensor) -> bool:
    """No more than one gray level apart in 99.9 % of the values."""
    return float(((a - b).abs() <= 1 / 255).float().mean()) >= 0.999


# ---- what is foreseen ------------------------------------------------------------------------------------------------


def test_a_footprint_counts_what_is_held_once_and_no_longer_than_it_is() -> None:
    with Footprint() as count:
        a = torch.zeros(1000)
        view = a.view(10, 100)[:5]
        assert count.now == 4000
        b = view * 2
        assert count.now == 6000
        del b
        assert (count.now, count.peak) == (4000, 6000)
        del a
        assert count.mark() == 4000  # the view holds it
        del view
    assert (count.now, count.peak) == (0, 4000)


def test_nothing_keeps_a_footprint() -> None:
    """A network's kernels outlive the trials of every job of a batch, and are looked at in each."""
    kernel = torch.zeros(12)
    with Footprint() as count:
        kernel.view(3, 4)
    kept = weakref.ref(count)
    del count
    assert kept() is None


def test_more_pixels_more_history_and_lbfgs_hold_more() -> None:
    sizes = [planned(size=side).memory for side in (120, 210, 400)]
    assert sizes == sorted(set(sizes))
    lbfgs, long, adam = planned(size=2000), planned(size=2000, history=40), planned(size=2000, optimizer="adam")
    assert adam.memory < lbfgs.memory < long.memory


def test_levels_count_by_the_largest() -> None:
    one, many = planned(size=600), planned(size=600, first_level=150)
    assert abs(one.memory - many.memory) < 0.1 * one.memory
    assert many.width == 600


def test_the_plan_holds_what_the_footprint_of_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the trial's own size again, but eighty times as many pixels."""
    monkeypatch.setattr(plan, "HOLES", 0.0)  # of the C library's heap, which a footprint does not see
    told = planned(size=640, steps=6).memory - devices.held_memory(torch.device("cpu")) - plan.SLACK
    with Footprint() as count:
        painted(size=640, steps=6)
    assert count.peak == pytest.approx(told, rel=0.2)


def test_paintings_of_larger_strokes_and_those_of_regions_are_in_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "HOLES", 0.0)
    small, large = picture(30, 30, seed=2), picture(700, 700, seed=3)
    made = recipe(size=210, steps=3)
    of_region = Guidance((Region(picture(60, 60, seed=4), Painting(large, scale=3.0)),))
    for style, guidance in ((Painting(large, scale=3.0), Guidance()), (Painting(small), of_region)):
        events = paint(PHOTO, [style], made, network=NETWORK, guidance=guidance)
        told = next(events)
        assert isinstance(told, Planned)
        assert told.forecast is not None
        with Footprint() as count:
            list(events)
        assert count.peak < told.forecast.memory


def test_masks_are_in_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions with paintings of their own hold maps of the whole picture and of each layer."""
    monkeypatch.setattr(plan, "HOLES", 0.0)
    columns = torch.arange(96)
    stripes = [Picture((columns // 16 == i).float().expand(1, 3, 64, 96).contiguous()) for i in range(6)]
    guidance = Guidance(tuple(Region(mask, Painting(picture(60, 60, i + 2))) for i, mask in enumerate(stripes)))

    def run() -> Iterator[Event]:
        return paint(PHOTO, [PAINTING], recipe(size=480, steps=6), network=NETWORK, guidance=guidance)

    first = next(iter(run()))
    assert isinstance(first, Planned)
    assert first.forecast is not None
    told = first.forecast.memory - plan.SLACK
    with Footprint() as count:
        list(run())
    assert count.peak == pytest.approx(told, rel=0.2)
    assert told > 1.1 * (planned(size=480).memory - plan.SLACK)


def test_the_small_matrices_of_a_trial_do_not_hide_what_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the network that ships, a picture of 64 pixels holds the most while its losses are found, not on the way
    back; a region makes the way back dear."""
    monkeypatch.setattr(plan, "HOLES", 0.0)
    mask = Picture((torch.arange(360) < 180).float().expand(1, 3, 270, 360).contiguous())
    guidance = Guidance((Region(mask, Painting(picture(200, 200, 2))),))
    knobs = Recipe(size=360, steps=2, first_level=0, optimizer="adam", precision="float32")
    network = Lite()
    with Footprint() as count:
        run = paint(PHOTO, [PAINTING], knobs, network=network, guidance=guidance)
        first = next(run)
        count.mark()
        list(run)
    assert isinstance(first, Planned)
    assert first.forecast is not None
    assert count.peak == pytest.approx(first.forecast.memory - plan.SLACK, rel=0.1)


def test_kernels_that_are_turned_are_in_the_plan() -> None:
    """Those that were turned for an earlier run are held already, in the form of the processor's library, too."""
    planned(size=300)  # makes what is made once in a process, which would be counted in the first
    network = tiny()
    first, again = (planned(network=network, size=300, polish_views=2).memory for _ in range(2))
    kernels = sum(tensor.nbytes for tensor in network.tensors.values() if tensor.dim() == 4)
    there_and_back, ways = 2, 2
    assert first - again == pytest.approx(there_and_back * ways * kernels, abs=1)
    assert again > planned(network=network, size=300, polish_views=1).memory


def test_the_forecast_is_one_line() -> None:
    line = str(Forecast(8192, 6144, 35, 1536, 3_100_000_000, 1260.0, in_file=False, keeps=False))
    assert line == "8192 x 6144: 35 tiles of 1536, about 3.1 GB, 21 min"
    assert str(Forecast(300, 200, 1, None, 640_000_000, 8.2, in_file=True, keeps=False)) == (
        "300 x 200: one piece, about 640 MB, the rest in files, 8 s"
    )


# ---- what fits, what does not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_less_memory_makes_more_tiles_and_what_is_promised_fits(optimizer: str) -> None:
    held = devices.held_memory(torch.device("cpu"))
    counts = []
    whole = planned(size=900, optimizer=optimizer).memory - held
    for share in (1.1, 0.9, 0.8):
        told = planned(int(share * whole), size=900, optimizer=optimizer)
        counts.append(told.tiles)
        assert told.memory - devices.held_memory(torch.device("cpu")) <= share * whole
    assert counts[0] == 1
    assert counts[-1] > 1 or told.in_file


def test_one_piece_that_nearly_fills_the_limit_keeps_nothing_that_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holes in the heap may become larger than foreseen; what is given back takes longer to have again."""
    monkeypatch.setattr(plan, "RETURNED", 100.0)
    roomy = planned(size=900)
    close = planned(int(1.05 * roomy.memory), size=900)
    far = planned(int(1.3 * roomy.memory), size=900)
    assert (roomy.keeps, close.keeps, far.keeps) == (True, False, True)
    assert (close.tiles, far.tiles) == (1, 1)
    assert close.memory < 0.9 * roomy.memory
    assert close.seconds > 10 * roomy.seconds
    assert not planned(int(0.4 * roomy.memory), size=900).keeps


def test_what_fits_nowhere_is_refused_with_a_size_that_does() -> None:
    limit = 60_000_000
    with pytest.raises(PlanError, match=r"even in the smallest tiles.*--size (\d+) would fit") as error:
        next(iter(events(limit, size=4000)))
    fits = int(str(error.value).split("--size ")[1].split()[0])
    assert 200 < fits < 4000
    assert planned(limit, size=fits).tiles > 1
    with pytest.raises(PlanError, match="no size would fit"):
        next(iter(events(1000, size=4000)))


@pytest.mark.parametrize("memory", [30e6, 2e9])
def test_a_picture_beyond_all_measure_is_refused_without_a_look_at_each_of_its_tiles(memory: float) -> None:
    """At 200 000 pixels the smallest tiles are ten million, and there are a hundred sides to choose from."""
    with pytest.raises(
        PlanError, match=r"200000 x 142857 needs .* even in the smallest tiles, .*: --size \d+ would fit"
    ):
        planned(round(memory), size=200_000)


def test_history_moves_to_a_file_before_tiles_become_all_halo() -> None:
    roomy = planned(size=1200, history=100)
    tight = planned(int(0.4 * (roomy.memory - devices.held_memory(torch.device("cpu")))), size=1200, history=100)
    assert tight.in_file
    assert not roomy.in_file


def test_the_limit_is_for_the_whole_process_and_free_memory_bounds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    device = torch.device("cpu")
    monkeypatch.setattr(devices, "held_memory", lambda _: 300)
    monkeypatch.setattr(devices, "free_memory", lambda _: 1000)
    assert plan.allowed(device, 700) == 400
    assert plan.allowed(device, 5000) == 900
    assert plan.allowed(device, None) == 900


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 3000), st.integers(20, 3000), st.integers(1, 400))
def test_every_layout_covers_the_level(width: int, height: int, side: int) -> None:
    cutter = Cutter(halo=30, stride=16, side=side)
    owned = sum((t.rows.stop - t.rows.start) * (t.columns.stop - t.columns.start) for t in cutter.tiles(height, width))
    assert owned == width * height


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(5, 90)] * 2),
    st.sampled_from([None, 64, 100, 333, 512]),
    st.sampled_from([8, 100, 200]),
    st.tuples(*[st.booleans()] * 2),
    st.integers(1, 3),
)
def test_what_tiles_see_is_counted_without_them(
    blocks: tuple[int, int], side: int | None, halo: int, wraps: tuple[bool, bool], hands: int
) -> None:
    height, width = (16 * count for count in blocks)
    cutter = Cutter(halo, 16, side, Crew(size=hands), wraps)
    axes, tiles = cutter.spans(height, width), cutter.tiles(height, width)
    grown = [[span.grown() for span in axis] for axis in axes]
    for seen, each in ((axes, tiles), (grown, [tile.grown() for tile in tiles])):
        if len(tiles) > 1:
            areas = [tile.rows.length * tile.columns.length for tile in each]
            assert plan.seen(seen) == sum(areas)
            assert math.prod(max(span.length for span in axis) for axis in seen) == max(areas)


# ---- the same picture ------------------------------------------------------------------------------------------------


class Cut(plan.Planner):
    """Cuts every level into tiles of this side, whatever the budget."""

    side: int | None = 48
    in_file = False

    def best(self, level: Level, budget: float) -> plan.Layout | None:
        return self.layout(level, self.side, self.in_file)


KNOBS: tuple[dict[str, Any], ...] = (
    {"optimizer": "lbfgs"},
    {"optimizer": "adam", "variation_weight": 0.01, "variation": "l1"},
    {"style_statistic": "wasserstein"},
    {"style_statistic": "covariance", "content_layers": {"relu4_2": 1.0}, "start": "noise"},
)


@pytest.mark.parametrize("knobs", KNOBS)
def test_tiles_change_nothing(knobs: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Five steps: of few channels, sums differ in the last digit, which grows into another picture, equally good."""
    whole, _ = painted(steps=5, **knobs)
    monkeypatch.setattr(plan, "Planner", Cut)
    assert planned(**knobs).tiles > 9
    tiled, _ = painted(steps=5, **knobs)
    assert same_picture(whole, tiled)


@pytest.mark.parametrize("knobs", KNOBS)
def test_a_whole_run_in_tiles_is_as_good_and_has_no_seams(
    knobs: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, loss = finished(**knobs)
    monkeypatch.setattr(plan, "Planner", Cut)
    tiled, tiled_loss = finished(**knobs)
    assert tiled_loss == pytest.approx(loss, rel=0.1)
    assert seam_energy(tiled) < 1.1 * max(1.0, seam_energy(whole))


def whole_and_tiled(size: tuple[int, int], dtype: torch.dtype, strength: float = 0.5) -> list[Tensor]:
    """The default recipe, from coarse to fine, in one piece and in tiles."""
    knobs: dict[str, Any] = {"size": max(size), "first_level": 140, "steps": 5, "steps_least": 3}
    pictures: list[Tensor] = []
    for planner in (plan.Planner, Cut):
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr(canvas, "COMPOSED", 150)  # so that the last level refines
            changed.setattr(plan, "Planner", planner)
            network = Lite(padding="replicate").to(dtype=dtype)
            *_, last = paint(picture(*size), [PAINTING], Recipe(**knobs, strength=strength), network=network)
        assert isinstance(last, Finished)
        pictures.append(last.image)
    return pictures


def agree(whole: Tensor, tiled: Tensor) -> None:
    assert torch.equal(whole, tiled)
    assert seam_energy(tiled) < 1.1 * max(1.0, seam_energy(whole))


@pytest.mark.parametrize(("size", "strength"), [((201, 157), 0.5), ((83, 211), 0.5), ((201, 157), 0.1)])
def test_the_small_network_paints_the_same_bytes_in_tiles(size: tuple[int, int], strength: float) -> None:
    """At sizes divisible by nothing; low on the dial, the photo's statistics are those of its tiles."""
    agree(*whole_and_tiled(size, torch.float32, strength))


HALF = "import torch, test_plan; test_plan.agree(*test_plan.whole_and_tiled({}, torch.bfloat16))"


@pytest.mark.parametrize("size", [(201, 157), (83, 211)])
def test_in_bfloat16_too(size: tuple[int, int]) -> None:
    """Without AMX, with which the library sums up in an order that depends on the size (see docs/log.md); that must be
    said before torch works."""
    if not devices.multiplies_bfloat16(torch.device("cpu")):
        pytest.skip("this processor imitates bfloat16")
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "PYTHONPATH": str(Path(__file__).parent)}
    ran = subprocess.run([sys.executable, "-c", HALF.format(size)], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def finished(**knobs: Any) -> tuple[Tensor, float]:  # noqa: ANN401 -- knobs
    """The picture and the last loss."""
    last = list(events(**knobs))[-1]
    assert isinstance(last, Finished)
    return last.image, sum(last.losses.values())


def seam_energy(image: Tensor) -> float:
    """Squared differences across the lines of the tiles, in units of those elsewhere."""
    tiles = Cutter.of(NETWORK, frozenset({"relu3_1"})).sized(48).tiles(*image.shape[-2:])
    across = (image[..., 1:] - image[..., :-1]).square().mean((0, 1, 2))
    lines = sorted({t.columns.start - 1 for t in tiles} - {-1})
    return float(across[lines].mean() / across.mean())


@pytest.mark.parametrize("knobs", [{}, {"learning_rate": 3.0}], ids=["as it is", "moves lead uphill"])
def test_history_in_a_file_gives_the_same_bytes(knobs: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "Planner", Cut)
    in_memory, _ = painted(**knobs)
    monkeypatch.setattr(Cut, "in_file", True)
    assert planned(**knobs).in_file
    in_file, _ = painted(**knobs)
    assert torch.equal(in_memory, in_file)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    with pytest.raises(ShortageError, match=r"No space left.*TMPDIR"):
        storage.Room(in_file=True).empty(2, 3, like=torch.zeros(1))


def test_a_disk_that_is_too_small_is_told_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """By no more than is needed: what a run has laid into files at once is the measure."""
    live: dict[int, int] = {}
    most = [0]
    reserve = storage._mapped

    def counted(length: int) -> Any:  # noqa: ANN401 -- a map
        made = reserve(length)
        live[id(made)] = length
        weakref.finalize(made, live.pop, id(made), None)
        most[0] = max(most[0], sum(live.values()))
        return made

    monkeypatch.setattr(storage, "_mapped", counted)
    monkeypatch.setattr(plan.Planner, "best", lambda self, level, budget: self.layout(level, 128, in_file=True))
    list(events(size=420, steps=7))
    for share, refused in ((1.0, False), (0.6, True)):
        monkeypatch.setattr(storage, "free", lambda share=share: share * most[0])
        if not refused:
            planned(size=420, steps=7)
            continue
        with pytest.raises(PlanError, match=r"420 x 300 needs .* MB in files, .*TMPDIR"):
            planned(size=420, steps=7)


# ---- memory that runs out --------------------------------------------------------------------------------------------


def test_memory_that_runs_out_at_any_call_loses_nothing() -> None:
    whole, _ = painted(steps=4)
    trial = Hungry(at=10**9)
    painted(network=trial, steps=4)
    noted = 0
    for at in range(1, trial.calls + 1):
        image, notes = painted(network=Hungry(at), steps=4)
        assert same_picture(whole, image)
        noted += any("Memory ran out; going on in tiles" in note for note in notes)
    assert noted >= 4


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("x"), MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
@pytest.mark.parametrize("make", [lambda: LBFGS(history=3), lambda: Adam(rate=0.02)])
def test_a_step_of_the_optimizer_that_finds_no_memory_is_tried_again(error: Exception, make: Any) -> None:  # noqa: ANN401 -- a factory
    cutter = Cutter(1, 1)
    descents = [Descent(PHOTO.rgb, failing(make(), at, error)) for at in (99, 3)]
    for _ in range(6):
        for descent in descents:
            away = descent.canvas - 0.5
            evaluation = Evaluated(away.square().sum(), away)
            assert cutter.step(descent, evaluation) is None  # type: ignore[arg-type]
    assert descents[0].steps == descents[1].steps == 6
    assert (descents[1].canvas - 0.5).abs().mean() < (PHOTO.rgb - 0.5).abs().mean()
    assert cutter.told() == ["Memory ran out; the optimizer forgot the steps before, and goes on from here."]
    assert cutter.told() == []


class Evaluated:
    def __init__(self, loss: Tensor, gradient: Tensor) -> None:
        self.loss, self.gradient = loss, gradient


def failing(optimizer: Optimizer, at: int, error: Exception) -> Optimizer:
    """It fails once, at this step."""
    inner, calls = optimizer.step, iter(range(1, 1000))

    def step(canvas: Tensor, gradient: Tensor, scale: float = 1.0) -> Tensor:
        if next(calls) == at:
            raise error
        return inner(canvas, gradient, scale)

    optimizer.step = step  # type: ignore[method-assign]
    return optimizer


def test_what_nothing_helps_is_one_sentence_and_other_errors_pass() -> None:
    def never(_: Sequence[object]) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def wrong(_: Sequence[object]) -> None:
        raise RuntimeError("something else")

    with pytest.raises(ShortageError, match="smallest tiles at 210 x 150; try --size 147"):
        Cutter(1, 1).work(PHOTO.rgb, never)
    with pytest.raises(RuntimeError, match="something else"):
        Cutter(1, 1).work(PHOTO.rgb, wrong)


def test_sizes_are_told_for_people() -> None:
    assert [size(n) for n in (3.14e9, 2.5e8, -1)] == ["3.1 GB", "250 MB", "0 MB"]


def test_a_photo_that_is_its_own_answer_needs_no_plan() -> None:
    first = next(iter(paint(PHOTO, [PAINTING], Recipe(strength=0.0, size=210), network=NETWORK)))
    assert isinstance(first, Planned)
    assert first.forecast is None


def test_a_picture_no_larger_than_a_trial_is_not_tried_out_unless_there_is_a_limit() -> None:
    """64 x 128 pixels."""

    def told(memory: int | None, **knobs: Any) -> Forecast | None:  # noqa: ANN401 -- knobs
        first = next(iter(events(memory, **knobs)))
        assert isinstance(first, Planned)
        return first.forecast

    assert told(None, size=106) is None
    assert told(10**9, size=106) is not None
    assert told(None, size=108) is not None
    assert told(None, size=106, style_scale=1.1) is not None
    assert told(None, size=106, style_scale=0.5) is None
