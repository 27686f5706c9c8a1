"""A recipe in a TOML file: the knobs that it turns, over those of a preset; or a recipe from wherever it is."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from impasto import presets
from impasto.errors import RecipeError, reason
from impasto.hand import expanded
from impasto.recipe import Recipe, layered, recipe

RecipeLike = Recipe | str | os.PathLike[str]


def opened(like: RecipeLike | None) -> Recipe:
    """A recipe as it is, that of a file, or the default one."""
    match like:
        case None:
            return Recipe()
        case Recipe():
            return like
        case str() | os.PathLike():
            return recipe(read_toml(expanded(like)))
    raise RecipeError(f"A recipe cannot be read from {type(like).__name__}; give a Recipe, or the path of its file.")


def read_toml(path: Path) -> dict[str, Any]:
    """The knobs that a recipe file turns; its `preset = "..."` is laid under them."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"The recipe {path} cannot be read: {reason(error)}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe {path} is not TOML: {error}.") from None
    base = values.pop("preset", "default")
    try:
        return layered({f"the preset {base}": presets.preset(str(base)), "the file": values})
    except RecipeError as error:
        raise RecipeError(f"The recipe {path} cannot be used: {error}") from None
