"""Layers in words: `relu1_1:1,relu2_1:0.5`; a layer without a weight counts one."""

from __future__ import annotations

import math

from impasto.errors import RecipeError
from impasto.hand import number


def layers(words: str) -> dict[str, float]:
    """The weights by name; RecipeError for what is none."""
    found: dict[str, float] = {}
    for item in words.split(","):
        name, _, weight = item.strip().partition(":")
        share = number(weight or "1")
        if not name or share is None or not 0 <= share < math.inf:
            raise RecipeError(f"{item.strip()!r} is no layer with a weight, as in relu1_1:1,relu2_1:0.5.")
        if name in found:
            raise RecipeError(f"the layer {name!r} is named twice.")
        found[name] = share
    return found
