"""Statistics that sums do not tell: how values are distributed, for which they must be sorted, all of them.

    sliced      the Wasserstein distance along random directions, where it is that of sorted values (Rabin et al. 2011;
                for textures Heitz et al., arXiv:2006.07229)
    histogram   the histogram of each channel, matched exactly (Risser et al., arXiv:1701.08893: there beside Gram
                matrices, here beside the Wasserstein distance of mean and covariance)

What a layer shows at every position is gathered before it is judged. Tiles would give the same, but what they are there
for, memory, would be spent again on the gathered values: the planner paints such pictures in one piece or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from impasto.device import wide
from impasto.dial import between
from impasto.likeness import Grid
from impasto.look import placed
from impasto.measures import EPSILON, Gaussian, gaussian, wasserstein_distance
from impasto.networks import Network, stride
from impasto.objective import Term
from impasto.tiles import Tile

BASES = 2  # of random directions; one at the stride of a pixel, where there are the most values to sort


def gathered(
    network: Network,
    image: Tensor,
    layers: frozenset[str],
    tiles: Sequence[Tile],
    weights: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Tensor]:
    """[w f, w] for every position of each layer, in any order: (positions, C + 1)."""
    found: dict[str, list[Tensor]] = {layer: [] for layer in sorted(layers)}
    for tile in tiles:
        with torch.no_grad():
            features = network(tile.cut(image), layers)
        for layer, rows in found.items():
            step = stride(network, layer)
            own, where = tile.owned(features[layer], step), placed(weights.get(layer), tile, step)
            flat = own.permute(0, 2, 3, 1).reshape(-1, own.shape[1]).to(image.dtype)
            w = flat.new_ones(len(flat), 1) if where is None else where.reshape(-1, 1).to(flat)
            rows.append(torch.cat([flat * w, w], 1)[w[:, 0] > 0])
    return {layer: torch.cat(rows) for layer, rows in found.items()}


def pooled(each: Sequence[Mapping[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """Several paintings as one: the values of all, those of a painting counting as much as its weight."""
    return {
        layer: torch.cat(
            [
                w / float(one[layer][:, -1].sum()) * one[layer]
                for w, one in zip(weights, each, strict=True)
                if layer in one
            ]
        )
        for layer in dict.fromkeys(name for one in each for name in one)
    }


@dataclass(frozen=True)
class Sorted:
    """Values along directions in rising order (K, n), and for each how much of all lies below its middle, 0 to 1."""

    values: Tensor
    below: Tensor
    share: Tensor

    @classmethod
    def of(cls, samples: Tensor, directions: Tensor) -> Sorted:
        """[w f, w] and (C + 1, K) directions for [f; 1]."""
        weight = samples[:, -1].detach()
        along = (samples[:, :-1] @ directions[:-1]) / weight.clamp_min(EPSILON)[:, None] + directions[-1]
        values, order = along.T.contiguous().sort(1)
        if bool((weight == weight[0]).all()):
            return cls(values, middles(values), torch.full_like(values[:1], 1 / len(weight)))
        share = (wide(weight) / wide(weight).sum().clamp_min(EPSILON))[order.to(wide(weight).device)]
        return cls(values, (share.cumsum(1) - share / 2).to(values), share.to(values))

    def nearer(self, origin: Sorted, reach: float) -> Sorted:
        """Every value on the way to it from that of `origin` which has as much below it."""
        return replace(self, values=torch.lerp(origin.at(self.below), self.values, reach))

    def at(self, below: Tensor) -> Tensor:
        """The quantiles: values that have this much below them; between two samples, on the line that joins them."""
        last = self.below.shape[1] - 1
        right = torch.searchsorted(self.below, below).clamp(min(1, last), last)
        left = (right - 1).clamp_min(0)
        low, high = self.below.gather(1, left), self.below.gather(1, right)
        part = ((below - low) / (high - low).clamp_min(EPSILON)).clamp(0, 1)
        return torch.lerp(self.values.gather(1, left), self.values.gather(1, right), part)


def middles(values: Tensor) -> Tensor:
    """How much lies below the middle of each of n sorted values that count alike."""
    count = values.shape[1]
    return ((torch.arange(count, dtype=values.dtype, device=values.device) + 0.5) / count).repeat(len(values), 1)


def slices(channels: int, bases: int, root: Tensor | None = None) -> Tensor:
    """Orthogonal directions in random position, as many `bases` of them: (C + 1, K) for [f; 1].

    Scaled so that two clouds of which one is the other moved are as far apart as it was moved.
    """
    size = channels if root is None else len(root)
    generator = torch.Generator().manual_seed(size)
    drawn = torch.randn(bases, size, size, generator=generator, dtype=torch.float64)
    turned = torch.linalg.qr(drawn).Q.transpose(0, 1).reshape(size, -1) / bases**0.5
    return axes(channels, root).cpu().double() @ turned


def axes(channels: int, root: Tensor | None = None) -> Tensor:
    """The channels themselves; under a metric, its principal axes."""
    if root is not None:
        return root.T
    return torch.cat([torch.eye(channels), torch.zeros(1, channels)])


def spread_term(
    layer: str,
    weight: float,
    painted: Tensor,
    statistic: str,
    size: tuple[int, int],
    step: int,
    *,
    root: Tensor | None = None,
    where: Tensor | None = None,
    name: str = "style",
    way: tuple[Tensor, float] | None = None,
) -> Term:
    """The values of a layer of `size` (h, w) shall be distributed as the painting's [w f, w]; or, if there is a `way`
    (from where, and how far), as those that lie there on the way to the painting's.

    In units of the painting's own distance from nothing, as `losses.style_factor` has it.
    """
    channels, grid, positions = painted.shape[1] - 1, Grid(*size, *size), size[0] * size[1]
    sliced = statistic == "sliced"
    directions = (slices(channels, min(BASES, step), root) if sliced else axes(channels, root)).to(painted)
    target, shape = Sorted.of(painted, directions), _gaussian(painted, root)
    if way is not None:
        near, reach = way
        target = target.nearer(Sorted.of(near, directions), reach)
        shape = between(_gaussian(near, root), shape, reach)
    even = target.at(middles(target.values.new_empty(len(target.values), positions))) if where is None else None
    nothing = Gaussian(torch.zeros_like(shape.mean), torch.zeros_like(shape.second))
    power = (target.share * target.values.square()).sum()
    factor = 1 / max(float(power if sliced else power + wasserstein_distance(nothing, shape)), EPSILON)

    def sums(features: Tensor, tile: Tile, stride: int) -> Tensor:
        rows, columns = tile.rows.placed(stride), tile.columns.placed(stride)
        return grid.sums(tile.owned(features, stride), rows, columns, placed(where, tile, stride))

    def loss(total: Tensor) -> Tensor:
        seen = Sorted.of(total, directions)
        wanted = target.at(seen.below) if even is None else even
        apart = (seen.share * (seen.values - wanted.detach()).square()).sum()
        return factor * (apart if sliced else apart + wasserstein_distance(_gaussian(total, root), shape))

    return Term(f"{name} {layer}", weight, layer, sums, loss, polished=1.0)


def _gaussian(samples: Tensor, root: Tensor | None) -> Gaussian:
    """Mean and second moment of [w f, w]."""
    weight = samples[:, -1:].clamp_min(EPSILON)
    return gaussian((samples / weight).T @ samples, root)
