"""A small ray caster: convex solids (planes and ellipsoids), shadows, a camera and its film."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from .field import Array, Pixels, blur, dot, fbm, shrink, to_bytes

FAR = 1e6
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Solid:
    """The points inside all planes (n · p <= d) and inside the ellipsoid, or where the distance field is negative."""

    planes: Array
    middle: Array
    reach: float
    kind: int = 0
    tint: Vector = (0.5, 0.5, 0.5)
    corner: Vector = (0, 0, 0)
    size: Vector = (1, 1, 1)
    globe: tuple[Vector, Vector] | None = None
    field: Callable[[Array], Array] | None = None


class Traits(TypedDict, total=False):
    """What a scene may say of a solid besides its shape."""

    kind: int
    tint: Vector
    corner: Vector
    size: Vector


@dataclass(frozen=True)
class Hit:
    """Where rays end: distance, which solid (-1: none), and the surface's normal."""

    t: Array
    solid: NDArray[np.int32]
    normal: Array


def unit(vectors: Array) -> Array:
    length: Array = np.sqrt(np.einsum("...i,...i->...", vectors, vectors)[..., None] + 1e-12)
    return np.divide(vectors, length)


def _solid(planes: Sequence[Sequence[float]], low: Vector, high: Vector, **more: Unpack[Traits]) -> Solid:
    rows = np.array(planes, np.float32).reshape(-1, 4)
    rows = rows / np.linalg.norm(rows[:, :3], axis=1, keepdims=True) if len(rows) else rows
    a, b = np.array(low, np.float32), np.array(high, np.float32)
    base = Solid(rows, (a + b) / 2, float(np.linalg.norm(b - a) / 2), corner=low, size=tuple((b - a).tolist()))
    return replace(base, **more)


def _sides(low: Vector, high: Vector) -> list[list[float]]:
    rows = []
    for axis in range(3):
        for sign, bound in ((1, high[axis]), (-1, -low[axis])):
            row = [0.0, 0.0, 0.0, bound]
            row[axis] = sign
            rows.append(row)
    return rows


def box(low: Vector, high: Vector, **more: Unpack[Traits]) -> Solid:
    return _solid(_sides(low, high), low, high, **more)


def house(low: Vector, high: Vector, rise: float, ridge: str = "z", **more: Unpack[Traits]) -> Solid:
    """A box whose top ends in a gable roof; `high` is the eaves, the ridge runs along `ridge`."""
    a = 0 if ridge == "z" else 2
    half, middle = (high[a] - low[a]) / 2, (high[a] + low[a]) / 2
    top = (high[0], high[1] + rise, high[2])
    planes = _sides(low, top)
    for sign in (1, -1):
        row = [0.0, half, 0.0, half * (high[1] + rise) + sign * rise * middle]
        row[a] = sign * rise
        planes.append(row)
    more.setdefault("size", (high[0] - low[0], high[1] - low[1], high[2] - low[2]))
    return _solid(planes, low, top, **more)


def spire(low: Vector, high: Vector, **more: Unpack[Traits]) -> Solid:
    """A pyramid on the box's floor that comes to a point at its top."""
    planes = [[0.0, -1.0, 0.0, -low[1]]]
    tall = high[1] - low[1]
    for axis in (0, 2):
        half, middle = (high[axis] - low[axis]) / 2, (high[axis] + low[axis]) / 2
        for sign in (1, -1):
            row = [0.0, half, 0.0, half * (low[1] + tall) + sign * tall * middle]
            row[axis] = sign * tall
            planes.append(row)
    return _solid(planes, low, high, **more)


def globe(center: Vector, radii: Vector, cut: Sequence[Sequence[float]] = (), **more: Unpack[Traits]) -> Solid:
    """An ellipsoid, with whatever lies outside the `cut` planes taken away."""
    (x, y, z), (a, b, c) = center, radii
    low, high = (x - a, y - b, z - c), (x + a, y + b, z + c)
    return replace(_solid(cut, low, high, **more), globe=(center, radii))


def post(x: float, z: float, radius: float, low: float, high: float, **more: Unpack[Traits]) -> Solid:
    """An upright cylinder."""
    ends = [[0, 1, 0, high], [0, -1, 0, -low]]
    whole = globe((x, 0, z), (radius, 1e5, radius), ends, **more)
    reach = float(np.hypot(radius, (high - low) / 2))
    return replace(whole, middle=np.array([x, (low + high) / 2, z], np.float32), reach=reach)


