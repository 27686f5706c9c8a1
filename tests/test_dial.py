"""One dial: more of it is more of the painting, and the same number looks the same at every size."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import picture

from impasto import canvas, dial, judge, measures
from impasto.dial import style_weight
from impasto.events import Event, Finished
from impasto.inputs import ENLARGED, Painting
from impasto.networks.choose import open_network
from impasto.networks.lite import Lite
from impasto.paint import paint
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.regions import Guidance, Region
from impasto.samples import Sorted
from impasto.stylize import stylize

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SIDE = 128  # at which all are judged: a large picture looked at from afar
TOLERANCE = 0.15  # of the judge's scale, from the photo (or the painting) to what is unrelated
CHANCE = 0.05  # deep style errors below it come as they come: the deepest layer sees such a picture at 48 places


@functools.cache
def pictures() -> tuple[Picture, Picture]:
    return read(EXAMPLES / "content/harbor.jpg"), read(EXAMPLES / "style/knife.jpg")


@functools.cache
def painted(strength: float, size: int) -> tuple[judge.Score, float]:
    """What the judge says of a picture, and how far its statistics are from those that the painter led it to."""
    photo, painting = pictures()
    quick = Recipe(strength=strength, size=size, steps=48, steps_least=24)
    told: list[Event] = []
    picture = stylize(photo, painting, quick, network=open_network(quick), on_event=told.append)
    assert isinstance(told[-1], Finished)
    apart = sum(loss for name, loss in told[-1].losses.items() if name.startswith("style"))
    return judge.score(Lite(), photo, painting, [picture], side=SIDE)[0], apart / style_weight(quick)


def score(strength: float, size: int) -> judge.Score:
    return painted(strength, size)[0]


def test_more_strength_is_further_from_the_photo_and_closer_to_the_painting() -> None:
    rising = [painted(strength, SIDE) for strength in (0.1, 0.3, 0.5, 0.7, 0.9)]
    content = [seen.content for seen, _ in rising]
    style = [max(CHANCE, seen.style_deep) for seen, _ in rising]
    apart = [distance for _, distance in rising[1:]]  # the first was not led to the painting's
    assert content == sorted(content)
    assert style == sorted(style, reverse=True)
    assert all(farther > 1.1 * nearer for farther, nearer in itertools.pairwise(apart))
    assert content[0] < 0.2 < content[-1]
    assert style[0] > 0.2


@pytest.mark.parametrize("size", [192, 256])
def test_half_the_dial_looks_the_same_at_every_size(size: int) -> None:
    small, large = score(0.5, SIDE), score(0.5, size)
    assert abs(small.content - large.content) < TOLERANCE
    assert abs(small.style_deep - large.style_deep) < TOLERANCE
    assert abs(score(0.9, SIDE).content - small.content) > TOLERANCE  # or it would say nothing


def test_a_large_picture_holds_on_to_what_was_composed_when_it_was_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the plain photo kept at the last levels too, they would take the painting's colors and forms back."""
    photo, painting = pictures()
    quick = Recipe(strength=0.3, size=2 * SIDE, first_level=90, steps=24, steps_least=12)
    network = open_network(quick)

    def seen(refining: float) -> judge.Score:
        monkeypatch.setattr(canvas, "refinement", lambda level: refining * (level.width > SIDE))
        painted = stylize(photo, painting, quick, network=network)
        return judge.score(Lite(), photo, painting, [painted], side=SIDE)[0]

    held, taken_back = seen(1.0), seen(0.0)
    assert held.style_deep < 0.8 * taken_back.style_deep
    assert held.content - taken_back.content < TOLERANCE


@pytest.mark.parametrize("style", ["mosaic", "waves"])
def test_colors_do_not_gather_along_the_border(style: str) -> None:
    """A photo without any, painted timidly: they go where the network sees least, if the border counts no more."""
    photo = Picture(pictures()[0].rgb.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous())
    painting = read(EXAMPLES / f"style/{style}.jpg")

    def gathered(**knobs: Any) -> float:  # noqa: ANN401 -- those of a recipe
        """How colorful the four outermost pixels are, over what lies inside."""
        quick = Recipe(strength=0.3, size=SIDE, steps=40, steps_least=24, **knobs)
        rgb = stylize(photo, painting, quick, network=open_network(quick)).rgb[0]
        color = (rgb - rgb.mean(0)).square().sum(0).sqrt()
        inside = color[4:-4, 4:-4]
        border = (color.sum() - inside.sum()) / (color.numel() - inside.numel())
        return float(border / color[16:-16, 16:-16].mean())

    framed = gathered(padding="reflect", content_rim=1.0)
    assert gathered() < min(1.5, 0.85 * framed)


def test_the_halves_of_a_painting_say_how_much_alike_it_is() -> None:
    part, other = picture(96, 128, seed=3).rgb, picture(96, 128, seed=4).rgb ** 3
    repeated, split = (Picture(torch.cat([part, second], 3)) for second in (part, other))
    photo = picture(96, 256, seed=5)
    same, different = (judge.between_halves(Lite(), photo, painting, side=256) for painting in (repeated, split))
    assert all(ours < 0.4 * theirs for ours, theirs in zip(same, different, strict=True)), (same, different)


def test_the_judge_sees_how_far_colors_are_from_the_paintings() -> None:
    """All of its pixels in any order have its colors; paler ones have not."""
    photo, painting = picture(64, 96, seed=1), picture(64, 96, seed=2)
    order = torch.randperm(64 * 96, generator=torch.Generator().manual_seed(0))
    shuffled = painting.rgb.flatten(2)[..., order].view_as(painting.rgb)
    faint = painting.rgb.mean(1, keepdim=True) + 0.7 * (painting.rgb - painting.rgb.mean(1, keepdim=True))
    outputs = [photo, Picture(shuffled), Picture(faint)]
    as_photo, same, faded = judge.score(Lite(), photo, painting, outputs, side=96)
    assert as_photo.color == pytest.approx(1)
    assert same.color < 1e-4
    assert faded.color == pytest.approx(moved(faint, painting.rgb) / moved(photo.rgb, painting.rgb), rel=1e-2)
    assert faded.color > 0.01


