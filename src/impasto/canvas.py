"""The pixels being painted: how large at each level, what they show at first, how they grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from impasto.events import Level
from impasto.networks.view import WAYS
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.resample import resize
from impasto.storage import MEMORY, Room

COMPOSED, REFINED = 256, 1024  # pixels on the long side: up to the one a level composes, from the other on it refines
FADED = 6  # parts of a side, of which one fades at each edge, so that these meet
FEW = 24  # steps of a last level that may all polish
CLOSE = 1.15  # a level less than this much below the last one is left out


def final_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """The picture's aspect with this long side; no side below one pixel."""
    scale = long_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def levels(
    recipe: Recipe, width: int, height: int, shortest: int = 1, unit: int = 1, views: int = 1
) -> tuple[Level, ...]:
    """From coarse to fine. Long sides grow from `first_level` by `level_ratio`, whatever the final size, so that a
    small run goes through the first levels of a large one. Levels whose short side is below `shortest` are left out.
    Sides before the last are multiples of `unit`. A picture that is polished is looked at in so many `views`."""
    sides = [recipe.size]
    if recipe.first_level:
        count = math.floor(math.log(max(recipe.size / recipe.first_level, 1), recipe.level_ratio) + 1e-9) + 1
        coarse = [round(recipe.first_level * recipe.level_ratio**k) for k in range(count)]
        sides = [s for s in coarse if s * CLOSE < recipe.size and min(final_size(width, height, s)) >= shortest] + sides
    *coarse_sizes, final = (final_size(width, height, side) for side in sides)
    sizes = [*((rounded(w, unit), rounded(h, unit)) for w, h in coarse_sizes), final]
    steps = [max(recipe.steps_least, round(recipe.steps * recipe.steps_decay**k)) for k in range(len(sides))]
    if len(sides) == 1:
        steps = [recipe.steps]
    *before, last = (Level(i, len(sides), w, h, n) for i, ((w, h), n) in enumerate(zip(sizes, steps, strict=True), 1))
    polish = polished(recipe, last)
    return *before, replace(last, polish=polish, looks=tuple(map(len, WAYS[views])) if polish else (1,))


def polished(recipe: Recipe, last: Level) -> int:
    """How many of the last level's steps polish: five sixths at most, or all where they are few and coarser levels came
    before, as a handful of others would only begin to learn how the loss bends. Never one alone, which could change
    nothing.

    Steps as long as the slope, those of plain gradient descent, would explode where it grows so much.
    """
    most = last.steps if last.index > 1 and last.steps <= FEW else 5 * last.steps // 6
    return min(recipe.polish, most) if recipe.optimizer != "sgd" and most > 1 else 0


def work(plan: Sequence[Level]) -> list[float]:
    """What the levels take, as far as it is known without a trial: pixels times looks."""
    return [level.width * level.height * level.looked(level.steps) for level in plan]


def done(work: Sequence[float], level: Level, step: int) -> float:
    """How much of the run's work, told level by level, is done after so many steps of one: 0 to 1."""
    here = work[level.index - 1] * level.looked(step) / level.looked(level.steps)
    return (sum(work[: level.index - 1]) + here) / sum(work)


def rounded(side: int, unit: int) -> int:
    return max(1, round(side / unit)) * unit


def grown(canvas: Tensor, level: Level, wraps: tuple[bool, bool], room: Room = MEMORY) -> Tensor:
    """The canvas at the size of a level."""
    return resized(canvas, level.width, level.height, wraps, room)


def resized(canvas: Tensor, width: int, height: int, wraps: tuple[bool, bool], room: Room = MEMORY) -> Tensor:
    """At another size; where it wraps around, with margins from the opposite edge."""
    olds, news = canvas.shape[-2:], (height, width)
    margins = [margin(old, new) if around else (0, 0) for old, new, around in zip(olds, news, wraps, strict=True)]
    for axis, (before, _) in zip((-2, -1), margins, strict=True):
        if before:
            size = canvas.shape[axis]
            canvas = canvas.index_select(axis, torch.arange(-before, size + before, device=canvas.device) % size)
    (_, top), (_, left) = margins
    canvas = resize(canvas, width + 2 * left, height + 2 * top, room)
    return channels_last(canvas[..., top : top + height, left : left + width], room)


