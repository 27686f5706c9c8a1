"""A street after rain at dusk: tall fronts, shop windows, lamps in the mist, walkers, all doubled in the wet stones."""

from functools import lru_cache

import numpy as np

from .field import Array, Pixels, dot, fbm3, mix, noise3, rgb, smooth
from .rays import FAR, Camera, Hit, Solid, blocked, box, cast, develop, expose, globe, hemisphere, post, unit

SIZE = (900, 1100)
EYE = (0.9, 1.75, -2.0)
FRONT, SLATE, CLOTH, GLOW, PAVING, IRON = range(6)
WARM = np.array([1.0, 0.50, 0.17], np.float32)
MIST = np.array([0.38, 0.25, 0.26], np.float32)
WALLS = ["b9a283", "a58a6e", "c2b196", "9c7f6a", "8f8474", "b08f72", "a9998a"]
AWNINGS = ["7a1f22", "1f4a3f", "2a3560", "8a5a1f", "5a2440"]
LAMPS = [(side * 4.75, 4.3, z) for z in (6.0, 17.0, 28.0, 40.0, 54.0, 70.0, 90.0) for side in (-1, 1)]


def linear(code: str) -> tuple[float, float, float]:
    return tuple((rgb(code) ** 2.2).tolist())


def walker(x: float, z: float, tall: float, coat: str, shade: str | None) -> list[Solid]:
    """A person from the back or front: legs, coat, head, perhaps an umbrella."""
    s, cloth = tall / 1.75, linear(coat)
    parts = [
        post(x + dx * s, z + dz, 0.075 * s, 0.0, 0.75 * s, kind=CLOTH, tint=linear("15151b"))
        for dx, dz in ((-0.10, 0.13), (0.10, -0.13))
    ]
    parts.append(
        globe((x, 0.50 * s, z), (0.27 * s, 0.90 * s, 0.22 * s), [[0, -1, 0, -0.48 * s]], kind=CLOTH, tint=cloth)
    )
    parts.append(globe((x, 1.17 * s, z), (0.225 * s, 0.33 * s, 0.16 * s), kind=CLOTH, tint=cloth))
    parts += [
        globe((x + dx * s, 1.03 * s, z), (0.07 * s, 0.34 * s, 0.085 * s), kind=CLOTH, tint=cloth)
        for dx in (-0.215, 0.215)
    ]
    parts.append(globe((x, 1.44 * s, z), (0.16 * s, 0.10 * s, 0.12 * s), kind=CLOTH, tint=cloth))
    parts.append(globe((x, 1.62 * s, z), (0.10 * s, 0.13 * s, 0.11 * s), kind=CLOTH, tint=linear("6a4a3a")))
    parts.append(globe((x, 1.68 * s, z), (0.115 * s, 0.10 * s, 0.125 * s), kind=CLOTH, tint=linear("1c1410")))
    if shade:
        parts.append(
            globe((x + 0.12, 1.70 * s, z), (0.62, 0.42, 0.62), [[0, -1, 0, -1.80 * s]], kind=CLOTH, tint=linear(shade))
        )
        parts.append(post(x + 0.12, z, 0.012, 1.1 * s, 2.15 * s, kind=IRON, tint=(0.02, 0.02, 0.02)))
    return parts


def row(side: int, rng: np.random.Generator) -> list[Solid]:
    """The houses of one side with their cornices, roofs, balconies and awnings."""
    solids, z = [], -6.0
    while z < 130:
        deep, tall = rng.uniform(8, 13), rng.uniform(13.5, 18.5)
        tint = linear(WALLS[rng.integers(len(WALLS))])
        near, far = sorted((side * 7.0, side * 18.0))
        solids.append(box((near, 0, z), (far, tall, z + deep), kind=FRONT, tint=tint))
        lip = sorted((side * 6.55, side * 18.0))
        for level in (tall - 0.2, 3.75):
            solids.append(
                box((lip[0], level, z + 0.02), (lip[1], level + 0.38, z + deep - 0.02), kind=SLATE, tint=tint)
            )
        set_back = sorted((side * 7.6, side * 18.0))
        solids.append(
            box(
                (set_back[0], tall, z + 0.3),
                (set_back[1], tall + rng.uniform(2.0, 3.4), z + deep - 0.3),
                kind=SLATE,
                tint=linear("3b4048"),
            )
        )
        for level in (1, 3):
            rail = sorted((side * 6.35, side * 7.0))
            floor = 4.0 + level * (tall - 4.0) / 4
            solids.append(
                box((rail[0], floor - 0.16, z + 0.8), (rail[1], floor, z + deep - 0.8), kind=SLATE, tint=tint)
            )
        start = z + 0.6
        while start < z + deep - 2.5:
            wide = rng.uniform(2.4, 3.6)
            if rng.random() < 0.5:
                flap = sorted((side * 5.7, side * 7.0))
                solids.append(
                    box(
                        (flap[0], 2.75, start),
                        (flap[1], 2.98, start + wide),
                        kind=CLOTH,
                        tint=linear(AWNINGS[rng.integers(5)]),
                    )
                )
            start += wide + 0.7
        z += deep
    return solids


