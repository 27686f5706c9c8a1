"""Curves as strokes and labels, which become an SVG here and pixels in `sheet`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

INK, PALE = "#222222", "#d0d0d0"
# Okabe and Ito's colors, which color-blind people can tell apart.
COLORS = ("#222222", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b")
TEXT = 13  # pixels
CHARACTER = 0.58  # of the text's size, on average: nothing here can measure a font
MOST_TICKS = 7
DECADES = 8  # below the largest value: what is smaller is not seen


@dataclass(frozen=True)
class Stroke:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    color: str = INK
    width: float = 1.0


@dataclass(frozen=True)
class Label:
    """Words at a point: their middle line, and where they are anchored."""

    x: float
    y: float
    words: str
    anchor: Literal["start", "middle", "end"] = "start"
    color: str = INK


Mark = Stroke | Label


@dataclass(frozen=True)
class Curve:
    """A name, and values at steps; what is not above zero cannot be shown on a logarithmic scale and is left out."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]

    def points(self, until: int | None = None) -> list[tuple[int, float]]:
        pairs = zip(self.steps, self.values, strict=True)
        return [(s, v) for s, v in pairs if v > 0 and math.isfinite(v) and (until is None or s <= until)]


@dataclass(frozen=True)
class Frame:
    """Where the curves lie on the page, and which values its edges stand for."""

    left: float
    top: float
    right: float
    bottom: float
    last: int
    low: float
    high: float

    def x(self, step: float) -> float:
        return self.left + (self.right - self.left) * step / self.last

    def y(self, value: float) -> float:
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return self.bottom - (self.bottom - self.top) * min(max(share, 0.0), 1.0)


def chart(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    breaks: Sequence[tuple[int, str]] = (),
    until: int | None = None,
) -> list[Mark]:
    """Losses over steps. `breaks` are steps at which something begins, with its name; after `until` nothing is drawn,
    but the axes are those of the whole."""
    frame = framed(curves, width, height)
    marks: list[Mark] = [*ticks(frame), *divided(frame, breaks)]
    for curve, color in reversed(list(zip(curves, cycled(len(curves)), strict=True))):
        points = tuple((frame.x(step), frame.y(value)) for step, value in curve.points(until))
        marks.append(Stroke(points, color, 2.0))
    return [*marks, *legend(frame, curves)]


def framed(curves: Sequence[Curve], width: int, height: int) -> Frame:
    """Room for the numbers on the left, the words below, the names on the right."""
    points = [point for curve in curves for point in curve.points()] or [(1, 1.0)]
    values = [value for _, value in points]
    high = max(values) * 1.2
    low = max(min(values) / 1.2, high * 10.0**-DECADES)
    names = max((len(curve.name) for curve in curves), default=0)
    right = width - 34 - names * TEXT * CHARACTER
    return Frame(64, 26, right, height - 44, max(step for step, _ in points), low, high)


def ticks(frame: Frame) -> Iterator[Mark]:
    """Lines and numbers of both axes, and their names."""
    for value in value_ticks(frame.low, frame.high):
        y = frame.y(value)
        yield Stroke(((frame.left, y), (frame.right, y)), PALE)
        yield Label(frame.left - 8, y, f"{value:g}", "end")
    for step in step_ticks(frame.last, max(2, int((frame.right - frame.left) / 60))):
        yield Stroke(((frame.x(step), frame.bottom), (frame.x(step), frame.bottom + 5)))
        yield Label(frame.x(step), frame.bottom + 15, str(step), "middle")
    corner = (frame.left, frame.bottom)
    yield Stroke(((frame.left, frame.top), corner, (frame.right, frame.bottom)))
    yield Label((frame.left + frame.right) / 2, frame.bottom + 33, "step", "middle")
    yield Label(8, 12, "loss")


def divided(frame: Frame, breaks: Sequence[tuple[int, str]]) -> Iterator[Mark]:
    """A line where each level begins, with its name if there is room for it."""
    free = frame.left
    for step, name in breaks:
        x = frame.x(step)
        if step:
            yield Stroke(((x, frame.top), (x, frame.bottom)), PALE, 2.0)
        end = x + 6 + len(name) * TEXT * CHARACTER
        if x >= free and end <= frame.right:
            yield Label(x + 4, frame.top - 10, name)
            free = end


def legend(frame: Frame, curves: Sequence[Curve]) -> Iterator[Mark]:
    """Names beside the curves, as many as there is room for."""
    room = max(1, int((frame.bottom - frame.top) / (TEXT + 5)))
    for i, (curve, color) in enumerate(zip(curves[:room], cycled(len(curves)), strict=False)):
        y = frame.top + 8 + i * (TEXT + 5)
        yield Stroke(((frame.right + 10, y), (frame.right + 22, y)), color, 3.0)
        yield Label(frame.right + 27, y, curve.name)


def cycled(count: int) -> list[str]:
    """A color for each."""
    return [COLORS[i % len(COLORS)] for i in range(count)]


def value_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between two values, or only powers of ten where these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [m * 10.0**k for k in powers for m in (1, 2, 5) if low <= m * 10.0**k <= high]
    if len(fine) <= MOST_TICKS:
        return fine
    whole = [10.0**k for k in powers if low <= 10.0**k <= high]
    return whole[:: -(-len(whole) // MOST_TICKS)]


def step_ticks(last: int, most: int) -> list[int]:
    """0, 50, 100, ...: at most so many, beside the first."""
    power = 10 ** max(0, math.floor(math.log10(max(1, last / most))))
    stride = next(m * power for m in (1, 2, 5, 10, 20, 50) if last / (m * power) <= most)
    return list(range(0, last + 1, stride))


def svg(marks: Sequence[Mark], width: int, height: int) -> str:
    """A picture that stands alone: no fonts, no scripts, no addresses but the standard's."""
    inner = "\n".join(f"  {element(mark)}" for mark in marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="{TEXT}">\n'
        f'  <rect width="{width}" height="{height}" fill="#ffffff"/>\n{inner}\n</svg>\n'
    )


def element(mark: Mark) -> str:
    if isinstance(mark, Label):
        place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" text-anchor="{mark.anchor}" dominant-baseline="central"'
        return f'<text {place} fill="{mark.color}">{escape(mark.words)}</text>'
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.points)
    return f'<polyline points="{points}" fill="none" stroke="{mark.color}" stroke-width="{mark.width:g}"/>'
