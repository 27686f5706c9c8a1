"""Which network, which recipe paints better? Scores by a judge that took no part, at equal content.

    python -m benchmarks.quality --method lite --method "gram=network:lite,style_statistic:gram" [--pairs a+b,c+d]
    python -m benchmarks.quality --method lite --method 16x=weights:encoder16 --method other=weights:runs/my.safetensors

Every method paints every pair at several strengths. Each gives a curve, style error over content error; the curves are
compared where the content error is the same, by interpolation, so that a method cannot win by painting more timidly.
The judge is the VGG-19 of the development data, a stand-in beyond relu3_1 (shallow and deep scores are told apart), or,
where VGG-19 is one of the painters, the 16x encoder.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import STAND_IN, median, pair, report, table, vgg19
from benchmarks.encoder16 import encoder16
from impasto import files, judge
from impasto.allocator import keep_what_is_freed
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.picture import Picture
from impasto.recipe import Recipe, recipe
from impasto.stylize import stylize

STYLE = ("style_shallow", "style_deep", "color")
PAIRS = ",".join(
    (
        "tubingen+starry_night_google",
        "lion+mosaic",
        "chicago+escher_sphere",
        "golden_gate+wave_crop",
        "figures+woman-with-hat-matisse",
        "sailboat+seated-nude",
        "hoovertowernight+the_scream",
        "cornell+candy",
        "taj_mahal+sketch",
        "tubingen+shipwreck",
        "lion+udnie",
        "chicago+la_muse",
        "golden_gate+brushstrokes",
        "figures+picasso_selfport1907",
    )
)


@dataclass(frozen=True)
class Method:
    """A recipe with a name; `weights` are the shipped ones, the 16x encoder's, or a file."""

    name: str
    recipe: Recipe
    weights: str = ""

    def network(self) -> Network:
        if self.weights == "encoder16":
            return encoder16()
        shipped = None if self.recipe.network == "lite" else STAND_IN
        return open_network(self.recipe, weights_file=Path(self.weights) if self.weights else shipped)


@dataclass(frozen=True)
class Painted:
    """One picture and what the judge says of it."""

    method: str
    pair: str
    strength: float
    seconds: float
    score: judge.Score
    image: Tensor


def parse(text: str) -> Method:
    """ "name=knob:value,knob:value", or a network's name alone; "style_layers:relu1_1=2+relu2_1=1" for layers."""
    name, _, settings = text.partition("=")
    knobs: dict[str, Any] = {"network": name} if not settings else {}
    for setting in filter(None, settings.split(",")):
        key, _, value = setting.partition(":")
        knobs[key] = _value(value)
    weights = str(knobs.pop("weights", ""))
    return Method(name, recipe(knobs), weights)


JUDGES: dict[str, Callable[[], Network]] = {
    "vgg19": lambda: vgg19(Recipe(network="vgg19", padding="reflect", precision="float32")),
    "encoder16": encoder16,
}


def _value(text: str) -> str | int | float | dict[str, float]:
    if "=" in text:
        return {layer: float(weight) for layer, _, weight in (part.partition("=") for part in text.split("+"))}
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def paint_all(
    methods: Sequence[Method], pairs: Sequence[str], strengths: Sequence[float], size: int, referee: Network
) -> list[Painted]:
    """Methods take turns on each pair, so that a slow moment of the machine meets all of them."""
    networks = {m.name: m.network() for m in methods}
    done = []
    for names in pairs:
        content, style = pair(*names.split("+"))
        for strength in strengths:
            for m in methods:
                start = time.perf_counter()
                knobs = m.recipe.changed(strength=strength, size=size)
                output = stylize(content, style, knobs, network=networks[m.name])
                spent = time.perf_counter() - start
                (scored,) = judge.score(referee, content, style, [output], side=min(size, judge.SIDE))
                done.append(Painted(m.name, names, strength, spent, scored, output.rgb))
                print(f"{names:40s} {m.name:16s} {strength:.2f} {spent:6.1f} s  {_words(scored)}", flush=True)
    return done


