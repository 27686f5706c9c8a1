"""Night over a valley in thick swirling strokes: the sky flows around its stars."""

import numpy as np

from .brush import Brush, Canvas, blank, finish, paint, pick, scatter
from .field import Array, Pixels, fbm, grid, mix, ramp, rgb, smooth, to_bytes

SIZE = (1000, 800)
SKY = [
    (0.0, "0b1440"),
    (0.25, "16307a"),
    (0.45, "2a5cab"),
    (0.6, "3f86bd"),
    (0.75, "7fb7c4"),
    (0.9, "d3dfb0"),
    (1, "f1e6a0"),
]
GLOW = [(0.0, "fff8c8"), (0.25, "ffe067"), (0.45, "f7b733"), (0.62, "d9c86a"), (0.8, "7fb7a8"), (1, "2a5cab")]
STARS = [  # x, y, radius of the halo
    (0.13, 0.13, 0.085), (0.36, 0.08, 0.06), (0.30, 0.31, 0.055), (0.08, 0.40, 0.05), (0.52, 0.36, 0.05),
    (0.60, 0.10, 0.07), (0.79, 0.29, 0.05), (0.81, 0.07, 0.04), (1.19, 0.47, 0.05), (0.19, 0.56, 0.045),
]  # fmt: skip
MOON = (1.03, 0.20, 0.165)
EDDIES = [(0.48, 0.21, 0.12, 1.2), (0.71, 0.43, 0.10, -1.1), (0.24, 0.45, 0.07, -0.6), (0.96, 0.47, 0.07, 0.6)]


def stream(x: Array, y: Array, wander: Array) -> Array:
    """The sky's stream function: strokes run along its level lines."""
    psi: Array = 1.1 * y + 0.10 * np.sin(5 * x + 1) * np.sin(3 * y + 0.5) + 0.28 * (wander - 0.5)
    for cx, cy, size, turn in EDDIES:
        psi += 0.35 * turn * size / 0.12 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / size**2)
    for cx, cy, size in [*STARS, MOON]:
        psi += 0.22 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (1.1 * size) ** 2)
    return psi


def ridge(x: Array, level: float, rise: float, seed: int) -> Array:
    """Height of a range of hills over x."""
    phase = seed * 1.7
    return level - rise * (np.sin(2.3 * x + phase) + 0.5 * np.sin(5.1 * x + 2 * phase) + 0.2 * np.sin(13 * x + phase))


def sky(x: Array, y: Array, psi: Array, wander: Array) -> Array:
    """Bands of blue along the stream, lighter to the horizon, with halos."""
    band = 0.5 + 0.5 * np.sin(26 * psi + 3 * wander)
    eddy = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (1.2 * s) ** 2) for cx, cy, s, _ in EDDIES)
    tone = 0.12 + 0.34 * band + 0.30 * smooth(0.35, 0.75, y) + 0.20 * eddy * band + 0.12 * (wander - 0.5)
    color = ramp(tone, SKY)
    for cx, cy, size in [*STARS, MOON]:
        far = np.hypot(x - cx, y - cy) / size
        rings = far + 0.06 * np.sin(far * 22)
        color = mix(color, ramp(np.clip(rings, 0, 1), GLOW), 1 - smooth(0.72, 1.05, far))
    cx, cy, size = MOON
    full, bite = np.hypot(x - cx, y - cy) / size, np.hypot(x - cx - 0.045, y - cy + 0.02) / size
    return mix(color, rgb("f59a1c"), (full < 0.56) & (bite > 0.40))


def land(x: Array, y: Array, color: Array, flow: Array, grain: Array) -> tuple[Array, Array]:
    """Hills in rows, a wheat field in front; colors and directions below the sky."""
    rows: list[tuple[float, float, int, list[tuple[float, str]]]] = [
        (0.60, 0.022, 1, [(0, "2c4f9a"), (1, "5f8fc4")]),
        (0.67, 0.020, 4, [(0, "163a6b"), (0.6, "2f6d86"), (1, "6fa08a")]),
        (0.75, 0.016, 2, [(0, "12324a"), (0.5, "25604e"), (1, "86a34a")]),
        (0.85, 0.014, 6, [(0, "6d5a1c"), (0.4, "b8892a"), (0.8, "e6bd4b"), (1, "f6e08a")]),
    ]
    for level, rise, seed, stops in rows:
        top = ridge(x, level, rise, seed)
        inside = y > top
        lit = 0.5 + 0.5 * np.sin(60 * (y - top) + 9 * x + 8 * grain) * 0.7 + 0.5 * (grain - 0.5)
        color = np.where(inside[..., None], ramp(lit, stops), color)
        slope = np.arctan(np.gradient(top, axis=1) * x.shape[0])
        flow = np.where(inside, slope + 0.5 * np.sin(7 * x + seed + 9 * (y - top)) - 0.2, flow)
    wheat = y > ridge(x, 0.87, 0.014, 6)
    return color, np.where(wheat, -1.25 + 0.9 * (grain - 0.5) + 0.5 * np.sin(6 * x), flow)


