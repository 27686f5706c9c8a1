"""Our pictures beside the textbook loop's, before a judge who painted neither, at equal content.

    python -m benchmarks.rival [--pairs a+b,c+d] [--size 256] [--iterations 300] [--save]

Where a picture stands between photo and painting is a matter of a weight, and the two programs' weights mean different
things. So ours is painted at several strengths, then at some around the one whose content error is the rival's, and its
style errors are read there, on a line through theirs: one picture's shallow error varies by a tenth with the rounding
of its numbers. The judge is the 16x encoder. How far apart the painting's own halves are in the same unit says what a
difference means.
"""

from __future__ import annotations

import argparse
import math
from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from statistics import geometric_mean
from typing import Any

import numpy as np

from benchmarks import plain
from benchmarks.common import fitted, pair, report, table
from benchmarks.encoder16 import encoder16
from benchmarks.quality import Painted, paint_all, parse
from impasto import judge
from impasto.allocator import keep_what_is_freed
from impasto.picture import Picture

PAIRS = (
    "tubingen+starry_night_google,lion+mosaic,golden_gate+wave_crop,cornell+candy,chicago+la_muse,sailboat+seated-nude"
)
STRENGTHS = (0.4, 0.55, 0.7)
AROUND = (-0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03)
PARTS = ("shallow", "deep")
HEADER = (
    "pair",
    "content of both",
    "reached",
    *(f"{whose} {part}" for whose in ("ours", "theirs", "halves") for part in PARTS),
)


def textbook(names: str, size: int, iterations: int, weight: float) -> Picture:
    """What the rival has painted after so many iterations."""
    photo, painting = (picture.rgb for picture in fitted(*pair(*names.split("+")), size))
    (last,) = deque(plain.loop(photo, painting, iterations, weight), maxlen=1)
    return Picture(last.image)


def matched(names: str, theirs: Picture, size: int) -> dict[str, Any]:
    """Style errors of both at the rival's content error, and between the painting's halves."""
    referee, pictures = encoder16(), pair(*names.split("+"))
    (score,) = judge.score(referee, *pictures, [theirs], side=size)
    halves = judge.between_halves(referee, *pictures, side=size)
    method = [parse("lite")]
    ours = paint_all(method, [names], STRENGTHS, size, referee)
    reached = [painted.score.content for painted in ours]
    place = float(np.interp(score.content, reached, STRENGTHS))  # more strength leads farther from the photo
    near = paint_all(method, [names], [round(place + step, 4) for step in AROUND], size, referee)
    return {
        "pair": names,
        "content": score.content,
        "reached": min(reached) <= score.content <= max(reached),
        **{f"ours_{part}": along(near, score.content, f"style_{part}") for part in PARTS},
        **{f"theirs_{part}": getattr(score, f"style_{part}") for part in PARTS},
        **{f"halves_{part}": half for part, half in zip(PARTS, halves, strict=True)},
    }


def along(near: Sequence[Painted], content: float, part: str) -> float:
    """The style error at this content error, on the line through the logarithms of several; no farther than they go."""
    contents, errors = ([f(each.score) for each in near] for f in (attrgetter("content"), attrgetter(part)))
    slope, height = np.polyfit(contents, np.log(errors), 1)
    return math.exp(slope * min(max(content, min(contents)), max(contents)) + height)


def ratio(matches: Sequence[dict[str, Any]], part: str) -> float:
    """Ours over theirs, geometric mean."""
    return geometric_mean(each[f"ours_{part}"] / each[f"theirs_{part}"] for each in matches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default=PAIRS)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--style-weight", type=float, default=300.0)
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    a = parser.parse_args()
    keep_what_is_freed()  # as the command does
    matches = []
    for names in a.pairs.split(","):
        matches.append(matched(names, textbook(names, a.size, a.iterations, a.style_weight), a.size))
    print(table([list(each.values()) for each in matches], HEADER))
    ratios = {part: ratio(matches, part) for part in PARTS}
    print(f"ours over theirs at equal content: {ratios}")
    report("rival", {"size": a.size, "iterations": a.iterations, "matches": matches, "ratios": ratios}, save=a.save)


if __name__ == "__main__":
    main()
