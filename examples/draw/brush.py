"""A loaded brush: thousands of strokes that follow a flow, with bristles, ragged ends, mixed paint and relief."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .field import Array, blur, fbm, shrink

SPACING = 0.85  # of a pixel between samples: the few pixels missed between them read as grain
BATCH = 300_000  # samples held at once
JOINTS = 12  # points of a stroke's center line


@dataclass
class Canvas:
    """Color and thickness of the paint; drawn twice as large as shown."""

    color: Array
    height: Array


@dataclass(frozen=True)
class Brush:
    """Sizes in canvas pixels; shares in 0..1."""

    width: float
    length: float
    variety: float = 0.35  # of the sizes from stroke to stroke
    streak: float = 0.10  # light and dark between bristles
    blend: float = 0.10  # tint across the width, as from a brush dipped twice
    pickup: float = 0.15  # how much of the wet paint below comes along
    dry: float = 0.35  # share of the bristles that lift before the end
    load: float = 1.0  # thickness of the paint
    ridge: float = 0.35  # paint pushed to the sides
    comb: float = 0.9  # depth of the furrows between bristles
    square: bool = False  # ends like a knife's, not like a round brush's


@lru_cache(maxsize=1)
def _bristles() -> Array:
    """A long sheet of streaks: rows are bristles, columns run along the stroke."""
    fine = fbm((2048, 4096), (6, 300), 2, 11) + 0.9 * (fbm((2048, 4096), (24, 500), 2, 12) - 0.5)
    return np.clip(fine, 0, 1)


def blank(width: int, height: int, ground: Array) -> Canvas:
    """A canvas primed with a color, or with a picture of its own size."""
    color = np.broadcast_to(ground, (height, width, 3)).astype(np.float32).copy()
    return Canvas(color, 0.25 * fbm((height, width), 5, 2, 5))


def scatter(
    canvas: Canvas, gap: float, rng: np.random.Generator, mask: NDArray[np.bool_] | None = None
) -> tuple[Array, Array]:
    """Places for strokes about `gap` apart, shuffled; only where the mask holds."""
    height, width = canvas.height.shape
    y, x = np.mgrid[gap / 2 : height : gap, gap / 2 : width : gap].reshape(2, -1)
    places = np.stack([x, y]) + rng.uniform(-0.6, 0.6, (2, x.size)) * gap
    places = np.clip(places, 0, [[width - 1], [height - 1]])
    places = places[:, rng.permutation(x.size)].astype(np.float32)
    if mask is not None:
        keep = mask[places[1].astype(int), places[0].astype(int)]
        places = places[:, keep]
    return places[0], places[1]


def pick(plane: Array, x: Array, y: Array) -> Array:
    """The plane's values at these places."""
    height, width = plane.shape[:2]
    return plane[np.clip(y, 0, height - 1).astype(np.int32), np.clip(x, 0, width - 1).astype(np.int32)]


def follow(flow: Array, x: Array, y: Array, length: Array) -> Array:
    """Center lines (strokes, joints, xy) that start half a length upstream and follow the angles of `flow`."""
    step = length / (JOINTS - 1)
    half = JOINTS // 2
    line = np.empty((JOINTS, 2, x.size), np.float32)
    for sign, joints in ((-1, range(half, -1, -1)), (1, range(half, JOINTS))):
        px, py = x.copy(), y.copy()
        for joint in joints:
            line[joint] = px, py
            angle = pick(flow, px, py)
            px, py = px + sign * step * np.cos(angle), py + sign * step * np.sin(angle)
    return line.transpose(2, 0, 1)


