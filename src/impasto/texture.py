"""Texture: a painting's manner without a photo, as a picture of any size, or as a tile that continues in itself."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import torch

from impasto import blank, recipefile
from impasto.blank import Blank
from impasto.errors import RecipeError
from impasto.events import Event
from impasto.networks import Network
from impasto.picture import Picture, PictureLike
from impasto.recipe import Recipe, starts
from impasto.recipefile import RecipeLike
from impasto.stylize import Styles, listed, painted, stylize
from impasto.surroundings import undisturbed


@undisturbed()
def texture(
    styles: Styles,
    recipe: RecipeLike | None = None,
    *,
    size: int | tuple[int, int] | None = None,
    tileable: bool = False,
    network: Network | str | None = None,
    device: str | torch.device = "auto",
    start: PictureLike | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    **changes: Any,  # noqa: ANN401 -- the knobs of a Recipe, with their types
) -> Picture:
    """Paint a picture of this size (width, height) in the manner of `styles`, after no photo.

    A single number is a square. Without a size it is as large as the first painting, its long side at most the
    recipe's. What is `tileable` goes on at the opposite edge. `start` is one of the recipe's starts by name, or a
    picture; where nothing else is said, it is speckles: noise in the paintings' colors.
    """
    base, named = recipefile.opened(recipe), isinstance(start, str) and start in starts()
    begun = {"start": start} if named else {"start": blank.START} if base.start == Recipe().start else {}
    around = {"seamless": "both"} if tileable else {}
    settings = base.changed(**{"content_layers": {}, **begun, **around, **changes})
    blank.check(settings)
    paintings = [painted(style) for style in listed(styles)]
    canvas = blank.own(*paintings[0].picture.size, settings) if size is None else Blank(*both(size))
    return stylize(
        ground(canvas),
        paintings,
        settings.changed(size=max(canvas.width, canvas.height)),
        network=network,
        device=device,
        start=None if named else start,
        on_event=on_event,
    )


def both(size: int | tuple[int, int]) -> tuple[int, int]:
    """Width and height; a single number is a square."""
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, Integral) and side > 0 for side in sides):
        raise RecipeError(f"size = {size!r} is not possible: it is one whole number above zero, or (width, height).")
    return int(sides[0]), int(sides[1])


def ground(canvas: Blank) -> Picture:
    """What stands for the photo, of which nothing is seen: one gray pixel, as often as there are places."""
    gray = torch.full((1, 1, 1, 1), 0.5, dtype=torch.float32)
    return Picture(gray.expand(1, 3, canvas.height, canvas.width), name=str(canvas))
