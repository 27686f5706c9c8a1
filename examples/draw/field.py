"""What every picture is made from: smooth noise, blurs, color ramps, and the way from floats to a file's bytes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Array = NDArray[Any]  # floats of 32 bits, but for what a generator of random numbers lets in
Pixels = NDArray[np.uint8]


def resize(plane: Array, width: int, height: int) -> Array:
    """One float plane, resampled smoothly."""
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def fbm(shape: tuple[int, int], cell: float | tuple[float, float], octaves: int, seed: int) -> Array:
    """Fractal noise, mean 1/2, mostly within 0..1; `cell` is its coarsest grain in pixels (down, across)."""
    rng = np.random.default_rng(seed)
    height, width = shape
    down, across = cell if isinstance(cell, tuple) else (cell, cell)
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, columns = int(height / down) + 4, int(width / across) + 4
        grid = rng.random((rows, columns), dtype=np.float32) - 0.5
        big = resize(grid, max(int(columns * across), width), max(int(rows * down), height))
        total += big[:height, :width] * 0.5**octave
        down, across = max(down / 2, 1.0), max(across / 2, 1.0)
    return 0.5 + total * np.float32(0.9)


@lru_cache(maxsize=4)
def _lattice(seed: int) -> Array:
    return np.random.default_rng(seed).random(32**3, dtype=np.float32)


def noise3(x: Array, y: Array, z: Array, seed: int = 0) -> Array:
    """Smooth value noise in 0..1 at points in space (it repeats every 32 units)."""
    table = _lattice(seed)
    cells, eased = [], []
    for axis in (x, y, z):
        whole = np.floor(axis)
        part = (axis - whole).astype(np.float32)
        cells.append(whole.astype(np.int32))
        eased.append(part * part * (3 - 2 * part))
    (a, b, c), (u, v, w) = cells, eased
    a0, a1, b0, b1 = (a & 31) << 10, ((a + 1) & 31) << 10, (b & 31) << 5, ((b + 1) & 31) << 5
    c0, c1 = c & 31, (c + 1) & 31

    def edge(base: NDArray[np.int32]) -> Array:
        near: Array = table.take(base + c0)
        far: Array = table.take(base + c1)
        between: Array = near + (far - near) * w
        return between

    low, high = edge(a0 + b0), edge(a1 + b0)
    front = low + (high - low) * u
    low, high = edge(a0 + b1), edge(a1 + b1)
    back = low + (high - low) * u
    value: Array = front + (back - front) * v
    return value


def fbm3(x: Array, y: Array, z: Array, octaves: int, seed: int = 0) -> Array:
    """Fractal noise at points in space, mean 1/2."""
    total = np.zeros(np.broadcast(x, y, z).shape, np.float32)
    gain, size = 0.5, 1.0
    for octave in range(octaves):
        shift = 7.3 * octave
        total += gain * (noise3(x * size + shift, y * size - shift, z * size + shift, seed) - 0.5)
        gain, size = gain * 0.5, size * 2.03
    return 0.5 + total


def dot(a: Array, b: Array) -> Array:
    """Row by row products of (n, 3) with (n, 3) or (3,)."""
    return a @ b if b.ndim == 1 else np.einsum("ij,ij->i", a, b)


def blur(plane: Array, radius: float) -> Array:
    """Close to a Gaussian: three box averages, edges repeated."""
    reach = max(round(radius), 1)
    for _ in range(3):
        for axis in (0, 1):
            pad = [(0, 0)] * plane.ndim
            pad[axis] = (reach + 1, reach)
            run = np.cumsum(np.pad(plane, pad, mode="edge"), axis=axis, dtype=np.float64)
            size = plane.shape[axis]
            after, before = (np.take(run, range(s, s + size), axis=axis) for s in (2 * reach + 1, 0))
            plane = ((after - before) / (2 * reach + 1)).astype(np.float32)
    return plane


def smooth(low: float | Array, high: float | Array, value: ArrayLike) -> Array:
    """0 below `low`, 1 above `high`, an S-curve between."""
    t: Array = np.clip((np.asarray(value, np.float32) - low) / (high - low), 0, 1)
    eased: Array = t * t * (3 - 2 * t)
    return eased


def mix(a: ArrayLike, b: ArrayLike, share: ArrayLike) -> Array:
    """`a` where share is 0, `b` where it is 1; a share without a color axis gets one when colors are mixed."""
    a, b, t = (np.asarray(item, np.float32) for item in (a, b, share))
    if max(a.ndim, b.ndim) > 0 and (a.shape[-1:] == (3,) or b.shape[-1:] == (3,)) and t.shape[-1:] != (3,):
        t = t[..., None]
    return a + (b - a) * t


def rgb(code: str) -> Array:
    """`"1f3a5c"` as three floats in 0..1."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def ramp(value: ArrayLike, stops: Sequence[tuple[float, str]]) -> Array:
    """Colors along a scale of (position, hex color) stops."""
    places = [place for place, _ in stops]
    colors = np.stack([rgb(code) for _, code in stops])
    value = np.asarray(value)
    return np.stack([np.interp(value, places, colors[:, c]) for c in range(3)], -1).astype(np.float32)


def grid(width: int, height: int) -> tuple[Array, Array]:
    """x to the right and y downwards, both in picture heights."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / height, (y + 0.5) / height


def shrink(image: Array, factor: int) -> Array:
    """Average over squares of `factor` pixels: what was drawn too large comes back with soft edges."""
    height, width = (n // factor for n in image.shape[:2])
    squares = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    small: Array = squares.mean((1, 3))
    return small


def to_bytes(image: Array) -> Pixels:
    """0..1 to 0..255."""
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