def refinement(level: Level) -> float:
    """How far a level refines what was composed at those before it: 0, not at all, to 1; growing with the octaves."""
    octaves = math.log(max(level.width, level.height) / COMPOSED) / math.log(REFINED / COMPOSED)
    return min(max(octaves, 0.0), 1.0)


def refined(
    photo: Tensor, canvas: Tensor, held: float, before: Level, level: Level, wraps: tuple[bool, bool], room: Room
) -> Tensor:
    """The photo's fine detail, on forms and colors between its own, where nothing is `held`, and those that were
    composed at the levels before, where 1 is: `canvas`, grown to this level.

    A network sees a small part of a large picture at a time. Were the plain photo to be kept there, it would take back,
    level by level, the broad strokes and colors that the style's fine statistics say nothing about.
    """
    made = grown(grown(photo, before, wraps, room), level, wraps, room)
    for rows in room.bands(made):
        here = made[..., rows, :]
        composed = torch.sub(canvas[..., rows, :], here, out=here)
        torch.add(photo[..., rows, :], composed, alpha=held, out=here).clamp_(0, 1)
    return made


def margin(old: int, new: int) -> tuple[int, int]:
    """Whole pixels before and after resizing that are the same share of the picture, enough for the filter to see."""
    common = math.gcd(old, new)
    times = math.ceil(4 * max(1, old / new) * common / old)
    return times * old // common, times * new // common


def noise(width: int, height: int, seed: int, grain: int = 1, wraps: tuple[bool, bool] = (False, False)) -> Tensor:
    """Gray noise of a photograph's contrast, in grains so many pixels wide, made on the CPU so that it is equal on
    every device."""
    generator = torch.Generator().manual_seed(seed)
    size = 1, 3, -(-height // grain), -(-width // grain)
    made = (0.5 + 0.16 * torch.randn(size, generator=generator, dtype=torch.float32)).clamp(0, 1)
    return made if grain == 1 else resized(made, width, height, wraps).clamp(0, 1)


def started(recipe: Recipe, photo: Tensor, shown: Callable[[], Tensor], grain: int = 1) -> Tensor:
    """The canvas of the first level: photo, noise in grains so wide, gray, or what else is shown (painting, speckles,
    given picture, the photo tinted)."""
    if recipe.start == "noise" or recipe.start_noise:
        random = noise(photo.shape[-1], photo.shape[-2], recipe.seed, grain, recipe.wraps).to(photo)
    match recipe.start:
        case "photo":
            canvas = photo
        case "gray":
            canvas = torch.full_like(photo, 0.5)
        case "noise":
            canvas = random
        case _:
            canvas = shown()
    return channels_last(torch.lerp(canvas, random, recipe.start_noise) if recipe.start_noise else canvas)


def at_level(picture: Picture, level: Level, device: torch.device) -> Tensor:
    """The picture at the size of a level, where the network is."""
    return channels_last(picture.resized(level.width, level.height).rgb.to(device))


def joined(canvas: Tensor, wraps: tuple[bool, bool]) -> Tensor:
    """The canvas with opposite edges that meet, where it wraps around: towards them it fades into its own middle."""
    for axis, around in zip((-2, -1), wraps, strict=True):
        size = canvas.shape[axis]
        if around and size >= FADED:
            edge = torch.arange(size, device=canvas.device, dtype=canvas.dtype)
            inside = (FADED * torch.minimum(edge, size - 1 - edge) / size).clamp(0, 1)
            inside = inside.view(-1, *[1] * (-1 - axis))
            canvas = torch.lerp(canvas.roll(size // 2, axis), canvas, inside)
    return canvas


def channels_last(image: Tensor, room: Room = MEMORY) -> Tensor:
    """The memory layout that convolutions like best."""
    return image if image.is_contiguous(memory_format=torch.channels_last) else room.copy(image)


def snapshot(canvas: Tensor, room: Room = MEMORY) -> Tensor:
    """A copy for the reader: on the CPU, in [0, 1]."""
    copy = room.copy(canvas.detach().to("cpu", torch.float32))
    for rows in room.bands(copy):
        copy[..., rows, :].clamp_(0, 1)
    return copy
