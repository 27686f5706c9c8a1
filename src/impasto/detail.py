"""Detail: what is fine and sharp in the photo, letters and eyes, shall stay where it is and as sharp as it is.

The high band of a picture is the picture minus itself blurred. The term compares the canvas' with that of the photo in
gray, but only where the photo has detail: a smooth sky is left to the brush. All three colors are compared: if luma
alone were kept, the style would draw its strokes in color instead, as stripes of green and purple.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from impasto import color
from impasto.objective import Term
from impasto.tiles import Tile

TAPS = tuple(count / 256 for count in (1, 8, 28, 56, 70, 56, 28, 8, 1))  # of 1.4 pixels
SIDE = len(TAPS) // 2  # pixels that a blur sees on each side; for two, one after the other, every halo has room
POLISHED = 1 / 4  # as what has a position for every four pixels: more leaves a photograph's surface between the strokes
FAINT = (1 / 255) ** 2  # what a photo without detail counts as, per pixel
ROUNDING = 1e-6 * FAINT  # what is even is blurred to itself but for the last bits, which are no detail


def detail_term(photo: Tensor, weight: float, tiles: Sequence[Tile], *, where: Tensor | None = None) -> Term:
    """The photo's detail, in units of what there is of it: 0 is all of it, 1 none; `where` as for the other terms."""
    share = detailed(photo, tiles)
    share = share if where is None else share * where
    amount = sum((_energy(photo, share, tile) for tile in tiles), photo.new_zeros(()))
    factor = 1 / float(amount.clamp_min(FAINT * photo[:, :1].numel()))

    def sums(image: Tensor, tile: Tile, _: int) -> Tensor:
        apart = tile.owned(high_band(image - color.luma(tile.cut(photo))), 1)  # the band is linear
        return (apart.square().mean(1, keepdim=True) * tile.placed(share, 1)).sum()

    return Term("detail", weight, "image", sums, lambda total: factor * total, polished=POLISHED)


def detailed(photo: Tensor, tiles: Sequence[Tile]) -> Tensor:
    """How much each pixel belongs to the detail, (1, 1, H, W) in 0..1: a half where there is as much as on average."""
    energy = photo.new_empty(1, 1, *photo.shape[-2:])
    for tile in tiles:
        tile.placed(energy, 1).copy_(tile.owned(blurred(_sharp(photo, tile).square()), 1))
    energy.masked_fill_(energy < ROUNDING, 0)
    return energy / (energy + energy.mean().clamp_min(FAINT))


def high_band(image: Tensor) -> Tensor:
    """What a blur takes away, of each color."""
    return image - blurred(image)


def blurred(image: Tensor) -> Tensor:
    """A binomial blur; beyond the edge lies what lies at the edge."""
    taps, channels = image.new_tensor(TAPS), image.shape[1]
    image = F.pad(image, (SIDE, SIDE, SIDE, SIDE), "replicate")
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        image = F.conv2d(image, taps.view(shape).repeat(channels, 1, 1, 1), groups=channels)
    return image


def _sharp(photo: Tensor, tile: Tile) -> Tensor:
    """The photo's high band in a tile and around it, in gray."""
    return high_band(color.luma(tile.cut(photo)))


def _energy(photo: Tensor, share: Tensor, tile: Tile) -> Tensor:
    return (tile.owned(_sharp(photo, tile), 1).square() * tile.placed(share, 1)).sum()
