"""Train a student:  python -m training.loop --plan PLAN --out runs/name

Deterministic from the seed and the number of threads; a run that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader

from impasto.networks.lite import Lite
from training.data import PLAIN, Batches, Crops, find, load
from training.muon import Muon
from training.student import Student
from training.teachers import BGR_MEAN, TAPS, Teachers

PLAN = (
    "3:16 =relu1_1 4:32 3:48 =relu2_1 2:48 3:48 3:96 =relu3_1 2:128 3:128 =relu4_1 3:128 =relu4_2 "
    "2:160 3:160 3:160 =relu5_1"
)
WEIGHTS = {"relu1_1": 3.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu4_2": 0.5, "relu5_1": 1.0}
AVERAGING = 0.998  # of the weights over the steps: the last five hundred count


def statistics(teachers: Teachers, folder: Path, path: Path) -> dict[str, Tensor]:
    """Mean and variance of every channel to predict, over a hundred whole photographs; rows (mean, variance)."""
    if path.exists():
        return load_file(path)
    sums: dict[str, Tensor] = {}
    pictures = find(folder / "photos", held=False)[::10]
    for picture in pictures:
        for name, f in teachers.expand(teachers(load(picture))).items():
            f = f[0].flatten(1).double()
            sums[name] = sums.get(name, 0) + torch.stack([f.mean(1), f.square().mean(1)])
    moments = {n: s / len(pictures) for n, s in sums.items()}
    found = {n: torch.stack([m[0], m[1] - m[0] ** 2]).float() for n, m in moments.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(found, path)
    return found


def first_layer(teachers: Teachers, images: Tensor, odd: int) -> Tensor:
    """VGG-19's relu1_1 at every fourth row and column."""
    y = images.flip(1) * 255 - images.new_tensor(BGR_MEAN).view(1, 3, 1, 1)
    y = F.pad(y, (1, 1, 1, 1), "reflect")[..., odd:, odd:].to(teachers.dtype)
    return F.relu(F.conv2d(y, teachers.vgg["features.0.weight"], teachers.vgg["features.0.bias"], stride=4))


class Loss:
    """Squared error over a channel's variance, averaged over channels: 1 explains nothing, 0 everything."""

    def __init__(self, teachers: Teachers, scales: dict[str, Tensor]) -> None:
        self.teachers = teachers
        self.scales = {n: _scale(*s) for n, s in scales.items()}

    def __call__(self, student: Student, batch: dict[str, Tensor], index: int) -> dict[str, Tensor]:
        images, odd = batch["images"].float(), index % 2
        images = images.contiguous(memory_format=torch.channels_last)
        raw = {n: f for n, f in batch.items() if n != "images"} | {"relu1_1": first_layer(self.teachers, images, odd)}
        targets = self.teachers.expand(raw)
        with torch.autocast("cpu", torch.bfloat16):
            features = student(images)
        return {n: self._layer(n, student, thin(features[n], targets[n], odd), targets[n]) for n in TAPS}

    def _layer(self, name: str, student: Student, f: Tensor, target: Tensor) -> Tensor:
        shift, scale, alive = self.scales[name]
        with torch.autocast("cpu", torch.bfloat16):
            prediction = student.predict(name, f)
        target = (target - shift).mul_(scale)
        error = (prediction - target).square().mean((1, 2, 3)) * (len(alive) / alive.sum())
        # a noisy crop may hold thirty times a photograph's energy: none counts for more than a photograph
        return (error / target.square().mean((1, 2, 3)).clamp_min(1)).mean()


def _scale(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shift and factor that give a channel mean 0 and variance 1; channels that never fire are left out by factor 0."""
    alive = (variance > 1e-3 * mean**2) & (mean > 1e-6)
    factor = torch.where(alive, variance.rsqrt(), 0.0)
    return mean[:, None, None], factor[:, None, None], alive


def thin(f: Tensor, target: Tensor, odd: int) -> Tensor:
    """Of a student's features the positions for which there are targets."""
    every = f.shape[-1] // target.shape[-1]
    return f if every == 1 else f[..., odd::every, odd::every]


def schedule(step: int, steps: int) -> float:
    """A hundred steps up, then down along a cosine."""
    return min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / steps))