def shape(
    field: Callable[[Array], Array],
    center: Vector,
    reach: float,
    times: float = 1.0,
    cut: Sequence[Sequence[float]] = (),
    **more: Unpack[Traits],
) -> Solid:
    """A distance field, `times` as large, moved to `center`; within `reach` of it and the `cut` planes."""
    whole = globe(center, (reach, reach, reach), cut, **more)
    middle = np.array(center, np.float32)
    return replace(whole, globe=None, reach=reach, field=lambda p: field((p - middle) / times) * times)


def _nowhere(p: Array) -> Array:
    return np.full(len(p), FAR, np.float32)


def _march(solid: Solid, origin: Array, way: Array) -> tuple[Array, Array, Array]:
    """Walk through the field's sphere by the distance it promises."""
    to = solid.middle - origin
    ahead = dot(to, way)
    half = np.sqrt(np.maximum(solid.reach**2 - dot(to, to) + ahead * ahead, 0))
    t, end = np.maximum(ahead - half, 2e-3), ahead + half
    for *axis, bound in solid.planes.tolist():
        speed, room = way @ np.array(axis, np.float32), bound - origin @ np.array(axis, np.float32)
        cut = room / np.where(np.abs(speed) < 1e-9, 1e-9, speed)
        t = np.where(speed < 0, np.maximum(t, cut), t)
        end = np.where(speed > 0, np.minimum(end, cut), end)
    live, field = np.flatnonzero(t < end), solid.field or _nowhere
    for _ in range(70):
        distance = field(origin[live] + way[live] * t[live][:, None])
        t[live] += distance
        live = live[(np.abs(distance) > 4e-4) & (t[live] < end[live])]
        if not live.size:
            break
    t[live[np.abs(field(origin[live] + way[live] * t[live][:, None])) > 0.02]] = FAR
    hit = t < end
    t = np.where(hit, t, FAR).astype(np.float32)
    normal = np.zeros_like(way)
    p = origin[hit] + way[hit] * t[hit][:, None]
    tips = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
    normal[hit] = unit(np.sum([tip * field(p + 1e-3 * tip)[:, None] for tip in tips], axis=0))
    return t, np.where(hit, FAR * 2, -FAR), normal


def _inside_globe(center: Array, radii: Array, origin: Array, way: Array) -> tuple[Array, Array]:
    o, d = (origin - center) / radii, way / radii
    a, b, c = dot(d, d), dot(o, d), dot(o, o) - 1
    root = b * b - a * c
    span = np.sqrt(np.maximum(root, 0))
    enter, leave = (-b - span) / a, (-b + span) / a
    return np.where(root > 0, enter, FAR), np.where(root > 0, leave, -FAR)


def _enter(solid: Solid, origin: Array, way: Array) -> tuple[Array, Array, Array]:
    """Entry distance, exit distance and entry normal."""
    if solid.field is not None:
        return _march(solid, origin, way)
    enter, leave = np.full(len(way), -FAR, np.float32), np.full(len(way), FAR, np.float32)
    normal = np.zeros_like(way)
    if solid.globe is not None:
        center, radii = (np.array(v, np.float32) for v in solid.globe)
        enter, leave = _inside_globe(center, radii, origin, way)
        normal = unit((origin + way * np.where(enter < FAR, enter, 0)[:, None] - center) / radii**2)
    for *axis, bound in solid.planes.tolist():
        axis = np.array(axis, np.float32)
        speed = way @ axis
        t = (bound - origin @ axis) / np.where(np.abs(speed) < 1e-9, 1e-9, speed)
        later = (speed < 0) & (t > enter)
        enter = np.where(later, t, enter)
        normal[later] = axis
        leave = np.where(speed > 0, np.minimum(leave, t), leave)
    return enter, leave, normal


@dataclass(frozen=True)
class Rays:
    """Rays with the two products that every sphere test needs."""

    origin: Array
    way: Array
    square: Array
    along: Array

    def some(self, index: NDArray[np.intp]) -> "Rays":
        return Rays(self.origin[index], self.way[index], self.square[index], self.along[index])

    def near(self, middle: Array, reach: float, t: Array) -> NDArray[np.intp]:
        """Those that meet a sphere before they end."""
        ahead = self.way @ middle - self.along
        apart = self.square - 2 * (self.origin @ middle) + float(middle @ middle)
        return np.flatnonzero((apart - ahead * ahead < reach**2) & (ahead > -reach) & (ahead - reach < t))


