"""Half-painted pictures, to train on:  python -m training.painted --network runs/first.safetensors

A student meets on every step what an optimizer makes of a picture. So an earlier student paints crops, each towards the
Gram matrices of a painting, and is interrupted three times on the way. Starts from the crop, from noise, or from both.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from impasto.networks.lite import Lite, encode
from training.data import SIDE, Crops, Dice

STYLE, CONTENT = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "relu4_2"
STOPS = (6, 14, 30)
AT_ONCE = 16


def features(lite: Lite, x: Tensor) -> dict[str, Tensor]:
    """As lite(x), but of many pictures at once."""
    return dict(encode(lite.steps, lite.kernels, x, "reflect"))


def grams(f: Tensor) -> Tensor:
    """Second moments of [f; 1], one matrix per picture."""
    rows = torch.cat([f.flatten(2), torch.ones_like(f[:, :1].flatten(2))], 1)
    return rows @ rows.transpose(1, 2) / rows.shape[-1]


def style_distance(lite: Lite, f: dict[str, Tensor], goals: dict[str, Tensor]) -> Tensor:
    """Squared Gram distance in VGG-19's space over the style's own size, per picture, averaged over layers."""
    total = torch.zeros(())
    for name in STYLE:
        carried, size = lite.metrics[name] @ (grams(f[name]) - goals[name]), lite.metrics[name] @ goals[name]
        distance = (carried * carried.transpose(1, 2)).sum((1, 2)) / (size * size.transpose(1, 2)).sum((1, 2))
        total = total + distance / len(STYLE)
    return total


def paint(lite: Lite, photos: Tensor, paintings: Tensor, dice: Dice) -> Iterator[Tensor]:
    """The canvases after each of STOPS steps of Adam."""
    goals = {n: grams(f) for n, f in features(lite, paintings).items()}
    bones = features(lite, photos)[CONTENT]
    noise = torch.rand(photos.shape, generator=dice.generator)
    x = torch.lerp(photos, noise, (0.0, 0.0, 0.3, 1.0)[dice.below(4)]).requires_grad_(True)
    strength, optimizer = 10 ** dice.uniform(1, 3.5), torch.optim.Adam([x], lr=dice.uniform(0.02, 0.08))
    for step in range(1, max(STOPS) + 1):
        f = features(lite, x)
        content = (f[CONTENT] - bones).square().mean((1, 2, 3)) / bones.square().mean((1, 2, 3))
        loss = (content + strength * style_distance(lite, f, goals)).sum()
        (x.grad,) = torch.autograd.grad(loss, x)
        optimizer.step()
        if step in STOPS:
            yield x.detach().clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, required=True, help="an exported student")
    parser.add_argument("--out", type=Path, default=Path("runs/painted.safetensors"))
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--rounds", type=int, default=20, help=f"of {AT_ONCE} pictures, kept {len(STOPS)} times each")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(1)
    lite, crops, dice = Lite(a.network), Crops(a.data / "pictures/train", seed=a.seed), Dice(a.seed)
    kept = torch.empty(a.rounds, len(STOPS), AT_ONCE, 3, SIDE, SIDE, dtype=torch.uint8)
    for r in range(a.rounds):
        photos, paintings = crops.several(dice, AT_ONCE, 0.1), crops.several(dice, AT_ONCE, 0.9)
        for i, canvas in enumerate(paint(lite, photos, paintings, dice)):
            kept[r, i] = (canvas * 255).round().byte()
        print(f"{r + 1} of {a.rounds}", flush=True)
    save_file({"pictures": kept.flatten(0, 2)}, a.out)


if __name__ == "__main__":
    main()
