"""Pen and ink: a castle town over a bridge, hatched along its forms, darker tones crossed again and again."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .field import Array, Pixels, blur, dot, fbm, fbm3, grid, mix, noise3, rgb, shrink, smooth, to_bytes
from .rays import FAR, Camera, Solid, blocked, box, cast, globe, house, post, shape, spire, unit

SIZE = (1000, 800)
SUN = unit(np.array([-0.62, 0.55, -0.56], np.float32))
CAMERA = Camera((-4.0, 7.5, -46.0), (1.0, 8.6, 0.0), 1.25)
PLAIN, WALL, TREE, EARTH, BRIDGE = range(5)
SKY, WATER = 900, 901


def rise(x: Array, z: Array) -> Array:
    """Height of the land: a river in front, the castle's rock behind it."""
    zero = np.zeros_like(x)
    hill = 15 * np.exp(-((x - 7) ** 2) / 190 - (z - 34) ** 2 / 260) + 7 * np.exp(-((x + 26) ** 2) / 300 - (z - 42) ** 2 / 400)
    bank = 2.6 * smooth(9.5, 13, z + 1.5 * np.sin(0.3 * x)) + 4.5 * smooth(-16, -24, x) * smooth(-8, -16, z) - 1.2
    return hill + bank + 2.2 * (fbm3(x * 0.16, z * 0.16, zero, 4, 101) - 0.5)


@lru_cache(maxsize=1)
def survey() -> Array:
    x, z = np.meshgrid(np.linspace(-80, 80, 900, dtype=np.float32), np.linspace(-40, 120, 900, dtype=np.float32))
    return rise(x, z)


def land(p: Array) -> Array:
    x, z = np.clip((p[:, 0] + 80) * (899 / 160), 0, 897.9), np.clip((p[:, 2] + 40) * (899 / 160), 0, 897.9)
    column, row = x.astype(np.int32), z.astype(np.int32)
    u, v = x - column, z - row
    table = survey()
    near = table[row, column] * (1 - u) + table[row, column + 1] * u
    far = table[row + 1, column] * (1 - u) + table[row + 1, column + 1] * u
    return 0.6 * (p[:, 1] - near - (far - near) * v)


def arches(p: Array) -> Array:
    """The bridge: a wall with three openings."""
    top = 5.6 - 0.0022 * p[:, 0] ** 2
    wall = np.maximum(np.abs(p[:, 2]) - 1.7, np.maximum(p[:, 1] - top, np.abs(p[:, 0]) - 40))
    hole = np.full(len(p), FAR, np.float32)
    for x in (-15.0, -4.5, 6.0):
        hole = np.minimum(hole, np.hypot(p[:, 0] - x, np.maximum(p[:, 1], 0) * 1.02) - 4.1)
    return 0.8 * np.maximum(wall, -hole)


def tower(x: float, z: float, radius: float, low: float, high: float) -> list[Solid]:
    lip = radius * 1.18
    return [post(x, z, radius, low, high, kind=WALL, corner=(x, low, z)), post(x, z, lip, high - 0.9, high, kind=PLAIN),
            spire((x - lip, high, z - lip), (x + lip, high + radius * 3.0, z + lip), kind=PLAIN)]


def castle() -> list[Solid]:
    solids = [box((1, 12, 30), (8, 28, 36), kind=WALL), house((9, 12, 28), (18, 22.5, 35), 4.5, "x", kind=WALL)]
    solids += tower(-2, 29, 2.0, 8, 24) + tower(20, 30, 2.3, 8, 25) + tower(8.6, 25, 1.7, 8, 21.5) + tower(10, 37, 1.6, 12, 31)
    for x0, x1 in ((-2, 8.6), (8.6, 20)):
        solids.append(box((x0, 6, 26.4), (x1, 17, 27.4), kind=WALL))
        solids += [box((x, 17, 26.4), (x + 0.7, 17.8, 27.4), kind=PLAIN) for x in np.arange(x0 + 2, x1 - 1.6, 1.4)]
    solids += [box((x, 28, 30), (x + 0.8, 29, 30.7), kind=PLAIN) for x in np.arange(1, 7.6, 1.55)]
    return solids


