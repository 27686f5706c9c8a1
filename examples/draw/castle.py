"""The castle town that the pen draws: land, bridge, houses, and the gray tones of light on them."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .field import Array, dot, fbm3, noise3, smooth
from .rays import FAR, Solid, blocked, box, globe, house, post, shape, spire, unit

SUN = unit(np.array([-0.62, 0.55, -0.56], np.float32))
PLAIN, WALL, TREE, EARTH, BRIDGE = range(5)


def rise(x: Array, z: Array) -> Array:
    """Height of the land: a river in front, the castle's rock behind it."""
    zero = np.zeros_like(x)
    hill = 15 * np.exp(-((x - 7) ** 2) / 190 - (z - 34) ** 2 / 260) + 7 * np.exp(
        -((x + 26) ** 2) / 300 - (z - 42) ** 2 / 400
    )
    bank = 2.6 * smooth(9.5, 13, z + 1.5 * np.sin(0.3 * x)) + 4.5 * smooth(-16, -24, x) * smooth(-8, -16, z) - 1.2
    height: Array = hill + bank + 2.2 * (fbm3(x * 0.16, z * 0.16, zero, 4, 101) - 0.5)
    return height


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
    inside: Array = 0.8 * np.maximum(wall, -hole)
    return inside


def tower(x: float, z: float, radius: float, low: float, high: float) -> list[Solid]:
    lip = radius * 1.18
    return [
        post(x, z, radius, low, high, kind=WALL, corner=(x, low, z)),
        post(x, z, lip, high - 0.9, high, kind=PLAIN),
        spire((x - lip, high, z - lip), (x + lip, high + radius * 3.0, z + lip), kind=PLAIN),
    ]


def castle() -> list[Solid]:
    solids = [box((1, 12, 30), (8, 28, 36), kind=WALL), house((9, 12, 28), (18, 22.5, 35), 4.5, "x", kind=WALL)]
    solids += (
        tower(-2, 29, 2.0, 8, 24)
        + tower(20, 30, 2.3, 8, 25)
        + tower(8.6, 25, 1.7, 8, 21.5)
        + tower(10, 37, 1.6, 12, 31)
    )
    for x0, x1 in ((-2, 8.6), (8.6, 20)):
        solids.append(box((x0, 6, 26.4), (x1, 17, 27.4), kind=WALL))
        solids += [box((x, 17, 26.4), (x + 0.7, 17.8, 27.4), kind=PLAIN) for x in np.arange(x0 + 2, x1 - 1.6, 1.4)]
    solids += [box((x, 28, 30), (x + 0.8, 29, 30.7), kind=PLAIN) for x in np.arange(1, 7.6, 1.55)]
    return solids


@lru_cache(maxsize=1)
def town() -> list[Solid]:
    rng = np.random.default_rng(1650)
    solids = [
        shape(arches, (0, 0, 4.5), 42, kind=BRIDGE),
        shape(land, (0, 0, 0), 150, cut=[[0, 1, 0, 17.5]], kind=EARTH),
    ]
    solids += castle()
    for x in np.arange(-20, 34, 4.1):
        for z in (13.5, 20.0):
            if rng.random() < 0.80:
                low = float(rise(np.array([x], np.float32), np.array([z], np.float32))[0])
                wide, tall = rng.uniform(3.0, 4.6), rng.uniform(3.6, 6.5)
                left, front = x + rng.uniform(-0.8, 0.8), z + rng.uniform(-1, 1)
                solids.append(
                    house(
                        (left, low - 2, front),
                        (left + wide, low + tall, front + 5),
                        rng.uniform(2, 3.2),
                        rng.choice(["z", "x"]),
                        kind=WALL,
                    )
                )
                solids.append(
                    box((left + 0.6, low + tall, front + 1.5), (left + 1.2, low + tall + 3.2, front + 2.1), kind=PLAIN)
                )
    solids += [
        box((13.0, 1, 2.4), (18.0, 12.5, 7.2), kind=WALL),
        spire((12.6, 12.5, 2.0), (18.4, 18.0, 7.6), kind=PLAIN),
    ]
    for x, z, size in [
        (-23, 13, 2.6),
        (-27, 20, 3.0),
        (-18, 26, 2.4),
        (25, 14, 2.6),
        (30, 22, 3.0),
        (-9, 24, 2.0),
        (22, 22, 2.0),
        (-33, 12, 3.0),
        (27, 9.5, 2.0),
        (34, 11, 2.8),
        (-12, 30, 2.2),
        (-21, 34, 2.6),
    ]:
        low = float(rise(np.array([x], np.float32), np.array([z], np.float32))[0])
        for _ in range(9):
            at = rng.normal(0, 0.55, 3) * size
            r = size * rng.uniform(0.45, 0.75)
            solids.append(
                globe((x + at[0], low + 1.5 * size + 0.8 * at[1], z + 0.6 * at[2]), (r, r * 0.85, r), kind=TREE)
            )
    solids.append(globe((-7.0, 0.25, -14), (2.4, 0.75, 0.8), [[0, 1, 0, 0.45]], kind=PLAIN))
    solids += [
        globe((-6.6, 1.2, -14), (0.32, 0.75, 0.3), kind=PLAIN),
        globe((-6.6, 2.1, -14), (0.2, 0.26, 0.2), kind=PLAIN),
    ]
    return solids


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
    tone = np.where(
        (kind != TREE) & (kind != EARTH) & (np.abs(normal[:, 1]) > 0.3) & (np.abs(normal[:, 1]) < 0.95),
        tone * 0.72,
        tone,
    )
    walls = (kind == WALL) & (np.abs(normal[:, 1]) < 0.2)
    stone = walls | (kind == BRIDGE)
    tone = np.where(stone, tone + 0.10 - 0.16 * noise3(p[:, 0] * 0.31, p[:, 1] * 0.9, p[:, 2] * 0.31, 106), tone)
    return np.where(stone & ((walls & (windows(p, normal) > 0)) | joints(p, normal)), 0.02, tone)
