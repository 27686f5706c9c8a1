"""Fruit, a bottle and a jug on a rumpled cloth, in the light of one window."""

from functools import lru_cache

import numpy as np

from .crockery import apple, bottle, bowl, cloth, jug, lemon, pear
from .field import Array, Pixels, dot, fbm3, mix, noise3, smooth
from .rays import Camera, Hit, Solid, cast, develop, expose, globe, hemisphere, post, shape, unit

SIZE = (1100, 900)
WINDOW = np.array([-6.5, 6.2, -4.2], np.float32)
CLOTH, APPLE, ORANGE, PEAR, LEMON, GRAPE, GLASS, GLAZE, STEM, WALL = range(10)
LIGHT, SKIN, REST, NORMAL = (slice(start, start + 3) for start in (0, 3, 6, 9))  # of the film's layers
GLOSS = np.array([0, 0.5, 0.25, 0.35, 0.3, 0.55, 1.0, 0.9, 0.0, 0], np.float32)


def grapes(rng: np.random.Generator) -> list[Solid]:
    """A bunch that lies on the cloth and hangs over itself."""
    places: list[Array] = []
    for x, z in rng.normal(0, (0.55, 0.30), (2500, 2)):
        for level in (0.19, 0.42, 0.64, 0.84):
            p = np.array([x, level, z], np.float32)
            inside = (x / 1.15) ** 2 + (z / 0.62) ** 2 < 1 - (level - 0.15) * 1.1
            if inside and all(np.linalg.norm(p - q) > 0.335 for q in places):
                places.append(p)
                break
    middle = np.array([-1.25, 0, -1.35], np.float32)
    sizes = rng.uniform(0.18, 0.215, len(places))
    order = np.argsort([p[0] for p in places])
    return [
        globe(
            tuple((places[i] + middle).tolist()),
            (sizes[i], sizes[i] * 1.08, sizes[i]),
            kind=GRAPE,
            tint=(0.04 + 0.03 * rng.random(), 0.012, 0.045),
        )
        for i in order
    ]


@lru_cache(maxsize=1)
def table() -> list[Solid]:
    rng = np.random.default_rng(1895)
    lay = shape(cloth, (0, 0, 0), 14, cut=[[0, 1, 0, 0.62]], kind=CLOTH)
    solids = [
        shape(bottle, (-1.75, 0, 0.75), 3.5, kind=GLASS, tint=(0.010, 0.030, 0.014)),
        shape(jug, (2.15, 0.02, 0.9), 2.3, kind=GLAZE, tint=(0.72, 0.70, 0.64)),
    ]
    solids.append(shape(bowl, (0.2, 1.12, 0.15), 1.65, kind=GLAZE, tint=(0.20, 0.30, 0.36)))
    for x, y, z, kind, size in [
        (-0.45, 1.27, 0.0, APPLE, 0.60),
        (0.50, 1.22, -0.45, ORANGE, 0.52),
        (1.05, 1.28, 0.35, APPLE, 0.56),
        (0.15, 1.35, 0.75, ORANGE, 0.52),
        (0.30, 1.86, 0.12, APPLE, 0.55),
    ]:
        if kind == APPLE:
            solids.append(shape(apple, (x, y, z), 1.05 * size, size, kind=APPLE, tint=(0.45, 0.05, 0.03)))
            solids.append(
                post(x + 0.02, z, 0.022, y + 0.25 * size, y + 0.80 * size, kind=STEM, tint=(0.06, 0.035, 0.015))
            )
        else:
            solids.append(globe((x, y, z), (size, size * 0.96, size), kind=ORANGE, tint=(0.80, 0.24, 0.02)))
    solids.append(shape(pear, (1.65, 0.56, -1.15), 1.5, 0.92, kind=PEAR, tint=(0.55, 0.50, 0.10)))
    solids.append(post(1.72, -1.15, 0.025, 1.5, 1.86, kind=STEM, tint=(0.06, 0.035, 0.015)))
    solids.append(shape(lemon, (0.55, 0.44, -1.75), 0.85, 0.9, kind=LEMON, tint=(0.80, 0.58, 0.05)))
    solids.append(shape(apple, (-2.75, 0.50, -0.95), 0.85, 0.72, kind=APPLE, tint=(0.35, 0.33, 0.05)))
    solids.append(post(-2.73, -0.95, 0.024, 0.7, 1.1, kind=STEM, tint=(0.06, 0.035, 0.015)))
    solids.append(globe((2.95, 0.50, -0.55), (0.50, 0.48, 0.50), kind=ORANGE, tint=(0.80, 0.24, 0.02)))
    return [*solids, *grapes(rng), lay]