@lru_cache(maxsize=1)
def town() -> list[Solid]:
    rng = np.random.default_rng(1650)
    solids = [shape(arches, (0, 0, 4.5), 42, kind=BRIDGE), shape(land, (0, 0, 0), 150, cut=[[0, 1, 0, 17.5]], kind=EARTH)]
    solids += castle()
    for x in np.arange(-20, 34, 4.1):
        for z in (13.5, 20.0):
            if rng.random() < 0.80:
                low = float(rise(np.array([x], np.float32), np.array([z], np.float32))[0])
                wide, tall = rng.uniform(3.0, 4.6), rng.uniform(3.6, 6.5)
                left, front = x + rng.uniform(-0.8, 0.8), z + rng.uniform(-1, 1)
                solids.append(house((left, low - 2, front), (left + wide, low + tall, front + 5), rng.uniform(2, 3.2), rng.choice(["z", "x"]), kind=WALL))
                solids.append(box((left + 0.6, low + tall, front + 1.5), (left + 1.2, low + tall + 3.2, front + 2.1), kind=PLAIN))
    solids += [box((13.0, 1, 2.4), (18.0, 12.5, 7.2), kind=WALL), spire((12.6, 12.5, 2.0), (18.4, 18.0, 7.6), kind=PLAIN)]
    for x, z, size in [(-23, 13, 2.6), (-27, 20, 3.0), (-18, 26, 2.4), (25, 14, 2.6), (30, 22, 3.0), (-9, 24, 2.0), (22, 22, 2.0), (-33, 12, 3.0), (27, 9.5, 2.0), (34, 11, 2.8), (-12, 30, 2.2), (-21, 34, 2.6)]:
        low = float(rise(np.array([x], np.float32), np.array([z], np.float32))[0])
        for _ in range(9):
            at = rng.normal(0, 0.55, 3) * size
            r = size * rng.uniform(0.45, 0.75)
            solids.append(globe((x + at[0], low + 1.5 * size + 0.8 * at[1], z + 0.6 * at[2]), (r, r * 0.85, r), kind=TREE))
    solids.append(globe((-7.0, 0.25, -14), (2.4, 0.75, 0.8), [[0, 1, 0, 0.45]], kind=PLAIN))
    solids += [globe((-6.6, 1.2, -14), (0.32, 0.75, 0.3), kind=PLAIN), globe((-6.6, 2.1, -14), (0.2, 0.26, 0.2), kind=PLAIN)]
    return solids


@dataclass(frozen=True)
class Sheet:
    """What the pen looks at: tone (0 black), which thing, and three directions along its form, in screen angles."""

    tone: Array
    thing: NDArray[np.int32]
    round: Array
    down: Array
    distance: Array
    normal: Array


def windows(p: Array, normal: Array) -> Array:
    """1 where a wall has an opening."""
    u = np.where(np.abs(normal[:, 0]) > 0.6, p[:, 2], p[:, 0])
    x, y = (u * 0.72) % 1 - 0.5, (p[:, 1] * 0.46) % 1 - 0.5
    dice = noise3(np.floor(u * 0.72) * 1.7 + 0.5, np.floor(p[:, 1] * 0.46) * 2.3 + 0.5, np.zeros_like(u), 102)
    return ((np.abs(x) < 0.17) & (np.abs(y) < 0.20) & (dice > 0.38)).astype(np.float32)


def joints(p: Array, normal: Array) -> NDArray[np.bool_]:
    """Some of the seams between the stones of a wall."""
    u = np.where(np.abs(normal[:, 0]) > 0.6, p[:, 2], p[:, 0])
    course = np.floor(p[:, 1] * 1.7)
    block = u * 0.95 + 0.5 * course
    dice = noise3(np.floor(block) * 1.3 + 0.5, course * 1.7 + 0.5, np.zeros_like(u), 110)
    seam = (np.abs(p[:, 1] * 1.7 % 1 - 0.5) > 0.455) | (np.abs(block % 1 - 0.5) > 0.475)
    return seam & (dice > 0.66) & (np.abs(normal[:, 1]) < 0.3)


