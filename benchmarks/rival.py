"""Our pictures beside the textbook loop's, before a judge who painted neither, at equal content.

    python -m benchmarks.rival [--pairs a+b,c+d] [--size 256] [--iterations 300] [--save]
    python -m benchmarks.rival --theirs benchmarks/results/rival-2026-12-01-512.json --size 512 [--save]

Where a picture stands between photo and painting is a matter of a weight, and the two programs' weights mean different
things. So ours is painted at several strengths, then at some around the one whose content error is the rival's, and its
style errors are read there, on a line through theirs: one picture's shallow error varies by a tenth with the rounding
of its numbers. The judge is the 16x encoder. How far apart the painting's own halves are in the same unit says what a
difference means. With `--theirs` only ours are painted anew, and the rival's scores are those of an earlier run.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
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
COLUMNS = (
    "pair",
    "content",
    "reached",
    *(f"{whose}_{part}" for whose in ("ours", "theirs", "halves") for part in PARTS),
)


def textbook(names: str, size: int, iterations: int, weight: float) -> Picture:
    """What the rival has painted after so many iterations."""
    photo, painting = (picture.rgb for picture in fitted(*pair(*names.split("+")), size))
    (last,) = deque(plain.loop(photo, painting, iterations, weight), maxlen=1)
    return Picture(last.image)


def scored(names: str, theirs: Picture, size: int) -> dict[str, Any]:
    """How the rival's picture scores, and how far apart the painting's halves are."""
    referee, pictures = encoder16(), pair(*names.split("+"))
    (score,) = judge.score(referee, *pictures, [theirs], side=size)
    halves = judge.between_halves(referee, *pictures, side=size)
    return {
        "pair": names,
        "content": score.content,
        **{f"theirs_{part}": getattr(score, f"style_{part}") for part in PARTS},
        **{f"halves_{part}": half for part, half in zip(PARTS, halves, strict=True)},
    }


def matched(theirs: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The scores of the rival, and ours at its content error."""
    names, content, referee, method = theirs["pair"], theirs["content"], encoder16(), [parse("lite")]
    ours = paint_all(method, [names], STRENGTHS, size, referee)
    reached = [painted.score.content for painted in ours]
    place = float(np.interp(content, reached, STRENGTHS))  # more strength leads farther from the photo
    near = paint_all(method, [names], [round(place + step, 4) for step in AROUND], size, referee)
    found = {f"ours_{part}": along(near, content, f"style_{part}") for part in PARTS}
    return {**theirs, **found, "reached": min(reached) <= content <= max(reached)}


def along(near: Sequence[Painted], content: float, part: str) -> float:
    """The style error at this content error, on the line through the logarithms of several; no farther than they go."""
    contents, errors = ([f(each.score) for each in near] for f in (attrgetter("content"), attrgetter(part)))
    slope, height = np.polyfit(contents, np.log(errors), 1)
    return math.exp(slope * min(max(content, min(contents)), max(contents)) + height)


def side_by_side(matches: Sequence[Mapping[str, Any]]) -> str:
    """For people."""
    return table([[each[column] for column in COLUMNS] for each in matches], COLUMNS)


def ratio(matches: Sequence[dict[str, Any]], part: str) -> float:
    """Ours over theirs, geometric mean."""
    return geometric_mean(each[f"ours_{part}"] / each[f"theirs_{part}"] for each in matches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default=PAIRS)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--style-weight", type=float, default=300.0)
    parser.add_argument("--theirs", type=Path, help="figures of an earlier run of that size; its pairs are taken")
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    a = parser.parse_args()
    keep_what_is_freed()  # as the command does
    if a.theirs:
        theirs = json.loads(a.theirs.read_text())["matches"]
    else:
        pictures = {n: textbook(n, a.size, a.iterations, a.style_weight) for n in a.pairs.split(",")}
        theirs = [scored(names, picture, a.size) for names, picture in pictures.items()]
    matches = [matched(each, a.size) for each in theirs]
    print(side_by_side(matches))
    ratios = {part: ratio(matches, part) for part in PARTS}
    print(f"ours over theirs at equal content: {ratios}")
    report("rival", {"size": a.size, "iterations": a.iterations, "matches": matches, "ratios": ratios}, save=a.save)


if __name__ == "__main__":
    main()
