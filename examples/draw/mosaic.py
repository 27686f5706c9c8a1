"""A peacock in glass and gold: tesserae that follow the contours, each its own color, with grout between."""

import numpy as np

from .field import Array, Pixels, blur, fbm, grid, mix, ramp, rgb, shrink, smooth, to_bytes

SIZE = (800, 960)
GROUT = rgb("3b342c")
FAN = (0.42, 0.66)  # where the tail feathers meet
ROWS = [0.20, 0.29, 0.38, 0.475, 0.575]  # radii of the rings of eyes
EYE = [
    (0, "10205e"),
    (0.28, "1c3fa0"),
    (0.33, "19a3b8"),
    (0.52, "25c4b0"),
    (0.56, "c98a2a"),
    (0.76, "e8b83c"),
    (0.8, "4f9a3a"),
    (1, "1f6a3a"),
]


def fan(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Colors, directions and presence of the spread tail."""
    dx, dy = x - FAN[0], y - FAN[1]
    far, turn = np.hypot(dx, dy), np.arctan2(dx, -dy)
    color = ramp(0.5 + 0.5 * np.sin(42 * turn) * np.sin(9 * far), [(0, "0d3b2e"), (0.5, "1b6b4a"), (1, "5aa04a")])
    color = mix(
        color, ramp(0.5 + 0.5 * np.sin(90 * far), [(0, "a8782a"), (1, "e2bd58")]), 0.9 * smooth(0.20, 0.14, far)
    )
    flow = turn - np.pi / 2
    for row, radius in enumerate(ROWS):
        count = 13 + 2 * (row % 2)
        step = 3.5 / count
        place = (np.round(turn / step - 0.5 * (row % 2)) + 0.5 * (row % 2)) * step
        size = 0.030 + 0.045 * radius
        ex, ey = radius * np.sin(place), -radius * np.cos(place)
        d = np.hypot(dx - ex, (dy - ey)) / size
        inside = (d < 1) & (np.abs(place) < 1.72)
        color = np.where(inside[..., None], ramp(d, EYE), color)
        flow = np.where(inside, np.arctan2(dy - ey, dx - ex) + np.pi / 2, flow)
    rim = 0.635 + 0.012 * np.cos(2 * np.pi * turn / (3.5 / 13))
    return color, flow, (far < rim) & (np.abs(turn) < 1.78)


def bird(x: Array, y: Array, color: Array, flow: Array) -> tuple[Array, Array]:
    """Breast, neck and head in blues, with crest, beak and feet."""
    neck_x = 0.42 + 0.035 * np.sin((0.75 - y) * 11)
    neck = (np.abs(x - neck_x) < 0.038 + 0.055 * smooth(0.50, 0.68, y)) & (y > 0.40) & (y < 0.70)
    breast = np.hypot((x - 0.42) / 0.098, (y - 0.735) / 0.135)
    head = np.hypot((x - 0.432) / 0.052, (y - 0.395) / 0.044)
    scale = 0.5 + 0.5 * np.sin(95 * y + 2.2 * np.cos(70 * (x - neck_x)))
    blue = mix(
        ramp(scale, [(0, "0e1f7a"), (0.6, "1f4fd0"), (1, "39b7d8")]), rgb("0a1048"), smooth(0.0, 0.09, x - neck_x)
    )
    for part in (neck, breast < 1, head < 1):
        color = np.where(part[..., None], blue, color)
    flow = np.where(neck, np.pi / 2 + 0.3 * np.cos((0.75 - y) * 11), flow)
    flow = np.where(breast < 1, np.arctan2((y - 0.735) / 0.135, (x - 0.42) / 0.098) + np.pi / 2, flow)
    flow = np.where(head < 1, np.arctan2(y - 0.395, x - 0.432) + np.pi / 2, flow)
    cheek = np.hypot((x - 0.447) / 0.022, (y - 0.392) / 0.013)
    color = np.where((cheek < 1)[..., None], rgb("f4ead2"), color)
    color = np.where((np.hypot(x - 0.447, y - 0.391) < 0.0085)[..., None], rgb("14100c"), color)
    beak = (x > 0.476) & (x < 0.525) & (np.abs(y - 0.402 - 0.25 * (x - 0.48)) < 0.016 * (0.53 - x) / 0.05)
    color = np.where(beak[..., None], rgb("e0a030"), color)
    for turn in (-0.5, -0.2, 0.1, 0.4):
        along = (x - 0.432) * np.sin(turn) - (y - 0.36) * np.cos(turn)
        aside = (x - 0.432) * np.cos(turn) + (y - 0.36) * np.sin(turn)
        plume = ((np.abs(aside) < 0.006) & (along > 0) & (along < 0.075)) | (np.hypot(aside, along - 0.082) < 0.014)
        color = np.where(plume[..., None], rgb("38c6c0"), color)
    legs = ((np.abs(x - 0.385) < 0.010) | (np.abs(x - 0.455) < 0.010)) & (y > 0.85) & (y < 0.925)
    return np.where(legs[..., None], rgb("d07a28"), color), flow


def ground(x: Array, y: Array, wide: float) -> tuple[Array, Array]:
    """Gold behind, a garden below, a patterned border around."""
    swirl = 0.5 + 0.5 * np.sin(18 * np.hypot(x - FAN[0], y - FAN[1]))
    color = ramp(swirl, [(0, "a8742a"), (0.5, "d9a93c"), (1, "f2d47a")])
    flow = np.arctan2(y - FAN[1], x - FAN[0]) + np.pi / 2
    hill = 0.885 + 0.02 * np.sin(7 * x)
    low = y > hill
    color = np.where(
        low[..., None],
        ramp(0.5 + 0.5 * np.sin(40 * (y - hill) + 5 * x), [(0, "1f4a2a"), (0.6, "4f8a3a"), (1, "a9b84a")]),
        color,
    )
    flow = np.where(low, 0.14 * np.cos(7 * x), flow)
    rng = np.random.default_rng(3)
    for cx in np.linspace(0.08, 0.76, 9):
        cy, size = 0.91 + rng.uniform(-0.01, 0.02), rng.uniform(0.018, 0.026)
        d, a = np.hypot(x - cx, y - cy) / size, np.arctan2(y - cy, x - cx)
        petal = d < 0.75 + 0.25 * np.cos(5 * a)
        shade = ramp(
            d, [(0, "f6e27a"), (0.3, "f2b23a"), (0.4, ["c2273a", "e8e0d0", "d8683a"][rng.integers(3)]), (1, "8a1a2a")]
        )
        color, flow = np.where(petal[..., None], shade, color), np.where(petal, a + np.pi / 2, flow)
    return color, flow


def border(x: Array, y: Array, wide: float, color: Array, flow: Array) -> tuple[Array, Array]:
    edge = np.minimum(np.minimum(x, wide - x), np.minimum(y, 1 - y))
    upright = np.minimum(x, wide - x) < np.minimum(y, 1 - y)
    along = np.where(upright, y, x)
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * along / 0.0625)
    key = np.where(np.abs(edge - 0.031) < 0.011 * (0.4 + wave), 1, 0)
    band = np.where(key[..., None] > 0, rgb("b0282c"), rgb("ece0c4"))
    band = np.where(((edge > 0.048) | (edge < 0.010))[..., None], rgb("1b2f6a"), band)
    inside = edge < 0.058
    return np.where(inside[..., None], band, color), np.where(inside, np.where(upright, np.pi / 2, 0.0), flow)


def design(width: int, height: int) -> tuple[Array, Array]:
    x, y = grid(width, height)
    color, flow = ground(x, y, width / height)
    tail, sweep, present = fan(x, y)
    color, flow = np.where(present[..., None], tail, color), np.where(present, sweep, flow)
    color, flow = bird(x, y, color, flow)
    return border(x, y, width / height, color, flow)


def nearest(sites: Array, angle: Array, size: float, shape: tuple[int, int]) -> tuple[Array, Array]:
    """For each pixel its tile and how far it is from the tile's center, in rotated squares."""
    height, width = shape
    best = np.full(shape, 1e9, np.float32)
    owner = np.zeros(shape, np.int32)
    reach = int(size * 1.7) + 1
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    for index, ((sx, sy), turn) in enumerate(zip(sites, angle, strict=True)):
        x0, y0 = int(sx), int(sy)
        left, top = max(x0 - reach, 0), max(y0 - reach, 0)
        right, bottom = min(x0 + reach + 1, width), min(y0 + reach + 1, height)
        if left >= right or top >= bottom:
            continue
        cut = (slice(top - y0 + reach, bottom - y0 + reach), slice(left - x0 + reach, right - x0 + reach))
        px, py = dx[cut] + (x0 - sx), dy[cut] + (y0 - sy)
        far = np.maximum(np.abs(px * np.cos(turn) + py * np.sin(turn)), np.abs(py * np.cos(turn) - px * np.sin(turn)))
        view = best[top:bottom, left:right]
        closer = far < view
        view[closer] = far[closer]
        owner[top:bottom, left:right][closer] = index
    return owner, best


def settle(size: float, flow: Array, color: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Sites of tiles, moved to the middle of their own pixels until they sit like masonry."""
    height, width = flow.shape
    y, x = np.mgrid[size / 2 : height : size, size / 2 : width : size].reshape(2, -1)
    sites = (np.stack([x, y], 1) + rng.uniform(-0.3, 0.3, (x.size, 2)) * size).astype(np.float32)
    rows, columns = np.mgrid[0:height, 0:width]
    tone = color.mean(-1)
    edge = np.hypot(*np.gradient(blur(tone, 1)))
    weight = (1 / (1 + 60 * edge)).reshape(-1)
    for _ in range(12):
        at = np.clip(sites.round().astype(int), 0, [width - 1, height - 1])
        owner, _ = nearest(sites, flow[at[:, 1], at[:, 0]], size, flow.shape)
        flat = owner.reshape(-1)
        count = np.bincount(flat, weight, len(sites))
        keep = count > 0
        middle = np.stack([np.bincount(flat, weight * axis.reshape(-1), len(sites)) for axis in (columns, rows)], 1)
        sites[keep] = (middle[keep] / count[keep, None]).astype(np.float32)
    at = np.clip(sites.round().astype(int), 0, [width - 1, height - 1])
    return sites, flow[at[:, 1], at[:, 0]].astype(np.float32)


def glaze(owner: Array, far: Array, color: Array, size: float, rng: np.random.Generator) -> Array:
    """Tiles of one color each, tilted in their bed, beveled, with grout where two meet."""
    count = owner.max() + 1
    flat = owner.reshape(-1)
    share = np.maximum(np.bincount(flat, minlength=count), 1)
    tile = np.stack([np.bincount(flat, color[..., c].reshape(-1), count) / share for c in range(3)], 1)
    tile = tile + rng.normal(0, 0.055, (count, 1)) + rng.normal(0, 0.03, (count, 3))
    shape = owner.shape
    apart = np.zeros(shape, np.float32)
    for axis in (0, 1):
        differ = owner != np.roll(owner, 1, axis)
        apart += differ
        apart += np.roll(differ, -1, axis)
    joint = np.clip(blur(np.clip(apart, 0, 1), 1.0 + size * 0.045) * 1.9, 0, 1)
    joint = np.maximum(joint, smooth(0.62, 0.70, far / size))
    high = (1 - smooth(0.25, 0.75, joint)) * (1 + 0.25 * (fbm(shape, size * 0.35, 3, 91) - 0.5))
    high = blur(high, 1)
    tilt = rng.normal(0, 0.16, (count, 2))[owner]
    down, across = np.gradient(high)
    light = 1 + 1.1 * (-across * 0.6 - down * 0.8) * size * 0.1 + tilt[..., 0] + 0.5 * tilt[..., 1]
    glass = tile[owner] * light[..., None] + 0.05 * (fbm(shape, size * 0.5, 3, 92) - 0.5)[..., None]
    glass += (0.22 * smooth(0.24, 0.42, tilt[..., 0] + 0.3 * (fbm(shape, size, 2, 93) - 0.5)))[..., None]
    mortar = GROUT * (0.8 + 0.7 * (fbm(shape, 4, 3, 94) - 0.5))[..., None]
    return mix(mortar, glass, smooth(0.35, 0.65, high))


def draw(scale: float = 1.0) -> Pixels:
    """The picture, `scale` times its listed size."""
    width, height = (round(side * scale) for side in SIZE)
    rng = np.random.default_rng(547)
    color, flow = design(width, height)
    size = 0.0106 * height
    sites, angle = settle(size, flow, color, rng)
    big = (2 * height, 2 * width)
    owner, far = nearest(sites * 2 + 0.5, angle, 2 * size, big)
    return to_bytes(shrink(glaze(owner, far, design(2 * width, 2 * height)[0], 2 * size, rng), 2))
