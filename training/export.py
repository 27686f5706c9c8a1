"""Write the shipped file:  python -m training.export runs/name --out src/impasto/networks/lite.safetensors

Solves every head in closed form, measures the result as it will be shipped (rounded to float16), and writes plan,
recipe, data and figures into the metadata.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from impasto.networks.lite import Lite
from training.data import CROPS, SIDE, find, load
from training.evaluate import Predictor, apply_head, explained, pool_images, restore, solve_heads
from training.loop import statistics
from training.student import Student
from training.teachers import Teachers

DATA = (
    "photographs (at most 410 pixels) and paintings (at most 720), a quarter of the draws paintings; 128-pixel crops, "
    "mirrored, zoomed 0.5 to 1.6; three in ten noisy, oversaturated, oversharpened or blended; in every second batch "
    "three in ten half-painted by an earlier student; one picture in ten held out by the hash of its name"
)
REFINED = (
    "; then half the crops unscaled from pictures that the network so far had repainted, three in twenty disturbed"
)
TARGETS = (
    "relu1_1, relu2_1, relu3_1: VGG-19's published weights; relu4_1, relu5_1: what the 16x encoder predicts of VGG-19; "
    "relu4_2: that encoder's own features; every channel over its mean on photographs"
)


def pictures(folder: Path, pool: Path) -> Iterator[Tensor]:
    """What the heads are solved on: crops as in training, and whole photographs."""
    yield from pool_images(pool, 4)
    yield from (load(path) for path in find(folder / "photos", held=False)[::5])


def normalized(heads: Mapping[str, Tensor], scales: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Heads to targets of mean 1 per channel; channels that never fire are predicted as nothing."""
    return {n: head * _inverse(*scales[n])[:, None] for n, head in heads.items()}


def _inverse(mean: Tensor, variance: Tensor) -> Tensor:
    return torch.where((variance > 1e-3 * mean**2) & (mean > 1e-6), 1 / mean, torch.zeros(()))


def lite_predictor(path: Path) -> Predictor:
    lite = Lite(path)
    layers = frozenset(lite.layers)
    return lambda image: {n: apply_head(lite.heads[n], f) for n, f in lite(image, layers).items() if n != "image"}


def write(student: Student, heads: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    tensors = student.folded() | {f"head.{n}": head for n, head in heads.items()}
    save_file({n: t.half().contiguous() for n, t in tensors.items()}, path, dict(metadata))


def describe(run: Path) -> dict[str, str]:
    """What the metadata says apart from the figures."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    recipe = (
        f"{state['step']} steps of {CROPS} crops of {SIDE} pixels, Muon, cosine, averaged weights; heads in closed form"
    )
    return {
        "format": "impasto lite 1",
        "plan": state["plan"],
        "recipe": json.dumps({"summary": recipe, **state["recipe"]}),
        "data": DATA + REFINED * ("begun_with" in state["recipe"]),
        "targets": TARGETS,
        "date": time.strftime("%Y-%m-%d"),
        "license": "MIT",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/lite.safetensors"))
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--pool", type=Path, default=Path("runs/pool"))
    parser.add_argument("--pictures", type=int, default=1000, help="how many held-out photographs to measure on")
    a = parser.parse_args()
    train = a.data / "pictures/train"
    teachers = Teachers(a.data / "weights")
    scales = statistics(teachers, train, a.pool / "statistics.safetensors")
    student = restore(a.run)
    heads = normalized(solve_heads(student, teachers, pictures(train, a.pool)), scales)
    metadata = describe(a.run)
    write(student, heads, a.out, metadata)
    held = find(train / "photos", held=True)[: a.pictures]
    figures = explained(lite_predictor(a.out), Teachers(a.data / "weights", torch.float32), held)
    rounded = {name: round(value, 4) for name, value in figures.items()}
    write(student, heads, a.out, metadata | {"explained": json.dumps(rounded)})
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
