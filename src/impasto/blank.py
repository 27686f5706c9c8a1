"""No photo: what stands in its place when a texture is painted, and the knobs that would need one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, with_config

from impasto.errors import RecipeError
from impasto.limits import SIZES
from impasto.recipe import Recipe

START = "speckles"  # of a texture, unless it is asked for another: its colors are right from the beginning
COLORS = ("style", "match", "palette", "gray")  # those that take nothing from a photo
STARTS = ("speckles", "noise", "painting", "gray", "picture")
UNIT = 32  # pixels of a position of the deepest layer there is


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Blank:
    """A canvas of this size, and no photo for it."""

    width: Annotated[int, Field(ge=1, le=SIZES[1])]
    height: Annotated[int, Field(ge=1, le=SIZES[1])]

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"

    def sized(self, long_side: int, unit: int = 1) -> Blank:
        """The same aspect with this long side; both sides whole numbers of units."""
        scale = long_side / max(self.width, self.height)
        return Blank(*(max(1, round(side * scale / unit)) * unit for side in (self.width, self.height)))


def own(width: int, height: int, recipe: Recipe) -> Blank:
    """As large as a painting, as far as it is not above the recipe's size; sides that meet are whole positions."""
    return Blank(width, height).sized(min(recipe.size, max(width, height)), UNIT if any(recipe.wraps) else 1)


def check(recipe: Recipe) -> None:
    """What a photo would be needed for is refused."""
    asked = {
        "content_layers": recipe.keeps_photo,
        "detail": recipe.detail > 0,
        "start": recipe.start not in STARTS,
        "color": recipe.color not in COLORS,
        "recolor": recipe.recolor != "none",
    }
    for name in (name for name, needs_photo in asked.items() if needs_photo):
        raise RecipeError(f"A texture is painted after no photo, so {name} = {getattr(recipe, name)} is not possible.")
