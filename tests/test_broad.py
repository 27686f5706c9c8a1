"""M against the matrices it is made of, written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import image
from numpy.typing import NDArray

from impasto.broad import LEAST, OCTAVES, broadened
from impasto.storage import MEMORY, Room

Array = NDArray[np.float64]


def halving(size: int) -> Array:
    """(size // 2, size): each row the weights (1 3 3 1)/8, where there is something to weigh."""
    matrix = np.zeros((size // 2, size + 2))
    for i in range(size // 2):
        matrix[i, 2 * i : 2 * i + 4] = np.array([1, 3, 3, 1]) / 8
    return matrix[:, 1:-1]


def broadening(height: int, width: int) -> Array:
    """M for one channel, (hw, hw), as the formula has it."""
    total, down, size = np.eye(height * width), np.eye(height * width), (height, width)
    for k in range(1, OCTAVES + 1):
        if min(size) < LEAST:
            break
        down = np.kron(halving(size[0]), halving(size[1])) @ down
        size = size[0] // 2, size[1] // 2
        total += (2 ** (k / 2) - 2 ** ((k - 1) / 2)) * 4**k * down.T @ down
    return total


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (4, 4), (17, 12), (32, 27), (33, 64)])
def test_the_sum_is_the_formulas(size: tuple[int, int]) -> None:
    slope = image(*size, 0, torch.float64)
    expected = np.einsum("ij,jc->ic", broadening(*size), slope[0].permute(1, 2, 0).reshape(-1, 3).numpy())
    ours = broadened(slope, MEMORY)
    np.testing.assert_allclose(ours[0].permute(1, 2, 0).reshape(-1, 3).numpy(), expected, rtol=1e-12, atol=1e-12)
    assert ours.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(5, 8), (31, 20)])
def test_whatever_goes_down_the_slope_still_does(size: tuple[int, int]) -> None:
    """M is symmetric, and no direction is shortened by it; what is broad is lengthened."""
    units = torch.eye(size[0] * size[1], dtype=torch.float64).view(-1, 1, 1, *size)
    matrix = np.stack([broadened(unit, MEMORY).reshape(-1).numpy() for unit in units])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() >= 1 - 1e-12
    assert matrix.sum(1).mean() > 1.1


@pytest.mark.parametrize("band", [1, 37, 100, 1000])
@pytest.mark.parametrize("size", [(40, 33), (41, 18), (7, 90)])
def test_it_is_the_same_in_bands_and_in_files_to_the_bit(size: tuple[int, int], band: int) -> None:
    slope = image(*size, 1, torch.float32)
    whole = broadened(slope, MEMORY)
    for in_file in (False, True):
        assert torch.equal(broadened(slope, Room(in_file=in_file, band=band)), whole)
