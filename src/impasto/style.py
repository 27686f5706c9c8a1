"""What the paintings say: their statistics, at the scale of the canvas, for the layers and of the part asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from torch import Tensor

from impasto.canvas import channels_last
from impasto.cutter import Cutter
from impasto.events import Level
from impasto.findings import Surveys
from impasto.inputs import Painting, Styles, enlargement, strokes
from impasto.look import merge, survey
from impasto.networks import Network, stride
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import carried, used
from impasto.samples import gathered, pooled
from impasto.storage import MEMORY, Room

CRISP = 1.5  # found by how near enlarged paintings come to the larger ones that they were made from; see docs/log.md


def sight(image: Tensor, maps: Mapping[str, Tensor], layers: frozenset[str]) -> object:
    """Equal for what looks equal to the network."""
    digests = [digest(image), *((layer, digest(where)) for layer, where in sorted(maps.items()))]
    return tuple(digests), layers, image.shape


def digest(planes: Tensor) -> str:
    return hashlib.sha256(planes.detach().movedim(1, -1).cpu().contiguous().numpy().data).hexdigest()


def statistics(
    network: Network,
    paintings: Styles,
    layers: frozenset[str],
    canvas: Tensor,
    recipe: Recipe,
    cutter: Cutter,
    surveys: Surveys | None = None,
    room: Room = MEMORY,
) -> dict[str, Tensor]:
    """The moments of each layer that a painting speaks for, mixed by weight: at the scale beside the canvas, and over
    as many rotations, as the recipe says. Or, where it sorts them, all values instead: see `samples`."""
    one_piece, rotations, most = recipe.in_one_piece, recipe.rotations, enlargement(recipe)
    look, together = (gathered, pooled) if one_piece else (survey, merge)
    height, width = canvas.shape[-2:]
    totals = []
    for painting in paintings.paintings:
        read = frozenset(layer for layer in layers if painting.reads(stride(network, layer)))
        scale, minimum = recipe.style_scale * painting.scale, network.minimum(read)
        picture = at_scale(painting.picture, width, height, scale, most, minimum, room)
        image, mask = channels_last(picture.rgb.to(canvas), room), used(painting, picture) if painting.masked else None
        kept = None if one_piece else surveys  # values are too many to be kept
        copies = [seen(network, look, *turned(image, mask, k), read, cutter, kept) for k in range(rotations)]
        totals.append(together(copies, [1 / rotations] * rotations))
    return together(totals, paintings.weights)


def turned(image: Tensor, mask: Tensor | None, quarters: int) -> tuple[Tensor, Tensor | None]:
    """A painting and its mask, turned by as many quarters of a circle: what runs across runs down."""
    if not quarters:
        return image, mask
    return channels_last(image.rot90(quarters, (-2, -1))), None if mask is None else mask.rot90(quarters, (-2, -1))


def seen(
    network: Network,
    look: Callable[..., dict[str, Tensor]],
    image: Tensor,
    mask: Tensor | None,
    layers: frozenset[str],
    cutter: Cutter,
    surveys: Surveys | None = None,
) -> dict[str, Tensor]:
    """How each layer of one painting looks, as far as its mask lets it count there."""
    maps = dict[str, Tensor]()
    if mask is not None:
        carried_to = {layer: carried(mask, stride(network, layer)) for layer in layers}
        maps = {layer: where.to(image) for layer, where in carried_to.items() if where is not None}
        layers = frozenset(maps)
    found = partial(cutter.flat().work, image, partial(look, network, image, layers, weights=maps))
    return surveys.recall((network, sight(image, maps, layers)), found) if surveys else found()


def remarks(network: Network, paintings: Iterable[Painting], final: Level, recipe: Recipe) -> Iterator[str]:
    """Where so little of a painting is used that some layers see nothing of it."""
    for painting in paintings:
        if not painting.masked:
            continue
        read = [layer for layer in recipe.style_layers if painting.reads(stride(network, layer))]
        scale, minimum = recipe.style_scale * painting.scale, network.minimum(frozenset(read))
        mask = used(
            painting, at_scale(painting.picture, final.width, final.height, scale, enlargement(recipe), minimum)
        )
        missed = [layer for layer in read if carried(mask, stride(network, layer)) is None]
        if missed:
            yield (
                f"The part of {painting.picture.name or 'a painting'} that is used is too small for "
                f"{', '.join(missed)}: what these layers would take from it is left out."
            )


def at_scale(
    painting: Picture, width: int, height: int, scale: float, most: float, minimum: int, room: Room = MEMORY
) -> Picture:
    """The painting with the area of the canvas times `scale`², its own aspect, and no side below `minimum`.

    It is enlarged `most` times at most, or more by as much as larger strokes are asked for. Then its strokes are
    sharpened beforehand: what a larger file would show of their edges, the more of it the less is in this one.
    """
    _, made = strokes(painting, width, height, scale, most)
    ratio = max(made * max(scale, 1.0), minimum / min(painting.width, painting.height))
    crisp = painting.sharpened(CRISP * max(0.0, 1 - 1 / ratio), room)
    return crisp.resized(round(painting.width * ratio), round(painting.height * ratio), room)