def lay(canvas: Canvas, brush: Brush, lines: Array, color: Array, width: Array, rng: np.random.Generator) -> None:
    """Paint strokes in order, later over earlier."""
    reach = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(1)
    along, across = int(reach.max() / SPACING) + 2, int(width.max() / SPACING) + 2
    size = max(BATCH // (along * across), 1)
    for start in range(0, len(lines), size):
        part = slice(start, start + size)
        _lay_some(canvas, brush, lines[part], color[part], width[part], (along, across), rng)


def paint(
    canvas: Canvas, brush: Brush, at: tuple[Array, Array], color: Array, flow: Array, rng: np.random.Generator
) -> None:
    """One stroke of this brush at each place, along the flow."""
    x, y = at
    if not x.size:
        return
    vary = rng.uniform(1 - brush.variety, 1 + brush.variety, (2, x.size)).astype(np.float32)
    lay(canvas, brush, follow(flow, x, y, brush.length * vary[0]), color, brush.width * vary[1], rng)


def _ribbon(lines: Array, width: Array, along: int, across: int, square: bool) -> tuple[Array, Array, Array, Array]:
    """Pixel coordinates (strokes, along, across) of a ribbon around each line, and u, v on it."""
    u = np.linspace(0, 1, along, dtype=np.float32)
    v = np.linspace(-1, 1, across, dtype=np.float32)
    joint = u * (lines.shape[1] - 1)
    weight = np.maximum(0, 1 - np.abs(joint[:, None] - np.arange(lines.shape[1]))).astype(np.float32)
    tangent = np.gradient(lines, axis=1)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True) + 1e-6
    center, toward = weight @ lines, weight @ tangent
    taper = np.sqrt(np.clip(1 - np.abs(2 * u - 1) ** (60 if square else 6), 0, 1))
    half = 0.5 * width[:, None] * (0.25 + 0.75 * taper)
    offset = half[:, :, None] * v
    x = center[:, :, 0, None] - toward[:, :, 1, None] * offset
    y = center[:, :, 1, None] + toward[:, :, 0, None] * offset
    return x, y, u[:, None], v[None, :]


def _lay_some(
    canvas: Canvas,
    brush: Brush,
    lines: Array,
    color: Array,
    width: Array,
    samples: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    x, y, u, v = _ribbon(lines, width, *samples, brush.square)
    along, across = samples
    sheet = _bristles()
    row = rng.integers(0, sheet.shape[0] - across, len(lines), dtype=np.int32)[:, None, None]
    column = rng.integers(0, sheet.shape[1] - along, len(lines), dtype=np.int32)[:, None, None]
    spot = (row + np.arange(across, dtype=np.int32)) * sheet.shape[1] + column
    hair = sheet.reshape(-1).take(spot + np.arange(along, dtype=np.int32)[:, None])
    height, breadth = canvas.height.shape
    ends = np.minimum(u * 6, (1 - u) * (1.6 + 4 * (1 - brush.dry)))
    seen = np.flatnonzero((hair > 0.62 - ends) & (x >= 0) & (y >= 0) & (x < breadth) & (y < height))
    place = y.reshape(-1).take(seen).astype(np.int32) * breadth + x.reshape(-1).take(seen).astype(np.int32)
    hair = hair.reshape(-1).take(seen)
    tint = rng.normal(0, brush.blend, (len(lines), 1, 3)).astype(np.float32)
    loaded = (color[:, None] + tint * v[..., None]).reshape(-1, 3) - brush.streak
    fresh = loaded.take(seen // (along * across) * across + seen % across, 0)
    fresh += (brush.streak * 2 * hair)[:, None]
    below = canvas.color.reshape(-1, 3)
    share = (brush.pickup * 2) * (1 - hair)[:, None]
    below[place] = fresh + (below.take(place, 0) - fresh) * share
    sides = np.exp(-(((np.abs(v) - 0.8) / 0.14) ** 2)) + 0.6 * np.exp(-(((u - 0.93) / 0.05) ** 2))
    on_ribbon = seen % (along * across)
    thick = (brush.ridge * sides).reshape(-1).take(on_ribbon)
    thick += np.broadcast_to(1 - v**4, sides.shape).reshape(-1).take(on_ribbon) * (0.8 + brush.comb * (hair - 0.5))
    flat = canvas.height.reshape(-1)
    flat[place] = 0.4 * flat.take(place) + brush.load * thick


def relief(canvas: Canvas, depth: float, gloss: float, light: tuple[float, float, float] = (-0.5, -0.6, 0.65)) -> Array:
    """The paint as lit from the upper left: slopes shade, edges glint."""
    height = canvas.height + 0.0
    down, across = np.gradient(blur(height, 1))
    normal = np.stack([-across * depth, -down * depth, np.ones_like(across)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    toward = np.array(light, np.float32) / np.linalg.norm(light)
    facing = normal @ toward / toward[2]
    half = toward + np.array([0, 0, 1], np.float32)
    glint = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 40 - toward[2] ** 12
    lit: Array = canvas.color * (0.45 + 0.55 * np.clip(facing, 0, 1.7))[..., None]
    lit += gloss * np.clip(glint, 0, 1)[..., None]
    return lit


def tiles(total: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most `size`."""
    for start in range(0, total, size):
        yield slice(start, start + size)


def finish(canvas: Canvas, depth: float = 2.0, gloss: float = 0.12) -> Array:
    """The lit painting at its final size."""
    return shrink(relief(canvas, depth, gloss), 2)
