"""What the network sees, as pictures: feature maps and Gram matrices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import measures
from impasto.networks import Network
from impasto.picture import Picture

# From nothing to much: dark, violet, red, orange, pale; each brighter than the one before.
RAMP = ((0.02, 0.02, 0.07), (0.28, 0.09, 0.42), (0.72, 0.21, 0.33), (0.97, 0.56, 0.25), (0.99, 0.96, 0.75))
BRIGHT = 0.995  # the share of values below full brightness: one hot position shall not darken all others
SMALLEST = 96  # pixels of a map on a sheet
MATRIX = 288


@torch.no_grad()
def features(network: Network, picture: Picture, layer: str) -> Tensor:
    """(C, h, w)"""
    network.minimum(frozenset({layer}))  # refuses an unknown layer by name
    return network(picture.rgb.to(network.device), frozenset({layer}))[layer][0].float()


def liveliest(maps: Tensor, count: int) -> list[int]:
    """The channels that vary most over the picture, in the network's order."""
    order = maps.flatten(1).var(1, correction=0).argsort(descending=True, stable=True)
    return sorted(order[:count].tolist())


def gram(maps: Tensor) -> Tensor:
    """G_ij = Σ_k F_ik F_jk per position: which channels are active together."""
    return measures.gaussian(measures.moments(maps[None]).to(maps)).second


def feature_picture(channel: Tensor) -> Tensor:
    """One map (h, w), bright where the channel is active."""
    low, high = channel.min(), torch.quantile(channel.flatten()[:: max(1, channel.numel() // 100_000)], BRIGHT)
    return enlarged(heat((channel - low) / (high - low).clamp_min(1e-12)), SMALLEST)


def gram_picture(matrix: Tensor) -> Tensor:
    """Bright where two channels are active together; roots, because products span twice the decades of features."""
    size = matrix.abs().sqrt()
    return enlarged(heat(size / size.max().clamp_min(1e-12)), MATRIX)


def heat(values: Tensor) -> Tensor:
    """(h, w) in [0, 1] -> colors (1, 3, h, w)."""
    ramp = torch.tensor(RAMP, dtype=torch.float32, device=values.device)
    place = values.clamp(0, 1) * (len(RAMP) - 1)
    below = place.floor().long().clamp_max(len(RAMP) - 2)
    colors = torch.lerp(ramp[below], ramp[below + 1], (place - below)[..., None])
    return colors.permute(2, 0, 1)[None].contiguous()


def enlarged(image: Tensor, side: int) -> Tensor:
    """Every value a square, so that the longer side is at least `side`; nothing is blurred."""
    factor = -(-side // max(image.shape[-2:]))
    return F.interpolate(image, scale_factor=factor, mode="nearest") if factor > 1 else image
