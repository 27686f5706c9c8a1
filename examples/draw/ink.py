"""Pen and ink: a castle town over a bridge, hatched along its forms, darker tones crossed again and again."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .castle import TREE, light, town
from .field import Array, Pixels, blur, dot, fbm, fbm3, grid, mix, rgb, shrink, smooth, to_bytes
from .rays import FAR, Camera, Hit, cast, unit

SIZE = (1000, 800)
CAMERA = Camera((-4.0, 7.5, -46.0), (1.0, 8.6, 0.0), 1.25)
SKY, WATER = 900, 901


@dataclass(frozen=True)
class Sheet:
    """What the pen looks at: tone (0 black), which thing, and three directions along its form, in screen angles."""

    tone: Array
    thing: NDArray[np.int32]
    round: Array
    down: Array
    distance: Array
    normal: Array


def project(p: Array, along: Array) -> Array:
    """Screen angle of a direction in space, seen at p."""
    eye = np.array(CAMERA.eye, np.float32)
    ahead = unit(np.array(CAMERA.target, np.float32) - eye)
    right = unit(np.cross(np.array([0, 1, 0], np.float32), ahead))
    up = np.cross(ahead, right)
    spots = []
    for q in (p, p + 0.05 * along):
        depth = dot(q - eye, ahead)
        spots.append((dot(q - eye, right) / depth, -dot(q - eye, up) / depth))
    return np.arctan2(spots[1][1] - spots[0][1], spots[1][0] - spots[0][0]).astype(np.float32)


def gray(p: Array, hit: Hit) -> Array:
    """Tone where rays end; clear sky where they do not."""
    kinds = np.array([solid.kind for solid in town()])
    tone = np.full(len(p), 0.92, np.float32)
    some = np.flatnonzero(hit.solid >= 0)
    tone[some] = light(p[some], hit.normal[some], kinds[hit.solid[some]])
    return tone


def mirrored(p: Array, way: Array) -> Array:
    """Tone of the rippled water at p: what it mirrors, paler."""
    slope = np.stack(
        [
            0.012 * np.sin(p[:, 2] * 2.4 + 0.6 * np.sin(p[:, 0])),
            0 * p[:, 0],
            0.025 * np.sin(p[:, 2] * 3.1 + p[:, 0] * 0.4),
        ],
        1,
    )
    bounce = unit(way * np.array([1, -1, 1], np.float32) + slope.astype(np.float32))
    hit = cast(p, bounce, town())
    return 0.24 + 0.74 * gray(p + bounce * np.minimum(hit.t, 3000)[:, None], hit)


def clouds(u: Array, v: Array) -> tuple[Array, Array]:
    """Tone and direction of the sky's hatching."""
    cloud = fbm3(u * 2.2, v * 4.5 + 0.5 * np.sin(3 * u), np.zeros_like(u), 5, 104)
    tone = 1.06 - 1.5 * smooth(0.46, 0.75, cloud) * smooth(0.60, 0.2, v) - 0.25 * smooth(0.3, 0.0, v)
    return np.maximum(tone, 0.18), 0.12 * np.sin(6 * u) - 0.25 + 1.2 * (cloud - 0.5)


