"""What goes into a run: paintings with their weights, and everything that can be wrong with them, found beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from impasto.canvas import final_size, levels
from impasto.errors import LayerError, PictureError, RecipeError
from impasto.events import Level
from impasto.networks import Network
from impasto.picture import Picture
from impasto.recipe import Recipe

COMFORTABLE = 64  # the shortest side that a coarse level should have


@dataclass(frozen=True)
class Styles:
    """Paintings and their shares, which sum to one."""

    pictures: tuple[Picture, ...]
    weights: tuple[float, ...]


def weighted(styles: Sequence[Picture | tuple[Picture, float]]) -> Styles:
    """Paintings, with or without weights: those without count one; those of weight zero are absent."""
    pairs = [s if isinstance(s, tuple) else (s, 1.0) for s in styles]
    if any(not weight >= 0 for _, weight in pairs):
        raise RecipeError("The weight of a painting must be zero or more.")
    pairs = [(picture, weight) for picture, weight in pairs if weight]
    if not pairs:
        raise RecipeError("There is no painting to paint after: give at least one, with a weight above zero.")
    total = sum(weight for _, weight in pairs)
    return Styles(tuple(p for p, _ in pairs), tuple(w / total for _, w in pairs))


def check(
    content: Picture, paintings: Styles, recipe: Recipe, network: Network, start: Picture | None
) -> tuple[Level, ...]:
    """Everything that can be foreseen, before the first forward pass; the levels that will be painted."""
    layers = frozenset({*recipe.content_layers, *recipe.style_layers})
    minimum = network.minimum(layers)  # refuses unknown layers by name
    width, height = final_size(content.width, content.height, recipe.size)
    if min(width, height) < minimum:
        needed = -(-minimum * max(content.width, content.height) // min(content.width, content.height))
        raise LayerError(
            f"At {width} x {height} the short side is below the {minimum} pixels that the network needs; "
            f"use --size {needed} or more."
        )
    if (recipe.start == "picture") != (start is not None):
        raise RecipeError("start = picture goes with a picture to start from, and only then.")
    for painting in paintings.pictures:
        if min(painting.width, painting.height) < 2:
            raise PictureError(f"{painting.name or 'The painting'} is {painting.width} x {painting.height}: too small.")
    return levels(recipe, content.width, content.height, max(minimum, COMFORTABLE))


def remarks(content: Picture, paintings: Styles, plan: Sequence[Level]) -> Iterator[str]:
    """Sentences worth telling before the start."""
    final = plan[-1]
    for picture in (content, *paintings.pictures):
        yield from picture.notes
    if final.width < content.width:
        yield (
            f"The photo is {content.width} x {content.height}, the picture will be {final.width} x {final.height}; "
            f"--size {max(content.width, content.height)} keeps every pixel."
        )
    if final.width > content.width:
        yield f"The photo is {content.width} x {content.height} and is enlarged to {final.width} x {final.height}."
    for painting in paintings.pictures:
        if 2 * painting.width * painting.height < final.width * final.height:
            yield (
                f"{painting.name or 'The painting'} is small ({painting.width} x {painting.height}): "
                "its strokes will be finer than intended; a larger file of it will do better."
            )
