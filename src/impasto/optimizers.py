"""The optimizer that a recipe asks for, with its settings, and the descent that begins with it."""

from __future__ import annotations

from torch import Tensor

from impasto.broad import OCTAVES
from impasto.descent import Adam, Descent, GradientDescent, Optimizer
from impasto.dial import style_weight
from impasto.lbfgs import LBFGS
from impasto.recipe import Recipe
from impasto.storage import MEMORY, Room


def begun(canvas: Tensor, recipe: Recipe, room: Room) -> Descent:
    """A descent that starts at this canvas."""
    unit = recipe.content_weight + style_weight(recipe)
    return Descent(canvas, optimizer(recipe, room), average=recipe.average, unit=unit, room=room)


def optimizer(recipe: Recipe, room: Room = MEMORY) -> Optimizer:
    """A fresh optimizer with the recipe's settings."""
    if recipe.optimizer == "lbfgs":
        # M has edges, and where a picture goes around there are none.
        octaves = 0 if any(recipe.wraps) else OCTAVES
        return LBFGS(history=recipe.history, rate=recipe.learning_rate or 1.0, octaves=octaves, room=room)
    if recipe.optimizer == "adam":
        return Adam(rate=recipe.learning_rate or 0.02, betas=(recipe.beta1, recipe.beta2), room=room)
    return GradientDescent(rate=recipe.learning_rate or 0.01, momentum=recipe.momentum, room=room)
