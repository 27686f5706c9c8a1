"""What goes into a run: paintings with their weights, and everything that can be wrong with them, found beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import get_args

from impasto import own
from impasto.canvas import final_size, levels, rounded
from impasto.errors import LayerError, PictureError, RecipeError
from impasto.events import Level
from impasto.hand import Reads
from impasto.limits import SCALES
from impasto.networks import Network, stride
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.storage import finite

COARSE = 4  # pixels per position from which on a layer is about forms rather than strokes
COMFORTABLE = 64  # the shortest side that a coarse level should have
SOFT = 2.0  # times enlarged, strokes are visibly so
FINE = 1.4  # times finer strokes than asked for are foretold
ENLARGED = 3.0  # times as wide and high is a painting shown at most; beyond that its strokes are little but blur


@dataclass(frozen=True)
class Painting:
    """A painting, and how it is used."""

    picture: Picture
    weight: float = 1.0
    scale: float = 1.0  # of its strokes, times the recipe's
    layers: Reads = "all"
    part: Picture | None = None  # a mask: only what is bright in it is used

    def reads(self, stride: int) -> bool:
        """Whether it speaks for a layer of this stride."""
        return self.layers == "all" or (self.layers == "coarse") == (stride >= COARSE)

    @property
    def masked(self) -> bool:
        """Whether not all of it counts alike."""
        return self.part is not None or self.picture.alpha is not None

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for the same use of the same painting, whatever objects hold it."""
        part = None if self.part is None else self.part.sha256 or id(self.part)
        return self.picture.sha256 or id(self.picture), self.weight, self.scale, self.layers, part