@lru_cache(maxsize=1)
def town() -> list[Solid]:
    rng = np.random.default_rng(1877)
    solids = row(-1, rng) + row(1, rng)
    for side in (-1, 1):
        near, far = sorted((side * 4.4, side * 7.0))
        solids.append(box((near, -1, -6), (far, 0.15, 140), kind=PAVING, tint=linear("6a6663")))
    for x, y, z in LAMPS:
        solids += [
            post(x, z, 0.055, 0.1, y - 0.2, kind=IRON, tint=(0.015, 0.018, 0.02)),
            post(x, z, 0.13, 0.1, 0.9, kind=IRON, tint=(0.015, 0.018, 0.02)),
        ]
        solids += [
            globe((x, y, z), (0.20, 0.27, 0.20), kind=GLOW, tint=(14.0, 9.0, 4.4)),
            post(x, z, 0.16, y + 0.26, y + 0.36, kind=IRON, tint=(0.015, 0.018, 0.02)),
        ]
    crowd = [
        (-1.5, 9.5, 1.78, "23252e", "16161c"),
        (-0.75, 9.9, 1.66, "6a2430", None),
        (2.9, 14.0, 1.74, "2b2a26", "7a1d1d"),
        (5.5, 8.2, 1.80, "3a3128", None),
        (-5.6, 13.0, 1.70, "1f2a35", "1d3a4a"),
        (-5.2, 13.4, 1.62, "4a3a2c", None),
        (0.8, 23.0, 1.75, "22222a", "1a1a1a"),
        (-2.6, 31.0, 1.72, "2a2420", None),
        (5.4, 24.0, 1.74, "262a30", "5a4a20"),
        (3.2, 39.0, 1.7, "1d1d22", None),
        (-5.5, 36.0, 1.75, "2a1d1d", "222a22"),
        (-0.6, 48.0, 1.75, "22222a", None),
    ]
    for person in crowd:
        solids += walker(*person)
    return solids


def sky(way: Array) -> Array:
    """Blue above, a last glow where the street ends, torn clouds lit from below."""
    level = np.hypot(way[:, 0], way[:, 2])
    rise, azimuth = np.maximum(way[:, 1], 0) / level, np.arctan2(way[:, 0], way[:, 2])
    stops = [0, 0.12, 0.35, 0.8, 1.6]
    bands = ([1.15, 0.85, 0.33, 0.10, 0.04], [0.58, 0.50, 0.34, 0.19, 0.10], [0.34, 0.40, 0.50, 0.42, 0.28])
    color = np.stack([np.interp(rise, stops, band) for band in bands], -1).astype(np.float32)
    color += (0.5 * np.exp(-(azimuth**2) / 0.10 - rise * 4))[:, None] * np.array([1.0, 0.5, 0.15], np.float32)
    u, v = azimuth * 4.6 + 3, 6.0 * rise**0.8
    warp = fbm3(u * 1.2, v * 1.2, np.zeros_like(u), 2, 41) - 0.5
    here = fbm3(u + warp, v * 1.6 + 0.6 * warp, np.zeros_like(u), 5, 40)
    under = fbm3(u + warp, v * 1.6 + 0.6 * warp - 0.10, np.zeros_like(u), 5, 40)
    lit = np.clip(0.35 + 4.5 * (here - under), 0, 1)
    cloud = mix(
        np.array([0.16, 0.17, 0.24], np.float32), np.array([1.15, 0.58, 0.36], np.float32), lit * np.exp(-rise * 0.9)
    )
    return mix(color, cloud, 0.9 * smooth(0.47, 0.64, here))


