"""Levels: the exact size in the end, and a small run is the beginning of a large one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import image, tiny

from impasto.canvas import (
    FEW,
    done,
    final_size,
    grown,
    joined,
    levels,
    noise,
    refined,
    refinement,
    snapshot,
    started,
    work,
)
from impasto.events import Level
from impasto.judge import finest
from impasto.networks.lite import Lite
from impasto.own import views
from impasto.presets import preset
from impasto.recipe import Recipe, recipe
from impasto.storage import MEMORY

sides = st.integers(1, 5000)
aspects = st.tuples(st.integers(1, 50), st.integers(1, 50))


@given(sides, sides, st.integers(16, 20000))
def test_the_final_size_has_the_long_side_asked_for_and_the_aspect(width: int, height: int, long_side: int) -> None:
    w, h = final_size(width, height, long_side)
    assert max(w, h) == long_side
    assert (w > h) == (width > height and w != h)
    assert abs(min(w, h) - max(1, long_side * min(width, height) / max(width, height))) <= 0.5


@given(aspects, st.integers(16, 6000), st.integers(16, 6000), st.floats(1.1, 4), st.sampled_from([0, 64, 128, 181]))
def test_a_small_run_goes_through_the_first_levels_of_a_large_one(
    aspect: tuple[int, int], small: int, large: int, ratio: float, first: int
) -> None:
    small, large = sorted((small, large))
    options: dict[str, Any] = {"level_ratio": ratio} if first else {}
    width, height = 100 * aspect[0], 100 * aspect[1]
    short, long = (
        levels(Recipe(size=size, first_level=first, **options), width, height, 64) for size in (small, large)
    )
    coarse = [(level.width, level.height, level.steps) for level in short[:-1]]
    assert coarse == [(level.width, level.height, level.steps) for level in long[: len(coarse)]]
    for plan, size in ((short, small), (long, large)):
        assert (plan[-1].width, plan[-1].height) == final_size(width, height, size)
        assert [level.index for level in plan] == list(range(1, len(plan) + 1))
        assert all(level.count == len(plan) for level in plan)
        long_sides = [max(level.width, level.height) for level in plan]
        assert long_sides == sorted(set(long_sides))
        assert all(min(level.width, level.height) >= 64 for level in plan[:-1])


def test_every_side_ends_at_its_exact_size() -> None:
    for side in range(65, 132):
        for width, height in ((100, 100), (3000, 2000), (1, 50), (160, 90)):
            plan = levels(Recipe(size=side, first_level=32, level_ratio=1.3), width, height, 8)
            assert max(plan[-1].width, plan[-1].height) == side
            assert all(level.steps >= 1 for level in plan)


def test_steps_fall_from_level_to_level_but_not_below_the_least() -> None:
    plan = levels(Recipe(size=2000, steps=100, steps_decay=0.5, steps_least=20), 100, 100)
    assert [level.steps for level in plan] == [100, 50, 25, 20, 20, 20, 20, 20]
    assert [max(level.width, level.height) for level in plan] == [181, 256, 362, 512, 724, 1024, 1448, 2000]
    (only,) = levels(Recipe(size=2000, first_level=0, steps=7), 100, 100)
    assert only.steps == 7


@pytest.mark.parametrize(
    ("knobs", "polish"),
    [({}, 40), ({"steps": 90}, 40), ({"steps": 90, "polish": 0}, 0), ({"steps": 9}, 7), ({"steps": 3}, 2),
     ({"steps": 2}, 0), ({"steps": 90, "optimizer": "adam"}, 40), ({"steps": 90, "optimizer": "sgd"}, 0)],
)  # fmt: skip
def test_only_the_end_is_polished_and_at_most_five_sixths_of_it(knobs: dict[str, Any], polish: int) -> None:
    (only,) = levels(Recipe(size=362, first_level=0, **knobs), 100, 100)
    assert only.polish == polish
    if only.steps > FEW:
        plan = levels(Recipe(size=362, steps_decay=1.0, steps_least=1, **knobs), 100, 100)
        assert [level.polish for level in plan] == [0, 0, polish]


@pytest.mark.parametrize(("steps", "polish"), [(1, 0), (2, 2), (12, 12), (24, 24), (25, 20)])
def test_a_few_steps_after_coarser_levels_may_all_polish(steps: int, polish: int) -> None:
    base = Recipe(size=362, steps_decay=1.0, steps_least=1, steps=steps)
    assert [level.polish for level in levels(base, 100, 100)] == [0, 0, polish]
    assert [level.polish for level in levels(base.changed(optimizer="sgd"), 100, 100)] == [0, 0, 0]
    fewer = base.changed(polish=5)
    assert levels(fewer, 100, 100)[-1].polish == min(5, polish)


@pytest.mark.parametrize(
    ("knobs", "looks"),
    [({}, (1, 2)), ({"network": "vgg19"}, (1,)), ({"network": "vgg19", "polish_views": 4}, (4,)),
     ({"polish_views": 1}, (1,)), ({"polish": 0}, (1,)), ({"steps": 2}, (1,))],
)  # fmt: skip
def test_a_small_network_polishes_in_several_ways(knobs: dict[str, Any], looks: tuple[int, ...]) -> None:
    settings = Recipe(size=362, steps_least=1, **knobs)
    network = Lite() if settings.network == "lite" else tiny()
    *before, last = levels(settings, 100, 100, views=views(settings, network))
    assert [level.looks for level in before] == [(1,), (1,)]
    assert last.looks == looks
    composed, turns = last.steps - last.polish, len(looks)
    ends = [composed + last.polish * n // turns for n in range(turns + 1)]
    assert [(part.start, part.stop) for part in last.parts()] == list(pairwise(ends))
    looked = [sum(n * len(part) for n, part in zip(looks[:k], last.parts(), strict=False)) for k in range(turns + 1)]
    assert [last.looked(step) for step in (0, *ends)] == [0, *(composed + more for more in looked)]
    whole = work(plan := [*before, last])
    assert done(whole, last, last.steps) == 1
    assert [done(whole, level, 0) for level in plan] == pytest.approx([sum(whole[:n]) / sum(whole) for n in range(3)])
    half = composed + last.polish // 2  # what is left takes as long, or longer by as many ways more
    left, spent = 1 - done(whole, last, half), done(whole, last, half) - done(whole, last, composed)
    assert last.polish % 2 or left == pytest.approx(spent * looks[-1] / looks[0])


def test_a_draft_is_a_fraction_of_the_work_and_patience_more_at_every_size() -> None:
    def whole(name: str, size: int) -> float:
        settings = recipe({"size": size} | preset(name))
        return sum(work(levels(settings, 3, 2, views=views(settings, lite))))

    lite = Lite()

    for size in (200, 256, 512, 1024):
        assert whole("fast", size) < 0.4 * whole("default", size), size
        assert whole("default", size) < 0.6 * whole("fine", size), size
    assert whole("fast", 512) < whole("default", 512) / 4


def test_a_level_just_below_the_final_size_is_left_out() -> None:
    assert [level.width for level in levels(Recipe(size=260), 100, 100)] == [181, 260]
    assert [level.width for level in levels(Recipe(size=300), 100, 100)] == [181, 256, 300]


def test_noise_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = noise(9, 7, 5)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(noise(9, 7, 5), one)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(noise(9, 7, 6), one)
    assert one.shape == (1, 3, 7, 9)
    assert 0 <= float(one.min()) < float(one.max()) <= 1


@pytest.mark.parametrize("wraps", [(True, False), (False, True), (True, True), (False, False)])
def test_a_canvas_that_wraps_around_begins_with_edges_that_meet(wraps: tuple[bool, bool]) -> None:
    """A slope has the largest step that there is at its edge; joined, no step is larger than those inside."""
    slope = (torch.linspace(0, 1, 48)[:, None] + torch.linspace(0, 1, 60)).div(2).expand(1, 3, 48, 60)
    made = joined(slope, wraps)
    for axis, around in zip((-2, -1), wraps, strict=True):
        steps = (made - made.roll(1, axis)).abs().movedim(axis, 0).flatten(1).amax(1)  # the first is over the edge
        assert (float(steps[0]) < 1.01 * float(steps[1:].max())) == around
    middle = made[..., 12:36, 15:45]
    torch.testing.assert_close(middle, slope[..., 12:36, 15:45])


def test_noise_in_grains_is_as_even_and_has_nothing_finer() -> None:
    fine, wide = noise(160, 120, 5), noise(160, 120, 5, grain=4)
    assert wide.shape == fine.shape
    assert float(wide.mean()) == pytest.approx(0.5, abs=0.02)
    assert 0.05 < float(wide.std()) < float(fine.std())
    assert finest(wide) < 0.05 * finest(fine)
    assert not torch.equal(noise(160, 120, 6, grain=4), wide)
    around = noise(160, 120, 5, grain=4, wraps=(True, True))
    for axis in (-2, -1):
        steps = (around - around.roll(1, axis)).abs().movedim(axis, 0).flatten(1).mean(1)
        assert float(steps[0]) < float(steps[1:].max())


@pytest.mark.parametrize("start", ["tinted", "photo", "noise", "speckles", "painting", "gray", "picture"])
def test_each_start_shows_what_it_says(start: str) -> None:
    photo, shown, grain = image(7, 9, 1), image(7, 9, 2), noise(9, 7, 3)
    expected = {"photo": photo, "noise": grain, "gray": torch.full_like(photo, 0.5)}.get(start, shown)
    seed = {"seed": 3} if start in ("noise", "speckles") else {}
    canvas = started(Recipe(start=start, **seed), photo, lambda: shown)  # type: ignore[arg-type]
    assert torch.equal(canvas, expected)
    assert canvas.is_contiguous(memory_format=torch.channels_last)
    if start != "noise":
        mixed = started(Recipe(start=start, start_noise=0.25, seed=3), photo, lambda: shown)  # type: ignore[arg-type]
        torch.testing.assert_close(mixed, 0.75 * expected + 0.25 * grain)


def test_a_snapshot_is_a_copy_of_its_own() -> None:
    canvas = image(7, 9, 1) * 1.5 - 0.1
    shot = snapshot(canvas)
    kept = shot.clone()
    canvas.zero_()
    assert torch.equal(shot, kept)
    assert 0 <= float(shot.min()) <= float(shot.max()) <= 1


# ---- large pictures --------------------------------------------------------------------------------------------------


SMALL, LARGE = Level(1, 2, 45, 33, 1), Level(2, 2, 64, 47, 1)


def test_levels_refine_the_more_the_larger_they_are() -> None:
    sides = {64: 0.0, 256: 0.0, 512: 0.5, 1024: 1.0, 4096: 1.0}
    assert {side: refinement(Level(1, 1, side // 3, side, 1)) for side in sides} == pytest.approx(sides)


@pytest.mark.parametrize("held", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("wraps", [(False, False), (True, True)])
def test_a_refining_level_keeps_the_photos_detail_on_forms_between_both(wraps: tuple[bool, bool], held: float) -> None:
    photo, forms = 0.3 + 0.4 * image(47, 64, 3), 0.3 + 0.4 * image(47, 64, 4)
    smooth = grown(grown(photo, SMALL, wraps), LARGE, wraps)
    kept = refined(photo, forms, held, SMALL, LARGE, wraps, MEMORY)
    torch.testing.assert_close(kept, torch.lerp(smooth, forms, held) + (photo - smooth))
    torch.testing.assert_close(refined(photo, smooth, held, SMALL, LARGE, wraps, MEMORY), photo)
