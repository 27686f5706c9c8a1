"""One level of the run as the painter sees it: the photo, who paints where, and what of the canvas is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.canvas import channels_last, snapshot
from impasto.coloring import Finish, after, before, like
from impasto.errors import RecipeError
from impasto.events import Level
from impasto.inputs import Styles, weighted
from impasto.objective import Evaluation
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import Guidance, Passage, manners, opened, passages, repainted
from impasto.storage import MEMORY, Room


@dataclass(frozen=True)
class Scene:
    """Pictures and maps at the size of a level, where the network is."""

    photo: Tensor
    passages: tuple[Passage, ...]
    visible: Tensor | None = None  # how opaque the photo is
    paint: Tensor | None = None  # how much of each pixel is paint, the rest being the photo; None: all of it
    finish: Finish = lambda image: image
    room: Room = MEMORY

    def shown(self, canvas: Tensor) -> Tensor:
        """The canvas, and the photo where nothing is painted."""
        return canvas if self.paint is None else torch.lerp(self.photo, canvas, self.paint)

    def sloped(self, evaluation: Evaluation) -> Evaluation:
        """The gradient by what is shown becomes that by the canvas."""
        return evaluation if self.paint is None else replace(evaluation, gradient=evaluation.gradient * self.paint)

    def snapshot(self, canvas: Tensor) -> Tensor:
        """A copy for the reader, in the colors that were asked for."""
        return self.finish(snapshot(self.shown(canvas), self.room))


def rehearsed(photo: Tensor, content: Picture, paintings: Styles, guidance: Guidance, room: Room) -> Scene:
    """A scene of noise that holds as many maps as the real one does, to see what they cost."""
    parts = dict.fromkeys((styles.identity, strength) for styles, strength in manners(paintings, guidance))
    masked, hidden = bool(guidance.masks), content.alpha is not None
    stand_in = weighted([Picture(snapshot(photo, room))])

    def share() -> Tensor:
        return torch.full_like(photo[:, :1], 1 / len(parts))

    return Scene(
        photo,
        tuple(
            Passage(stand_in, share() if masked or hidden else None, f"style {number}", strength)
            for number, (_, strength) in enumerate(parts, 1)
        ),
        share() if hidden else None,
        share() if guidance.strength or guidance.protect else None,
        room=room,
    )


Scenery = Callable[[Level, torch.device, Room], Scene]


def scenery(content: Picture, paintings: Styles, guidance: Guidance, recipe: Recipe) -> Scenery:
    """Level, device and room -> the scene; the pictures are recolored once, as the recipe wants it."""
    if recipe.color == "match" and guidance.regions:
        raise RecipeError(
            "color = match gives the whole picture one painting's colors, and regions have several; with regions, take "
            "color = style, where each has its painting's colors as they come, or leave the regions out."
        )
    content = content.filled()
    seen, recolored = before(content, paintings.changed(Picture.filled), recipe)
    guidance = repainted(guidance, lambda styles: before(content, styles.changed(Picture.filled), recipe)[1])
    finish = after(content, paintings, recipe)

    def scene(level: Level, device: torch.device, room: Room) -> Scene:
        width, height = level.width, level.height
        photo, paint = seen.resized(width, height, room), opened(guidance, width, height)
        return Scene(
            channels_last(photo.rgb.to(device), room),
            tuple(passage.to(device) for passage in passages(photo, recolored, guidance, width, height)),
            None if photo.alpha is None else photo.alpha.to(device),
            None if paint is None else paint.to(device),
            finish if paint is None else lambda image: torch.lerp(like(content, image).rgb, finish(image), paint),
            room,
        )

    return scene
