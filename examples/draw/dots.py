"""A river in summer, divided into dots: each touch is purer than what it stands for."""

import numpy as np

from .brush import Brush, Canvas, blank, finish, paint, pick, scatter
from .field import Array, Pixels, fbm, grid, mix, ramp, rgb, smooth, to_bytes

SIZE = (1000, 760)
SHORE, FAR = 0.66, 0.42


def crowns(x: Array, y: Array, color: Array, grain: Array) -> Array:
    """Trees on both banks: round crowns of lit and shaded leaves."""
    rng = np.random.default_rng(71)
    for row, (level, size, count) in enumerate([(FAR - 0.015, 0.05, 30), (FAR + 0.0, 0.035, 26)]):
        for cx in np.sort(rng.uniform(-0.05, 1.38, count)):
            if 0.62 < cx < 0.84:
                continue
            r = size * rng.uniform(0.7, 1.4)
            cy = level - 0.6 * r
            d = np.hypot((x - cx) / r, (y - cy) / (1.15 * r)) + 0.7 * (grain - 0.5)
            lit = 0.5 - 0.55 * (y - cy) / r + 0.35 * (x - cx) / r + 0.6 * (grain - 0.5)
            leaf = ramp(lit, [(0, "27407c" if row else "3d5c9c"), (0.4, "2e7a5a"), (0.7, "7a9e52"), (1, "d9cf80")])
            color = mix(color, leaf, (1 - smooth(0.9, 1.05, d)) * (y < FAR + 0.02))
    return color


def big_tree(x: Array, y: Array, color: Array, grain: Array) -> Array:
    """The tree whose shade covers the near left."""
    bend = 0.17 + 0.03 * np.sin(5 * y) + 0.02 * (y - 0.6)
    trunk = np.abs(x - bend) < 0.016 + 0.03 * smooth(0.6, 0.9, y)
    bark = ramp(0.5 + 16 * (x - bend) + 0.8 * (grain - 0.5), [(0, "2b2350"), (0.5, "6b3f5a"), (1, "d98a4a")])
    color = np.where((trunk & (y < 0.86) & (y > 0.15))[..., None], bark, color)
    for cx, cy, r in [
        (0.05, 0.10, 0.17),
        (0.22, 0.06, 0.16),
        (0.36, 0.13, 0.11),
        (0.13, 0.25, 0.13),
        (0.28, 0.24, 0.09),
        (-0.02, 0.30, 0.12),
    ]:
        d = np.hypot(x - cx, y - cy) / r + 0.9 * (grain - 0.5)
        lit = 0.42 + 0.4 * (x - cx) / r - 0.45 * (y - cy) / r + 0.9 * (grain - 0.5)
        leaf = ramp(lit, [(0, "1c2a6b"), (0.3, "1f5a5a"), (0.6, "4f8a48"), (0.85, "b3b85a"), (1, "f0e08a")])
        color = mix(color, leaf, 1 - smooth(0.88, 1.0, d))
    return color


def boats(x: Array, y: Array, color: Array) -> Array:
    """Sails with their long reflections."""
    for cx, foot, tall, code in [
        (0.74, 0.485, 0.20, "fff3dc"),
        (0.60, 0.452, 0.09, "ffe0c0"),
        (1.02, 0.515, 0.15, "f9b27a"),
        (0.48, 0.447, 0.06, "fff8ea"),
    ]:
        up = (foot - y) / tall
        wide = 0.26 * tall * (1 - np.abs(up))
        wave = 0.006 * np.sin(140 * y + 30 * x)
        sail = (np.abs(x - cx - 0.10 * tall * (1 - np.abs(up))) < wide) & (up > 0.02) & (up < 1)
        image = (np.abs(x - cx + wave - 0.1 * tall * (1 - np.abs(up))) < wide * 0.8) & (up < -0.12) & (up > -1)
        shade = mix(rgb(code), rgb("8fa0d8"), smooth(0.3, -0.2, (x - cx) / (0.26 * tall)))
        color = np.where(sail[..., None], shade, color)
        color = np.where(image[..., None], mix(color, shade, 0.6), color)
        hull = (np.abs(x - cx - 0.02 * tall) < 0.36 * tall + 0.4 * (foot - y)) & (
            np.abs(y - foot - 0.03 * tall) < 0.045 * tall
        )
        color = np.where(hull[..., None], rgb("5a2448"), color)
    return color