def room(way: Array) -> Array:
    """What polished things mirror: a dim room with one tall window in four panes."""
    to = unit(WINDOW)
    side = unit(np.cross(np.array([0, 1, 0], np.float32), to))
    up = np.cross(to, side)
    ahead = np.maximum(dot(way, to), 1e-3)
    u, v = dot(way, side) / ahead, dot(way, up) / ahead
    pane = (np.abs(u) < 0.26) & (np.abs(v) < 0.36) & (np.abs(u) > 0.02) & (np.abs(v - 0.08) > 0.02) & (ahead > 0.1)
    base = mix(
        np.array([0.05, 0.042, 0.036], np.float32),
        np.array([0.16, 0.17, 0.19], np.float32),
        smooth(-0.2, 0.9, -way[:, 0]),
    )
    return np.where(pane[:, None], np.array([7.0, 7.2, 7.6], np.float32), base)


def backdrop(p: Array) -> Array:
    """A plastered wall, brown-green, worn."""
    stain = fbm3(p[:, 0] * 0.5, p[:, 1] * 0.5, p[:, 2] * 0, 5, 61)
    fine = fbm3(p[:, 0] * 5, p[:, 1] * 5, p[:, 2] * 0, 3, 62)
    return mix(
        np.array([0.060, 0.070, 0.052], np.float32),
        np.array([0.21, 0.17, 0.11], np.float32),
        np.clip(stain * 1.3 + 0.5 * (fine - 0.5) - 0.1, 0, 1),
    )


def skins(p: Array, q: Array, kind: Array, tint: Array, normal: Array) -> Array:
    """Reflectance of everything; q is the place relative to the thing's own middle."""
    color = tint.copy()
    fine = fbm3(p[:, 0] * 7, p[:, 1] * 7, p[:, 2] * 7, 3, 63)
    broad = fbm3(p[:, 0] * 1.6, p[:, 1] * 1.6, p[:, 2] * 1.6, 3, 64)
    turn = np.arctan2(q[:, 2], q[:, 0])
    streak = fbm3(turn * 7, q[:, 1] * 0.9, broad, 4, 65)
    some = kind == APPLE
    blush = np.clip(0.15 + smooth(0.20, 0.72, 0.6 * streak + 0.9 * (broad - 0.5) + 0.2 + 0.15 * q[:, 0]), 0, 1)
    skin = mix(np.array([0.62, 0.42, 0.08], np.float32), tint, blush[:, None] * np.ones(3))
    skin = mix(
        skin,
        np.array([0.75, 0.62, 0.30], np.float32),
        0.5 * (noise3(q[:, 0] * 26, q[:, 1] * 26, q[:, 2] * 26, 66) > 0.86),
    )
    skin = mix(
        skin, np.array([0.30, 0.28, 0.07], np.float32), smooth(0.30, 0.10, np.hypot(q[:, 0], q[:, 2])) * (q[:, 1] > 0)
    )
    color[some] = skin[some]
    some = kind == PEAR
    spots = noise3(q[:, 0] * 30, q[:, 1] * 30, q[:, 2] * 30, 67) > 0.80
    skin = mix(tint, np.array([0.62, 0.22, 0.06], np.float32), 0.75 * smooth(0.35, 0.75, broad + 0.35 * q[:, 0]))
    color[some] = mix(skin, np.array([0.22, 0.16, 0.05], np.float32), 0.55 * spots)[some]
    some = (kind == ORANGE) | (kind == LEMON)
    color[some] = (tint * (0.80 + 0.30 * broad + 0.25 * (fine - 0.5))[:, None])[some]
    some = kind == GRAPE
    color[some] = mix(
        tint,
        np.array([0.20, 0.19, 0.26], np.float32),
        0.55 * smooth(0.42, 0.75, fine) * smooth(-0.2, 0.8, normal[:, 1]),
    )[some]
    color[kind == CLOTH] = linen(p)[kind == CLOTH]
    some = kind == GLAZE
    bands = np.isin(np.floor((p[:, 1] + 0.01 * (fine - 0.5)) * 11), [5, 8, 17, 19])
    blue = mix(tint, np.array([0.03, 0.06, 0.20], np.float32), 0.85 * bands * smooth(0.25, 0.5, fine + 0.2))
    color[some] = (blue * (0.88 + 0.25 * broad)[:, None])[some]
    some = (kind == GLASS) & (np.abs(p[:, 1] - 0.98) < 0.48) & (np.abs(turn + 1.45) < 1.05)
    words = (
        (np.abs(p[:, 1] * 9 % 1 - 0.5) < 0.17)
        & (noise3(turn * 22, np.floor(p[:, 1] * 9), turn * 0, 68) > 0.45)
        & (np.abs(turn + 1.45) < 0.75)
    )
    paper = np.array([0.60, 0.52, 0.36], np.float32) * (0.8 + 0.4 * broad)[:, None]
    color[some] = np.where(words[:, None], np.array([0.10, 0.05, 0.04], np.float32), paper)[some]
    return color


