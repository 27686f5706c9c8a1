"""What one run finds out and the next one need not: what networks see in paintings, what trials tell of costs."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from impasto.costs import Costs
from impasto.dial import style_reach, style_weight
from impasto.networks import Network
from impasto.recipe import Recipe
from impasto.scene import Scene

ROOM = 48  # what is kept of each; what was not asked for long goes
WITHOUT_COST = {"size", "seed", "strength", "style_weight", "style_reach"}  # knobs that change no pixel's cost as such


class Surveys:
    """What networks saw in paintings, kept for the next picture after them."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[object, dict[str, Tensor]] = OrderedDict()

    def recall(self, key: object, survey: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """What is kept under `key`; at the first time, what `survey` finds."""
        if key not in self._kept:
            self._kept[key] = survey()
        self._kept.move_to_end(key)
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return self._kept[key]


class Trials:
    """The costs of every kind of run that was tried out, as long as the process lasts."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, Costs] = OrderedDict()

    def told(self, kind: str) -> Costs | None:
        if kind in self._told:
            self._told.move_to_end(kind)
        return self._told.get(kind)

    def tell(self, kind: str, costs: Costs) -> None:
        self._told[kind] = costs
        while len(self._told) > ROOM:
            self._told.popitem(last=False)


@dataclass(frozen=True)
class Findings:
    """What runs with one network share: `paint(..., findings=findings)` for each of them spares the next one that much.
    None is not kept.
    """

    surveys: Surveys | None = field(default_factory=Surveys)
    trials: Trials | None = field(default_factory=Trials)


NOTHING = Findings(None, None)


def kind(recipe: Recipe, network: Network, layers: frozenset[str], scene: Scene, device: torch.device) -> str:
    """Equal for runs whose trials would tell the same; the scene is one that was rehearsed."""
    knobs = {name: value for name, value in recipe.as_dict().items() if name not in WITHOUT_COST}
    parts = [
        (part.where is None, bool(style_weight(recipe, part.strength)), style_reach(recipe, part.strength) < 1)
        for part in scene.passages
    ]
    maps = scene.visible is None, scene.paint is None
    made_with = network.name, network.sha256, sorted(layers), str(device), torch.get_num_threads()
    return json.dumps([knobs, parts, maps, made_with], sort_keys=True)
