"""A recipe in a TOML file: the knobs that it turns, over those of a preset."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from impasto import presets
from impasto.errors import RecipeError, reason
from impasto.recipe import layered


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
