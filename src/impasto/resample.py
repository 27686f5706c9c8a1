"""Other sizes of the same picture, and colors for pixels that nobody sees. Pure functions on (1, C, H, W)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.storage import MEMORY, Room

MUCH = 8_000_000  # pixels between the two steps of resizing; more of them lie in a file


def resize(planes: Tensor, width: int, height: int, room: Room = MEMORY) -> Tensor:
    """Bicubic with antialiasing, so that shrinking averages every pixel; the same tensor when nothing changes.

    First all rows, then all columns, some at a time, as each is resized without a look at its neighbors: to the bit the
    same as all at once.
    """
    channels, before = planes.shape[1:3]
    if planes.shape[-2:] == (height, width):
        return planes
    between = Room(in_file=True) if planes.device.type == "cpu" and before * width > MUCH else room
    wide, resized = between.image(channels, before, width, planes), room.image(channels, height, width, planes)
    for rows in room.bands(wide if width > planes.shape[-1] else planes):
        wide[..., rows, :] = _bicubic(planes[..., rows, :], width, rows.stop - rows.start)
    for columns in room.bands(resized if height > before else wide, columns=True):
        band = _bicubic(wide[..., columns], columns.stop - columns.start, height)
        resized[..., columns] = band.clamp_(0, 1)  # bicubic overshoots at edges
    return resized


def _bicubic(planes: Tensor, width: int, height: int) -> Tensor:
    return F.interpolate(planes, size=(height, width), mode="bicubic", antialias=True)


def sharpened(planes: Tensor, amount: float, room: Room = MEMORY) -> Tensor:
    """What a blur of 3 x 3 (binomial) would take away is added, so many times."""
    made, height = room.like(planes), planes.shape[-2]
    for rows in room.bands(planes):
        above, below = min(rows.start, 1), min(height - rows.stop, 1)
        seen = planes[..., rows.start - above : rows.stop + below, :]
        seen = F.pad(seen, (1, 1, 1 - above, 1 - below), "replicate")
        blurred = _softened(_softened(seen, -2), -1)
        made[..., rows, :] = planes[..., rows, :].lerp(blurred, -amount).clamp_(0, 1)
    return made


def _softened(planes: Tensor, axis: int) -> Tensor:
    """(before + 2 here + after) / 4; one shorter at both ends."""
    inner = planes.shape[axis] - 2
    before, here, after = (planes.narrow(axis, start, inner) for start in range(3))
    return (before + after).lerp_(2 * here, 0.5).mul_(0.5)


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
