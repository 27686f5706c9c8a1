"""Diagnosis: what is visibly off when a run ends, in words. Pure functions of numbers and pictures that the run has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from impasto.dial import style_reach
from impasto.inputs import SOFT, Painting, enlargement, strokes
from impasto.limits import SCALES, SIZES
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.storage import MEMORY

FINER = 2.0  # times finer strokes than asked for are told
FLAT = 0.01  # deviation over a picture of one color
MOVED = 0.9  # of a layer's first loss: what is above has not moved
HEARD = 0.05  # of the largest first loss of a style layer: what is below has nothing to say
ENOUGH = 20  # evaluations, before anything should have moved
DRIFT = 0.12  # of a mean color or of saturation, beyond those of photo and paintings
COLORLESS = 0.005  # saturation of a gray picture, on the mean: what is above can be seen
OTHERS = "those of your own with --color palette"
REPAIRS = 2  # one may happen where the start is almost the answer


def diagnosis(
    photo: Tensor,
    result: Tensor,
    paintings: Sequence[Painting],
    recipe: Recipe,
    first: Mapping[str, float],
    last: Mapping[str, float],
    evaluations: int,
    repairs: int,
    *,
    regional: bool = False,
) -> Iterator[str]:
    """Sentences on the result, given the losses at the first evaluation and at the last; `regional` is one that was
    painted after several paintings, each in its place."""
    yield from small(paintings, result.shape[-1], result.shape[-2], recipe)
    if evaluations >= ENOUGH:
        yield from unmoved(first, last)
    if bare(result) and not bare(photo):
        yield "The picture came out in one flat color: try less --strength, or another painting."
    elif recipe.color == "style":
        found, theirs = cast(Picture(result)), [cast(painting.picture) for painting in paintings]
        ways = [] if regional else ["exactly the painting's with --color match"]
        ways += ["the photo's with --color photo"] if recipe.keeps_photo else []
        yield from drifted(found, [cast(Picture(photo.float().cpu())), *theirs], ways)
        if style_reach(recipe) == 1:
            yield from colored(found, theirs)
    if repairs >= REPAIRS:
        yield (
            f"The descent had to be repaired {repairs} times; a smaller --learning-rate or another --optimizer "
            "may find a better picture."
        )


def small(paintings: Sequence[Painting], width: int, height: int, recipe: Recipe) -> Iterator[str]:
    """A small painting is enlarged, which makes its strokes soft, but not beyond measure: then they are finer."""
    for painting in paintings:
        scale = recipe.style_scale * painting.scale
        wanted, made = strokes(painting.picture, width, height, scale, enlargement(recipe))
        words = [f"{made:.1f} times enlarged and soft"] if made > SOFT else []
        words += [f"{wanted / made:.1f} times finer than asked for"] if wanted > FINER * made else []
        if words:
            fitting = int(max(width, height) / wanted)
            helps = f"a larger file of it or --size {fitting}" if fitting >= SIZES[0] else "a larger file of it"
            crisp = max(SCALES[0], recipe.style_scale / (wanted * max(1.0, scale)))
            yield (
                f"The strokes of {painting.picture.name or 'the painting'} came out {' and '.join(words)}, because it "
                f"is small: {helps} helps"
                + (f"; --style-scale {crisp:.2g} has them finer and crisp." if made > SOFT else ".")
            )


def unmoved(first: Mapping[str, float], last: Mapping[str, float]) -> Iterator[str]:
    """Style layers that are as far from the painting as they were, though they had something to say."""
    style = {name: loss for name, loss in first.items() if name.startswith("style") and name in last}
    loudest = max(style.values(), default=0.0)
    still = [name for name, loss in style.items() if loss > HEARD * loudest and last[name] > MOVED * loss]
    if still:
        layers = ", ".join(dict.fromkeys(name.split()[-1] for name in still))
        yield f"Hardly anything moved at {layers}: more --strength, more --steps, or weights in --style-layers help."


def bare(image: Tensor) -> bool:
    """Of one color; the picture may be large, and lie in a file."""
    bands = (image[..., rows, :].double() for rows in MEMORY.bands(image))
    mean, square = torch.stack([torch.stack([b.sum((0, 2, 3)), b.square().sum((0, 2, 3))]) for b in bands]).sum(0) / (
        image.shape[-1] * image.shape[-2]
    )
    return float((square - mean.square()).max()) < FLAT**2


def drifted(found: Tensor, sources: Sequence[Tensor], ways: Sequence[str]) -> Iterator[str]:
    """Colors that neither the photo has nor a painting, nor any mixture of them, by their casts; ways out of it."""
    known = torch.stack([*sources])
    beyond = torch.maximum(known.amin(0) - found, found - known.amax(0))
    if float(beyond.max()) > DRIFT:
        words = ("red", "green", "blue", "saturation")[int(beyond.argmax())]
        yield f"The colors have drifted ({words}) beyond those it was made of; there are {', '.join((*ways, OTHERS))}."


def colored(found: Tensor, paintings: Sequence[Tensor]) -> Iterator[str]:
    """Some color in the manner of a drawing that has none, by their casts."""
    if max(float(painting[-1]) for painting in paintings) < COLORLESS < float(found[-1]):
        yield "The painting has no colors, and the picture has some: --color gray leaves none."


def cast(picture: Picture) -> Tensor:
    """Mean red, green, blue and saturation."""
    little = picture.fitted(min(256, max(picture.size))).rgb
    pixels = little.detach().float().cpu()[0].flatten(1)
    return torch.cat([pixels.mean(1), (pixels.amax(0) - pixels.amin(0)).mean()[None]])
