"""Palette-knife abstraction: slabs of thick paint dragged over one another, streaked and ridged."""

import numpy as np

from .brush import Brush, Canvas, blank, finish, paint, pick, scatter
from .field import Array, Pixels, fbm, grid, mix, ramp, rgb, smooth, to_bytes

SIZE = (1000, 800)
WARM = ["f2b71d", "ef7d1a", "d93a1c", "f6d99a", "b3202c", "f4efe2", "e9a15f"]
COOL = ["0f4c5c", "14808a", "2aa6a1", "1b2a4e", "e8ecdf", "3a6ea5", "0b1d2a"]
EARTH = ["5a2a27", "8a4b2a", "d8b384", "2b1d1a", "c9c2b2", "6d6f5c", "e3dccb"]


def palette(codes: list[str]) -> Array:
    return np.stack([rgb(code) for code in codes])


def choose(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """A color for a slab at each place: cool above, a burning band, earth and cool reflections below."""
    level = y + 0.10 * np.sin(4.2 * x + 0.6) + rng.normal(0, 0.05, x.size)
    place = rng.random((3, x.size)) ** 1.4 * 7
    cool, warm, earth = (palette(c)[p.astype(int)] for c, p in zip((COOL, WARM, EARTH), place, strict=True))
    burning = np.exp(-(((level - 0.47) / 0.15) ** 2)) + 0.35 * np.exp(-(((x - 0.86) ** 2 + (y - 0.80) ** 2) / 0.03))
    low = smooth(0.60, 0.72, level)
    pool = low * (rng.random(x.size) < 0.45)
    color = np.where((rng.random(x.size) < burning)[:, None], warm, mix(cool, earth, low - pool > 0.5))
    return color + rng.normal(0, 0.025, (x.size, 3))


def angles(x: Array, y: Array, grain: Array) -> Array:
    """Slabs fan out from the burning band: steep above, level in it, leaning below."""
    turn = 2.6 * (grain - 0.5) + 0.5 * np.sin(3 * x)
    return np.where(y < 0.36, -1.15, np.where(y < 0.60, 0.08, -0.5 + 1.2 * (x > 0.7))) + turn


def scratches(canvas: Canvas, unit: float, flow: Array, rng: np.random.Generator) -> None:
    """The knife's edge: thin dark and light lines that cut across the slabs."""
    count = 260
    at = (rng.uniform(0, 1.25 * unit, count).astype(np.float32), rng.uniform(0, unit, count).astype(np.float32))
    tone = ramp(rng.random(count), [(0, "14110f"), (0.45, "2b1d1a"), (0.55, "f4efe2"), (1, "f2b71d")])
    edge = Brush(0.0045 * unit, 0.10 * unit, 0.6, dry=0.7, load=0.7, pickup=0.3)
    paint(canvas, edge, at, tone, flow + np.float32(0.2), rng)


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (2 * round(side * scale) for side in SIZE)
    rng = np.random.default_rng(404)
    x, y = grid(width, height)
    flow = angles(x, y, fbm((height, width), 0.30 * height, 2, 41)).astype(np.float32)
    canvas = blank(width, height, rgb("3a2a22"))
    steps = [(0.16, 0.34, 0.075, 1.2), (0.10, 0.20, 0.058, 1.6), (0.055, 0.12, 0.046, 2.0), (0.022, 0.07, 0.036, 2.2)]
    for wide, long, gap, load in steps:
        at = scatter(canvas, gap * height, rng)
        keep = rng.random(at[0].size) < (1.0 if wide > 0.06 else 0.55)
        at = (at[0][keep], at[1][keep])
        color = choose(at[0] / height, at[1] / height, rng).astype(np.float32)
        turn = flow + np.float32(rng.normal(0, 0.15))
        slab = Brush(wide * height, long * height, 0.5, streak=0.13, blend=0.05, pickup=0.42, dry=0.75, load=load, ridge=1.3)
        paint(canvas, slab, at, mix(color, pick(canvas.color, *at), 0.12), turn, rng)
    scratches(canvas, height, flow, rng)
    return to_bytes(finish(canvas, depth=1.6, gloss=0.16))
