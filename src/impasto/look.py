"""What a network sees in a whole picture, tile by tile: its features, or their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from impasto import measures
from impasto.networks import Features, Network, stride
from impasto.storage import MEMORY, Room
from impasto.tiles import BLOCK, Tile


def survey(
    network: Network,
    image: Tensor,
    layers: frozenset[str],
    tiles: Sequence[Tile],
    weights: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Tensor]:
    """The moments of each layer over the whole picture, tile by tile; `weights` (1, 1, h, w) where not all counts."""
    totals: dict[str, Tensor] = {}
    for tile in tiles:
        with torch.no_grad():
            features = network(tile.cut(image), layers)
            for layer in sorted(layers):
                step = stride(network, layer)
                own = moments(features[layer], tile, step, weights.get(layer))
                totals[layer] = totals[layer] + own if layer in totals else own
    return {layer: total.to(image.dtype) for layer, total in totals.items()}


def moments(features: Tensor, tile: Tile, step: int, where: Tensor | None) -> Tensor:
    """Of the tile's own positions, in the picture's squares."""
    block = max(1, BLOCK // step)
    return measures.moments(features, placed(where, tile, step), own=tile.own(step), block=block, mute=tile.mute)


def placed(where: Tensor | None, tile: Tile, step: int) -> Tensor | None:
    """The tile's own part of a map, if there is one."""
    return None if where is None else tile.placed(where, step)


def look(
    network: Network, image: Tensor, layers: frozenset[str], tiles: Sequence[Tile], room: Room = MEMORY
) -> Features:
    """The features of the whole picture, tile by tile."""
    whole: dict[str, Tensor] = {}
    height, width = image.shape[-2:]
    for tile in tiles:
        with torch.no_grad():
            features = network(tile.cut(image), layers)
            for layer in sorted(layers):
                step, seen = stride(network, layer), features[layer]
                if tile.whole and not room.in_file:
                    whole[layer] = tile.owned(seen, step)
                    continue
                if layer not in whole:
                    whole[layer] = room.image(seen.shape[1], height // step, width // step, seen)
                tile.placed(whole[layer], step).copy_(tile.owned(seen, step))
        room.let_go()
    return whole


def merge(sums: Sequence[Mapping[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """Several paintings as one: their statistics per position, weighted; raw second moments may be mixed linearly.

    A layer is mixed among those that have it.
    """
    merged: dict[str, Tensor] = {}
    for layer in dict.fromkeys(name for each in sums for name in each):
        heard = [(w, each[layer]) for w, each in zip(weights, sums, strict=True) if layer in each]
        total = sum(w for w, _ in heard)
        merged[layer] = torch.stack([w / total * each / each[-1, -1] for w, each in heard]).sum(0)
    return merged