def front(
    p: Array, normal: Array, corner: Array, size: Array, tint: Array, seed: Array, way: Array
) -> tuple[Array, Array]:
    """Shop windows below, tall windows with railings above: reflectance and light."""
    u, v = p[:, 2] - corner[:, 2], p[:, 1]
    wide = size[:, 2]
    columns = np.floor(wide / 1.9)
    story = (size[:, 1] - 4.0) / 4
    cu, cv = u / wide * columns, (v - 4.0) / story
    iu, iv = np.floor(cu), np.floor(cv)
    x, y = (cu - iu - 0.5) * wide / columns, (cv - iv - 0.45) * story
    dice = noise3(iu * 3.3 + seed * 1.7, iv * 5.3 + 0.5, seed * 2.3, 3)
    upper = (v > 4.1) & (v < size[:, 1] - 0.4)
    pane = upper & (np.abs(x) < 0.5) & (y > -0.42 * story) & (y < 0.34 * story)
    trim = upper & ~pane & (np.abs(x) < 0.68) & (y > -0.45 * story) & (y < 0.42 * story)
    bars = pane & ((np.abs(x) < 0.04) | (np.abs(y - 0.14 * story) < 0.035) | (np.abs(np.abs(x) - 0.47) < 0.03))
    rail = (
        upper
        & (np.abs(x) < 0.8)
        & (y > -0.46 * story)
        & (y < -0.17 * story)
        & ((np.abs(x * 9 % 1 - 0.5) > 0.36) | (y > -0.19 * story))
    )
    stain = fbm3(p[:, 0] * 0.5, p[:, 1] * 0.18, p[:, 2] * 0.5, 4, 5)
    block = (np.abs(v * 1.9 % 1 - 0.5) > 0.46) | (np.abs((u * 1.1 + 0.5 * np.floor(v * 1.9)) % 1 - 0.5) > 0.475)
    wall = tint * (0.6 + 0.9 * (stain - 0.5) + 0.3)[:, None] * np.where(block & (v < 8), 0.72, 1.0)[:, None]
    wall = np.where(trim[:, None], tint * 1.15, wall)
    shop_u = u / wide * np.floor(wide / 3.1)
    sx = (shop_u - np.floor(shop_u) - 0.5) * 3.1
    glass = (v > 0.55) & (v < 2.75) & (np.abs(sx) < 1.35)
    split = glass & ((np.abs(np.abs(sx) - 0.45) < 0.035) | (np.abs(v - 2.25) < 0.035))
    wood = (v < 3.72) & ~glass
    wall = np.where(
        (wood | split)[:, None],
        np.array([[0.02, 0.035, 0.03], [0.05, 0.015, 0.015], [0.02, 0.022, 0.04], [0.045, 0.03, 0.015]], np.float32)[
            (np.floor(shop_u) + seed).astype(int) % 4
        ],
        wall,
    )
    sign = (v > 3.0) & (v < 3.5) & (np.abs(sx) < 1.2)
    letters = sign & (noise3(u * 13, v * 7, seed, 9) > 0.55) & (np.abs(v - 3.25) < 0.10)
    wall = np.where(letters[:, None], np.array([0.42, 0.30, 0.12], np.float32), wall)
    glass &= ~split
    open_shop = noise3(np.floor(shop_u) * 3.1 + 0.5, seed * 1.9, seed, 12) > 0.30
    goods = fbm3(u * 3.5, v * 2.6, seed + p[:, 0] * 0.1, 4, 10)
    shelf = np.where(np.abs(v * 1.7 % 1 - 0.5) > 0.42, 0.35, 1.0)
    shop = np.where(glass & open_shop, (0.35 + 2.6 * smooth(0.30, 0.75, goods) + 1.6 * smooth(1.9, 2.7, v)) * shelf, 0)
    lamp = pane & ~bars & (dice > 0.50)
    fold = 0.75 + 0.35 * np.sin(x * 34 + 3 * noise3(x * 4, y, seed, 13)) * (np.abs(x) > 0.22)
    room = np.where(lamp, (0.5 + 1.5 * noise3(x + iu, y * 0.8, seed, 14)) * fold, 0)
    tone = mix(WARM, np.array([1.0, 0.58, 0.22], np.float32), noise3(iu * 1.7, iv * 2.1, seed, 15))
    light = 0.60 * shop[:, None] * np.array([1.0, 0.50, 0.15], np.float32) + 0.8 * room[:, None] * tone
    dark = (pane & ~bars & ~lamp) | (glass & ~open_shop)
    mirrored = way * np.array([-1, 1, 1], np.float32)
    light = np.where(dark[:, None], 0.30 * sky(mirrored), light)
    wall = np.where((pane & ~bars)[:, None] | glass[:, None], np.array([0.02, 0.02, 0.025], np.float32), wall)
    return np.where(rail[:, None], np.array([0.012, 0.012, 0.014], np.float32), wall), np.where(
        rail[:, None], 0.06 * light, light
    )