def village(canvas: Canvas, unit: float, rng: np.random.Generator) -> None:
    """Small houses in the valley, each a few strokes: wall, roof, a lit window."""
    flat, steep = np.zeros_like(canvas.height), np.full_like(canvas.height, -np.pi / 2)
    for x in [0.30, 0.36, 0.40, 0.455, 0.51, 0.575, 0.62, 0.68, 0.725]:
        y, size = 0.735 + 0.02 * rng.standard_normal(), rng.uniform(0.026, 0.040)
        one = (np.array([x * unit], np.float32), np.array([y * unit], np.float32))
        wall = mix(rgb("5b7ba5"), rgb("c9c49a"), rng.random())[None]
        paint(canvas, Brush(size * unit * 0.8, size * unit * 1.3, 0.1), one, wall, flat, rng)
        roof = (one[0], one[1] - size * unit * 0.55)
        paint(canvas, Brush(size * unit * 0.5, size * unit * 1.7, 0.1), roof, rgb("8c3b2a")[None], flat - 0.1, rng)
        spot = (one[0] + size * unit * 0.2, one[1])
        paint(canvas, Brush(size * unit * 0.22, size * unit * 0.4, 0.1), spot, rgb("ffd54a")[None], steep, rng)
    for part, (y, size, code) in enumerate([(0.70, 0.05, "48618f"), (0.655, 0.05, "2b3d70"), (0.615, 0.05, "22305c")]):
        one = (np.array([0.545 * unit], np.float32), np.array([y * unit], np.float32))
        tip = Brush(0.026 * unit / (1 + 0.8 * part), size * unit, 0.05)
        paint(canvas, tip, one, rgb(code)[None], steep, rng)


def poplars(canvas: Canvas, unit: float, rng: np.random.Generator) -> None:
    """Two dark flames of trees at the left, built from hundreds of upward licks."""
    for cx, top, foot, wide, count in [(0.105, 0.30, 1.02, 0.062, 420), (0.205, 0.50, 1.02, 0.045, 260)]:
        up = 1 - np.sort(rng.random(count))
        y = foot - (foot - top) * (1 - up)
        side = rng.uniform(-1, 1, count)
        body = np.sin(np.pi * np.clip(up * 0.92 + 0.06, 0, 1)) ** 0.8
        x = cx + wide * body * side + 0.012 * np.sin(18 * y)
        order = rng.permutation(count)
        at = ((x[order] * unit).astype(np.float32), (y[order] * unit).astype(np.float32))
        shade = np.clip(0.5 + 0.3 * side[order] + 0.3 * rng.standard_normal(count), 0, 1)
        color = ramp(shade, [(0, "07140f"), (0.4, "12301f"), (0.7, "2c4a22"), (0.9, "6a6a2a"), (1, "9a7a35")])
        height, width = canvas.height.shape
        gx, gy = grid(width, height)
        lean = -np.pi / 2 + np.clip((cx - gx) / wide, -1, 1) * -0.35 + 0.45 * np.sin(24 * gy + 6 * gx)
        paint(canvas, Brush(0.013 * unit, 0.085 * unit, load=1.2, blend=0.05), at, color, lean, rng)


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (2 * round(side * scale) for side in SIZE)
    rng = np.random.default_rng(1889)
    x, y = grid(width, height)
    wander = fbm((height, width), 0.22 * height, 3, 31)
    psi = stream(x, y, wander)
    down, across = np.gradient(psi)
    flow = np.arctan2(across, -down) + np.pi
    for cx, cy, size in [*STARS, MOON]:
        flow = np.where(np.hypot(x - cx, y - cy) < 1.08 * size, np.arctan2(y - cy, x - cx) + np.pi / 2, flow)
    color = sky(x, y, psi, wander)
    color, flow = land(x, y, color, flow, fbm((height, width), 0.06 * height, 3, 32))
    canvas = blank(width, height, rgb("6b4a2a"))
    for wide, long, gap, spread in [
        (0.030, 0.12, 0.023, 0.05),
        (0.015, 0.085, 0.0125, 0.06),
        (0.0085, 0.055, 0.010, 0.08),
    ]:
        at = scatter(canvas, gap * height, rng)
        tint = pick(color, *at) + rng.normal(0, spread, (at[0].size, 1)) + rng.normal(0, spread / 2, (at[0].size, 3))
        paint(canvas, Brush(wide * height, long * height), at, tint.astype(np.float32), flow, rng)
    village(canvas, height, rng)
    poplars(canvas, height, rng)
    return to_bytes(finish(canvas))