def light(p: Array, normal: Array, kind: NDArray[np.int32]) -> Array:
    """Gray tone of solids: sun and shadow, then what they are made of."""
    facing = np.clip(dot(normal, SUN), 0, 1)
    tone = 0.24 + 0.92 * facing * (1 - blocked(p + 0.03 * normal, np.broadcast_to(SUN, p.shape), town()))
    grain = fbm3(p[:, 0] * 0.9, p[:, 1] * 0.9, p[:, 2] * 0.9, 4, 103)
    tone = tone + 0.25 * (grain - 0.5) + 0.12 * np.clip(normal[:, 1], 0, 1)
    tone = np.where(kind == TREE, tone * 0.75 + 0.7 * (grain - 0.5), tone)
    tone = np.where((kind != TREE) & (kind != EARTH) & (np.abs(normal[:, 1]) > 0.3) & (np.abs(normal[:, 1]) < 0.95), tone * 0.72, tone)
    walls = (kind == WALL) & (np.abs(normal[:, 1]) < 0.2)
    stone = walls | (kind == BRIDGE)
    tone = np.where(stone, tone - 0.10 * noise3(p[:, 0] * 0.31, p[:, 1] * 0.9, p[:, 2] * 0.31, 106), tone)
    return np.where(stone & ((walls & (windows(p, normal) > 0)) | joints(p, normal)), 0.02, tone)


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


def look(width: int, height: int) -> Sheet:
    """Cast one ray for each pixel and note what the pen needs."""
    px, py = grid(width, height)
    way = CAMERA.rays(px.ravel() - width / height / 2, py.ravel() - 0.5)
    origin = np.broadcast_to(np.array(CAMERA.eye, np.float32), way.shape)
    hit = cast(origin, way, town())
    flat = np.where(way[:, 1] < -1e-4, -origin[:, 1] / np.minimum(way[:, 1], -1e-4), FAR)
    wet = (flat < hit.t) & (flat < 2000)
    p = origin + way * np.minimum(np.where(wet, flat, hit.t), 3000)[:, None]
    waves = np.stack([0.05 * np.sin(p[:, 2] * 2.4 + 0.6 * np.sin(p[:, 0])), np.ones(len(p)), 0.10 * np.sin(p[:, 2] * 3.1 + p[:, 0] * 0.4)], 1)
    wet_at = np.flatnonzero(wet)
    bounce = unit(way[wet_at] * np.array([1, -1, 1], np.float32) + waves[wet_at].astype(np.float32) * 0.25 * np.array([1, 0, 1], np.float32))
    image = cast(p[wet_at], bounce, town())
    kinds = np.array([s.kind for s in town()])
    tone, thing = np.ones(len(way), np.float32), np.full(len(way), SKY, np.int32)
    some = np.flatnonzero((hit.solid >= 0) & ~wet)
    normal = hit.normal
    tone[some] = light(p[some], normal[some], kinds[hit.solid[some]])
    thing[some] = hit.solid[some]
    seen = image.solid >= 0
    q = p[wet_at] + bounce * np.minimum(image.t, 3000)[:, None]
    mirror = np.full(len(wet_at), 0.92, np.float32)
    mirror[seen] = 0.16 + 0.72 * light(q[seen], image.normal[seen], kinds[image.solid[seen]])
    tone[wet_at], thing[wet_at] = mirror, WATER
    rounds = np.cross(np.broadcast_to(np.array([0, 1, 0], np.float32), p.shape), normal) + np.array([1e-3, 0, 0], np.float32)
    around = project(p, unit(rounds))
    below = project(p, unit(np.cross(normal, rounds) + np.array([0, 1e-3, 0], np.float32)))
    u, v = px.ravel(), py.ravel()
    cloud = fbm3(u * 2.2, v * 4.5 + 0.5 * np.sin(3 * u), np.zeros_like(u), 5, 104)
    shade = 1.06 - 1.5 * smooth(0.46, 0.75, cloud) * smooth(0.60, 0.2, v) - 0.25 * smooth(0.3, 0.0, v)
    air = thing == SKY
    tone[air], around[air], below[air] = shade[air], (0.12 * np.sin(6 * u) - 0.25 + 1.2 * (cloud - 0.5))[air], 0.6
    around[wet_at], below[wet_at] = 0.0, 0.05
    leafy = np.isin(thing, np.flatnonzero(kinds == TREE))
    curl = 9 * fbm3(u * 26, v * 26, np.zeros_like(u), 2, 105)
    around[leafy], below[leafy] = curl[leafy], curl[leafy] + 1.2
    fold = (height, width)
    return Sheet(tone.reshape(fold), thing.reshape(fold), around.reshape(fold), below.reshape(fold), hit.t.reshape(fold), normal.reshape(*fold, 3))


