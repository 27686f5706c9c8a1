"""A harbor town in the last sun: gabled houses, a church, boats, hills, and all of it again in the water."""

from functools import lru_cache

import numpy as np

from .field import Array, Pixels, dot, fbm3, mix, noise3, rgb, smooth
from .rays import (
    FAR,
    Camera,
    Hit,
    Solid,
    blocked,
    box,
    cast,
    develop,
    expose,
    globe,
    hemisphere,
    house,
    post,
    spire,
    unit,
)

SIZE = (1200, 800)
SUN = unit(np.array([-0.86, 0.24, -0.50], np.float32))
SUNLIGHT = np.array([3.5, 1.75, 0.72], np.float32)
WALLS = ["c79a4e", "a3533f", "d9ccb0", "8f9f96", "b57a5c", "93473b", "cfa874", "818da3", "c8b795", "ad7a60", "ddd2bd"]
STONE, WALL, ROOF, WOOD, CLOTH, TREE = range(6)
EYE = (-3.0, 4.4, -62.0)


def linear(code: str) -> Array:
    return rgb(code) ** 2.2


@lru_cache(maxsize=1)
def town() -> list[Solid]:
    rng = np.random.default_rng(1625)
    stone = tuple(linear("8d8170").tolist())
    solids = [box((-90, -3, 0), (90, 1.5, 60), kind=STONE, tint=stone)]
    for depth, base, low, high in [(5, 1.5, 6.5, 11.0), (17, 4.0, 9.0, 12.5), (30, 8.0, 9.0, 13.0)]:
        x = -52.0
        while x < 52:
            wide, tall = rng.uniform(4.6, 7.4), rng.uniform(low, high)
            z = depth + rng.uniform(-0.6, 0.8)
            tint = tuple(linear(WALLS[rng.integers(len(WALLS))]).tolist())
            along = "z" if rng.random() < 0.75 else "x"
            rise = wide * rng.uniform(0.55, 0.8) if along == "z" else rng.uniform(2.2, 3.2)
            solids.append(house((x, base, z), (x + wide, base + tall, z + 8), rise, along, kind=WALL, tint=tint))
            cx, top = x + wide * rng.choice([0.25, 0.75]), base + tall + rise * rng.uniform(0.7, 1.0)
            solids.append(
                box(
                    (cx - 0.4, base + tall, z + 3),
                    (cx + 0.4, top + 0.8, z + 3.9),
                    kind=STONE,
                    tint=tuple(linear("8a4a38").tolist()),
                )
            )
            x += wide + (rng.uniform(1.2, 3.0) if rng.random() < 0.18 else 0.02)
    church = tuple(linear("c9b592").tolist())
    solids.append(box((9, 4, 23), (15, 25, 29), kind=WALL, tint=church, corner=(9, 13, 23), size=(6, 12, 6)))
    solids.append(box((8.7, 24.6, 22.7), (15.3, 25.4, 29.3), kind=STONE, tint=church))
    solids.append(spire((9.2, 25.4, 23.2), (14.8, 37.5, 28.8), kind=ROOF, tint=tuple(linear("4f6f68").tolist())))
    return solids + boats(rng)


