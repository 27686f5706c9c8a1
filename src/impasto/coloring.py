"""The colors that a recipe asks for: what is done to the pictures beforehand, and to the painted picture at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from impasto import color, palette
from impasto.color import Spread
from impasto.inputs import Styles
from impasto.picture import Picture
from impasto.recipe import Recipe

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
        wanted = color.pooled([spread(p) for p in paintings.pictures], paintings.weights)
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
    wanted = color.pooled([spread(picture) for picture in paintings.pictures], paintings.weights)
    return color.recolored(grain, color.spread(grain), wanted)


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
