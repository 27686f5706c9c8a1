"""Self-similarity: how alike the places of a picture are to each other, whatever they look like.

Kolkin, Salavon, Shakhnarovich (STROTSS, arXiv:1904.12785): the photo's bones are not its features but the cosine
distances between them, each row in units of its own mean. Where the photo has two alike places, the picture shall have
two alike places; what they look like, their colors above all, is free.

STROTSS draws positions at random, anew for each step. Here a layer is divided into a grid of at most CELLS cells and
each cell counts with the mean of its positions: the same in every step, of bounded memory, and a sum over positions, so
that tiles are exact. At the coarse levels, where a picture is composed, a cell is a position.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.look import placed
from impasto.measures import EPSILON
from impasto.objective import Term
from impasto.tiles import Tile

CELLS = 2048
FLAT = 1e-3  # a mean cosine distance that is as good as none
TABLES = 8  # tables of all pairs that a loss and its slope hold at once, the photo's own included


@dataclass(frozen=True)
class Grid:
    """`height` x `width` positions in `rows` x `columns` cells."""

    height: int
    width: int
    rows: int
    columns: int

    @classmethod
    def over(cls, height: int, width: int) -> Grid:
        scale = min(1.0, (CELLS / (height * width)) ** 0.5)
        rows = max(1, int(height * scale))
        columns = max(1, min(int(width * scale), CELLS // rows))
        return cls(height, width, min(rows, CELLS // columns), columns)

    @property
    def memory(self) -> int:
        """The bytes that a loss between its cells takes."""
        return TABLES * 4 * (self.rows * self.columns) ** 2

    def sums(self, features: Tensor, rows: slice, columns: slice, weight: Tensor | None = None) -> Tensor:
        """Σ w [f; 1] in each cell over the positions in these rows and columns of the layer: (cells, C + 1)."""
        flat = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
        flat = flat.float() if flat.dtype in (torch.bfloat16, torch.float16) else flat
        w = flat.new_ones(len(flat), 1) if weight is None else weight.reshape(-1, 1).to(flat.dtype)
        down = torch.arange(rows.start, rows.stop, device=flat.device) % self.height * self.rows // self.height
        across = torch.arange(columns.start, columns.stop, device=flat.device) % self.width * self.columns // self.width
        cells = (down[:, None] * self.columns + across).flatten()
        empty = flat.new_zeros(self.rows * self.columns, flat.shape[1] + 1)
        return empty.index_add(0, cells, torch.cat([flat * w, w], 1))


def relations(sums: Tensor, root: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cosine distances of all cells from all cells, each row in units of its mean, and what each pair counts."""
    weight = sums[:, -1]
    means = sums / weight.clamp_min(EPSILON)[:, None]
    vectors = means[:, :-1] if root is None else means @ root.to(means).T
    units = vectors / (vectors.square().sum(1, keepdim=True) + EPSILON).sqrt()
    apart = 1 - units @ units.T
    share = weight / weight.sum().clamp_min(EPSILON)
    return apart / (apart @ share + FLAT)[:, None], torch.outer(share, share)


def likeness_term(
    layer: str, weight: float, photo: Tensor, *, root: Tensor | None = None, where: Tensor | None = None
) -> Term:
    """The places of a layer shall be as alike as those of the photo, whose features are given.

    In units of what the photo tells by it: one for a picture in which all places are equally unlike.
    """
    height, width = photo.shape[-2:]
    grid = Grid.over(height, width)
    wanted, counts = relations(grid.sums(photo, slice(0, height), slice(0, width), where), root)
    factor = 1 / max(float((counts * (wanted - 1).square()).sum()), EPSILON)

    def sums(features: Tensor, tile: Tile, step: int) -> Tensor:
        rows, columns = tile.rows.placed(step), tile.columns.placed(step)
        return grid.sums(tile.owned(features, step), rows, columns, placed(where, tile, step))

    def loss(total: Tensor) -> Tensor:
        return factor * (counts * (relations(total, root)[0] - wanted).square()).sum()

    return Term(f"content {layer}", weight, layer, sums, loss, polished=1.0)