def scene(x: Array, y: Array) -> Array:
    """What the dots stand for."""
    shape = x.shape
    grain = fbm(shape, 0.045 * shape[0], 3, 7)
    cloud = fbm(shape, (0.10 * shape[0], 0.34 * shape[0]), 4, 8)
    color = ramp(y / FAR, [(0, "4f86d6"), (0.45, "8fb8e6"), (0.8, "f6dcb8"), (1, "ffe2a6")])
    color = mix(
        color,
        ramp(cloud, [(0.5, "e9c9d8"), (0.75, "fff6e2")]),
        smooth(0.46, 0.72, cloud + 0.25 * (grain - 0.5)) * smooth(0.42, 0.2, y),
    )
    hill = FAR - 0.07 - 0.035 * np.sin(4 * x + 0.8) - 0.02 * np.sin(9 * x)
    color = np.where((y > hill)[..., None], ramp(y - hill + 0.05 * grain, [(0, "9aa6dc"), (0.1, "8fbfb0")]), color)
    color = crowns(x, y, color, grain)
    mirror = np.clip(2 * FAR - y + 0.01 * np.sin(90 * y + 12 * grain), 0, FAR)
    rows = np.clip((mirror * shape[0]).astype(int), 0, shape[0] - 1)
    columns = np.clip(((x + 0.012 * (grain - 0.5)) * shape[0]).astype(int), 0, shape[1] - 1)
    ripple = 0.5 + 0.5 * np.sin(150 * y**1.3 + 9 * grain + 5 * x)
    water = mix(
        color[rows, columns], ramp(ripple, [(0, "2f5fb0"), (0.6, "6aa6d8"), (1, "ffe6b8")]), 0.22 + 0.25 * ripple
    )
    color = np.where((y > FAR)[..., None], water, color)
    color = boats(x, y, color)
    bank = SHORE + 0.12 * np.sin(2.1 * x + 2.4) + 0.02 * np.sin(11 * x)
    sun = smooth(0.42, 0.60, fbm(shape, 0.12 * shape[0], 3, 9) * 0.5 + 0.32 * smooth(0.2, 0.9, x) + 0.1)
    lawn = mix(
        ramp(grain, [(0.2, "1d3f7a"), (0.5, "2b6a4a"), (0.9, "3f7f5a")]),
        ramp(grain, [(0.2, "86a04e"), (0.6, "c8bf62"), (0.9, "f2d98c")]),
        sun,
    )
    color = np.where((y > bank)[..., None], lawn, color)
    return big_tree(x, y, color, grain)


def divide(color: Array, rng: np.random.Generator, strength: float) -> Array:
    """Each touch pushed away from gray, some to the complement: the mixture happens in the eye."""
    gray = color.mean(1, keepdims=True)
    pure = gray + (color - gray) * (0.95 + 0.8 * strength)
    other = gray + (gray - color) * 1.1
    turned = np.roll(pure, 1, axis=1)
    fate = rng.random((len(color), 1))
    pure = np.where(fate < 0.10 * (1 + strength), mix(other, pure, 0.15), pure)
    pure = np.where(fate > 0.90, mix(pure, turned, 0.45), pure)
    return (pure + rng.normal(0, 0.06 + 0.05 * strength, (len(color), 3))).astype(np.float32)


def people(canvas: Canvas, unit: float, rng: np.random.Generator) -> None:
    """Two strollers with a parasol, on the bank at the right, in dots of their own."""
    spots = [
        (0.98, 0.74, 0.020, 0.055, "2a2560"),
        (0.98, 0.675, 0.011, 0.013, "f0b890"),
        (0.98, 0.655, 0.016, 0.006, "1c1a40"),
        (1.045, 0.745, 0.026, 0.055, "c23a5a"),
        (1.045, 0.69, 0.013, 0.02, "e8617a"),
        (1.045, 0.66, 0.010, 0.012, "f6c8a0"),
        (1.06, 0.625, 0.050, 0.016, "ff9a3a"),
        (0.905, 0.80, 0.018, 0.012, "6a3a2a"),
    ]
    for cx, cy, rx, ry, code in spots:
        count = int(rx * ry * 500_000)
        turn, far = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
        x, y = ((cx + rx * far * np.cos(turn)) * unit, (cy + ry * far * np.sin(turn)) * unit)
        color = divide(rgb(code) + 0.16 * (np.cos(turn) * far)[:, None], rng, 0.3)
        touch = Brush(0.0065 * unit, 0.0075 * unit, 0.25, streak=0.04, blend=0.03, pickup=0, dry=0, ridge=0.2)
        paint(canvas, touch, (x.astype(np.float32), y.astype(np.float32)), color, np.zeros_like(canvas.height), rng)


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (2 * round(side * scale) for side in SIZE)
    rng = np.random.default_rng(1886)
    x, y = grid(width, height)
    target = scene(x, y)
    flow = (6 * fbm((height, width), 0.1 * height, 2, 70)).astype(np.float32)
    canvas = blank(width, height, 0.75 * target + 0.25 * rgb("e8d6b0"))
    for size, gap, strength in [(0.0150, 0.0105, 0.2), (0.0095, 0.0072, 0.4), (0.0070, 0.0066, 0.6)]:
        at = scatter(canvas, gap * height, rng)
        touch = Brush(size * height, size * height * 1.15, 0.25, streak=0.04, blend=0.03, pickup=0, dry=0, ridge=0.2)
        paint(canvas, touch, at, divide(pick(target, *at), rng, strength), flow, rng)
    people(canvas, height, rng)
    return to_bytes(finish(canvas, depth=1.4, gloss=0.08))
