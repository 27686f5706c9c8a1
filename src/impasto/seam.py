"""Where strips meet inside a network: rows beyond a strip come from the process whose own they are, its slopes go back.

A strip that sees little beyond its own rows has little to compute that another computes too. What its deep layers
would have to see from farther away is traded on the way, as features: a few rows, and seldom.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.networks.margin import Margin
from impasto.share import Crew, borders
from impasto.tiles import Span


def margin(crew: Crew, rows: Span) -> Margin:
    """Of a strip with these rows."""
    return Margin(rows.halo, partial(renewed, crew=crew, rows=rows))


def renewed(y: Tensor, stride: int, *, crew: Crew, rows: Span) -> Tensor:
    """Features of a strip, its halo as the neighbors have it; the slopes at that halo become theirs."""
    made: Tensor = _Renewed.apply(y, crew, rows.owned(stride), rows.halo // stride, rows.around)  # type: ignore[no-untyped-call]
    return made


class _Renewed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, crew: Crew, own: slice, reach: int, around: bool) -> Tensor:  # noqa: ANN401 -- torch has no type for it
        ctx.trade = crew, own, reach, around
        made = y.clone()
        crew.wait_for_all(y.device)
        crew.trade(borders(made, own, reach), _ends(made, reach), Tensor.copy_, around)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None, None]:  # noqa: ANN401 -- torch has no type for it
        crew, own, reach, around = ctx.trade
        found = slope.clone()
        crew.wait_for_all(slope.device)
        crew.trade(_ends(found, reach), borders(found, own, reach), Tensor.add_, around)
        found[..., : own.start, :], found[..., own.stop :, :] = 0, 0
        return found, None, None, None, None


def _ends(y: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """The first and the last rows: those beyond one's own, but for the edges of the picture, where nobody asks."""
    return y[..., :reach, :], y[..., -reach:, :]