def linen(p: Array) -> Array:
    """White cloth with a woven border of red and blue."""
    along = p[:, 2] + 0.22 * p[:, 0] + 2.5 + 0.5 * p[:, 1]
    weave = 0.94 + 0.06 * np.sin(p[:, 0] * 150) * np.sin(p[:, 2] * 150)
    base = np.array([0.70, 0.67, 0.60], np.float32) * weave[:, None]
    base = mix(
        base,
        np.array([0.36, 0.05, 0.05], np.float32),
        0.85 * (np.abs(along) < 0.07) + 0.85 * (np.abs(along - 0.42) < 0.025),
    )
    return mix(base, np.array([0.05, 0.09, 0.28], np.float32), 0.85 * (np.abs(along - 0.24) < 0.045))


def bumps(p: Array, normal: Array, kind: Array) -> Array:
    """Pores of citrus peel, the weave's slight waves."""
    strong = np.select([kind == ORANGE, kind == LEMON, kind == CLOTH, kind == PEAR], [0.34, 0.30, 0.10, 0.06], 0.0)
    often = np.where(kind == CLOTH, 9.0, 17.0).astype(np.float32)
    push = np.stack(
        [noise3(p[:, 0] * often + s, p[:, 1] * often, p[:, 2] * often - s, 69) - 0.5 for s in (0.0, 9.1, 18.7)], 1
    )
    return unit(normal + strong[:, None].astype(np.float32) * push)


def shaded(origin: Array, way: Array, hit: Hit, rng: np.random.Generator, full: bool) -> Array:
    """Window light with soft shadows, light from around that things block and color, mirrored light by gloss."""
    solids = table()
    color = np.zeros_like(way)
    air = np.flatnonzero(hit.solid < 0)
    wall_t = (7.0 - origin[air, 2]) / np.where(np.abs(way[air, 2]) < 1e-3, 1e-3, way[air, 2])
    w = origin[air] + way[air] * wall_t[:, None]
    pool = np.exp(-((w[:, 0] + 1.2) ** 2) / 26 - (w[:, 1] - 2.0) ** 2 / 14)
    shade = smooth(-1.5, 2.2, w[:, 1] - 0.5 * w[:, 0] + 2.2)
    color[air] = np.where((wall_t > 0)[:, None], backdrop(w) * (0.35 + 1.75 * pool * shade)[:, None], room(way[air]))
    at = np.flatnonzero(hit.solid >= 0)
    p, which = origin[at] + way[at] * hit.t[at][:, None], hit.solid[at]
    kind = np.array([s.kind for s in solids])[which]
    tint = np.array([s.tint for s in solids], np.float32)[which]
    q = p - np.array([s.middle for s in solids], np.float32)[which]
    q[kind == GLAZE, 1] = p[kind == GLAZE, 1]
    skin = skins(p, q, kind, tint, hit.normal[at])
    normal = bumps(p, hit.normal[at], kind)
    off = p + hit.normal[at] * 4e-3
    to = WINDOW + rng.uniform(-1, 1, p.shape).astype(np.float32) * np.array([0.5, 1.4, 1.1], np.float32) - p
    square = dot(to, to)
    toward = to / np.sqrt(square)[:, None]
    facing = dot(normal, toward)
    wrap = np.where(kind == GRAPE, 0.25, 0.0)
    power = np.clip((facing + wrap) / (1 + wrap), 0, 1) * 215 / square
    sun = np.flatnonzero(power > 1e-3)
    if full:
        reach = cast(off[sun], toward[sun], solids).t
        power[sun] *= reach > np.sqrt(square[sun])
    light = power[:, None] * np.array([1.0, 0.97, 0.90], np.float32)
    if not full:
        color[at] = skin * (light + np.array([0.16, 0.15, 0.14], np.float32))
        return color
    light += around(off, normal, solids, rng)
    layers = np.zeros((len(way), 13), np.float32)
    layers[:, REST] = color
    shine = gleam(off, way[at], normal, kind, skin, solids, rng)
    layers[at] = np.concatenate([light, skin, shine, hit.normal[at], hit.t[at, None]], 1)
    return layers


