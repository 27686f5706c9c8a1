"""A woodblock print: striped waves with claws of foam, drawn as blocks of flat color under one key block of lines."""

import numpy as np
from PIL import Image, ImageDraw

from .field import Array, Pixels, blur, fbm, grid, mix, ramp, rgb, shrink, smooth, to_bytes

SIZE = (1000, 760)
INK, FOAM = rgb("14233f"), rgb("f3ead2")
BLUES = ["17396b", "dfe3d2", "2f6394", "1c4a80", "8db4bd", "17396b", "c9d8cf", "3a729d"]
OUTER = [(-1.25, 0.30), (-0.85, 0.02), (-0.42, -0.52), (0.02, -0.93), (0.40, -1.00), (0.68, -0.80), (0.74, -0.52)]
INNER = [(1.30, 0.30), (0.75, 0.06), (0.28, -0.10), (0.12, -0.40), (0.24, -0.66), (0.48, -0.72), (0.70, -0.50)]


def spline(knots: list[tuple[float, float]], count: int) -> Array:
    """A smooth curve through the knots."""
    p = np.array([knots[0], *knots, knots[-1]], np.float32)
    t = np.linspace(0, len(knots) - 1 - 1e-4, count)
    i, f = t.astype(int), (t % 1)[:, None]
    a, b, c, d = (p[i + k] for k in range(4))
    curve: Array = 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)
    return curve


def normals(curve: Array) -> Array:
    step = np.gradient(curve, axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True) + 1e-9
    return np.stack([step[:, 1], -step[:, 0]], 1)


def leaf(spine: Array, width: Array) -> Array:
    """Outline of a shape that is `width` wide along its spine."""
    side = normals(spine) * (width / 2)[:, None]
    return np.concatenate([spine + side, (spine - side)[::-1]])


class Blocks:
    """The color blocks and the key block, cut in the same order so that near waves hide far lines."""

    def __init__(self, width: int, height: int, ground: Array) -> None:
        self.unit = height
        self.color = Image.fromarray(to_bytes(ground))
        self.key = Image.new("L", (width, height), 0)

    def fill(self, outline: Array, color: Array) -> None:
        points = [tuple(p) for p in (outline * self.unit).tolist()]
        ImageDraw.Draw(self.color).polygon(points, fill=tuple(to_bytes(color).tolist()))
        ImageDraw.Draw(self.key).polygon(points, fill=0)

    def line(self, spine: Array, width: Array) -> None:
        points = [tuple(p) for p in (leaf(spine, width) * self.unit).tolist()]
        ImageDraw.Draw(self.key).polygon(points, fill=255)

    def grow(self, outlines: list[Array], color: Array, edge: float) -> None:
        """Many shapes as one: lines only around their union."""
        pen = ImageDraw.Draw(self.key)
        for outline in outlines:
            points = [tuple(p) for p in (outline * self.unit).tolist()]
            pen.line([*points, points[0]], fill=255, width=max(round(2 * edge * self.unit), 1), joint="curve")
        for outline in outlines:
            self.fill(outline, color)


def claw(root: Array, angle: float, size: float, curl: float, depth: int, rng: np.random.Generator) -> list[Array]:
    """A hooked finger of foam and the smaller fingers on it."""
    t = np.linspace(0, 1, 14)
    bend = angle + curl * t**1.5
    step = np.stack([np.cos(bend), np.sin(bend)], 1) * size / 13
    spine = root + np.cumsum(step, 0) - step[0]
    shapes = [leaf(spine, size * 0.30 * (1 - t) ** 0.65 * (1 - 0.25 * np.sin(6 * t)))]
    if depth:
        for at in rng.choice([3, 5, 7, 9], 3, replace=False):
            turn = rng.uniform(0.5, 1.1) * np.sign(rng.random() - 0.35) * np.sign(curl)
            child = rng.uniform(0.38, 0.6) * size
            shapes += claw(spine[at], bend[at] + turn, child, curl * rng.uniform(0.8, 1.4), depth - 1, rng)
    return shapes


def place(curve: Array, x: float, y: float, size: float, flip: float) -> Array:
    return curve * np.array([size * flip, size], np.float32) + np.array([x, y], np.float32)