class Pen:
    """Draws lines of changing pressure on one sheet, twice as large as shown."""

    def __init__(self, width: int, height: int) -> None:
        self.sheet = Image.new("L", (width, height), 0)
        self.tool = ImageDraw.Draw(self.sheet)

    def stroke(self, points: list[tuple[float, float]], width: float, ink: int) -> None:
        middle = max(len(points) // 2, 1)
        self.tool.line(points, fill=int(ink * 0.85), width=max(round(width * 0.6), 1))
        self.tool.line(points[max(middle - 3, 0) : middle + 3], fill=ink, width=max(round(width), 1))


def hatch(pen: Pen, look_at: Sheet, flow: Array, below: float, gap: float, length: float, width: float, rng: np.random.Generator) -> None:
    """Lines along the flow wherever the tone is darker than `below`; they stop at edges and in the light."""
    height, wide = look_at.tone.shape
    y, x = np.mgrid[gap / 2 : height : gap, gap / 2 : wide : gap * 2.6].reshape(2, -1).astype(np.float32)
    x, y = x + rng.uniform(-1.3, 1.3, x.size) * gap, y + rng.uniform(-0.3, 0.3, x.size) * gap
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
    return np.maximum(np.clip(blur(edge, 1.0) * 2.6, 0, 1), 0.9 * (look_at.tone < 0.05))


def branches(
    pen: Pen, root: tuple[float, float], angle: float, length: float, width: float, depth: int, rng: np.random.Generator
) -> None:
    """The bare tree in front: limbs that fork until they are twigs, barked with short curved lines."""
    x, y = root
    points = [root]
    for _ in range(8):
        angle += rng.normal(0, 0.13)
        x, y = x + np.cos(angle) * length / 8, y + np.sin(angle) * length / 8
        points.append((x, y))
    for k, (a, b) in enumerate(zip(points[:-1], points[1:], strict=True)):
        thick = width * (1 - 0.055 * k)
        pen.tool.line([a, b], fill=235, width=max(round(thick), 1))
        pen.tool.ellipse([b[0] - thick / 2, b[1] - thick / 2, b[0] + thick / 2, b[1] + thick / 2], fill=235)
        for _ in range(int(thick * 0.9) if thick > 7 else 0):
            t, side = rng.random(), rng.uniform(-0.42, 0.28) * thick
            cx, cy = a[0] + t * (b[0] - a[0]) + side * np.sin(angle), a[1] + t * (b[1] - a[1]) - side * np.cos(angle)
            reach = rng.uniform(4, 12)
            pen.tool.line([(cx, cy), (cx + reach * np.cos(angle + 0.2), cy + reach * np.sin(angle + 0.2))], fill=0 if side < 0.1 * thick else 120, width=1)
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
    front = Pen(width, height)
    branches(front, (0.06 * height, 1.02 * height), -1.68, 0.27 * height, 0.058 * height, 7, rng)
    ink = np.maximum(ink, np.asarray(front.sheet, np.float32) / 255)
    ink = ink * (1.10 - 0.25 * fbm((height, width), 0.006 * height, 3, 107))
    paper = rgb("f1e8d3") * (1 + 0.05 * (fbm((height, width), 3, 2, 108) - 0.5) + 0.08 * (fbm((height, width), 0.3 * height, 3, 109) - 0.5))[..., None]
    return to_bytes(shrink(mix(paper, rgb("1d1712"), np.clip(ink, 0, 0.96)), 2))
