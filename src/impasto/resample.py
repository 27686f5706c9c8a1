"""Other sizes of the same picture, and colors for pixels that nobody sees. Pure functions on (1, C, H, W)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def resize(planes: Tensor, width: int, height: int) -> Tensor:
    """Bicubic with antialiasing, so that shrinking averages every pixel; the same tensor when nothing changes."""
    if planes.shape[-2:] == (height, width):
        return planes
    resized = F.interpolate(planes, size=(height, width), mode="bicubic", antialias=True)
    return resized.clamp_(0, 1)  # bicubic overshoots at edges


def fill_hidden(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Give fully transparent pixels the colors of their visible neighbors, so that what they hid never shows."""
    hidden = alpha <= 0
    if not hidden.any():
        return rgb
    visible = torch.where(hidden, 0, rgb * alpha)
    return torch.where(hidden, _spread(visible, alpha), rgb)


def _spread(sums: Tensor, weights: Tensor) -> Tensor:
    """Weighted colors where there is weight; elsewhere the same question answered at half the size."""
    known = weights > 0
    colors = torch.where(known, sums / torch.where(known, weights, 1), 1)  # white, if nothing is visible at all
    height, width = weights.shape[-2:]
    if known.all() or height == width == 1:
        return colors.clamp_(0, 1)
    window = (min(2, height), min(2, width))
    halves = [F.avg_pool2d(planes, window, ceil_mode=True) for planes in (sums, weights)]
    around = F.interpolate(_spread(*halves), size=(height, width), mode="bilinear")
    return torch.where(known, colors, around)
