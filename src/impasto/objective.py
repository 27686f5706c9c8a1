"""The objective: a weighted sum of named terms, each a function of sums over positions.

Because every term sees the picture only through sums, the loss and the gradient of a picture in tiles are exactly those
of the whole: add up the sums of all tiles, take the losses and their derivatives with respect to the sums (small
matrices), and send these derivatives back through each tile. A picture in one piece is the case of one tile, where the
second look is spared.

Exactly means: to the last bit, where the processor computes each position alike whatever surrounds it. Sums are made of
squares that no tile divides (`tiles.BLOCK`), and a tile answers for its own pixels alone: it looks so far that it knows
all of their slopes, so that no slope is the sum of what several tiles found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.errors import RecipeError
from impasto.networks import Features, Network, stride
from impasto.seam import margin
from impasto.share import ALONE, Crew, together
from impasto.storage import MEMORY, Room
from impasto.tiles import Tile

FINE = 4  # pixels between a layer's positions: of such layers are color, texture, fine strokes
REACH = 8  # pixels beyond its own that a term on the image itself may look

Sums = Callable[[Tensor, Tile, int], Tensor]
"""Features that a tile sees, the tile, the layer's stride -> sums over the positions that the tile owns."""


@dataclass(frozen=True)
class Term:
    """One named part of the objective: `weight` times `loss` of the `sums` over a layer's positions.

    In the last steps it counts more if its layer is fine, by as much as it is `polished`: 1 wholly, 0 not at all.
    """

    name: str
    weight: float
    layer: str
    sums: Sums
    loss: Callable[[Tensor], Tensor]
    polished: float = 0.0

    def at(self, total: Tensor) -> Tensor:
        """The loss where the sums over all positions are these."""
        value: object = self.loss(total)
        if not isinstance(value, Tensor):
            raise RecipeError(f"The loss of the term {self.name!r} must be a tensor, not a {type(value).__name__}.")
        if value.dim():
            raise RecipeError(
                f"The loss of the term {self.name!r} must be one number, not {tuple(value.shape)} of them."
            )
        if total.requires_grad and not value.requires_grad:
            raise RecipeError(
                f"The loss of the term {self.name!r} does not depend on its sums, so it can lead nowhere."
            )
        return value


@dataclass(frozen=True)
class Evaluation:
    """The objective at a canvas: the weighted sum, each term's own loss, and the slope of the sum at every pixel."""

    loss: Tensor
    losses: Tensor
    gradient: Tensor


class Traced(NamedTuple):
    """A tile that was looked at: the pixels seen, what was measured on them, which may lead back, and its own sums."""

    seen: Tensor
    measured: list[Tensor]
    sums: list[Tensor]


