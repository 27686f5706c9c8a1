"""What is measured on features: sums over positions, and distances between what they say.

Everything here is a pure function. Two kinds:

* **sums** add something up over the positions of a layer: `moments`, `squared_difference`, `total_variation`. They may
  be added over tiles, over machines and over several paintings.
* **distances** compare the sums of the picture with those of the painting: `gram_distance` and its siblings. They see
  small matrices only, in float32 at least.

A network may say how its distances are to be measured: M = A'ᵀA', where A' = [A b] maps its features f into a larger
network's space, F = A f + b = A' [f; 1]. With any square root RᵀR = M, the vectors R [f; 1] have the very same inner
products as the F, so every distance between statistics of F (Gram, covariance, Wasserstein) equals that of R [f; 1],
and only (c + 1) x (c + 1) matrices are ever multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.device import finest, wide
from impasto.networks.convolution import Convolution, convolve, stepping
from impasto.networks.pooling import in_planes

Variation = Literal["l1", "l2", "power"]

EPSILON = 1e-8  # under every root and division
AT_ONCE = 1 << 19  # numbers that are put in squares before they are multiplied: they stay in the processor's cache
SEEN = 1e-7  # of the largest direction of a metric, squared: what is less is the rounding of float32
RIDGE = 1e-6  # of the power of the features: what float32 sums leave unsaid about their covariance
FELT = 1e-20  # of the largest factor: what is less is lost in any sum, and can make a processor ten times slower


@dataclass(frozen=True)
class Gaussian:
    """Mean (C,) and raw second moment (C, C) of a layer's features, per position. What follows from them is kept."""

    mean: Tensor
    second: Tensor

    @cached_property
    def covariance(self) -> Tensor:
        return self.second - torch.outer(self.mean, self.mean)

    @cached_property
    def ridge(self) -> Tensor:
        """A little of the total energy on the diagonal: what keeps roots and their slopes finite where all is flat."""
        size = RIDGE * wide(self.second).diagonal().sum().detach() + EPSILON
        return size * torch.eye(len(self.mean), dtype=size.dtype, device=size.device)

    @cached_property
    def lifted(self) -> Tensor:
        """Covariance + ridge."""
        return wide(self.covariance) + self.ridge

    @cached_property
    def half(self) -> Tensor:
        """The symmetric root of covariance + ridge."""
        return symmetric_root(self.lifted)

    def framed(self, sigma: Tensor) -> Tensor:
        """Another covariance between this one's roots: Σ^½ σ Σ^½."""
        return self.half @ sigma @ self.half


# ---- sums over positions -------------------------------------------------------------------------------------------


ALL = slice(None), slice(None)  # rows and columns


def moments(
    features: Tensor,
    weight: Tensor | None = None,
    *,
    own: tuple[slice, slice] = ALL,
    block: int = 64,
    mute: bool = False,
) -> Tensor:
    """Σ w [f; 1][f; 1]ᵀ over some rows and columns of (1, C, h, w), for which there may be weights: (C + 1, C + 1).

    The corner is Σ w, the last column Σ w f, the rest the Gram matrix before any division. Squares of `block` positions
    are summed in float32 at least, and the squares in float64: whoever adds up whole squares elsewhere gets the same.
    Where the sums are known already, `mute` leaves them out: zeros, with the slopes of the sums.
    """
    sums: Tensor = _Moments.apply(features, weight, own, block, mute)  # type: ignore[no-untyped-call]
    return sums


