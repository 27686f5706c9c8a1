"""A rehearsal: what the plan tries out to find how each level fits into the memory, on small pictures of noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from impasto.commission import Commission
from impasto.costs import Run
from impasto.cutter import Cutter
from impasto.findings import kind
from impasto.networks import Network
from impasto.objective import Objective, Term
from impasto.optimizers import begun
from impasto.recipe import Recipe
from impasto.scene import Scene, rehearsed
from impasto.storage import MEMORY, Room

Terms = Callable[[Network, Scene, Recipe, Cutter, Tensor], Iterator[Term]]
"""What is wanted of a picture; the last that is given is the one whose content is kept."""


def rehearsal(asked: Commission, terms: Terms, device: torch.device) -> Run:
    """The run's own terms and its own descent, for pictures of noise."""
    network, recipe, layers = asked.network, asked.recipe, asked.layers
    scene = None

    def noise(photo: Tensor, room: Room = MEMORY) -> Scene:
        return rehearsed(photo, asked.content, asked.paintings, asked.guidance, room)

    def objective(photo: Tensor, room: Room) -> Objective:
        nonlocal scene  # held as long as the objective is: its maps are in the memory too
        scene = noise(photo, room)
        wanted = terms(network, scene, recipe, Cutter.of(network, layers), photo)
        return Objective(network, tuple(wanted), room=room)

    alike = kind(recipe, network, layers, noise(torch.zeros(1, 3, 8, 8)), device)
    paintings = tuple((p.picture.width * p.picture.height, recipe.style_scale * p.scale) for p in asked.every_painting)
    return Run(network, layers, objective, lambda canvas, room: begun(canvas, recipe, room), device, alike, paintings)