def moved(a: torch.Tensor, b: torch.Tensor) -> float:
    """Squared 2-Wasserstein distance of two Gaussians, from the matrices' own roots."""
    (first, mean), (second, other) = (
        (np.cov(x := p.flatten(2)[0].double().numpy(), ddof=0), x.mean(1)) for p in (a, b)
    )
    cross = np.sqrt(np.linalg.eigvals(first @ second).real.clip(0)).sum()
    return float(((mean - other) ** 2).sum() + np.trace(first + second) - 2 * cross)


def test_the_judge_sees_a_painting_as_large_as_its_painter_did() -> None:
    """With the area of the canvas, but not enlarged beyond measure; both reduced alike."""
    tiny = picture(30, 20, seed=2)
    for side, times in ((160, 1.0), (80, 0.5)):
        for painting in (picture(240, 200, seed=1), picture(60, 50, seed=1)):
            height, width = judge.as_painted(painting, (160, 90), side).shape[-2:]
            assert height * width == pytest.approx(160 * 90 * times**2, rel=0.02)
            assert height / width == pytest.approx(painting.height / painting.width, rel=0.02)
        assert judge.as_painted(tiny, (160, 90), side).shape[-2:] == (
            max(judge.LEAST, tiny.height * ENLARGED * times),
            max(judge.LEAST, tiny.width * ENLARGED * times),
        )


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_way_between_two_statistics_is_straight(share: float) -> None:
    """A share of the way is that share of the distance from the one, and the rest from the other."""
    generator = torch.Generator().manual_seed(0)
    a, b = (
        measures.gaussian(measures.moments(torch.rand(1, 6, 9, 11, generator=generator, dtype=torch.float64) ** power))
        for power in (1, 3)
    )
    there = dial.between(a, b, share)
    whole = float(measures.wasserstein_distance(a, b)) ** 0.5
    for end, part in ((a, share), (b, 1 - share)):
        assert float(measures.wasserstein_distance(there, end)) ** 0.5 == pytest.approx(part * whole, abs=1e-3 * whole)


def test_sorted_values_on_the_way_are_between_those_of_the_same_rank() -> None:
    ours, theirs = torch.tensor([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), torch.tensor([[10.0, 1.0], [30.0, 1.0]])
    axis = torch.tensor([[1.0], [0.0]])
    way = Sorted.of(theirs, axis).nearer(Sorted.of(ours, axis), 0.25)
    assert way.values.tolist() == [[0.75 * 1.25 + 0.25 * 10, 0.75 * 2.75 + 0.25 * 30]]


@pytest.mark.parametrize("statistic", ["mixed", "gram", "sliced", "histogram"])
def test_a_timid_dial_changes_the_photo_little_whatever_is_compared(statistic: str) -> None:
    photo, painting = (each.fitted(96) for each in pictures())
    base = Recipe(size=96, steps=20, steps_least=14, style_statistic=statistic)  # type: ignore[arg-type]
    network = open_network(base)

    def moved(strength: float) -> float:
        painted = stylize(photo, painting, base.changed(strength=strength), network=network)
        return float((painted.rgb - photo.rgb).square().mean().sqrt())

    timid, gentle, clear = (moved(strength) for strength in (0.03, 0.15, dial.GENTLE))
    assert timid < 0.3 * clear
    assert timid < gentle < clear


def test_what_the_dial_sets_can_be_set_by_hand() -> None:
    photo, painting = (each.fitted(64) for each in pictures())
    base = Recipe(size=64, steps=8)
    network = open_network(base)
    by_dial, by_hand = base.changed(strength=0.12), base.changed(style_reach=0.12 / dial.GENTLE, strength=dial.GENTLE)
    assert dial.pulls(by_dial) == dial.pulls(by_hand)
    made = [stylize(photo, painting, each, network=network).rgb for each in (by_dial, by_hand)]
    assert torch.equal(*made)
    assert torch.equal(stylize(photo, painting, base.changed(style_reach=0.0), network=network).rgb, photo.rgb)


@pytest.mark.parametrize("knobs", [{"style_weight": 0.1}, {"strength": 0.1, "content_layers": {}}, {"strength": 0.3}])
def test_the_aim_is_the_painting_itself_where_the_dial_is_not_low_or_does_not_count(knobs: dict[str, Any]) -> None:
    assert dial.style_reach(Recipe(**knobs)) == 1
    assert "reach" not in dial.pulls(Recipe(**knobs))


def test_the_way_begins_at_what_the_photo_shows_in_the_region() -> None:
    """Not at the whole photo: a dark half whose painting it is itself has nowhere to go."""
    bright, dark = 0.8 + 0.2 * picture(64, 48, seed=1).rgb, 0.2 * picture(64, 48, seed=2).rgb
    photo, mask = (Picture(torch.cat(pair, -1)) for pair in ((bright, dark), (bright * 0, bright * 0 + 1)))
    guidance = Guidance(regions=(Region(mask, Painting(Picture(dark))),))
    quick = Recipe(size=96, steps=30, style_reach=0.2)
    *_, done = paint(photo, [Picture(bright)], quick, network=open_network(quick), guidance=guidance)
    assert isinstance(done, Finished)
    assert float((done.image - photo.rgb)[..., 56:].mean()) < 0.02