def body(blocks: Blocks, outer: Array, inner: Array, size: float, stripes: int, line: float) -> None:
    """The blue of a wave: stripes that run from its foot into the tip."""
    blocks.fill(np.concatenate([outer, inner[::-1]]), rgb(BLUES[0]))
    shares = np.linspace(0, 1, stripes + 1)
    wobble = 0.012 * size * np.sin(np.linspace(0, 9, len(outer)))[:, None]
    curves = [outer + (inner - outer) * s + wobble * np.sin(np.pi * s) for s in shares]
    for k in range(stripes):
        fall = curves[k] + (curves[k + 1] - curves[k]) * 0.92
        blocks.fill(np.concatenate([curves[k], fall[::-1]]), rgb(BLUES[k % len(BLUES)]))
    swell = np.sin(np.linspace(0, np.pi, len(outer)))
    for curve in curves[1:-1]:
        blocks.line(curve, line * (0.25 + swell))
    blocks.line(outer, line * (1 + swell))
    blocks.line(inner, line * (1 + swell))


def foam(blocks: Blocks, outer: Array, inner: Array, size: float, line: float, rng: np.random.Generator) -> None:
    """White crest: a scalloped band along the lip, claws reaching out of it, drops flung ahead."""
    tip = np.concatenate([outer[int(0.90 * len(outer)) :], inner[: int(0.90 * len(inner)) : -1]])
    lip = np.concatenate([outer[int(0.42 * len(outer)) :], inner[: int(0.80 * len(inner)) : -1]])
    n = len(lip)
    t = np.linspace(0, 1, n)
    turn = np.sign(outer[-1, 0] - outer[0, 0])
    out = normals(lip) * turn
    deep = size * 0.075 * np.sin(np.pi * t) ** 0.5 * (1 + 0.7 * np.abs(np.sin(23 * t)))
    band = [tip, np.concatenate([lip + out * 0.012 * size, (lip - out * deep[:, None])[::-1]])]
    blocks.grow(band, FOAM, line * 0.9)
    for k in np.linspace(5, n - 3, 34).astype(int):
        near_tip = np.exp(-(((t[k] - 0.75) / 0.28) ** 2))
        toward = out[k] + near_tip * np.array([0.5 * turn, 0.75])
        ahead = np.arctan2(toward[1], toward[0]) + rng.normal(0, 0.15)
        reach = size * (0.09 + 0.19 * near_tip) * rng.uniform(0.7, 1.25)
        shapes = claw(lip[k] - out[k] * 0.02 * size, ahead, reach, turn * rng.uniform(1.2, 2.4), 2, rng)
        blocks.grow(shapes, FOAM, line * 0.7)
    for shape in band:
        blocks.fill(shape, FOAM)
    for k in range(0, n - 6, 5):
        inside = lip[k : k + 6] - out[k : k + 6] * (deep[k : k + 6] * rng.uniform(0.25, 0.7))[:, None]
        blocks.line(inside, np.full(6, line * 0.6) * np.sin(np.linspace(0.2, np.pi - 0.2, 6)))
    drops = []
    for _ in range(int(90 * size)):
        at = lip[rng.integers(n // 4, n)] + size * rng.normal(0, 0.16, 2) + [0.16 * size * turn, 0.02 * size]
        ring = np.linspace(0, 2 * np.pi, 12)
        drops.append(at + rng.uniform(0.002, 0.008) * size**0.5 * np.stack([np.cos(ring), np.sin(ring)], 1))
    if drops:
        blocks.grow(drops, FOAM, line * 0.5)


def wave(
    blocks: Blocks, x: float, y: float, size: float, flip: float, rng: np.random.Generator, stripes: int = 11
) -> None:
    line = 0.0028 + 0.0022 * size
    wild = [[(a + rng.normal(0, 0.025), b + rng.normal(0, 0.025)) for a, b in c] for c in (OUTER, INNER)]
    outer, inner = (place(spline(c, 120), x, y, size, flip) for c in wild)
    body(blocks, outer, inner, size, stripes, line)
    foam(blocks, outer, inner, size, line, rng)


def swell(blocks: Blocks, level: float, rise: float, seed: int, rows: int) -> None:
    """A low sea: long hills of water with lines along them."""
    x = np.linspace(-0.05, 1.4, 160)
    for row in range(rows):
        y = level + 0.030 * row + rise * (np.sin(4.5 * x + seed + 0.7 * row) + 0.5 * np.sin(9.7 * x + 2 * seed - row))
        top = np.stack([x, y], 1)
        floor = np.array([[1.4, 1.1], [-0.05, 1.1]])
        blocks.fill(np.concatenate([top, floor]), rgb(BLUES[(row * 3 + seed) % len(BLUES)]))
        blocks.line(top, 0.0035 * (0.5 + np.abs(np.sin(3 * x + row))))


def distance(blocks: Blocks) -> None:
    """A snow mountain and bars of cloud behind the sea."""
    peak = spline(
        [(0.42, 0.62), (0.58, 0.52), (0.68, 0.385), (0.715, 0.36), (0.75, 0.38), (0.88, 0.53), (1.06, 0.62)], 80
    )
    blocks.fill(peak, rgb("7f9aa6"))
    blocks.line(peak, np.full(80, 0.0035))
    snow = [(0.648, 0.425), (0.68, 0.385), (0.715, 0.36), (0.75, 0.38), (0.785, 0.42), (0.765, 0.412), (0.752, 0.45),
            (0.735, 0.415), (0.715, 0.465), (0.70, 0.42), (0.68, 0.45), (0.672, 0.415)]  # fmt: skip
    blocks.fill(np.array(snow), FOAM)
    for x, y, long, thick in [
        (0.52, 0.30, 0.30, 0.018),
        (0.86, 0.41, 0.30, 0.018),
        (0.98, 0.16, 0.30, 0.014),
        (1.15, 0.36, 0.25, 0.016),
        (0.45, 0.43, 0.20, 0.012),
    ]:
        spine = np.stack([np.linspace(x, x + long, 40), y + 0.004 * np.sin(np.linspace(0, 7, 40))], 1)
        bar = leaf(spine, thick * np.clip(np.sin(np.linspace(0.05, np.pi - 0.05, 40)), 0, 1) ** 0.35)
        blocks.fill(bar, rgb("efd9b4"))


def press(blocks: Blocks, shape: tuple[int, int]) -> Array:
    """Ink on paper: grain of the wood, mottled ink, fibers, the key block a hair out of place."""
    height = shape[0]
    color = np.asarray(blocks.color, np.float32) / 255
    key = blur(np.roll(np.asarray(blocks.key, np.float32) / 255, (1, 2), (0, 1)), 1)
    wood = fbm(shape, (0.008 * height, 0.5 * height), 3, 81)
    mottle = fbm(shape, 0.012 * height, 3, 82)
    fiber = fbm(shape, (0.004 * height, 0.02 * height), 2, 83)
    ink = 0.10 * (wood - 0.5) + 0.16 * (mottle - 0.5)
    dark = 1 - color.mean(-1)
    color = color + (ink * (0.45 + 0.9 * dark))[..., None]
    bare = smooth(0.70, 0.86, mottle + 0.4 * (fiber - 0.5))
    color = mix(color, rgb("efe3c6"), 0.14 * bare * dark)
    strength = np.clip(key * (1.25 - 0.5 * smooth(0.55, 0.85, mottle)), 0, 1)
    color = mix(color, INK + 0.1 * (wood - 0.5)[..., None], strength)
    tone = rgb("fff6e0") * (0.94 + 0.10 * (fiber - 0.5) + 0.05 * (fbm(shape, 2, 1, 84) - 0.5))[..., None]
    return color * tone


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (2 * round(side * scale) for side in SIZE)
    rng = np.random.default_rng(1831)
    x, y = grid(width, height)
    air = ramp(
        y + 0.03 * np.sin(3 * x), [(0, "2b4a6e"), (0.07, "6d8a98"), (0.2, "d9c79c"), (0.42, "eed9ae"), (0.6, "e8b48a")]
    )
    sun = np.hypot(x - 1.10, y - 0.33) < 0.12
    air = np.where(sun[..., None], rgb("cf4a2c"), air)
    blocks = Blocks(width, height, air)
    distance(blocks)
    swell(blocks, 0.585, 0.008, 1, 4)
    for place_x, place_y, size, flip in [
        (1.12, 0.70, 0.16, -1),
        (0.72, 0.70, 0.13, 1),
        (0.95, 0.76, 0.20, -1),
        (0.35, 0.72, 0.18, 1),
    ]:
        wave(blocks, place_x, place_y, size, flip, rng, 8)
    swell(blocks, 0.74, 0.012, 3, 3)
    wave(blocks, 1.10, 0.86, 0.36, -1, rng)
    wave(blocks, 0.36, 0.86, 0.72, 1, rng, 15)
    swell(blocks, 0.90, 0.014, 5, 2)
    for place_x, place_y, size, flip in [
        (0.80, 0.98, 0.22, 1),
        (0.12, 1.02, 0.24, 1),
        (1.18, 1.04, 0.26, -1),
        (0.50, 1.06, 0.22, -1),
    ]:
        wave(blocks, place_x, place_y, size, flip, rng, 9)
    return to_bytes(shrink(press(blocks, (height, width)), 2))