def averaged(mean: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Exponential, over a tenth of the steps so far at first."""
    return torch.lerp(mean, current, max(1 - AVERAGING, 10 / (int(count) + 10)))


class Run:
    """A student, its average, its optimizer and how many steps it has made: all that a checkpoint holds."""

    def __init__(self, plan: str, scales: dict[str, Tensor], seed: int) -> None:
        torch.manual_seed(seed)
        self.plan = plan
        self.recipe: dict[str, float | str] = {"seed": seed}
        channels = {n: s.shape[1] for n, s in scales.items()}
        self.student = Student(plan, channels)
        self.average = torch.optim.swa_utils.AveragedModel(self.student, avg_fn=averaged)
        weights = [p for n, p in self.student.named_parameters() if n.endswith("weight")]
        biases = [p for n, p in self.student.named_parameters() if n.endswith("bias")]
        self.muon, self.adam = Muon(weights), torch.optim.Adam(biases, betas=(0.9, 0.99))
        self.step = 0

    def begin(self, weights: Path, scales: dict[str, Tensor]) -> None:
        """From an exported student instead of random kernels; its heads predict shares of a channel's mean."""
        lite = Lite(weights)
        if lite.metadata["plan"] != self.plan:
            raise ValueError(f"{weights} has another plan: {lite.metadata['plan']}")
        self.recipe["begun_with"] = lite.metadata["recipe"]
        self.student.unfold(lite.tensors)
        for name, head in lite.heads.items():
            mean, factor, _ = (part.flatten() for part in _scale(*scales[name]))
            raw = head * mean[:, None]
            raw[:, -1] -= mean
            self.student.set_head(name, raw * factor[:, None])

    def parts(self) -> dict[str, torch.nn.Module | torch.optim.Optimizer]:
        return {"student": self.student, "average": self.average, "muon": self.muon, "adam": self.adam}

    def save(self, path: Path) -> None:
        state = {name: part.state_dict() for name, part in self.parts().items()} | {
            "step": self.step,
            "plan": self.plan,
            "recipe": self.recipe,
        }
        torch.save(state, path.with_suffix(".partial"))
        path.with_suffix(".partial").rename(path)

    def resume(self, path: Path) -> None:
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.step = state["step"]
            for name, part in self.parts().items():
                part.load_state_dict(state[name])


def train(run: Run, batches: Batches, loss: Loss, steps: int, rates: tuple[float, float]) -> Iterator[dict[str, float]]:
    """Yields each step's losses by layer. Passes over the pool of batches follow each other in the same order."""
    order = [step % len(batches) for step in range(run.step, steps)]
    loader = DataLoader(batches, batch_size=None, sampler=order, num_workers=1, prefetch_factor=4)
    for index, batch in zip(order, loader, strict=True):
        share = schedule(run.step, steps)
        run.muon.param_groups[0]["lr"], run.adam.param_groups[0]["lr"] = share * rates[0], share * rates[1]
        losses = loss(run.student, batch, index)
        run.student.zero_grad()
        total = torch.stack([losses[n] * WEIGHTS[n] for n in losses]).sum()
        torch.autograd.backward(total)
        run.muon.step()
        run.adam.step()
        run.average.update_parameters(run.student)
        run.step += 1
        yield {n: value.item() for n, value in losses.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared"), help="folder of pictures/train and weights")
    parser.add_argument("--out", type=Path, default=Path("runs/lite"), help="where checkpoints go")
    parser.add_argument("--pool", type=Path, default=Path("runs/pool"), help="where finished batches are kept")
    parser.add_argument("--batches", type=int, default=PLAIN, help="batches in the pool")
    parser.add_argument("--painted", type=Path, help="half-painted pictures, as training.painted makes them")
    parser.add_argument("--repainted", type=Path, help="finished ones, as training.repainted makes them")
    parser.add_argument("--start", type=Path, help="an exported student to go on from")
    parser.add_argument("--plan", default=PLAN)
    parser.add_argument("--steps", type=int, default=5500, help="of 16 crops")
    parser.add_argument("--rate", type=float, default=0.02, help="of kernels and heads")
    parser.add_argument("--bias-rate", type=float, default=3e-3, help="of the biases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    a = arguments()
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    teachers, pictures = Teachers(a.data / "weights"), a.data / "pictures/train"
    scales = statistics(teachers, pictures, a.pool / "statistics.safetensors")
    run = Run(a.plan, scales, a.seed)
    if a.start:
        run.begin(a.start, scales)
    run.resume(a.out / "checkpoint.pt")
    run.recipe |= {"steps": a.steps, "rate": a.rate, "bias_rate": a.bias_rate, "batches": a.batches}
    run.recipe |= {"painted": a.painted is not None, "repainted": a.repainted is not None}
    crops = Crops(pictures, a.painted, a.repainted, seed=a.seed)
    batches = Batches(a.pool, a.batches, crops, teachers)
    began = time.time()
    for losses in train(run, batches, Loss(teachers, scales), a.steps, (a.rate, a.bias_rate)):
        if run.step % 50 == 0:
            line = "  ".join(f"{n[4:]} {1 - v:.3f}" for n, v in losses.items())
            print(f"{run.step:6d}  {time.time() - began:7.1f} s  {line}", flush=True)
        if run.step % 250 == 0 or run.step == a.steps:
            run.save(a.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