def surface(p: Array, way: Array, hit: Hit, solids: list[Solid]) -> tuple[Array, Array]:
    """Reflectance and own light at points on solids."""
    kinds = np.array([s.kind for s in solids])[hit.solid]
    tint, corner, size = (
        np.array([getattr(s, name) for s in solids], np.float32)[hit.solid] for name in ("tint", "corner", "size")
    )
    rough = fbm3(p[:, 0] * 3, p[:, 1] * 3, p[:, 2] * 3, 4, 7)
    color = tint * (0.6 + 0.8 * rough)[:, None]
    light = np.zeros_like(color)
    glow = kinds == GLOW
    light[glow] = tint[glow]
    wall = np.flatnonzero((kinds == FRONT) & (np.abs(hit.normal[:, 0]) > 0.5))
    color[wall], light[wall] = front(
        p[wall],
        hit.normal[wall],
        corner[wall],
        size[wall],
        tint[wall],
        hit.solid[wall].astype(np.float32) % 29,
        way[wall],
    )
    slab = np.flatnonzero(kinds == PAVING)
    q = p[slab]
    seam = (np.abs(q[:, 0] * 1.3 % 1 - 0.5) > 0.47) | (np.abs(q[:, 2] * 0.9 % 1 - 0.5) > 0.475)
    color[slab] *= np.where(seam, 0.45, 1.0)[:, None]
    return color, light


def lamplight(p: Array, normal: Array) -> Array:
    """What lamps and shop windows send to a point; nothing casts hard shadows in this mist."""
    total = np.zeros(len(p), np.float32)
    for place in LAMPS:
        to = np.array(place, np.float32) - p
        square = dot(to, to) + 0.15
        total += np.clip(0.15 + 0.85 * dot(to, normal) / np.sqrt(square), 0, 1) / square
    shop = np.exp(-np.maximum(6.9 - np.abs(p[:, 0]), 0) / 1.6) * np.exp(-np.maximum(p[:, 1] - 2.5, 0) / 1.2)
    facing = 0.35 + 0.65 * np.clip(np.sign(p[:, 0]) * normal[:, 0] + 0.6 * normal[:, 1], 0, 1)
    return (7.5 * total + 0.85 * shop * facing * (np.abs(p[:, 0]) < 6.95))[:, None] * WARM


def lit(origin: Array, way: Array, hit: Hit, rng: np.random.Generator, careful: bool) -> Array:
    solids = town()
    p = origin + way * hit.t[:, None]
    color, own = surface(p, way, hit, solids)
    open_sky: Array = np.full(len(p), 0.6, np.float32)
    if careful:
        open_sky = 1 - 0.9 * blocked(p + hit.normal * 0.02, hemisphere(hit.normal, rng), solids, 9.0)
    up = 0.5 + 0.5 * hit.normal[:, 1]
    dome = mix(np.array([0.09, 0.08, 0.10], np.float32), np.array([0.17, 0.23, 0.42], np.float32), up)
    dome = dome + (0.35 * np.clip(hit.normal[:, 2], 0, 1))[:, None] * np.array([1.0, 0.55, 0.35], np.float32)
    light: Array = color * (dome * open_sky[:, None] + lamplight(p, hit.normal)) + own
    return light


def haze(color: Array, distance: Array) -> Array:
    return mix(color, MIST, 0.75 * (1 - np.exp(-np.minimum(distance, 400) / 170)))


