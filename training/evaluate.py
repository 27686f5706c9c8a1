"""How much of its teachers a student explains on held-out photographs:  python -m training.evaluate runs/name

Prints, per tap, the median over channels of the variance explained after a per-channel scale, for the student and, by
the same code, for the 16x encoder with its published heads.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from training.data import find, load
from training.student import Student
from training.teachers import TAPS, Teachers

RIDGE = 1e-5  # of the mean square of the features
THINNED = {"relu1_1": 4, "relu2_1": 3, "relu3_1": 2, "relu4_1": 1, "relu4_2": 1, "relu5_1": 1}  # positions looked at
Predictor = Callable[[Tensor], Mapping[str, Tensor]]


def with_ones(f: Tensor) -> Tensor:
    """(N, C, H, W) -> (positions, C + 1), the last column 1."""
    rows = f.movedim(1, -1).flatten(0, -2)
    return torch.cat([rows, torch.ones(len(rows), 1)], 1)


class Regression:
    """The affine map from a student's features to its targets that explains most: sums now, one solution at the end."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.square = torch.zeros(inputs + 1, inputs + 1, dtype=torch.float64)
        self.cross = torch.zeros(inputs + 1, outputs, dtype=torch.float64)

    def add(self, features: Tensor, target: Tensor) -> None:
        rows = with_ones(features)
        self.square += rows.T @ rows
        self.cross += rows.T @ target.movedim(1, -1).flatten(0, -2)

    def solve(self) -> Tensor:
        """[A b], (target channels, features + 1)."""
        penalty = RIDGE * self.square.diagonal().mean() * torch.eye(len(self.square), dtype=torch.float64)
        penalty[-1, -1] = 0
        solution: Tensor = torch.linalg.solve(self.square + penalty, self.cross)
        return solution.T.float()


@torch.no_grad()
def solve_heads(student: Student, teachers: Teachers, images: Iterable[Tensor]) -> dict[str, Tensor]:
    """Every tap's best head, over batches of pictures."""
    regressions: dict[str, Regression] = {}
    for batch in images:
        features, targets = student(batch), teachers.expand(teachers(batch))
        for name, every in THINNED.items():
            f, target = features[name][..., ::every, ::every], targets[name][..., ::every, ::every]
            regressions.setdefault(name, Regression(f.shape[1], target.shape[1])).add(f, target)
    return {n: r.solve() for n, r in regressions.items()}


def apply_head(head: Tensor, f: Tensor) -> Tensor:
    return torch.nn.functional.conv2d(f, head[:, :-1, None, None], head[:, -1])


def predictor(student: Student, heads: Mapping[str, Tensor]) -> Predictor:
    return lambda image: {n: apply_head(heads[n], f) for n, f in student(image).items()}


@torch.no_grad()
def explained(predict: Predictor, teachers: Teachers, pictures: Iterable[Path]) -> dict[str, float]:
    """Median over channels of 1 - |F - sP|² / |F - mean F|², s the best factor per channel."""
    sums: dict[str, Tensor] = {}
    for path in pictures:
        image = load(path)
        targets, predictions = teachers.expand(teachers(image)), predict(image)
        for name, p in predictions.items():
            f, p = targets[name][0].flatten(1).double(), p[0].flatten(1).double()
            rows = [f.sum(1), (f * f).sum(1), (f * p).sum(1), (p * p).sum(1), torch.full_like(f[:, 0], f.shape[1])]
            sums[name] = sums.get(name, 0) + torch.stack(rows)
    return {n: _median(s) for n, s in sums.items()}


def _median(sums: Tensor) -> float:
    f, ff, fp, pp, count = sums
    variance = ff - f * f / count
    alive = (variance > 1e-3 * f * f / count) & (f / count > 1e-6)
    residual = ff - fp * fp / pp.clamp_min(1e-12)
    return float((1 - residual / variance)[alive].median())


def encoder_predictor(teachers: Teachers) -> Predictor:
    """The 16x encoder with its published heads, at the three taps where VGG-19's own weights are at hand."""

    def predict(image: Tensor) -> dict[str, Tensor]:
        features = teachers.shallow(image)
        heads = {n: teachers.head(n) for n in features}
        return {
            n: torch.nn.functional.conv2d(f, heads[n][0][:, :, None, None], heads[n][1]) for n, f in features.items()
        }

    return predict


def restore(run: Path) -> Student:
    """The averaged student of a run's last checkpoint."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    weights = {n.removeprefix("module."): t for n, t in state["average"].items() if n != "n_averaged"}
    channels = {n: weights[f"heads.{n}.weight"].shape[0] for n in TAPS}
    student = Student(state["plan"], channels)
    student.load_state_dict(weights)
    return student.requires_grad_(False)


def pool_images(pool: Path, batches: int) -> Iterable[Tensor]:
    """Evenly spaced batches of the pool."""
    paths = sorted(pool.glob("0*.safetensors"))
    for path in paths[:: max(1, len(paths) // batches)]:
        yield load_file(path)["images"].float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--pool", type=Path, default=Path("runs/pool"))
    parser.add_argument("--pictures", type=int, default=40, help="how many held-out photographs to look at")
    parser.add_argument("--encoder", action="store_true", help="measure the 16x encoder too")
    a = parser.parse_args()
    teachers = Teachers(a.data / "weights")
    pictures = find(a.data / "pictures/train/photos", held=True)[: a.pictures]
    predictors = {"16x encoder": encoder_predictor(teachers)} if a.encoder else {}
    for run in a.runs:
        student = restore(run)
        predictors[run.name] = predictor(student, solve_heads(student, teachers, pool_images(a.pool, 10)))
    for name, predict in predictors.items():
        figures = explained(predict, teachers, pictures)
        print(f"{name:20s} " + "  ".join(f"{n[4:]} {figures[n]:.3f}" for n in TAPS if n in figures), flush=True)


if __name__ == "__main__":
    main()
