"""One call for programs: pictures of any kind in, a Picture out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, cast

import torch
from torch import Tensor

from impasto import device as devices
from impasto import recipefile
from impasto.errors import RecipeError
from impasto.events import Event, Finished
from impasto.inputs import Painting
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.objective import Term
from impasto.paint import paint
from impasto.picture import Picture, PictureLike, read
from impasto.recipe import starts
from impasto.recipefile import RecipeLike
from impasto.regions import Guidance, Region
from impasto.surroundings import undisturbed

StyleLike = PictureLike | tuple[PictureLike, float] | Painting
Styles = StyleLike | Sequence[StyleLike]
RegionLike = tuple[PictureLike, StyleLike] | tuple[PictureLike, StyleLike, float]


@undisturbed()
def stylize(
    content: PictureLike,
    styles: Styles,
    recipe: RecipeLike | None = None,
    *,
    network: Network | str | None = None,
    device: str | torch.device = "auto",
    start: PictureLike | None = None,
    regions: Sequence[RegionLike] = (),
    strength_map: PictureLike | None = None,
    protect: PictureLike | None = None,
    extra_terms: Sequence[Term] = (),
    on_event: Callable[[Event], None] = lambda _: None,
    **changes: Any,  # noqa: ANN401 -- the knobs of a Recipe, with their types
) -> Picture:
    """Repaint `content` in the manner of `styles`.

    Pictures may be paths, bytes, opened files, PIL images, numpy arrays, tensors or Pictures; several paintings come as
    a list, with weights as (painting, weight), or as Paintings. `recipe` is one, or the path of a recipe file;
    `changes` are knobs of it, and a preset to be laid under them: `stylize(photo, painting, size=1024, preset="fine")`.

    `start` is one of the recipe's starts by name, or a picture; `network` one of its networks by name, or one that was
    opened.

    `regions` are (mask, painting) or (mask, painting, strength): what is bright in the mask is painted after another
    painting. What is dark in `strength_map`, and bright in `protect`, stays the photo's own.
    """
    if start is not None:
        named = isinstance(start, str) and start in starts()
        changes["start"], start = (start, None) if named else ("picture", start)
    if isinstance(network, str):
        changes["network"], network = network, None
    settings = recipefile.opened(recipe).changed(**changes)
    where = network.device if network and device == "auto" else devices.choose(str(device))
    photo = read(content)
    parts = tuple(map(region, regions))
    maps = (None if each is None else read(each) for each in (strength_map, protect))
    events = paint(
        photo,
        [painted(style) for style in listed(styles)],
        settings,
        network=network or open_network(settings, device=where),
        device=where,
        start=None if start is None else read(start),
        guidance=Guidance(parts, *maps),
        extra_terms=extra_terms,
    )
    for event in events:
        on_event(event)
        if isinstance(event, Finished):
            return finished(photo, event.image)
    raise AssertionError("a run ends with Finished")


def region(like: RegionLike) -> Region:
    """A mask, a painting, and perhaps how strongly it is followed."""
    if not isinstance(like, tuple) or len(like) not in (2, 3):
        raise RecipeError("A region is (mask, painting) or (mask, painting, strength).")
    mask, style, *strength = like
    return Region(read(mask), painted(style), *strength)


def listed(styles: Styles) -> Sequence[StyleLike]:
    """One painting is a list of one, with its weight or without."""
    alone = isinstance(styles, tuple) and len(styles) == 2 and isinstance(styles[1], Real)
    return styles if isinstance(styles, (list, tuple)) and not alone else [cast(StyleLike, styles)]


def painted(style: StyleLike) -> Painting:
    """A painting of any kind, with or without a weight."""
    if isinstance(style, Painting):
        return style
    if isinstance(style, tuple) and len(style) != 2:
        raise RecipeError("A painting with a weight is (painting, weight).")
    picture, weight = style if isinstance(style, tuple) else (style, 1.0)
    return Painting(read(picture), weight)


def finished(photo: Picture, image: Tensor) -> Picture:
    """The painted picture, with the photo's transparency put back."""
    height, width = image.shape[-2:]
    alpha = None if photo.alpha is None else photo.resized(width, height).alpha
    return Picture(image, alpha, photo.name)
