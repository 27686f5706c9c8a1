"""Tiles own every pixel and every position once, and see far enough."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.tiles import Tile, cut

STRIDES = (1, 2, 4, 8, 16)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int, tuple[Tile, ...], int, int]:
    height, width = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    stride = draw(st.sampled_from(STRIDES))
    side, halo = draw(st.integers(1, 200)), draw(st.integers(0, 40))
    return height, width, stride, cut(height, width, side=side, halo=halo, stride=stride), side, halo


@given(cuts())
def test_every_position_of_every_layer_has_one_owner(case: tuple[int, int, int, tuple[Tile, ...], int, int]) -> None:
    height, width, stride, tiles, _, _ = case
    for step in (s for s in STRIDES if s <= stride):
        owners = torch.zeros(height // step, width // step)
        for tile in tiles:
            tile.placed(owners, step).add_(1)
        assert bool((owners == 1).all())


@given(cuts())
def test_the_two_ways_of_counting_positions_mean_the_same(
    case: tuple[int, int, int, tuple[Tile, ...], int, int],
) -> None:
    """What a tile owns among the positions that it sees is its place among all."""
    height, width, stride, tiles, _, _ = case
    for step in (s for s in STRIDES if s <= stride):
        whole = torch.arange((height // step) * (width // step)).reshape(height // step, width // step)
        for tile in tiles:
            rows = slice(tile.rows.low // step, tile.rows.high // step)
            seen = whole[rows, tile.columns.low // step : tile.columns.high // step]
            assert torch.equal(tile.owned(seen, step), tile.placed(whole, step))


@given(cuts())
def test_tiles_see_their_halo_keep_to_the_grid_and_to_the_size_allowed(
    case: tuple[int, int, int, tuple[Tile, ...], int, int],
) -> None:
    height, width, stride, tiles, side, halo = case
    for tile in tiles:
        for span, size in ((tile.rows, height), (tile.columns, width)):
            assert span.low == 0 or (span.low <= span.start - halo and span.low % stride == 0)
            assert span.high == size or (span.high >= span.stop + halo and span.high % stride == 0)
            assert 0 <= span.low <= span.start < span.stop <= span.high <= size
            assert span.stop - span.start <= max(side, stride)


@given(st.integers(1, 500), st.integers(1, 500))
def test_no_side_means_one_tile_that_sees_all(height: int, width: int) -> None:
    (tile,) = cut(height, width, halo=10, stride=16)
    image = torch.zeros(1, 1, height, width)
    assert tile.cut(image).shape == tile.owned(image, 1).shape == image.shape


@given(st.integers(40, 400), st.integers(16, 200), st.sampled_from(STRIDES))
def test_shares_are_even(size: int, side: int, stride: int) -> None:
    """All tiles but the last, which has what is left, differ by one block at most."""
    own = [tile.columns.stop - tile.columns.start for tile in cut(1, size, side=side, stride=stride)]
    assert max(own) - min(own[:-1], default=max(own)) <= stride
    assert own[-1] > min(own[:-1], default=0) - stride
