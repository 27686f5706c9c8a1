"""Colors: the photo's kept, a painting's taken, a palette's obeyed. Pure functions on (1, 3, H, W) in [0, 1].

Each is finite on gray, flat and two-color pictures, and each keeps what it promises to keep where a color does not fit
into RGB: the lightness and the hue stay, the saturation gives way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.device import wide

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: the Y' of JPEG and of the classic programs

# B. Ottosson, "A perceptual color space for image processing" (2020): linear sRGB -> cones -> cube root -> L, a, b.
CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
OPPONENTS = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)

RIDGE = 1e-5  # added to covariances before their roots: a deviation of 0.003, the rounding of 8 bits
HALVINGS = 16  # of the search for the saturation that fits: 1/65536
SOFTNESS = 0.4  # of the choice between the colors of a palette, in units of their distance


# ---- spaces --------------------------------------------------------------------------------------------------------


def linear(rgb: Tensor) -> Tensor:
    """sRGB values -> light."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def encoded(light: Tensor) -> Tensor:
    """Light -> sRGB values; negative light, which no screen has, goes on along the line."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def to_oklab(rgb: Tensor) -> Tensor:
    """Lightness in [0, 1], and the two axes of color, zero on grays."""
    cones = _mixed(linear(rgb), rgb.new_tensor(CONES))
    return _mixed(cones.clamp_min(0) ** (1 / 3), rgb.new_tensor(OPPONENTS))


def from_oklab(lab: Tensor) -> Tensor:
    """The way back, unclamped: colors that RGB does not have lie outside of [0, 1]."""
    roots = _mixed(lab, torch.linalg.inv(lab.new_tensor(OPPONENTS, dtype=torch.float64)).to(lab))
    return encoded(_mixed(roots**3, torch.linalg.inv(lab.new_tensor(CONES, dtype=torch.float64)).to(lab)))


def luma(rgb: Tensor) -> Tensor:
    """Y' of every pixel: (1, 1, H, W)."""
    return (rgb * rgb.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def gray(rgb: Tensor) -> Tensor:
    """The luma in all three channels."""
    return luma(rgb).clamp(0, 1).repeat(1, 3, 1, 1)


def _mixed(planes: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix, planes)


# ---- the photo's colors --------------------------------------------------------------------------------------------


def with_luma(photo: Tensor, painted: Tensor) -> Tensor:
    """Y' of the painted picture, the chroma of the photo (the classic programs' "original colors")."""
    y, chroma = luma(painted), photo - luma(photo)
    room = torch.where(chroma > 0, 1 - y, y)  # how far each channel may go
    fits = (room / chroma.abs().clamp_min(1e-6)).amin(1, keepdim=True).clamp(0, 1)
    return (y + fits * chroma).clamp(0, 1)


def with_lightness(photo: Tensor, painted: Tensor) -> Tensor:
    """Oklab lightness of the painted picture, hue and chroma of the photo."""
    light, color = to_oklab(painted)[:, :1], to_oklab(photo)[:, 1:]
    return in_gamut(torch.cat([light, color], 1))


def in_gamut(lab: Tensor) -> Tensor:
    """Oklab -> RGB in [0, 1]; where a color is too strong for its lightness, as much of it as there is."""
    light, color = lab[:, :1], lab[:, 1:]
    rgb = from_oklab(lab)
    if _shown(rgb).all():
        return rgb.clamp(0, 1)
    low, high = torch.zeros_like(light), torch.ones_like(light)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        fits = _shown(from_oklab(torch.cat([light, middle * color], 1)))
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    fitted = from_oklab(torch.cat([light, low * color], 1))
    return torch.where(_shown(rgb), rgb, fitted).clamp(0, 1)


def _shown(rgb: Tensor) -> Tensor:
    """Where a screen can show the color, up to rounding."""
    return ((rgb >= -1e-4) & (rgb <= 1 + 1e-4)).all(1, keepdim=True)


# ---- another picture's colors --------------------------------------------------------------------------------------


class Spread(NamedTuple):
    """Mean (3,) and covariance (3, 3) of colors, in float64."""

    mean: Tensor
    covariance: Tensor


def spread(rgb: Tensor, weight: Tensor | None = None) -> Spread:
    """How the colors of a picture lie in RGB; `weight` (1, 1, H, W) says how much each pixel counts."""
    pixels = wide(rgb).permute(0, 2, 3, 1).reshape(-1, 3)
    counts = torch.ones_like(pixels[:, :1]) if weight is None else wide(weight).reshape(-1, 1)
    total = counts.sum().clamp_min(1e-12)
    mean = (counts * pixels).sum(0) / total
    apart = pixels - mean
    return Spread(mean, apart.T @ (counts * apart) / total)


def pooled(spreads: Sequence[Spread], weights: Sequence[float]) -> Spread:
    """The colors of several pictures thrown together, in these shares, which sum to one."""
    shares = list(zip(spreads, weights, strict=True))
    mean = torch.stack([w * s.mean for s, w in shares]).sum(0)
    raw = torch.stack([w * (s.covariance + torch.outer(s.mean, s.mean)) for s, w in shares]).sum(0)
    return Spread(mean, raw - torch.outer(mean, mean))


def recolored(rgb: Tensor, source: Spread, target: Spread, method: str = "monge") -> Tensor:
    """Colors that lie as `source` says are moved to lie as `target` says, by one linear map (see `MAPS`); where both
    say the same, not at all."""
    lift = RIDGE * torch.eye(3, dtype=torch.float64, device=source.covariance.device)
    more = MAPS[method](source.covariance + lift, target.covariance + lift) - torch.eye(3).to(lift)
    old, away = (each.to(rgb).view(1, 3, 1, 1) for each in (source.mean, target.mean - source.mean))
    return (rgb + (_mixed(rgb - old, more.to(rgb)) + away)).clamp(0, 1)


def cholesky_map(source: Tensor, target: Tensor) -> Tensor:
    """L_t L_s⁻¹ of the triangular roots: the first channel leads (Gatys et al., arXiv:1606.05897)."""
    matrix: Tensor = torch.linalg.cholesky(target) @ torch.linalg.inv(torch.linalg.cholesky(source))
    return matrix


def pca_map(source: Tensor, target: Tensor) -> Tensor:
    """Σ_t^½ Σ_s^-½ of the symmetric roots (the "image analogies" transfer of the same paper)."""
    return _power(target, 0.5) @ _power(source, -0.5)


def monge_map(source: Tensor, target: Tensor) -> Tensor:
    """Σ_s^-½ (Σ_s^½ Σ_t Σ_s^½)^½ Σ_s^-½: of all such maps the one that moves colors least (Pitié & Kokaram 2007)."""
    root, inverse = _power(source, 0.5), _power(source, -0.5)
    return inverse @ _power(root @ target @ root, 0.5) @ inverse


MAPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cholesky": cholesky_map,
    "pca": pca_map,
    "monge": monge_map,
}


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Of a symmetric, positive definite matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    powered: Tensor = (vectors * values.clamp_min(RIDGE**2) ** exponent) @ vectors.T
    return powered