class _Moments(torch.autograd.Function):
    """The derivative, written out: the sums are symmetric in f, so one product does where torch would make two, and
    what lies around the positions that count is set to zero afterwards, where torch would write all of it anew."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 -- torch has no type for it
        seen: Tensor,
        w: Tensor | None,
        own: tuple[slice, slice],
        block: int,
        mute: bool,
    ) -> Tensor:
        ctx.save_for_backward(seen, w)
        ctx.own, f = own, seen[..., own[0], own[1]]
        total = f.new_zeros(f.shape[1] + 1, f.shape[1] + 1, dtype=finest(f.device))
        if mute:
            return total
        weights = None if w is None else _squares(w, block, f.shape[1])
        second, first = total[:-1, :-1], total[-1, :-1]
        for plain in _squares(f, block, f.shape[1]):
            heavy = plain if weights is None else plain * next(weights)
            second.add_(_products(plain, heavy).sum(0, dtype=total.dtype))
            first.add_(heavy.sum(1).sum(0, dtype=total.dtype))
        total[:-1, -1] = total[-1, :-1]
        total[-1, -1] = f.shape[-2] * f.shape[-1] if w is None else w.sum(dtype=total.dtype)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None, None]:  # noqa: ANN401 -- torch has no type for it
        seen, w = ctx.saved_tensors
        if not seen.numel():  # a tile's sliver may own no position
            return seen, None, None, None, None
        both = _felt(slope + slope.T).to(seen.dtype)
        slopes = F.conv2d(seen, both[:-1, :-1, None, None], both[:-1, -1])
        if w is not None:
            slopes[..., ctx.own[0], ctx.own[1]].mul_(w.to(seen.dtype))
        for axis, part in zip((-2, -1), ctx.own, strict=True):
            start, stop, _ = part.indices(size := slopes.shape[axis])
            if (start, stop) != (0, size):
                slopes.narrow(axis, 0, start).zero_()
                slopes.narrow(axis, stop, size - stop).zero_()
        return slopes, None, None, None, None


def _squares(planes: Tensor, block: int, channels: int) -> Iterator[Tensor]:
    """The positions of (1, c, h, w) in squares, (squares, positions, c), as many of one size at once as, with their
    products of so many channels, stay in the fast memory. Sides that `block` does not divide leave slivers."""
    grid = planes[0].permute(1, 2, 0)
    row = max(1, math.ceil(grid.shape[1] / block) * channels * max(block * block, channels))
    bands = max(1, AT_ONCE // row)
    for band in torch.split(grid, bands * block):
        height, width = (size - size % block for size in band.shape[:2])
        for part in (band[:height, :width], band[:height, width:], band[height:, :width], band[height:, width:]):
            if part.numel():
                rows, columns = (min(size, block) for size in part.shape[:2])
                cut = part.reshape(-1, rows, part.shape[1] // columns, columns, part.shape[2]).transpose(1, 2)
                kind = torch.promote_types(planes.dtype, torch.float32)
                made = _together(cut, kind, planes=in_planes(planes))
                yield from torch.split(made, max(1, AT_ONCE // (channels * max(rows * columns, channels))))


def _together(cut: Tensor, kind: torch.dtype, *, planes: bool) -> Tensor:
    """Squares (down, across, rows, columns, c) -> (squares, positions, c). Positions of one channel that lay side by
    side still do, and only look transposed: to read in one order and write in another takes longer."""
    if planes:
        return cut.movedim(-1, 2).to(kind, memory_format=torch.contiguous_format).flatten(3).flatten(0, 1).mT
    return cut.to(kind, memory_format=torch.contiguous_format).flatten(2, 3).flatten(0, 1)


def _products(plain: Tensor, heavy: Tensor) -> Tensor:
    """fᵀ w f of each square. A single one is multiplied beside itself: alone, some processors divide its sum among
    their threads, and it is no longer what it is among others."""
    if len(plain) > 1:
        return torch.bmm(plain.mT, heavy)
    return torch.bmm(plain.expand(2, -1, -1).mT, heavy.expand(2, -1, -1))[:1]


def _felt(factor: Tensor) -> Tensor:
    """Without what is too small to count: channels that a metric hardly sees have roots and slopes below the smallest
    normal number, with which a processor multiplies in its slow way."""
    size = factor.abs()
    return factor.masked_fill(size < FELT * size.max(), 0)


def linear(root: Tensor) -> Convolution:
    """What a metric makes of a difference of features, from its root: positions are seen one by one, each alike
    whatever surrounds it."""
    return stepping(root[:, :-1, None, None].contiguous(memory_format=torch.channels_last))


def squared_difference(
    features: Tensor,
    target: Tensor,
    metric: Convolution | None = None,
    weight: Tensor | None = None,
    *,
    mute: bool = False,
) -> Tensor:
    """Σ w ‖A (f − t)‖² over positions: a scalar. `metric` is `linear` of the root of AᵀA, if there is one.

    `mute` as for moments.
    """
    d = _wide(features) - _wide(target)
    if metric is not None and d.numel():  # a tile's sliver may own no position
        d = convolve(d, metric)
    squares = d.square() if weight is None else d.square() * weight.to(d.dtype)
    total = squares.sum(dtype=finest(d.device))
    return total - total.detach() if mute else total


def squares(features: Tensor, root: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """Σ w ‖A f + b‖² over positions: a scalar."""
    sums = moments(_wide(features), weight)
    if root is None:
        return sums.diagonal()[:-1].sum()
    metric = root.T @ root
    return (metric.to(sums) * sums).sum()


def total_variation(image: Tensor, rows: slice, columns: slice, kind: Variation = "l2", power: float = 1.25) -> Tensor:
    """Σ over the given positions of the differences to the neighbor below and to the right: a scalar.

    l1: |dx| + |dy|;   l2: dx² + dy²;   power: (dx² + dy²)^power. Positions on the last row or column of the picture
    have one neighbor less.
    """
    exact = finest(image.device)
    x = _wide(image)[..., rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    height, width = rows.stop - rows.start, columns.stop - columns.start
    dy = (x[..., 1:, :] - x[..., :-1, :])[..., :height, :width]
    dx = (x[..., :, 1:] - x[..., :, :-1])[..., :height, :width]
    if kind == "l1":
        return dy.abs().sum(dtype=exact) + dx.abs().sum(dtype=exact)
    if kind == "l2":
        return dy.square().sum(dtype=exact) + dx.square().sum(dtype=exact)
    both = F.pad(dy.square(), (0, 0, 0, height - dy.shape[-2])) + F.pad(dx.square(), (0, width - dx.shape[-1]))
    return ((both + EPSILON) ** power - EPSILON**power).sum(dtype=exact)


def _wide(x: Tensor) -> Tensor:
    """At least float32."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