def look(width: int, height: int) -> Sheet:
    """Cast one ray for each pixel and note what the pen needs."""
    px, py = grid(width, height)
    u, v = px.ravel(), py.ravel()
    way = CAMERA.rays(u - width / height / 2, v - 0.5)
    origin = np.broadcast_to(np.array(CAMERA.eye, np.float32), way.shape)
    hit = cast(origin, way, town())
    flat = np.where(way[:, 1] < -1e-4, -origin[:, 1] / np.minimum(way[:, 1], -1e-4), FAR)
    wet = (flat < hit.t) & (flat < 2000)
    hit.solid[wet] = -1
    p = origin + way * np.minimum(np.where(wet, flat, hit.t), 3000)[:, None]
    tone = gray(p, hit)
    thing = np.where(wet, WATER, np.where(hit.solid < 0, SKY, hit.solid)).astype(np.int32)
    tone[wet] = mirrored(p[wet], way[wet])
    rounds = np.cross(np.broadcast_to(np.array([0, 1, 0], np.float32), p.shape), hit.normal)
    rounds = unit(rounds + np.array([1e-3, 0, 0], np.float32))
    around, below = (
        project(p, rounds),
        project(p, unit(np.cross(hit.normal, rounds) + np.array([0, 1e-3, 0], np.float32))),
    )
    air = thing == SKY
    tone[air], around[air] = clouds(u[air], v[air])
    below[air], around[wet], below[wet] = 0.6, 0.0, 0.05
    leafy = np.isin(thing, [index for index, solid in enumerate(town()) if solid.kind == TREE])
    curl = 9 * fbm3(u * 26, v * 26, np.zeros_like(u), 2, 105)
    around[leafy], below[leafy] = curl[leafy], curl[leafy] + 1.2
    fold = (height, width)
    tone, around, below, far = (plane.reshape(fold) for plane in (tone, around, below, hit.t))
    return Sheet(tone, thing.reshape(fold), around, below, far, hit.normal.reshape(*fold, 3))


class Pen:
    """Draws lines of changing pressure on one sheet, twice as large as shown."""

    def __init__(self, width: int, height: int) -> None:
        self.sheet = Image.new("L", (width, height), 0)
        self.tool = ImageDraw.Draw(self.sheet)

    def stroke(self, points: list[tuple[float, float]], width: float, ink: int) -> None:
        middle = max(len(points) // 2, 1)
        self.tool.line(points, fill=int(ink * 0.85), width=max(round(width * 0.6), 1))
        self.tool.line(points[max(middle - 3, 0) : middle + 3], fill=ink, width=max(round(width), 1))


def hatch(
    pen: Pen,
    look_at: Sheet,
    flow: Array,
    below: float,
    gap: float,
    length: float,
    width: float,
    rng: np.random.Generator,
) -> None:
    """Lines along the flow wherever the tone is darker than `below`; they stop at edges and in the light."""
    height, wide = look_at.tone.shape
    rows, columns = np.mgrid[gap / 2 : height : gap, gap / 2 : wide : gap * 2.6].reshape(2, -1).astype(np.float32)
    x, y = columns + rng.uniform(-1.3, 1.3, rows.size) * gap, rows + rng.uniform(-0.3, 0.3, rows.size) * gap
    row, column = np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, wide - 1).astype(int)
    keep = look_at.tone[row, column] < below + rng.normal(0, 0.03, x.size)
    x, y, own = x[keep], y[keep], look_at.thing[row, column][keep]
    long = length * rng.uniform(0.6, 1.3, x.size)
    trails: list[Array] = []
    for sign in (-1, 1):
        px, py, alive = x.copy(), y.copy(), np.ones(x.size, bool)
        for _ in range(7):
            row, column = np.clip(py, 0, height - 1).astype(int), np.clip(px, 0, wide - 1).astype(int)
            alive &= (look_at.thing[row, column] == own) & (look_at.tone[row, column] < below + 0.06)
            trails.append(np.stack([px, py, alive], 1))
            turn = flow[row, column]
            px, py = px + alive * sign * np.cos(turn) * long / 14, py + alive * sign * np.sin(turn) * long / 14
    path = np.stack([*trails[6::-1], *trails[8:]], 1)
    inks, widths = rng.integers(150, 255, x.size), width * rng.uniform(0.7, 1.4, x.size)
    for line, ink, thick in zip(path.tolist(), inks.tolist(), widths.tolist(), strict=True):
        points = [(a, b) for a, b, alive in line if alive]
        if len(points) > 2:
            pen.stroke(points, thick, ink)


