"""Distance fields of things on a table: fruit, a bottle, a jug, a bowl and the cloth under them."""

from functools import lru_cache

import numpy as np

from .field import Array, dot, fbm3, smooth


def soft_union(a: Array, b: Array, width: float) -> Array:
    share = np.clip(0.5 + 0.5 * (b - a) / width, 0, 1)
    return b + (a - b) * share - width * share * (1 - share)


def tube(p: Array, radius: float, low: float, high: float, edge: float) -> Array:
    """An upright cylinder with rounded rims."""
    side = np.hypot(p[:, 0], p[:, 2]) - radius + edge
    end = np.abs(p[:, 1] - (low + high) / 2) - (high - low) / 2 + edge
    return np.minimum(np.maximum(side, end), 0) + np.hypot(np.maximum(side, 0), np.maximum(end, 0)) - edge


def apple(p: Array) -> Array:
    ring = np.hypot(p[:, 0], p[:, 2])
    wide = 0.30 + 0.07 * p[:, 1]
    inside: Array = 0.8 * (
        np.hypot(ring - wide, p[:, 1] * 0.92) - 0.70 - 0.006 * np.cos(5 * np.arctan2(p[:, 2], p[:, 0])) * ring
    )
    return inside


def pear(p: Array) -> Array:
    base = np.sqrt(dot(p, p)) - 0.62
    q = p - np.array([0.06, 0.86, 0], np.float32)
    return 0.9 * soft_union(base, np.sqrt(dot(q, q)) - 0.27, 0.42)


def lemon(p: Array) -> Array:
    q = p * np.array([0.76, 1, 1], np.float32)
    ends = np.hypot(np.abs(p[:, 0]) - 0.64, np.hypot(p[:, 1], p[:, 2])) - 0.10
    return 0.8 * soft_union(np.sqrt(dot(q, q)) - 0.48, ends, 0.18)


def bottle(p: Array) -> Array:
    body, neck = tube(p, 0.50, 0.0, 1.95, 0.10), tube(p, 0.165, 1.5, 3.35, 0.03)
    lip = tube(p, 0.20, 3.12, 3.28, 0.03)
    return 0.9 * np.minimum(soft_union(body, neck, 0.42), lip)


def jug(p: Array) -> Array:
    q = (p - np.array([0, 0.78, 0], np.float32)) * np.array([1, 0.92, 1], np.float32)
    belly = np.sqrt(dot(q, q)) - 0.80
    lean = p - np.array([-0.10, 0, 0], np.float32) * np.maximum(p[:, 1:2] - 1.5, 0)
    neck = tube(lean, 0.40, 1.0, 2.15, 0.04) - 0.10 * smooth(1.75, 2.2, p[:, 1])
    whole = soft_union(belly, neck, 0.35)
    whole = np.maximum(whole, -(tube(lean, 0.33, 1.3, 2.6, 0.03) - 0.10 * smooth(1.75, 2.2, p[:, 1])))
    foot = tube(p, 0.52, -0.02, 0.14, 0.03)
    ring = np.hypot((p[:, 0] - 0.66) * 1.0, (p[:, 1] - 1.35) * 0.80) - 0.46
    handle = np.hypot(ring, p[:, 2] * 0.8) - 0.075
    handle = np.maximum(handle, 0.42 - p[:, 0])
    return 0.8 * np.minimum(np.minimum(whole, foot), handle)


def bowl(p: Array) -> Array:
    q = p * np.array([1, 1.45, 1], np.float32)
    shell = np.abs(np.sqrt(dot(q, q)) - 1.5) - 0.045
    cup = np.maximum(shell, p[:, 1] + 0.12)
    return 0.62 * np.minimum(cup, tube(p, 0.62, -1.12, -0.93, 0.03))


def folds(x: Array, z: Array) -> Array:
    """Height of the cloth: a few long creases and a gathered corner."""
    zero = np.zeros_like(x)
    turn = 0.5 * fbm3(x * 0.35, z * 0.35, zero, 2, 51)
    crease = np.abs(fbm3(x * 0.55 + 2.2 * turn, z * 0.28 - x * 0.2, zero + 4, 2, 52) - 0.5)
    gather = np.exp(-((x - 2.7) ** 2) / 2.2 - (z + 1.6) ** 2 / 1.6)
    ridges = smooth(0.16, 0.0, crease) * (0.05 + 0.30 * smooth(-0.9, -2.6, z)) + 0.20 * gather * (
        0.5 + 0.5 * np.sin(5.5 * x + 3.4 * z + 9 * turn)
    )
    flat = smooth(0.0, 1.2, np.hypot(x * 0.55, (z - 0.2) * 0.9) - 1.0)
    return ridges * (0.15 + 0.85 * flat) - 0.012


@lru_cache(maxsize=1)
def pressed() -> Array:
    """The folds on a grid over -10..10, computed once."""
    x, z = np.meshgrid(np.linspace(-10, 10, 1600, dtype=np.float32), np.linspace(-10, 10, 1600, dtype=np.float32))
    return folds(x, z)


def cloth(p: Array) -> Array:
    x, z = (np.clip((p[:, axis] + 10) * (1599 / 20), 0, 1597.99) for axis in (0, 2))
    column, row = x.astype(np.int32), z.astype(np.int32)
    u, v = x - column, z - row
    flat, at = pressed().reshape(-1), row * 1600 + column
    near = flat.take(at) * (1 - u) + flat.take(at + 1) * u
    far = flat.take(at + 1600) * (1 - u) + flat.take(at + 1601) * u
    return 0.62 * (p[:, 1] - near - (far - near) * v)