@dataclass(frozen=True)
class Objective:
    """Immutable; built anew for each level."""

    network: Network
    terms: tuple[Term, ...]
    crew: Crew = ALONE  # the processes that share the tiles
    room: Room = MEMORY  # for the gradient
    polish: float = 1.0  # how many times what is finest counts: more than once while a picture is polished

    def __post_init__(self) -> None:
        if not self.terms:
            raise RecipeError("Nothing is wanted of the picture: no layer has a painting to follow or a photo to keep.")
        names = [term.name for term in self.terms]
        for term in self.terms:
            if names.count(term.name) > 1:
                raise RecipeError(f"Two terms are called {term.name!r}; losses are told by name, so give each its own.")
            if not math.isfinite(term.weight):
                raise RecipeError(f"The weight of the term {term.name!r} is {term.weight}, but must be a number.")

    @property
    def layers(self) -> frozenset[str]:
        return frozenset(term.layer for term in self.terms)

    @property
    def _deepest(self) -> int:
        return max((stride(self.network, layer) for layer in self.layers), default=1)

    def evaluate(self, canvas: Tensor, tiles: Sequence[Tile]) -> Evaluation:
        """Loss and gradient at `canvas` (1, 3, H, W), the same however it is cut; of both, this process' own rows."""
        crew, own = self.crew, self.crew.rows(canvas.shape[-2])
        mine = [tile for tile in tiles if own.start <= tile.rows.start < own.stop]
        if crew.several and len(tiles) == crew.size:  # each has one, and can be told what is farther away on the way
            mine = [mine[0].narrowed(max(REACH, 2 * self._deepest))]
        reach, around = mine[0].rows.halo, mine[0].rows.around
        crew.look_beyond(canvas, reach, around=around)
        looks = together(lambda: self._looks(canvas, mine), crew, canvas.device)
        sums = [sum(column[1:], start=column[0]) for column in zip(*(look.sums for look in looks), strict=True)]
        loss, losses, slopes = self._judge(crew.add(sums, canvas.device), canvas.dtype)
        if mine[0].whole and not self.room.in_file:
            return Evaluation(loss, losses, self._slope(looks[0], mine[0], slopes))
        gradient = together(lambda: self._back(canvas, mine, looks, slopes), crew, canvas.device)
        crew.settle(gradient, reach, around=around)
        return Evaluation(loss, losses, gradient)

    def _looks(self, canvas: Tensor, tiles: Sequence[Tile]) -> list[Traced]:
        """At each tile; at a single one with a way back, so that it need not be looked at again."""
        if len(tiles) == 1:
            return [self._traced(canvas, tiles[0], summed=True)]
        return [self._untraced(canvas, tile) for tile in tiles]

    def _back(self, canvas: Tensor, tiles: Sequence[Tile], looks: Sequence[Traced], slopes: Sequence[Tensor]) -> Tensor:
        """The slopes at the sums, sent back through each tile to the pixels that it owns, or, in a crew, sees."""
        gradient, single = self.room.like(canvas), len(tiles) == 1
        if self.crew.several and not single:
            rows = slice(None) if tiles[0].rows.around else slice(tiles[0].rows.low, tiles[-1].rows.high)
            gradient[..., rows, :] = 0
        for tile in tiles:
            traced = looks[0] if single else self._traced(canvas, tile, summed=False)
            if self.crew.several:
                tile.give(back(traced.measured, slopes, traced.seen), gradient, Tensor.copy_ if single else Tensor.add_)
            else:
                tile.placed(gradient, 1).copy_(self._slope(traced, tile, slopes))
            self.room.let_go()
        return gradient

    def _slope(self, traced: Traced, tile: Tile, slopes: Sequence[Tensor]) -> Tensor:
        """At the tile's own pixels."""
        slope = back(traced.measured, slopes, traced.seen)
        return tile.fold(slope) if tile.whole else tile.farther().owned(slope, 1)

    def _untraced(self, canvas: Tensor, tile: Tile) -> Traced:
        """The tile's share of every term's sums, without a way back."""
        with torch.no_grad():
            seen = tile.cut(canvas)
            features = self.network(seen, self.layers)
            self.room.let_go()
            sums = self._sums(features, tile)
        return Traced(seen, sums, sums)

    def _traced(self, canvas: Tensor, tile: Tile, *, summed: bool) -> Traced:
        """What leads from all that the slopes at the tile's pixels depend on back to the pixels; and its sums, if they
        are not known yet. In a crew, from what the tile owns: the others send what they find for its pixels."""
        wide = (tile if summed else tile.muted()) if self.crew.several else tile.grown()
        with torch.enable_grad():
            seen = wide.cut(canvas.detach()).requires_grad_()
            met = margin(self.crew, wide.rows) if self.crew.several and summed else None
            features = self.network(seen, self.layers, met)
            self.room.let_go()
            measured = self._sums(features, wide)
        if tile.whole or not summed or self.crew.several:
            return Traced(seen, measured, measured)
        with torch.no_grad():
            return Traced(seen, measured, self._sums(features, tile.farther()))

    def _sums(self, features: Features, tile: Tile) -> list[Tensor]:
        return [t.sums(features[t.layer], tile, stride(self.network, t.layer)) for t in self.terms]

    def _judge(self, sums: Sequence[Tensor], dtype: torch.dtype) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        with torch.enable_grad():
            leaves = [s.detach().to(dtype).requires_grad_() for s in sums]
            losses = torch.stack([term.at(leaf) for term, leaf in zip(self.terms, leaves, strict=True)])
            loss = losses @ losses.new_tensor([self._weight(term) for term in self.terms])
            slopes = torch.autograd.grad(loss, leaves)
        return loss.detach(), losses.detach(), slopes

    def _weight(self, term: Term) -> float:
        step = stride(self.network, term.layer)
        return term.weight * (max(1.0, self.polish * term.polished / step) if step <= FINE else 1.0)

    def named(self, losses: Tensor) -> dict[str, float]:
        """The losses by name, weighted as before polishing: numbers leave the device here."""
        values = losses.tolist()
        return {term.name: term.weight * value for term, value in zip(self.terms, values, strict=True)}


def back(measured: Sequence[Tensor], slopes: Sequence[Tensor], seen: Tensor) -> Tensor:
    """The slope at the pixels that were seen, given the slopes at what was measured on them.

    A sum is differentiated, because torch's own way with `grad_outputs` imports a computer algebra system first. Rows
    follow each other closely in what is returned, whatever the network gave: else the optimizer's sums over a picture
    in one piece would be taken in another order than over one in tiles.
    """
    with torch.enable_grad():
        inner = torch.stack([(m * s.to(m)).sum() for m, s in zip(measured, slopes, strict=True)]).sum()
    (slope,) = torch.autograd.grad(inner, seen)
    return slope.contiguous(memory_format=torch.channels_last)
