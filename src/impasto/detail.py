"""Detail: what is fine and sharp in the photo, letters and eyes, shall stay where it is and as sharp as it is.

The high band of a picture is its luma minus the blurred luma. The term compares the high bands of canvas and photo, but
only where the photo has detail: a smooth sky is left to the brush.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from impasto import color
from impasto.objective import Term
from impasto.tiles import Tile

TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
PASSES = 2  # a blur of 1.4 pixels that sees 4; it is done twice, for which every halo has room: `objective.REACH`
POLISHED = 1 / 4  # as what has a position for every four pixels: more leaves a photograph's surface between the strokes
FAINT = (1 / 255) ** 2  # what a photo without detail counts as, per pixel


def detail_term(photo: Tensor, weight: float, tiles: Sequence[Tile], *, where: Tensor | None = None) -> Term:
    """The photo's detail, in units of what there is of it: 0 is all of it, 1 none; `where` as for the other terms."""
    share = detailed(photo, tiles)
    share = share if where is None else share * where
    amount = sum((_energy(photo, share, tile) for tile in tiles), photo.new_zeros(()))
    factor = 1 / float(amount.clamp_min(FAINT * photo[:, :1].numel()))

    def sums(image: Tensor, tile: Tile, _: int) -> Tensor:
        apart = tile.owned(high_band(image - tile.cut(photo)), 1)  # the band is linear
        return (apart.square() * tile.placed(share, 1)).sum()

    return Term("detail", weight, "image", sums, lambda total: factor * total, polished=POLISHED)


def detailed(photo: Tensor, tiles: Sequence[Tile]) -> Tensor:
    """How much each pixel belongs to the detail, (1, 1, H, W) in 0..1: a half where there is as much as on average."""
    energy = photo.new_empty(1, 1, *photo.shape[-2:])
    for tile in tiles:
        tile.placed(energy, 1).copy_(tile.owned(blurred(high_band(tile.cut(photo)).square()), 1))
    return energy / (energy + energy.mean().clamp_min(FAINT))


def high_band(image: Tensor) -> Tensor:
    """Luma minus blurred luma, (1, 1, H, W), in float32 at least."""
    gray = color.luma(image)
    return gray - blurred(gray)


def blurred(plane: Tensor) -> Tensor:
    """A binomial blur; beyond the edge lies what lies at the edge."""
    taps = plane.new_tensor(TAPS)
    for _ in range(PASSES):
        for shape, sides in (((1, 1, -1, 1), (0, 0, 2, 2)), ((1, 1, 1, -1), (2, 2, 0, 0))):
            plane = F.conv2d(F.pad(plane, sides, "replicate"), taps.view(shape))
    return plane


def _energy(photo: Tensor, share: Tensor, tile: Tile) -> Tensor:
    return (tile.owned(high_band(tile.cut(photo)), 1).square() * tile.placed(share, 1)).sum()