def boats(rng: np.random.Generator) -> list[Solid]:
    solids = []
    hulls = [
        (-19, -9, 3.6, "27506b"),
        (-8.5, -6, 2.7, "9c3327"),
        (2.5, -10, 4.4, "e6dfcc"),
        (16, -5, 3.2, "2f5b4a"),
        (25, -8, 3.8, "d8cbb0"),
        (-29, -5, 3.0, "7a3b2a"),
        (-10.5, -31, 2.6, "3b6a7d"),
        (9.5, -36, 2.0, "a4442f"),
    ]
    for x, z, long, code in hulls:
        tint = tuple(linear(code).tolist())
        lean = rng.uniform(-0.05, 0.05)
        solids.append(
            globe((x, 0.75, z), (long, 1.15, 1.05 + 0.1 * long), [[lean, 1, 0, 0.78 + lean * x]], kind=WOOD, tint=tint)
        )
        solids.append(
            globe(
                (x, 0.80, z),
                (long * 1.02, 0.2, 1.08 + 0.1 * long),
                [[lean, 1, 0, 0.9 + lean * x]],
                kind=WOOD,
                tint=tuple(linear("cbb28a").tolist()),
            )
        )
        if long > 2.5:
            solids.append(
                box(
                    (x - long * 0.55, 0.8, z - 0.7),
                    (x - long * 0.1, 2.1, z + 0.7),
                    kind=WOOD,
                    tint=tuple(linear("e9e4d4").tolist()),
                )
            )
            solids.append(
                post(x + long * 0.25, z, 0.09, 0.5, 2.9 * long, kind=WOOD, tint=tuple(linear("6b4a30").tolist()))
            )
            solids.append(
                box(
                    (x - long * 0.75, 2.45, z - 0.16),
                    (x + long * 0.25, 2.85, z + 0.16),
                    kind=CLOTH,
                    tint=tuple(linear("e8dcc4").tolist()),
                )
            )
    for x in np.arange(-40, 41, 4.7):
        solids.append(post(x, 0.9, 0.16, 1.4, 2.1, kind=STONE, tint=tuple(linear("2b2622").tolist())))
    for x in np.arange(-36, 40, 11.5):
        solids.append(post(x, 2.4, 0.09, 1.4, 5.6, kind=WOOD, tint=(0.02, 0.03, 0.03)))
        solids.append(globe((x, 5.8, 2.4), (0.26, 0.34, 0.26), kind=CLOTH, tint=(6.0, 4.2, 2.2)))
    return solids


def hills(color: Array, azimuth: Array, rise: Array) -> Array:
    """Ranges, each nearer one darker, greener and rougher than the one behind it."""
    ranges = [
        (0.275, 0.060, 2.6, "c2a9ac", 0.1),
        (0.215, 0.060, 4.0, "94899b", 0.3),
        (0.165, 0.070, 6.0, "5d6668", 0.7),
    ]
    for layer, (level, swing, often, code, rough) in enumerate(ranges):
        zero = np.zeros_like(azimuth)
        top = level + swing * 2 * (fbm3(azimuth * often, zero + 3 * layer, zero, 5, 21 + layer) - 0.5)
        grass = fbm3(azimuth * 90, rise * 160, zero + layer, 4, 24)
        slope = fbm3(azimuth * 14, rise * 30, zero + layer, 3, 25)
        shade = linear(code) * (1 + rough * (1.5 * (grass - 0.5) + 1.6 * (slope - 0.5)))[..., None]
        shade = mix(
            shade, np.array([1.0, 0.62, 0.36], np.float32) * 0.7, 0.5 * smooth(top, top - 0.12, rise) * (1 - rough)
        )
        color = mix(color, shade, smooth(0.0015, -0.0015, rise - top))
    return color


def heaven(azimuth: Array, rise: Array) -> Array:
    """The sky's light: warm at the horizon, blue above, clouds lit from the left and below."""
    color = np.stack(
        [
            np.interp(rise, [0, 0.08, 0.25, 0.6, 1.2], c)
            for c in ([1.40, 1.10, 0.62, 0.17, 0.08], [0.66, 0.62, 0.50, 0.27, 0.16], [0.30, 0.42, 0.58, 0.52, 0.38])
        ],
        -1,
    ).astype(np.float32)
    color += (0.5 * np.exp(-((azimuth + 0.75) ** 2) / 0.18) * np.exp(-rise * 5))[..., None] * np.array(
        [1.0, 0.55, 0.2], np.float32
    )
    u, v = azimuth * 2.6, 4.6 * (rise + 0.02) ** 0.75
    warp = fbm3(u * 1.3, v * 1.3, np.zeros_like(u), 3, 31) - 0.5
    u, v = u + 0.9 * warp, v + 0.5 * warp
    here = fbm3(u, v * 1.8, np.zeros_like(u), 6, 30)
    toward = fbm3(u - 0.07, v * 1.8 - 0.10, np.zeros_like(u), 6, 30)
    cover = smooth(0.50, 0.66, here + 0.05 * smooth(0.3, 0.05, rise))
    lit = np.clip(0.45 + 5.5 * (here - toward), 0, 1.2)
    cloud = mix(np.array([0.34, 0.30, 0.38], np.float32), np.array([1.9, 0.98, 0.50], np.float32), lit)
    return mix(color, cloud, 0.92 * cover * smooth(0.0, 0.10, rise)).astype(np.float32)