def _clusters(solids: Sequence[Solid]) -> Iterator[tuple[range, Array, float]]:
    """Neighbors in the list, eight at a time, with a sphere around them."""
    for start in range(0, len(solids), 8):
        group = range(start, min(start + 8, len(solids)))
        middle: Array = np.array([solids[i].middle for i in group]).mean(0)
        yield group, middle, max(float(np.linalg.norm(solids[i].middle - middle)) + solids[i].reach for i in group)


def cast(origin: Array, way: Array, solids: Sequence[Solid]) -> Hit:
    """The first solid along each ray."""
    t = np.full(len(way), FAR, np.float32)
    which = np.full(len(way), -1, np.int32)
    normal = np.zeros_like(way)
    rays = Rays(origin, way, dot(origin, origin), dot(origin, way))
    for group, middle, reach in _clusters(solids):
        close = rays.near(middle, reach, t)
        part = rays.some(close)
        for index in group if close.size else ():
            there = part.near(solids[index].middle, solids[index].reach, t[close])
            if not there.size:
                continue
            enter, leave, facing = _enter(solids[index], part.origin[there], part.way[there])
            ends = close[there]
            first = (enter < leave) & (enter > 1e-3) & (enter < t[ends])
            ends = ends[first]
            t[ends], which[ends], normal[ends] = enter[first], index, facing[first]
    return Hit(t, which, normal)


def blocked(origin: Array, way: Array, solids: Sequence[Solid], within: float = FAR) -> Array:
    """1 where something stands in the way, else 0."""
    return (cast(origin, way, solids).t < within).astype(np.float32)


def hemisphere(normal: Array, rng: np.random.Generator) -> Array:
    """Random directions around the normals, more of them near it (Lambert's cosine)."""
    ball = rng.standard_normal(normal.shape, dtype=np.float32)
    return unit(normal + 0.98 * unit(ball))


@dataclass(frozen=True)
class Camera:
    """Looks from `eye` to `target`; `zoom` is the distance of a film one unit high."""

    eye: Vector
    target: Vector
    zoom: float

    def rays(self, x: Array, y: Array) -> Array:
        """Directions through film points: x to the right, y downwards, the middle at 0, one unit high."""
        ahead = unit(np.array(self.target, np.float32) - np.array(self.eye, np.float32))
        right = unit(np.cross(np.array([0, 1, 0], np.float32), ahead))
        up = np.cross(ahead, right)
        return unit(x[:, None] * right - y[:, None] * up + self.zoom * ahead).astype(np.float32)


def expose(
    size: tuple[int, int], camera: Camera, radiance: Callable[[Array, Array, np.random.Generator], Array], seed: int
) -> Array:
    """What radiance gives for each ray, at twice the size: four rays for each pixel, a band of rows at a time."""
    width, height = 2 * size[0], 2 * size[1]
    rng = np.random.default_rng(seed)
    bands = []
    band = max(60_000 // width, 1)
    for top in range(0, height, band):
        rows = np.arange(top, min(top + band, height))
        y, x = np.meshgrid(rows, np.arange(width), indexing="ij")
        jitter = rng.random((2, x.size), dtype=np.float32)
        way = camera.rays((x.ravel() + jitter[0] - width / 2) / height, (y.ravel() + jitter[1] - height / 2) / height)
        origin = np.broadcast_to(np.array(camera.eye, np.float32), way.shape)
        bands.append(radiance(origin, way, rng).reshape(len(rows), width, -1))
    return np.concatenate(bands)


def develop(film: Array, exposure: float, grain: float = 0.012, glow: float = 0.06) -> Pixels:
    """Film response, halation around lights, a darker rim and fine grain."""
    light = shrink(film * exposure, 2)
    height, width = light.shape[:2]
    bright = np.clip(light - 0.8, 0, 6)
    light = light + glow * (blur(bright, height * 0.006) + blur(bright, height * 0.03))
    tone = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)  # a common fit of the ACES curve
    tone = np.clip(tone, 0, 1) ** (1 / 2.2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    tone = tone * (1 - 0.10 * (x * x + y * y))[..., None]
    speck = fbm((height, width), 2.0, 1, 99) + fbm((height, width), 1.0, 1, 98) - 1
    return to_bytes(tone + (grain * 2 * speck)[..., None])
