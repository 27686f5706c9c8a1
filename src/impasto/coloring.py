"""The colors that a recipe asks for: what is done to the pictures beforehand, and to the painted picture at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from impasto import color, palette
from impasto.color import Spread
from impasto.inputs import Painting, Styles, weighted
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import Passage, used
from impasto.storage import MEMORY, Room

GLANCE = 256  # pixels on a side, at most, of what is looked at to tell its colors

Finish = Callable[[Tensor], Tensor]
"""A snapshot of the canvas -> the picture to show."""


def before(content: Picture, paintings: Styles, recipe: Recipe) -> tuple[Picture, Styles]:
    """The photo and the paintings as the network shall see them."""
    if recipe.color == "luminance":
        content = grayed(content)
        return content, paintings.changed(lambda picture: matched(grayed(picture), content))
    if recipe.recolor == "none":
        return content, paintings
    return content, paintings.changed(lambda picture: matched(picture, content, recipe.recolor))


def after(content: Picture, paintings: Styles, recipe: Recipe) -> Finish:
    """What makes a snapshot of the canvas the picture to show."""
    if recipe.color == "match":
        wanted = together(paintings)
        return lambda image: color.recolored(image, color.spread(image, like(content, image).alpha), wanted)
    if recipe.color == "palette":
        return lambda image: color.with_palette(image, palette.parse(recipe.palette or ""))
    if recipe.color == "photo":
        return lambda image: color.with_lightness(like(content, image).rgb, image)
    if recipe.color in ("luma", "luminance"):
        return lambda image: color.with_luma(like(content, image).rgb, image)
    return color.gray if recipe.color == "gray" else lambda image: image


def speckled(grain: Tensor, paintings: Styles) -> Tensor:
    """Noise in the colors of the paintings."""
    return color.recolored(grain, color.spread(grain), together(paintings))


def tinted(photo: Tensor, passages: Iterable[Passage], share: Callable[[float], float], room: Room = MEMORY) -> Tensor:
    """The photo, each passage in the colors of its paintings, as far as `share` says of its strength."""
    canvas = room.copy(photo)
    for passage in passages:
        amount, where = share(passage.strength), passage.where
        if not amount:
            continue
        own = color.spread(_glance(photo), None if where is None else _glance(where))
        wanted = together(glanced(passage.paintings))
        for rows in room.bands(canvas):
            here = photo[..., rows, :]
            change = color.recolored(here, own, wanted) - here
            canvas[..., rows, :].add_(change if where is None else change * where[..., rows, :], alpha=amount)
    return canvas


def _glance(planes: Tensor) -> Tensor:
    """Small, for a look at its colors, on the CPU, as they take a few numbers in float64."""
    times = math.ceil(max(planes.shape[-2:]) / GLANCE)
    return F.avg_pool2d(planes, times, ceil_mode=True, count_include_pad=False).cpu()


def glanced(paintings: Styles) -> Styles:
    """Small ones, transparent where they are not used; of those that speak for the finest layers, if there are any."""
    fine = [painting for painting in paintings.paintings if painting.reads(1)]
    return weighted([_part(painting) for painting in fine or paintings.paintings])


def _part(painting: Painting) -> Painting:
    small = painting.picture.fitted(GLANCE)
    alpha = used(painting, small) if painting.masked else None
    return replace(painting, picture=replace(small, alpha=alpha), part=None)


def together(paintings: Styles) -> Spread:
    """How the colors of all of them lie, thrown together."""
    return color.pooled([spread(picture) for picture in paintings.pictures], paintings.weights)


def matched(painting: Picture, photo: Picture, method: str = "monge") -> Picture:
    """The painting in the photo's colors."""
    if method == "histogram":
        return replace(painting, rgb=color.histogram(painting.rgb, photo.rgb, painting.alpha, photo.alpha))
    return replace(painting, rgb=color.recolored(painting.rgb, spread(painting), spread(photo), method))


def spread(picture: Picture) -> Spread:
    """How its colors lie, transparent pixels left out."""
    return color.spread(picture.rgb, picture.alpha)


def grayed(picture: Picture) -> Picture:
    return replace(picture, rgb=color.gray(picture.rgb))


def like(picture: Picture, image: Tensor) -> Picture:
    """The picture at the size of an image."""
    return picture.resized(image.shape[-1], image.shape[-2])