def around(off: Array, normal: Array, solids: list[Solid], rng: np.random.Generator) -> Array:
    """One look in a random direction: the room's light, or the color of what is in the way."""
    way = hemisphere(normal, rng)
    seen = cast(off, way, solids)
    free = seen.solid < 0
    tint = np.array([(0.55, 0.52, 0.46) if s.kind == CLOTH else s.tint for s in solids], np.float32)[
        np.maximum(seen.solid, 0)
    ]
    dome = mix(
        np.array([0.12, 0.11, 0.10], np.float32),
        np.array([0.46, 0.48, 0.53], np.float32),
        smooth(-0.5, 1.0, 0.6 * way[:, 1] - 0.55 * way[:, 0] - 0.3 * way[:, 2]),
    )
    return np.where(free[:, None], dome, tint * 0.42 * np.minimum(seen.t, 1.2)[:, None] / 1.2)


def gleam(
    off: Array, way: Array, normal: Array, kind: Array, skin: Array, solids: list[Solid], rng: np.random.Generator
) -> Array:
    """Mirrored light, by Fresnel and the gloss of each skin."""
    gloss = np.where((kind == GLASS) & (skin.max(1) > 0.08), 0.1, GLOSS[kind])
    slant = dot(way, normal)
    rough = ((1 - gloss) * 0.10)[:, None] * rng.standard_normal(way.shape, dtype=np.float32)
    mirrored = unit(way - 2 * slant[:, None] * normal + rough)
    some = np.flatnonzero(gloss > 0)
    seen = cast(off[some], mirrored[some], solids)
    image = np.where((seen.solid < 0)[:, None], room(mirrored[some]), 0)
    inside = np.flatnonzero(seen.solid >= 0)
    image[inside] = (
        shaded(
            off[some][inside],
            mirrored[some][inside],
            Hit(seen.t[inside], seen.solid[inside], seen.normal[inside]),
            rng,
            False,
        )
        * 0.6
    )
    total = np.zeros_like(skin)
    fresnel = 0.04 + 0.96 * (1 - np.clip(-slant[some], 0, 1)) ** 5
    total[some] = np.minimum(image, 8) * (fresnel * gloss[some])[:, None]
    return total


def radiance(origin: Array, way: Array, rng: np.random.Generator) -> Array:
    return shaded(origin, way, cast(origin, way, table()), rng, True)


def calm(light: Array, normal: Array, far: Array) -> Array:
    """Light averaged along each surface: soft shadows lose their speckle, edges stay."""
    height, width = far.shape
    for step in (1, 2, 4):
        total, weight = light.copy(), np.ones_like(far)
        for down, across in np.ndindex(3, 3):
            dy, dx = (down - 1) * step, (across - 1) * step
            here = (slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0)))
            there = (slice(max(dy, 0), height - max(-dy, 0)), slice(max(dx, 0), width - max(-dx, 0)))
            bend = 1 - np.einsum("hwc,hwc->hw", normal[here], normal[there])
            share = np.exp(-12 * np.maximum(bend, 0) - 9 * np.abs(far[here] - far[there]) / step)
            total[here] += share[..., None] * light[there]
            weight[here] += share
        light = total / weight[..., None]
    return light


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (round(side * scale) for side in SIZE)
    camera = Camera((0.35, 3.5, -9.6), (0.1, 1.25, 0.0), 1.85)
    film = expose((width, height), camera, radiance, 7)
    light = calm(film[..., LIGHT], film[..., NORMAL], film[..., 12])
    return develop(light * film[..., SKIN] + film[..., REST], 0.76, glow=0.05)