# ---- from sums to statistics ---------------------------------------------------------------------------------------


def root(metric: Tensor) -> Tensor:
    """R with RᵀR = M for a symmetric, positive semi-definite M, with a row for each direction that M sees; computed in
    float64 on the CPU."""
    values, vectors = torch.linalg.eigh(metric.detach().cpu().double())
    seen = values > SEEN * values[-1]
    return _felt(values[seen].sqrt()[:, None] * vectors.T[seen]).to(metric)


def gaussian(sums: Tensor, root: Tensor | None = None) -> Gaussian:
    """Sums of `moments` -> mean and second moment per position, carried into the metric's space if there is one."""
    per_position = sums / sums[-1, -1].clamp_min(EPSILON)
    if root is None:
        return Gaussian(per_position[:-1, -1], per_position[:-1, :-1])
    r = root.to(per_position.dtype)
    return Gaussian(r @ per_position[:, -1], r @ per_position @ r.T)


def symmetric_root(matrix: Tensor) -> Tensor:
    """That of a symmetric, positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


# ---- distances between statistics ----------------------------------------------------------------------------------


def gram_distance(a: Gaussian, b: Gaussian) -> Tensor:
    """‖G_a − G_b‖², squared Frobenius norm of the difference of Gram matrices per position (Gatys 2015, without the
    1/4N²M²: see `losses.style_factor`)."""
    return (a.second - b.second).square().sum()


def covariance_distance(a: Gaussian, b: Gaussian) -> Tensor:
    """‖Σ_a − Σ_b‖² + 2 s ‖μ_a − μ_b‖², s = ‖Σ_b‖ + ‖μ_b‖²/100: the Gram matrix taken apart, so that neither part can
    hide behind the other.

    The factor gives both parts the same unit, and the mean the weight that it has in the Gram matrix of a layer whose
    mean and spread are alike. The hundredth keeps the mean in play where a painting is of one color.
    """
    spread = b.covariance.square().sum().sqrt() + b.mean.square().sum() / 100
    return (a.covariance - b.covariance).square().sum() + 2 * spread.detach() * (a.mean - b.mean).square().sum()


def moments_distance(a: Gaussian, b: Gaussian) -> Tensor:
    """Gram matrices, means and deviations together (Galerne et al. 2024): each in units of the Gram distance."""
    size = b.second.square().sum().sqrt().detach()
    mean = (a.mean - b.mean).square().sum()
    deviation = (deviations(a) - deviations(b)).square().sum()
    return gram_distance(a, b) + size * (mean + deviation)


def wasserstein_distance(a: Gaussian, b: Gaussian) -> Tensor:
    """Squared 2-Wasserstein distance of two Gaussians (Bures): ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_b^½ Σ_a Σ_b^½)^½).

    Both covariances are lifted by b's ridge: this is still a distance, zero where they agree, and its slope stays
    finite where the picture is flat.
    """
    sigma_a, sigma_b = wide(a.covariance) + b.ridge, b.lifted
    product = b.framed(sigma_a)
    floor = b.ridge[0, 0].square()
    cross = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(floor).sqrt().sum()
    apart = (sigma_a + sigma_b).diagonal().sum() - 2 * cross
    return (a.mean - b.mean).square().sum() + apart.to(a.mean)


def deviations(g: Gaussian) -> Tensor:
    """Standard deviation per channel; differentiable at zero."""
    return (g.covariance.diagonal().clamp_min(0) + EPSILON).sqrt()


Distance = Callable[[Gaussian, Gaussian], Tensor]

DISTANCES: dict[str, Distance] = {
    "gram": gram_distance,
    "covariance": covariance_distance,
    "moments": moments_distance,
    "wasserstein": wasserstein_distance,
}
DEEPEST = 16  # pixels between the positions of the layers that `mixed` compares by their Gram matrices


def at_layer(statistic: str, step: int) -> str:
    """What is compared at a layer with a position for every `step` pixels.

    `mixed` is Wasserstein, and Gram at the deepest layers. Found by trying: pictures are nearer to the painting there
    in the eyes of other networks, perhaps because what is faint at these layers is another thing in each network.
    """
    if statistic != "mixed":
        return statistic
    return "gram" if step >= DEEPEST else "wasserstein"
