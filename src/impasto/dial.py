"""What the one dial sets: how much style weighs beside content, and how far from the photo's own manner its aim is."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from impasto.device import wide
from impasto.measures import Gaussian, symmetric_root
from impasto.recipe import Recipe

MIDDLE, RANGE = 8.0, 75.0  # found by looking at a dozen pairs, then by content error; see docs/log.md
GENTLE = 0.3  # below it weights stay, and the aim comes nearer to the photo: weak style makes stripes of color
SHARED = 100.0  # half the strength has about a tenth of a weight that was set by hand, or of a map's

Strength = TypeVar("Strength", float, Tensor)


def dialed(strength: Strength) -> Strength:
    """Strength in 0..1 -> share of the style's weight: even to the eye, as the dial is; 0 and 1 stay."""
    return (SHARED**strength - 1) / (SHARED - 1)


def pulls(recipe: Recipe) -> dict[str, float]:
    """The weights of both losses; and how far the style's aim is, if not at the painting itself."""
    reach = style_reach(recipe)
    weights = {"content": recipe.content_weight, "style": style_weight(recipe)}
    return weights if reach == 1 or not weights["style"] else {**weights, "reach": reach}


def style_weight(recipe: Recipe, strength: float = 1.0) -> float:
    """Beta, given or set by the dial. Some part of the picture may have only a `strength` of what the dial says."""
    if recipe.style_weight is not None:
        return recipe.style_weight * dialed(strength)
    return _weight(recipe.strength * strength)


def _weight(turned: float) -> float:
    """What the dial sets: nothing at 0, MIDDLE at a half, and about RANGE times that at 1."""
    return MIDDLE * (RANGE ** (2 * max(turned, GENTLE)) - 1) / (RANGE - 1) if turned else 0.0


def style_reach(recipe: Recipe, strength: float = 1.0) -> float:
    """Where on the way from the photo's statistics (0) to the painting's (1) those lie that are aimed at."""
    if recipe.style_reach is not None:
        return recipe.style_reach
    if recipe.style_weight is not None or not recipe.keeps_photo:
        return 1.0
    return min(1.0, recipe.strength * strength / GENTLE)


def tint(recipe: Recipe, strength: float = 1.0) -> float:
    """How far from the photo's colors to the paintings' the canvas begins: as far as is aimed at, and less where style
    counts for less beside content than the dial ever makes it."""
    weight, least = style_weight(recipe, strength), _weight(GENTLE) * recipe.content_weight
    return style_reach(recipe, strength) * (min(1.0, weight / least) if least else float(weight > 0))


def between(a: Gaussian, b: Gaussian, share: float) -> Gaussian:
    """On the straight line from a to b in the geometry of the Wasserstein distance (McCann 1997): the positions of the
    one are moved by a share of what would make them the other's."""
    back = torch.linalg.inv(a.half)
    move = back @ symmetric_root(a.framed(b.lifted)) @ back
    part = torch.lerp(torch.eye(len(move)).to(move), move, share)
    mean = torch.lerp(wide(a.mean), wide(b.mean), share)
    return Gaussian(mean.to(a.mean), (part @ a.lifted @ part.T + torch.outer(mean, mean)).to(a.second))
