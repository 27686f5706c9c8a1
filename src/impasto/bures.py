"""The Wasserstein distance between the sums of a layer and a painting's, with its slope written out.

It is `measures.wasserstein_distance` of what a metric makes of the sums, in the axes of the painting's own covariance:
the painting's root is a vector there. There are several layers in each step, and torch's own way back needs so many
operations on small matrices that a fifth of a step at 64 pixels went there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.device import wide
from impasto.measures import EPSILON, Gaussian


@dataclass(frozen=True)
class Axes:
    """Those of a painting's covariance: R, which carries [f; 1] there, and the painting as it looks from there."""

    root: Tensor  # (k, C + 1)
    mean: Tensor  # (k,)
    deviations: Tensor  # (k,), of covariance + ridge: its symmetric root, as it is diagonal
    ridge: Tensor  # a number


def axes(painting: Gaussian, root: Tensor) -> Axes:
    """Of a painting that `root` has carried into the space of a metric.

    Only for what a metric has mixed already: channels that are never active have no variance, and would be given the
    rounding of the others.
    """
    variances, vectors = torch.linalg.eigh(wide(painting.covariance))
    ridge = painting.ridge[0, 0]
    turn = vectors.T.to(painting.mean)
    return Axes(turn @ root.to(turn), turn @ painting.mean, (variances + ridge).clamp_min(0).sqrt(), ridge)


def distance(sums: Tensor, painting: Axes) -> Tensor:
    """Sums of `measures.moments` -> ‖μ − m‖² + tr(Σ + S − 2 (S^½ Σ S^½)^½), both covariances lifted by the ridge."""
    result: Tensor = _Distance.apply(sums, painting)  # type: ignore[no-untyped-call]
    return result


class _Distance(torch.autograd.Function):
    """With X = S^½ Σ S^½ = V Λ Vᵀ the slope at Σ is I − S^½ V Λ^-½ Vᵀ S^½: half of a root's, twice. How many positions
    there are, in the corner of the sums, is no variable."""

    @staticmethod
    def forward(ctx: Any, sums: Tensor, painting: Axes) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        root, deviations = painting.root.to(sums.dtype), painting.deviations
        count = sums[-1, -1].clamp_min(EPSILON)
        carried = root @ (sums / count)
        mean = carried[:, -1]
        covariance = wide(torch.addr(carried @ root.T, mean, mean, alpha=-1))
        covariance.diagonal().add_(painting.ridge)
        around = torch.outer(deviations, deviations)
        values, vectors = torch.linalg.eigh(around * covariance)
        floor = painting.ridge.square()
        roots = values.clamp_min(floor).sqrt()
        apart = covariance.diagonal().sum() + deviations.square().sum() - 2 * roots.sum()
        away = mean - painting.mean.to(mean)

        slope = (vectors * ((values >= floor) / roots)) @ vectors.T
        slope.mul_(around).neg_().diagonal().add_(1)
        at_covariance = slope.to(sums)
        at_sums = root.T @ at_covariance @ root
        at_sums[:, -1] += root.T @ (2 * (away - at_covariance @ mean))
        ctx.save_for_backward(at_sums / count)
        return away.square().sum() + apart.to(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 -- torch has no type for it
        (at_sums,) = ctx.saved_tensors
        return slope * at_sums, None