@dataclass(frozen=True)
class Styles:
    """Paintings whose weights sum to one."""

    paintings: tuple[Painting, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(painting.picture for painting in self.paintings)

    @property
    def weights(self) -> tuple[float, ...]:
        return tuple(painting.weight for painting in self.paintings)

    @property
    def names(self) -> str:
        return " and ".join(picture.name or "a painting" for picture in self.pictures)

    @property
    def identity(self) -> frozenset[tuple[object, ...]]:
        return frozenset(painting.identity for painting in self.paintings)

    def changed(self, change: Callable[[Picture], Picture]) -> Styles:
        """The same with changed pictures."""
        return Styles(tuple(replace(painting, picture=change(painting.picture)) for painting in self.paintings))


Style = Picture | tuple[Picture, float] | Painting


def weighted(styles: Sequence[Style]) -> Styles:
    """Paintings, with or without weights: those without count one; those of weight zero are absent."""
    paintings = [as_painting(style) for style in styles]
    if any(not isinstance(p.weight, Real) or not 0 <= p.weight < math.inf for p in paintings):
        raise RecipeError("The weight of a painting must be a finite number, zero or more.")
    low, high = SCALES
    if any(not low <= painting.scale <= high for painting in paintings):
        raise RecipeError(f"The scale of a painting must lie between {low:g} and {high:g}.")
    if any(painting.layers not in get_args(Reads) for painting in paintings):
        raise RecipeError(f"A painting is used for one of these: {', '.join(get_args(Reads))}.")
    paintings = [painting for painting in paintings if painting.weight]
    if not paintings:
        raise RecipeError("There is no painting to paint after: give at least one, with a weight above zero.")
    total = sum(painting.weight for painting in paintings)
    if total == math.inf:
        raise RecipeError("The weights of the paintings are too large: together they must be a finite number.")
    return Styles(tuple(replace(painting, weight=painting.weight / total) for painting in paintings))


def as_painting(style: Style) -> Painting:
    """Any way to name a painting, the long way."""
    if isinstance(style, Painting):
        return style
    return Painting(*style) if isinstance(style, tuple) else Painting(style)


def enlargement(recipe: Recipe) -> float:
    """How many times as wide a painting may be shown, so that its strokes are as large beside a large picture as beside
    a small one. Whoever has no photo wants its texture, and as it is."""
    return ENLARGED if recipe.keeps_photo else 1.0


def strokes(painting: Picture, width: int, height: int, scale: float, most: float) -> tuple[float, float]:
    """How many times as wide as in its file strokes should be beside a picture of this size, and will be, `most` being
    the limit; that larger ones are asked for, by a scale above one, is left aside."""
    wanted = min(scale, 1.0) * (width * height / (painting.width * painting.height)) ** 0.5
    return wanted, min(wanted, most)


def check(
    content: Picture,
    paintings: Sequence[Painting],
    recipe: Recipe,
    network: Network,
    start: Picture | None,
    layers: frozenset[str],
) -> tuple[Level, ...]:
    """Everything that can be foreseen, before the first forward pass; the levels that will be painted. `layers` are all
    that the network will be asked for."""
    own.agree(recipe, network)
    minimum = network.minimum(layers)  # refuses unknown layers by name
    width, height = final_size(content.width, content.height, recipe.size)
    if min(width, height) < minimum:
        needed = -(-minimum * max(content.width, content.height) // min(content.width, content.height))
        raise LayerError(
            f"At {width} x {height} the short side is below the {minimum} pixels that the network needs; "
            f"use --size {needed} or more."
        )
    unit = max((stride(network, layer) for layer in layers), default=1) if any(recipe.wraps) else 1
    ways = "choose another --size, or crop the photo" if recipe.keeps_photo else "choose another --size"
    if any(around and side % unit for around, side in zip(recipe.wraps, (height, width), strict=True)):
        raise LayerError(
            f"The picture would be {width} x {height}; where it is seamless, its sides must be multiples of {unit}, "
            f"or else the network's positions would not meet: {ways}; "
            f"{rounded(width, unit)} x {rounded(height, unit)} would do."
        )
    for picture in (content, *(painting.picture for painting in paintings), *([] if start is None else [start])):
        if not finite(picture.rgb):
            raise PictureError(f"{picture.name or 'A picture'} has pixels that are not finite numbers.")
    if (recipe.start == "picture") != (start is not None):
        raise RecipeError("start = picture goes with a picture to start from, and only then.")
    spoken = [stride(network, layer) for layer, weight in recipe.style_layers.items() if weight]
    for painting in paintings:
        name, (across, down) = painting.picture.name or "The painting", painting.picture.size
        if min(across, down) < 2:
            raise PictureError(f"{name} is {across} x {down}: too small.")
        if spoken and not any(map(painting.reads, spoken)):
            raise LayerError(f"{name} is for {painting.layers} layers, and none of style_layers is one.")
    shortest, views = max(minimum, COMFORTABLE), own.views(recipe, network)
    return levels(recipe, content.width, content.height, shortest, unit, views)


def remarks(content: Picture, paintings: Sequence[Painting], plan: Sequence[Level], recipe: Recipe) -> Iterator[str]:
    """Sentences worth telling before the start."""
    final = plan[-1]
    for picture in (content, *(painting.picture for painting in paintings)):
        yield from picture.remarks
    if final.width < content.width:
        yield (
            f"The photo is {content.width} x {content.height}, the picture will be {final.width} x {final.height}; "
            f"--size {max(content.width, content.height)} keeps every pixel."
        )
    if final.width > content.width:
        yield f"The photo is {content.width} x {content.height} and is enlarged to {final.width} x {final.height}."
    for painting in paintings:
        picture, scale = painting.picture, recipe.style_scale * painting.scale
        wanted, made = strokes(picture, final.width, final.height, scale, enlargement(recipe))
        if made > SOFT or wanted > FINE * made:
            looks = "soft" if made > SOFT else "finer than intended"
            yield (
                f"{picture.name or 'The painting'} is small ({picture.width} x {picture.height}): "
                f"its strokes will be {looks}; a larger file of it will do better."
            )