@lru_cache(maxsize=1)
def panorama() -> Array:
    """The sky seen from the camera, azimuth -0.65..0.65 across and rise 0..0.6 upwards, computed once."""
    azimuth, rise = np.meshgrid(np.linspace(-0.65, 0.65, 1500), np.linspace(0, 0.6, 700))
    azimuth, rise = azimuth.astype(np.float32), rise.astype(np.float32)
    table = heaven(azimuth, rise)
    table[:430] = hills(table[:430], azimuth[:430], rise[:430])
    return table


def sky(way: Array, rng: np.random.Generator) -> Array:
    """The panorama's light; a random half step between its places blurs them into each other."""
    table = panorama()
    azimuth, rise = np.arctan2(way[:, 0], way[:, 2]), np.abs(way[:, 1]) / np.hypot(way[:, 0], way[:, 2])
    step = rng.random((2, len(way)), dtype=np.float32)
    column = np.clip((azimuth + 0.65) / 1.3 * 1499 + step[0], 0, 1499).astype(int)
    row = np.clip(rise / 0.6 * 699 + step[1], 0, 699).astype(int)
    seen: Array = table[row, column]
    return seen


def facade(p: Array, normal: Array, corner: Array, size: Array, tint: Array, seed: Array) -> tuple[Array, Array]:
    """A plastered wall with rows of windows: its colors and the light that windows give."""
    front = np.abs(normal[:, 2]) > 0.5
    u = np.where(front, p[:, 0] - corner[:, 0], p[:, 2] - corner[:, 2])
    wide = np.where(front, size[:, 0], size[:, 2])
    v = p[:, 1] - corner[:, 1]
    columns = np.maximum(np.floor(wide / 1.75), 1)
    story = size[:, 1] / np.maximum(np.round(size[:, 1] / 2.8), 1)
    cu, cv = u / wide * columns, v / story
    iu, iv = np.floor(cu), np.floor(cv)
    x, y = (cu - iu - 0.5) * wide / columns, (cv - iv - 0.48) * story
    dice = noise3(iu * 3.7 + seed * 1.3 + 0.5, iv * 5.1 + 0.5, seed * 2.9, 3)
    gable = v > size[:, 1]
    keep = ~gable | (np.abs(u - wide / 2) < wide / columns * 0.5) & (v < size[:, 1] + story * 0.8)
    pane = (np.abs(x) < 0.42) & (np.abs(y) < 0.72) & keep
    frame = (np.abs(x) < 0.54) & (np.abs(y) < 0.84) & keep & ~pane
    bars = pane & ((np.abs(x) < 0.035) | (np.abs(y - 0.15) < 0.035))
    leaves = (np.abs(x) < 0.86) & (np.abs(x) > 0.54) & (np.abs(y) < 0.80) & keep & (np.floor(seed) % 3 == 0)
    eave = (y < -0.84) & (y > -1.0) & (np.abs(x) < 0.62) & keep
    stain = fbm3(p[:, 0] * 0.5, p[:, 1] * 0.22, p[:, 2] * 0.5, 4, 5)
    rough = fbm3(p[:, 0] * 6, p[:, 1] * 6, p[:, 2] * 6, 3, 6)
    wall = tint * (0.92 + 1.3 * (stain - 0.5) + 0.7 * (rough - 0.5))[:, None]
    floor_line = (np.abs(cv - np.round(cv)) * story < 0.07) & (np.floor(seed) % 2 == 0)
    wall = np.where(floor_line[:, None], tint * 1.25, wall)
    wall = wall * (1 - 0.45 * smooth(1.4, 0.0, v + 2.2 * (stain - 0.5)))[:, None]
    wall = np.where(
        leaves[:, None],
        np.stack([linear("3d5c4a"), linear("5b3a2c"), linear("2f4a66")])[np.floor(seed).astype(int) // 3 % 3]
        * (0.8 + 0.4 * (np.sin(y * 60) > 0))[:, None],
        wall,
    )
    wall = np.where(frame[:, None] | bars[:, None], linear("e6dcc6"), wall)
    wall = np.where(eave[:, None], wall * 0.45, wall)
    glass = pane & ~bars
    lamp = glass & (dice > 0.56)
    glow = np.where(lamp, 0.30 + 0.55 * noise3(x * 3 + seed, y * 2, iu, 8), 0.0)[:, None] * np.array(
        [1.5, 0.82, 0.30], np.float32
    )
    recess = smooth(0.30, 0.75, y) + smooth(-0.22, -0.44, x)
    glass_color = np.array([0.035, 0.045, 0.06], np.float32) * (1.2 - 0.4 * recess)[:, None]
    return np.where(glass[:, None], glass_color, wall), glow * (1 - 0.35 * np.minimum(recess, 1))[:, None]


def surface(p: Array, hit: Hit, solids: list[Solid]) -> tuple[Array, Array]:
    """Reflectance and own light at points on solids."""
    kinds = np.array([s.kind for s in solids])[hit.solid]
    tint = np.array([s.tint for s in solids], np.float32)[hit.solid]
    corner = np.array([s.corner for s in solids], np.float32)[hit.solid]
    size = np.array([s.size for s in solids], np.float32)[hit.solid]
    rough = fbm3(p[:, 0] * 2.5, p[:, 1] * 2.5, p[:, 2] * 2.5, 4, 7)
    color = tint * (0.55 + 0.9 * rough)[:, None]
    light = np.zeros_like(color)
    bright = tint.max(1) > 1.5
    light[bright] = tint[bright]
    wall = np.flatnonzero((kinds == WALL) & (np.abs(hit.normal[:, 1]) < 0.2))
    color[wall], light[wall] = facade(
        p[wall], hit.normal[wall], corner[wall], size[wall], tint[wall], hit.solid[wall].astype(np.float32)
    )
    cabin = (kinds == WOOD) & (size[:, 0] < 4) & (np.abs(hit.normal[:, 1]) < 0.2) & (p[:, 1] > 1.45) & (p[:, 1] < 1.85)
    color[cabin & (np.abs((p[:, 0] - corner[:, 0]) * 1.6 % 1 - 0.5) < 0.36) & (tint.min(1) > 0.4)] = 0.03
    roof = np.flatnonzero((kinds == ROOF) | (kinds == WALL) & (hit.normal[:, 1] > 0.2))
    q = p[roof]
    course = 0.5 + 0.5 * np.sin(q[:, 1] * 21) * np.sin((q[:, 0] + q[:, 2]) * 13 + np.floor(q[:, 1] * 3.3))
    tile = linear("8f4630") * (0.45 + 0.5 * course + 1.0 * (rough[roof] - 0.3))[:, None]
    color[roof] = np.where((kinds[roof] == ROOF)[:, None], tint[roof] * (0.5 + 0.6 * course)[:, None], tile)
    block = np.flatnonzero((kinds == STONE) & (size[:, 0] > 50))
    b = p[block]
    seam = (np.abs(b[:, 1] * 1.6 % 1 - 0.5) > 0.44) | (
        np.abs((b[:, 0] * 0.7 + 0.5 * np.floor(b[:, 1] * 1.6)) % 1 - 0.5) > 0.47
    )
    color[block] *= np.where(seam, 0.45, 1.0)[:, None] * mix(
        linear("4c5a3c") * 3, np.ones(3), smooth(0.1, 0.9, b[:, 1] + rough[block] - 0.5)
    )
    return color, light


def lit(origin: Array, way: Array, hit: Hit, rng: np.random.Generator, careful: bool) -> Array:
    """Light that solids send back: sun with soft shadows, sky with occlusion, haze with distance."""
    solids = town()
    p = origin + way * hit.t[:, None]
    color, own = surface(p, hit, solids)
    off = p + hit.normal * 0.02
    sun = unit(SUN + 0.012 * rng.standard_normal(p.shape, dtype=np.float32))
    facing = np.clip(dot(hit.normal, SUN), 0, 1)
    direct = np.zeros(len(p), np.float32)
    turned = np.flatnonzero(facing > 0)
    direct[turned] = facing[turned] * (1 - blocked(off[turned], sun[turned], solids))
    open_sky: Array = np.full(len(p), 0.66, np.float32)
    if careful:
        open_sky = 1 - 0.85 * blocked(off, hemisphere(hit.normal, rng), solids, 7.0)
    dome = mix(
        np.array([0.34, 0.26, 0.26], np.float32), np.array([0.30, 0.38, 0.58], np.float32), 0.5 + 0.5 * hit.normal[:, 1]
    )
    light = color * (direct[:, None] * SUNLIGHT + dome * open_sky[:, None]) + own
    haze = 1 - np.exp(-np.maximum(hit.t - 40, 0) / 420)
    return mix(light, np.array([0.95, 0.66, 0.44], np.float32), haze)


def scene(origin: Array, way: Array, hit: Hit, rng: np.random.Generator, careful: bool) -> Array:
    """What rays see: solids, or the sky behind them."""
    color = sky(way, rng)
    solid = np.flatnonzero(hit.solid >= 0)
    part = Hit(hit.t[solid], hit.solid[solid], hit.normal[solid])
    color[solid] = lit(origin[solid], way[solid], part, rng, careful)
    return color


def ripples(p: Array, far: Array) -> Array:
    """The water's normals: wavelets of several lengths, calmer with distance."""
    slope = np.zeros((2, len(p)), np.float32)
    for often, high, seed in [(0.22, 0.030, 1), (0.75, 0.034, 2), (2.1, 0.030, 3), (5.5, 0.022, 4)]:
        x, z = p[:, 0] * often * 0.62, p[:, 2] * often
        fade = high * np.exp(-far * often / 260)
        slope[0] += fade * (noise3(x, z, np.full_like(x, 0.5), seed) - 0.5)
        slope[1] += fade * 1.6 * (noise3(x, z, np.full_like(x, 7.5), seed) - 0.5)
    return unit(np.stack([slope[0], np.ones(len(p), np.float32), slope[1]], 1))


def radiance(origin: Array, way: Array, rng: np.random.Generator) -> Array:
    surface_at = np.where(way[:, 1] < -1e-4, -origin[:, 1] / np.minimum(way[:, 1], -1e-4), FAR)
    hit = cast(origin, way, town())
    water = np.flatnonzero((surface_at < hit.t) & (surface_at < 4000))
    hit.solid[water] = -1
    color = scene(origin, way, hit, rng, careful=True)
    p = origin[water] + way[water] * surface_at[water][:, None]
    normal = ripples(p, surface_at[water])
    slant = dot(way[water], normal)
    mirrored = way[water] - 2 * slant[:, None] * normal
    mirrored[:, 1] = np.abs(mirrored[:, 1]) + 1e-3
    mirrored = unit(mirrored)
    fresnel = 0.03 + 0.97 * (1 - np.clip(-slant, 0, 1)) ** 5
    image = scene(p, mirrored, cast(p, mirrored, town()), rng, careful=False)
    color[water] = mix(np.array([0.035, 0.075, 0.080], np.float32), image, 0.12 + 0.80 * fresnel)
    return color


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (round(side * scale) for side in SIZE)
    camera = Camera(EYE, (0.0, 9.0, 0.0), 1.35)
    return develop(expose((width, height), camera, radiance, 5), 0.85)