def scene(origin: Array, way: Array, hit: Hit, rng: np.random.Generator, careful: bool) -> Array:
    """What rays see: solids in mist, or the sky behind them; lamps bloom in the air before both."""
    color = np.zeros_like(way)
    solid, air = np.flatnonzero(hit.solid >= 0), np.flatnonzero(hit.solid < 0)
    color[air] = mix(sky(way[air]), MIST * 1.3, np.exp(-np.maximum(way[air, 1], 0) * 9) * 0.5)
    part = Hit(hit.t[solid], hit.solid[solid], hit.normal[solid])
    color[solid] = haze(lit(origin[solid], way[solid], part, rng, careful), hit.t[solid])
    for place in LAMPS:
        to = np.array(place, np.float32) - origin
        ahead = dot(to, way)
        miss = dot(to, to) - ahead * ahead
        color += np.where((ahead > 0) & (ahead < hit.t + 0.5), 0.016 / (miss + 0.06), 0)[:, None] * WARM
    return color


def stones(p: Array, far: Array) -> tuple[Array, Array, Array]:
    """Setts of the roadway: color, normal and how much water stands on them."""
    row_of = np.floor(p[:, 2] / 0.16)
    x, z = (
        (p[:, 0] / 0.21 + 0.5 * row_of + 0.4 * noise3(row_of, row_of, row_of, 16)) % 1 - 0.5,
        p[:, 2] / 0.16 % 1 - 0.5,
    )
    column = np.floor(p[:, 0] / 0.21 + 0.5 * row_of)
    dice = noise3(column * 1.7 + 0.5, row_of * 2.3 + 0.5, np.zeros_like(column), 17)
    round_off = np.exp(-far / 14)
    puddle = smooth(0.50, 0.60, fbm3(p[:, 0] * 0.42, p[:, 2] * 0.22, np.zeros_like(x), 4, 18))
    bump = (0.42 * (1 - puddle) * round_off)[:, None] * np.stack([x**3 * 8, np.zeros_like(x), z**3 * 8], 1)
    grain = (0.07 * (1 - 0.85 * puddle))[:, None] * np.stack(
        [
            noise3(p[:, 0] * 14, p[:, 2] * 14, dice, 19) - 0.5,
            np.zeros_like(x),
            noise3(p[:, 0] * 14, p[:, 2] * 14, dice + 9, 19) - 0.5,
        ],
        1,
    )
    joint = ((np.abs(x) > 0.45) | (np.abs(z) > 0.43)) & (puddle < 0.5)
    color = (
        np.array([0.040, 0.040, 0.045], np.float32) * (0.6 + 0.9 * dice)[:, None] * np.where(joint, 0.35, 1.0)[:, None]
    )
    return color, unit(np.array([0, 1, 0], np.float32) + bump + grain), puddle


def radiance(origin: Array, way: Array, rng: np.random.Generator) -> Array:
    hit = cast(origin, way, town())
    floor = np.where(way[:, 1] < -1e-4, -origin[:, 1] / np.minimum(way[:, 1], -1e-4), FAR)
    road = np.flatnonzero((floor < hit.t) & (floor < 300))
    hit.solid[road] = -1
    hit.t[road] = floor[road]
    color = scene(origin, way, hit, rng, careful=True)
    p = origin[road] + way[road] * floor[road][:, None]
    base, normal, puddle = stones(p, floor[road])
    rough = (0.10 * (1 - puddle) + 0.012)[:, None] * rng.standard_normal(p.shape, dtype=np.float32)
    normal_rough = unit(normal + rough * np.array([0.6, 0.2, 1.0], np.float32))
    slant = dot(way[road], normal_rough)
    mirrored = way[road] - 2 * slant[:, None] * normal_rough
    mirrored[:, 1] = np.abs(mirrored[:, 1]) + 1e-3
    mirrored = unit(mirrored)
    image = scene(p, mirrored, cast(p, mirrored, town()), rng, careful=False)
    fresnel = 0.04 + 0.96 * (1 - np.clip(-slant, 0, 1)) ** 5
    shade = 1 - 0.75 * blocked(p, hemisphere(normal, rng), town(), 2.5)
    diffuse = base * (shade[:, None] * np.array([0.30, 0.33, 0.50], np.float32) + lamplight(p, normal))
    color[road] = haze(diffuse + np.minimum(image, 3.5) * (fresnel * (0.55 + 0.45 * puddle))[:, None], floor[road])
    return color


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (round(side * scale) for side in SIZE)
    camera = Camera(EYE, (0.15, 3.35, 12.0), 0.98)
    return develop(expose((width, height), camera, radiance, 6), 1.05, glow=0.10)
