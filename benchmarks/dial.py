"""Does half the dial look the same at every size, with every network, with one painting or three?

    python -m benchmarks.dial [--sizes 256,512,1024] [--networks lite,vgg19] [--strengths 0.3,0.5,0.7] [--save]

All pictures of a photo are judged by the 16x encoder, which paints none of them, reduced to the smallest size: from
afar, a large one shall look like the small one, the painting's strokes being as large beside the picture. Told are the
largest differences at equal strength, and whether a higher strength always is further from the photo.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from benchmarks.common import pair, report, table, vgg19
from benchmarks.encoder16 import encoder16
from impasto import judge
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.picture import Picture
from impasto.recipe import Recipe, recipe
from impasto.stylize import stylize

PAIRS = "tubingen+starry_night_google,chicago+wave_crop,lion+mosaic"


@dataclass(frozen=True)
class Mark:
    """One picture: how it was made, and the judge's word."""

    pair: str
    network: str
    size: int
    paintings: int
    strength: float
    score: judge.Score


def marks(
    pairs: Sequence[str], networks: dict[str, Network], sizes: Sequence[int], strengths: Sequence[float], most: int
) -> Iterator[Mark]:
    """Paint and judge everything; VGG-19 only up to `most` pixels, and three paintings only at the smallest size."""
    referee, side = encoder16(), min(sizes)
    for names, (kind, network), strength in itertools.product(pairs, networks.items(), strengths):
        photo, painting = pair(*names.split("+"))
        for size, count in [*((size, 1) for size in sizes), (side, 3)]:
            if kind != "lite" and size > most:
                continue
            styles: list[Picture] = [painting] if count == 1 else turned(painting)
            wanted = recipe({"network": kind, "size": size, "strength": strength})
            made = stylize(photo, styles, wanted, network=network)
            (score,) = judge.score(referee, photo, painting, [made.fitted(side)], side=side)
            print(f"{names:30s} {kind:6s} {size:5d} {count} {strength:.2f}  {words(score)}", flush=True)
            yield Mark(names, kind, size, count, strength, score)


def turned(painting: Picture) -> list[Picture]:
    """One painting as three: itself and two mirror images, which have its colors and its scale."""
    return [painting, Picture(painting.rgb.flip(-1)), Picture(painting.rgb.flip(-2))]


def words(s: judge.Score) -> str:
    return f"style {s.style_shallow:.4f} / {s.style_deep:.4f}  content {s.content:.3f}"


def differences(done: Sequence[Mark]) -> dict[str, float]:
    """The largest difference at equal pair and strength, of each score."""
    worst = dict.fromkeys(("style_shallow", "style_deep", "content"), 0.0)
    for a, b in itertools.combinations(done, 2):
        if (a.pair, a.strength) == (b.pair, b.strength):
            for name in worst:
                worst[name] = max(worst[name], abs(getattr(a.score, name) - getattr(b.score, name)))
    return worst


def steady(done: Sequence[Mark]) -> bool:
    """Whether more strength always is further from the photo."""
    series: dict[tuple[str, str, int, int], list[tuple[float, float]]] = {}
    for m in done:
        series.setdefault((m.pair, m.network, m.size, m.paintings), []).append((m.strength, m.score.content))
    return all(content == sorted(content) for content in ([c for _, c in sorted(s)] for s in series.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default=PAIRS)
    parser.add_argument("--sizes", default="256,512,1024")
    parser.add_argument("--networks", default="lite,vgg19")
    parser.add_argument("--strengths", default="0.3,0.5,0.7")
    parser.add_argument("--vgg-most", type=int, default=256, help="the largest size that VGG-19 paints")
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    a = parser.parse_args()
    opened = {"lite": lambda: open_network(Recipe()), "vgg19": lambda: vgg19(Recipe(network="vgg19"))}
    networks = {name: opened[name]() for name in a.networks.split(",")}
    sizes, strengths = [int(s) for s in a.sizes.split(",")], [float(s) for s in a.strengths.split(",")]
    done = list(marks(a.pairs.split(","), networks, sizes, strengths, a.vgg_most))
    worst, rising = differences(done), steady(done)
    print(table([[name, value] for name, value in worst.items()], ("largest difference of", "at equal strength")))
    print(f"more strength is always further from the photo: {rising}")
    report("dial", {"differences": worst, "rising": rising, "marks": [asdict(m) for m in done]}, save=a.save)


if __name__ == "__main__":
    main()
