"""Palette-knife abstraction: slabs of thick paint dragged over one another, streaked and ridged."""

import numpy as np

from .brush import Brush, Canvas, blank, finish, lay, pick, scatter
from .field import Array, Pixels, mix, ramp, rgb, smooth, to_bytes

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


def turns(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Angle of each slab: steep above, level in the burning band, fanning below; some cut across."""
    main = np.where(y < 0.36, -1.2 + 0.5 * x, np.where(y < 0.60, 0.06, 1.35 - 0.9 * x))
    across = np.where(rng.random(x.size) < 0.22, np.pi / 2, 0)
    return main + across + rng.normal(0, 0.16, x.size)


def slabs(at: tuple[Array, Array], turn: Array, length: Array) -> Array:
    """Straight center lines with a slight bow, as a wrist makes them."""
    t = np.linspace(-0.5, 0.5, 12)[None, :] * length[:, None]
    bow = (0.018 * length)[:, None] * (np.linspace(-1, 1, 12) ** 2)[None, :]
    x = at[0][:, None] + t * np.cos(turn)[:, None] - bow * np.sin(turn)[:, None]
    y = at[1][:, None] + t * np.sin(turn)[:, None] + bow * np.cos(turn)[:, None]
    return np.stack([x, y], -1).astype(np.float32)


def spread(canvas: Canvas, knife: Brush, gap: float, share: float, rng: np.random.Generator) -> None:
    """One layer of slabs over the whole canvas."""
    unit = canvas.height.shape[0]
    x, y = scatter(canvas, gap, rng)
    keep = rng.random(x.size) < share
    x, y = x[keep], y[keep]
    size = np.exp(rng.normal(0, 0.33, (2, x.size)))
    color = choose(x / unit, y / unit, rng).astype(np.float32)
    lines = slabs((x, y), turns(x / unit, y / unit, rng), knife.length * size[0])
    lay(
        canvas,
        knife,
        lines,
        mix(color, pick(canvas.color, x, y), 0.10),
        (knife.width * size[1]).astype(np.float32),
        rng,
    )


def scratches(canvas: Canvas, rng: np.random.Generator) -> None:
    """The knife's edge: thin dark and light lines that cut across the slabs."""
    unit, count = canvas.height.shape[0], 170
    x, y = rng.uniform(0, 1.25 * unit, count), rng.uniform(0, unit, count)
    tone = ramp(rng.random(count), [(0, "14110f"), (0.45, "2b1d1a"), (0.55, "f4efe2"), (1, "f2b71d")])
    lines = slabs((x, y), turns(x / unit, y / unit, rng), unit * rng.uniform(0.05, 0.22, count))
    edge = Brush(0.004 * unit, 0.10 * unit, dry=0.8, load=0.8, pickup=0.3)
    lay(canvas, edge, lines, tone, rng.uniform(0.002, 0.006, count).astype(np.float32) * unit, rng)


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (2 * round(side * scale) for side in SIZE)
    rng = np.random.default_rng(404)
    canvas = blank(width, height, rgb("3a2a22"))
    steps = [
        (0.17, 0.34, 0.080, 1, 1.2),
        (0.125, 0.22, 0.088, 0.9, 1.5),
        (0.075, 0.15, 0.085, 0.75, 1.8),
        (0.034, 0.09, 0.065, 0.5, 2.0),
    ]
    for wide, long, gap, share, load in steps:
        knife = Brush(
            wide * height,
            long * height,
            streak=0.11,
            blend=0.07,
            pickup=0.36,
            dry=0.8,
            load=load,
            ridge=0.8,
            comb=0.3,
            square=True,
        )
        spread(canvas, knife, gap * height, share, rng)
    scratches(canvas, rng)
    return to_bytes(finish(canvas, depth=2.2, gloss=0.16))
