"""The textbook loop, as everyone writes it: the rival that our speed is measured against.

    python -m benchmarks.plain [--iterations 1000] [--out plain.png]

Full VGG-19 to relu5_1 in float32, torch's own L-BFGS, one scale, started from the photo. The losses are normalized
(content by the photo's own variation, each style layer by the painting's own Gram matrix), so that it does converge:
with the classic unnormalized sums it stands still, and a rival that stands still proves nothing. Nothing of Impasto's
loop is used, only its weights, so that a mistake of ours cannot hide here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import STAND_IN, fitted, pair, report
from impasto import files, weights
from impasto.picture import Picture

LAYERS = (
    *("1_1", "1_2", "P"),
    *("2_1", "2_2", "P"),
    *("3_1", "3_2", "3_3", "3_4", "P"),
    *("4_1", "4_2", "4_3", "4_4", "P"),
    "5_1",
)
STYLE, CONTENT = ("1_1", "2_1", "3_1", "4_1", "5_1"), "4_2"
MEAN = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


@dataclass(frozen=True)
class Point:
    """Where the loop stands after an evaluation."""

    iteration: int
    seconds: float
    loss: float
    image: Tensor


def features(net: dict[str, Tensor], image: Tensor) -> dict[str, Tensor]:
    y, out = image.flip(1) * 255 - MEAN, {}
    for name in LAYERS:
        if name == "P":
            y = F.max_pool2d(y, 2)
            continue
        y = F.relu(F.conv2d(y, net[f"conv{name}.weight"], net[f"conv{name}.bias"], padding=1))
        out[name] = y
    return out


def gram(f: Tensor) -> Tensor:
    f = f.flatten(2)[0]
    return f @ f.T / f.shape[1]


def loop(
    photo: Tensor, painting: Tensor, iterations: int, style_weight: float, start: Tensor | None = None
) -> Iterator[Point]:
    """One point per evaluation by L-BFGS; the first judges `start`, or the photo."""
    net = dict(weights.load("vgg19", file=STAND_IN).tensors)
    with torch.no_grad():
        kept = features(net, photo)[CONTENT]
        variation = (kept - kept.mean((2, 3), keepdim=True)).square().sum()
        grams = {name: gram(f) for name, f in features(net, painting).items() if name in STYLE}
    x = (photo if start is None else start).clone(memory_format=torch.contiguous_format).requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=1, history_size=100, tolerance_grad=0, tolerance_change=0)
    began, last = time.perf_counter(), [0.0]

    def closure() -> Tensor:
        optimizer.zero_grad()
        f = features(net, x)
        style = sum((gram(f[n]) - g).square().sum() / g.square().sum() for n, g in grams.items()) / len(grams)
        loss = (f[CONTENT] - kept).square().sum() / variation + style_weight * style
        torch.autograd.backward(loss)
        last[0] = float(loss.detach())
        return loss

    for iteration in range(1, iterations + 1):
        optimizer.step(closure)  # type: ignore[no-untyped-call] # torch's own stub
        yield Point(iteration, time.perf_counter() - began, last[0], x.detach().clamp(0, 1))


def on_demand(points: Iterator[Point], out: Path | None) -> None:
    """An iteration and its loss for each line that comes; after the last, the picture."""
    for _ in sys.stdin:
        point = next(points)
        print(point.loss, flush=True)
    if out:
        files.write(Picture(point.image), out, overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", default="tubingen")
    parser.add_argument("--style", default="starry_night_google")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--style-weight", type=float, default=300.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--on-demand", action="store_true", help="an iteration for each line that comes, and no more")
    a = parser.parse_args()
    photo, painting = fitted(*pair(a.content, a.style), a.size)
    if a.on_demand:
        on_demand(loop(photo.rgb, painting.rgb, sys.maxsize, a.style_weight), a.out)
        return
    points, out = loop(photo.rgb, painting.rgb, a.iterations, a.style_weight), a.out or Path("out/plain.png")
    curve = []
    for point in points:
        curve.append((point.iteration, point.seconds, point.loss))
        if point.iteration % 10 == 0 or point.iteration == a.iterations:
            print(f"{point.iteration:5d}  {point.seconds:7.1f} s  loss {point.loss:.4f}", flush=True)
        if point.iteration in (100, 300, a.iterations):
            files.write(Picture(point.image), out.with_stem(f"{out.stem}-{point.iteration}"), overwrite=True)
    report("plain", {"settings": {k: str(v) for k, v in vars(a).items()}, "curve": curve}, save=False)


if __name__ == "__main__":
    main()