def histogram(rgb: Tensor, target: Tensor, weight: Tensor | None = None, target_weight: Tensor | None = None) -> Tensor:
    """Each channel takes the distribution of the target's: equal ranks, equal values.

    Pixels whose weight is below one half do not count, but follow.
    """
    channels = [
        _ranked(rgb[:, c], _counted(rgb[:, c], weight), _counted(target[:, c], target_weight)) for c in range(3)
    ]
    return torch.stack(channels, 1).clamp(0, 1)


def _counted(channel: Tensor, weight: Tensor | None) -> Tensor:
    """The values that count, sorted; all of them if none does."""
    chosen = channel.flatten() if weight is None else channel[weight[:, 0] >= 0.5]
    return (chosen if len(chosen) else channel.flatten()).sort().values


def _ranked(values: Tensor, known: Tensor, wanted: Tensor) -> Tensor:
    """The value among `wanted` whose rank is that of each value among `known`; equal values share the middle rank."""
    flat = values.flatten().contiguous()
    middle = (torch.searchsorted(known, flat) + torch.searchsorted(known, flat, right=True)) / 2
    place = (middle.double() / len(known) * len(wanted) - 0.5).clamp(0, len(wanted) - 1)
    below = place.floor().long()
    above = (below + 1).clamp_max(len(wanted) - 1)
    return torch.lerp(wanted[below], wanted[above], (place - below).to(wanted)).view(values.shape)


# ---- a palette -----------------------------------------------------------------------------------------------------


def with_palette(rgb: Tensor, colors: Sequence[tuple[float, float, float]]) -> Tensor:
    """Every pixel becomes a mixture of the palette's colors, mostly of the nearest.

    The picture's colors are first laid over the palette's, so that its darkest becomes the palette's darkest.
    """
    swatches = rgb.new_tensor(colors).T.reshape(1, 3, 1, -1)
    laid = to_oklab(recolored(rgb, spread(rgb), spread(swatches)))
    points = to_oklab(swatches)[0, :, 0].T
    nearest = torch.cdist(points, points).fill_diagonal_(torch.inf).amin(1).mean()
    apart = torch.cat([(laid - point.view(1, 3, 1, 1)).square().sum(1, keepdim=True) for point in points], 1)
    shares = torch.softmax(-apart / (2 * (SOFTNESS * nearest) ** 2), 1)
    return in_gamut(_mixed(shares, points.T))
