"""What one run finds out and the next one need not: what networks see in paintings, what trials tell of costs."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor

from impasto import device as devices
from impasto.costs import Costs
from impasto.dial import style_reach, style_weight
from impasto.networks import Network
from impasto.recipe import Recipe
from impasto.scene import Scene

Found = TypeVar("Found")

ROOM = 48  # of what is kept, of each sort, if no more is said
WITHOUT_COST = {"size", "seed", "strength", "style_weight", "style_reach"}  # knobs that change no pixel's cost as such


class Kept(Generic[Found]):
    """What was found under each key; what was not asked for long goes."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[object, Found] = OrderedDict()

    def told(self, key: object) -> Found | None:
        with suppress(KeyError):  # another thread may have made room
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def tell(self, key: object, found: Found) -> None:
        self._kept[key] = found
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)

    def recall(self, key: object, find: Callable[[], Found]) -> Found:
        """What is kept under `key`; at the first time, what `find` finds."""
        found = self.told(key)
        if found is None:
            found = find()
            self.tell(key, found)
        return found


class Surveys(Kept[dict[str, Tensor]]):
    """What networks saw in paintings, kept for the next picture after them."""


class Trials(Kept[Costs]):
    """The costs of every kind of run that was tried out, as long as the process lasts."""


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
    machine = str(device), devices.called(device), torch.get_num_threads()
    made_with = network.name, network.sha256, sorted(layers), machine
    return json.dumps([knobs, parts, maps, made_with], sort_keys=True)
