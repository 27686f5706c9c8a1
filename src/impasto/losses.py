"""The losses of the papers, each one pure function and one term of the objective: style, content, smoothness.

They see sums over positions only (`measures`): what a distance is multiplied with makes it a paper's, or relative to
the photo and the painting, so that one weight means the same at every size and layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from impasto import bures, measures
from impasto.look import moments, placed
from impasto.measures import Gaussian
from impasto.objective import Term
from impasto.storage import MEMORY
from impasto.tiles import Tile

ContentScale = Literal["relative", "half-sum", "mean", "size"]
StyleScale = Literal["relative", "gatys", "mean", "positions", "size"]


def style_factor(scale: StyleScale, target: Gaussian, distance: measures.Distance, positions: int) -> float:
    """What a distance per position is multiplied with. N channels, M positions, G the Gram matrix summed, not averaged.

    relative   distance in units of the painting's own distance from nothing: the same at every size and layer
    gatys      1/(4N²M²) Σ (G − A)², the paper's
    mean       mean of (G − A)² over the N² entries of the raw Gram matrices: grows with M²
    positions  mean of (G/M − A/M)²
    size       mean of (G/NM − A/NM)²
    """
    n = len(target.mean)
    if scale == "relative":
        nothing = Gaussian(torch.zeros_like(target.mean), torch.zeros_like(target.second))
        return 1.0 / max(float(distance(nothing, target)), measures.EPSILON)
    return {"gatys": 1 / (4 * n**2), "mean": positions**2 / n**2, "positions": 1 / n**2, "size": 1 / n**4}[scale]


def style_term(
    layer: str,
    weight: float,
    target: Gaussian,
    *,
    positions: int,
    statistic: str = "gram",
    scale: StyleScale = "relative",
    root: Tensor | None = None,
    where: Tensor | None = None,
    name: str = "style",
) -> Term:
    """The statistics of a layer shall be the painting's; `where` (1, 1, h, w) says how much each position counts."""
    distance = measures.DISTANCES[statistic]
    factor = style_factor(scale, target, distance, positions)
    # the same in any axes, but quicker in the painting's own
    principal = bures.axes(target, root) if statistic == "wasserstein" and root is not None else None

    def sums(features: Tensor, tile: Tile, step: int) -> Tensor:
        return moments(features, tile, step, where)

    def loss(total: Tensor) -> Tensor:
        if principal is not None:
            return factor * bures.distance(total, principal)
        return factor * distance(measures.gaussian(total, root), target)

    return Term(f"{name} {layer}", weight, layer, sums, loss, polished=1.0)


def content_factor(scale: ContentScale, target: Tensor, root: Tensor | None, where: Tensor | None = None) -> float:
    """What Σ ‖F − P‖² is multiplied with. P has C channels on H x W positions.

    relative  in units of the photo's own variation, Σ ‖P − mean P‖², or of Σ ‖P‖²/2 where the photo is flat (others
              vary by more, and a flat one would never be painted): the same at every size and layer
    half-sum  ½ Σ, the paper's
    mean      Σ / CHW
    size      Σ / 4CHW
    """
    if scale == "relative":
        variation, flat = spread(target, root, where)
        return 1.0 / max(variation, flat / 2, measures.EPSILON)
    return {"half-sum": 0.5, "mean": 1 / target.numel(), "size": 1 / (4 * target.numel())}[scale]


def spread(target: Tensor, root: Tensor | None, where: Tensor | None) -> tuple[float, float]:
    """Σ ‖P − mean P‖² and Σ ‖P‖², a band of positions at a time."""

    def bands() -> Iterator[tuple[Tensor, Tensor | None]]:
        for rows in MEMORY.bands(target):
            yield target[..., rows, :], None if where is None else where[..., rows, :]

    total = torch.stack([(p if w is None else p * w).sum((2, 3), keepdim=True) for p, w in bands()]).sum(0)
    average = total / (target[0, 0].numel() if where is None else where.sum())
    variation, power, metric = 0.0, 0.0, None if root is None else measures.linear(root)
    for p, w in bands():
        variation += float(measures.squared_difference(p, average.expand_as(p), metric, w))
        power += float(measures.squares(p, root, w))
    return variation, power


def content_term(
    layer: str,
    weight: float,
    target: Tensor,
    *,
    scale: ContentScale = "relative",
    root: Tensor | None = None,
    where: Tensor | None = None,
    rim: tuple[float, float] = (1.0, 1.0),
) -> Term:
    """The features of a layer shall be the photo's, position by position, each counting as much as `where` says.

    The first and last rows, and columns, count `rim` times: what most of the network's windows never reach, it would
    else give away first. What lies inside has the weight that it has without.
    """
    factor, metric = content_factor(scale, target, root, where), None if root is None else measures.linear(root)
    where = rimmed(where, target, rim)

    def sums(features: Tensor, tile: Tile, step: int) -> Tensor:
        seen, wanted = tile.owned(features, step), tile.placed(target, step)
        return measures.squared_difference(seen, wanted, metric, placed(where, tile, step), mute=tile.mute)

    return Term(f"content {layer}", weight, layer, sums, lambda total: factor * total, polished=1.0)


def rimmed(where: Tensor | None, target: Tensor, rim: tuple[float, float]) -> Tensor | None:
    """A map of a layer on which the border counts `rim` times."""
    if rim == (1.0, 1.0):
        return where
    counts = torch.ones_like(target[:, :1], dtype=torch.float32) if where is None else where.clone()
    for axis, times in zip((-2, -1), rim, strict=True):
        for line in {0, counts.shape[axis] - 1}:
            counts.select(axis, line).mul_(times)
    return counts


def variation_term(
    weight: float, values: int, *, kind: measures.Variation = "l2", power: float = 1.25, mean: bool = True
) -> Term:
    """Neighboring pixels shall be alike. `values` counts the picture's numbers, 3HW, for the mean."""
    factor = 1 / values if mean else 1.0

    def sums(image: Tensor, tile: Tile, _: int) -> Tensor:
        return measures.total_variation(image, tile.rows.owned(1), tile.columns.owned(1), kind, power)

    return Term("variation", weight, "image", sums, lambda total: factor * total, polished=1.0)