def _words(s: judge.Score) -> str:
    style = f"style {s.style_shallow:.4f} / {s.style_deep:.4f}  color {s.color:.4f}"
    return f"{style}  content {s.content:.3f}  grain {s.grain:.2f}"


def at_equal_content(curve: Sequence[Painted], content: float, part: str) -> float:
    """log style error where the content error is `content`, by interpolation; the curve's end where it stops short."""
    points = sorted((p.score.content, math.log(max(getattr(p.score, part), 1e-6))) for p in curve)
    return float(np.interp(content, [c for c, _ in points], [s for _, s in points]))


def compare(done: Sequence[Painted], methods: Sequence[Method], pairs: Sequence[str]) -> dict[str, dict[str, float]]:
    """Style and color errors of each method over the first method's, at equal content: geometric means over pairs."""
    curves = {(m.name, p): [d for d in done if (d.method, d.pair) == (m.name, p)] for m in methods for p in pairs}
    summary: dict[str, dict[str, float]] = {}
    for m in methods:
        row: dict[str, float] = {}
        for part in STYLE:
            logs = []
            for p in pairs:
                common = common_content([curves[each.name, p] for each in methods])
                mine, first = curves[m.name, p], curves[methods[0].name, p]
                logs.append(at_equal_content(mine, common, part) - at_equal_content(first, common, part))
            row[part] = math.exp(sum(logs) / len(logs))
        own = [d for d in done if d.method == m.name]
        row["grain"], row["seconds"] = median([d.score.grain for d in own]), median([d.seconds for d in own])
        summary[m.name] = row
    return summary


def common_content(curves: Sequence[Sequence[Painted]]) -> float:
    """A content error that all curves reach, if there is one: the middle of what they share."""
    low = max(min(p.score.content for p in curve) for curve in curves)
    high = min(max(p.score.content for p in curve) for curve in curves)
    return (low + high) / 2


def contact_sheet(done: Sequence[Painted], pairs: Sequence[str], cell: int = 320) -> Picture:
    """A row for each pair: the photo, the painting, then every method at every strength."""
    rows = []
    for names in pairs:
        shown = [p.rgb for p in pair(*names.split("+"))] + [d.image for d in done if d.pair == names]
        rows.append(torch.cat([_boxed(image, cell) for image in shown], 3))
    return Picture(torch.cat(rows, 2))


def _boxed(image: Tensor, cell: int) -> Tensor:
    height, width = image.shape[-2:]
    scale = (cell - 8) / max(height, width)
    small = Picture(image).resized(max(1, round(width * scale)), max(1, round(height * scale))).rgb
    right, below = cell - small.shape[-1], cell - small.shape[-2]
    return F.pad(small, (right // 2, right - right // 2, below // 2, below - below // 2), value=1.0)


def rows(summary: Mapping[str, Mapping[str, float]]) -> list[list[object]]:
    return [[name, *row.values()] for name, row in summary.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", action="append", type=parse)
    parser.add_argument("--pairs", default=PAIRS)
    parser.add_argument("--strengths", default="0.3,0.5,0.7")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--judge", choices=JUDGES, default="vgg19")
    parser.add_argument("--sheet", type=Path, default=Path("out/quality.png"))
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    a = parser.parse_args()
    keep_what_is_freed()  # as the command does
    methods, pairs = a.method or [parse("lite")], a.pairs.split(",")
    done = paint_all(methods, pairs, [float(s) for s in a.strengths.split(",")], a.size, JUDGES[a.judge]())
    summary = compare(done, methods, pairs)
    header = ("method", "shallow / first", "deep / first", "color / first", "grain", "seconds")
    print(table(rows(summary), header))
    files.write(contact_sheet(done, pairs), files.check_writable(a.sheet, overwrite=True), overwrite=True)
    scores = [{"method": d.method, "pair": d.pair, "strength": d.strength, "seconds": d.seconds, **vars(d.score)}
              for d in done]  # fmt: skip
    report("quality", {"size": a.size, "judge": a.judge, "summary": summary, "pictures": scores}, save=a.save)


if __name__ == "__main__":
    main()