def contours(look_at: Sheet) -> Array:
    """Where one thing ends and another begins, or a surface turns."""
    edge = np.zeros(look_at.tone.shape, np.float32)
    near = np.minimum(look_at.distance, 400)
    for axis in (0, 1):
        step = np.abs(np.diff(near, axis=axis, append=near.take([-1], axis)))
        bend = 1 - np.einsum("hwc,hwc->hw", look_at.normal, np.roll(look_at.normal, -1, axis))
        other = look_at.thing != np.roll(look_at.thing, -1, axis)
        edge = np.maximum(edge, (other & (step > 0.15)) | (bend > 0.35) & (look_at.thing < SKY))
    line: Array = np.maximum(np.clip(blur(edge, 1.0) * 2.6, 0, 1), 0.9 * (look_at.tone < 0.05))
    return line


def branches(
    pen: Pen, root: tuple[float, float], angle: float, length: float, width: float, depth: int, rng: np.random.Generator
) -> None:
    """The bare tree in front: limbs that fork until they are twigs, barked with short curved lines."""
    x, y = root
    points = [root]
    for _ in range(8):
        angle += rng.normal(0, 0.13) + 0.05 * np.sin(-np.pi / 2 - angle)
        x, y = x + np.cos(angle) * length / 8, y + np.sin(angle) * length / 8
        points.append((x, y))
    for k, (a, b) in enumerate(pairwise(points)):
        thick = width * (1 - 0.055 * k)
        pen.tool.line([a, b], fill=235, width=max(round(thick), 1))
        pen.tool.ellipse([b[0] - thick / 2, b[1] - thick / 2, b[0] + thick / 2, b[1] + thick / 2], fill=235)
        for _ in range(int(thick * 0.9) if thick > 7 else 0):
            t, side = rng.random(), rng.uniform(-0.42, 0.28) * thick
            cx, cy = a[0] + t * (b[0] - a[0]) + side * np.sin(angle), a[1] + t * (b[1] - a[1]) - side * np.cos(angle)
            reach = rng.uniform(4, 12)
            pen.tool.line(
                [(cx, cy), (cx + reach * np.cos(angle + 0.2), cy + reach * np.sin(angle + 0.2))],
                fill=0 if side < 0.1 * thick else 120,
                width=1,
            )
    if depth:
        sides = (1, -1, 0.2) if rng.random() < 0.35 else (1, -1)
        for turn in rng.uniform(0.25, 0.75, len(sides)) * sides:
            angle_of = angle + turn - 0.05 * np.cos(angle)
            branches(pen, (x, y), angle_of, length * rng.uniform(0.68, 0.86), width * 0.62, depth - 1, rng)


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (2 * round(side * scale) for side in SIZE)
    rng = np.random.default_rng(1650)
    seen = look(width, height)
    pen = Pen(width, height)
    gap = 0.0068 * height
    cross = np.where(seen.thing == SKY, 0.75, np.where(seen.thing == WATER, 0.08, -0.85)).astype(np.float32)
    plans = [
        (seen.round, 0.90, 1.3 * gap, 13 * gap),
        (seen.round, 0.76, gap, 15 * gap),
        (seen.down, 0.62, gap, 9 * gap),
        (cross, 0.44, gap, 8 * gap),
        (cross + 1.35, 0.26, 0.9 * gap, 7 * gap),
        (seen.round + 0.12, 0.20, 0.8 * gap, 9 * gap),
    ]
    for flow, below, apart, length in plans:
        hatch(pen, seen, flow, below, apart, length, 0.0016 * height, rng)
    ink = np.maximum(np.asarray(pen.sheet, np.float32) / 255, contours(seen))
    front, grown = Pen(width, height), np.random.default_rng(12)
    branches(front, (0.05 * height, 1.02 * height), -1.62, 0.25 * height, 0.055 * height, 7, grown)
    ink = np.maximum(ink, np.asarray(front.sheet, np.float32) / 255)
    ink = ink * (1.10 - 0.25 * fbm((height, width), 0.006 * height, 3, 107))
    paper = (
        rgb("f1e8d3")
        * (
            1
            + 0.05 * (fbm((height, width), 3, 2, 108) - 0.5)
            + 0.08 * (fbm((height, width), 0.3 * height, 3, 109) - 0.5)
        )[..., None]
    )
    return to_bytes(shrink(mix(paper, rgb("1d1712"), np.clip(ink, 0, 0.96)), 2))
