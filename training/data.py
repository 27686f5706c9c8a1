"""Pictures in, batches of crops with their targets out; every batch is a pure function of (seed, index).

A batch is kept on disk when it is first made, so that later passes and other students skip the teachers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Dataset

from training.teachers import Teachers

SIDE, CROPS = 128, 16
PLAIN = 600  # batches drawn before there is a student to paint with
REPAINTED = 0.5  # the share of crops of pictures by the program itself, if there are some
ZOOMS = (0.5, 1.6)
SPARSE = ("relu2_1",)  # kept at every second row and column: neighbors say nearly the same


def held_out(path: Path) -> bool:
    """One picture in ten, by the hash of its name, is never trained on."""
    return hashlib.sha256(path.name.encode()).digest()[0] % 10 == 0


def find(folder: Path, *, held: bool) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if held_out(p) == held]


def read(path: Path) -> Tensor:
    """File -> (1, 3, H, W), bytes."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]


def load(path: Path) -> Tensor:
    """File -> (1, 3, H, W) in [0, 1]."""
    return read(path).float() / 255


class Dice:
    """Random numbers of one batch."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def below(self, n: int) -> int:
        return int(torch.randint(n, (), generator=self.generator))

    def noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self.generator)


def crop(picture: Tensor, dice: Dice) -> Tensor:
    """A square of SIDE pixels somewhere in the picture, at some zoom, perhaps mirrored."""
    low, high = ZOOMS
    zoom = low * (high / low) ** dice.uniform()
    side = min(round(SIDE / zoom), *picture.shape[-2:])
    top, left = (dice.below(n - side + 1) for n in picture.shape[-2:])
    square = picture[..., top : top + side, left : left + side].float() / 255
    square = F.interpolate(square, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
    return square.flip(-1) if dice.uniform() < 0.5 else square


def window(picture: Tensor, dice: Dice) -> Tensor:
    """A square of SIDE pixels as they are, perhaps mirrored: another zoom would blur what an optimizer left in them."""
    top, left = (dice.below(n - SIDE + 1) for n in picture.shape[-2:])
    square = picture[None, :, top : top + SIDE, left : left + SIDE].float() / 255
    return square.flip(-1) if dice.uniform() < 0.5 else square


def blur(x: Tensor, size: int = 3) -> Tensor:
    return F.avg_pool2d(F.pad(x, (size // 2,) * 4, "reflect"), size, 1)


def noisy(x: Tensor, other: Tensor, dice: Dice) -> Tensor:
    """White or coarser noise, as on a canvas begun from noise or a step gone too far."""
    noise = dice.noise(x)
    if dice.uniform() < 0.5:
        noise = blur(noise) * 3
    if dice.uniform() < 0.3:
        noise = noise.mean(1, keepdim=True)
    return x + noise * 0.4 * dice.uniform() ** 2


def saturated(x: Tensor, other: Tensor, dice: Dice) -> Tensor:
    """Colors and contrast turned far up, or off."""
    gray = x.mean(1, keepdim=True)
    x = gray + (x - gray) * dice.uniform(0, 3)
    return 0.5 + (x - 0.5) * dice.uniform(0.6, 1.8)


def sharpened(x: Tensor, other: Tensor, dice: Dice) -> Tensor:
    return x + (x - blur(x, 3 + 2 * dice.below(2))) * dice.uniform(0.5, 4)


def blended(x: Tensor, other: Tensor, dice: Dice) -> Tensor:
    """Half another picture, whole or only its fine detail: roughly what a canvas looks like on the way."""
    share = dice.uniform(0.2, 0.8)
    if dice.uniform() < 0.5:
        return torch.lerp(x, other, share)
    return blur(x, 5) + (other - blur(other, 5)) * share * 1.5


DISTURBANCES = (noisy, saturated, sharpened, blended)


def disturbed(x: Tensor, other: Tensor, dice: Dice) -> Tensor:
    """One or two disturbances in a row."""
    for _ in range(1 + (dice.uniform() < 0.3)):
        x = DISTURBANCES[dice.below(len(DISTURBANCES))](x, other, dice)
    return x.clamp(0, 1)


class Crops:
    """Draws batches of crops; from batch PLAIN on, three in ten half-painted pictures, if there are some."""

    def __init__(
        self, folder: Path, painted: Path | None = None, repainted: Path | None = None, *, seed: int = 0
    ) -> None:
        self.photos = [read(p) for p in find(folder / "photos", held=False)]
        self.paintings = [read(p) for p in find(folder / "paintings", held=False)]
        self.painted = load_file(painted)["pictures"] if painted else torch.empty(0)
        found = load_file(repainted).values() if repainted else ()
        self.repainted = [picture for picture in found if min(picture.shape[-2:]) >= SIDE]
        self.seed = seed

    def __call__(self, index: int) -> Tensor:
        dice = Dice(self.seed * 1_000_003 + index)
        share = 0.3 if index >= PLAIN and len(self.painted) else 0.0
        return torch.cat([self._one(dice, share) for _ in range(CROPS)])

    def several(self, dice: Dice, count: int, paintings: float) -> Tensor:
        """Undisturbed crops, that share of them of paintings."""
        return torch.cat([crop(self._pick(dice, paintings), dice) for _ in range(count)])

    def _one(self, dice: Dice, painted: float) -> Tensor:
        if painted and dice.uniform() < painted:
            return self.painted[dice.below(len(self.painted))][None].float() / 255
        if self.repainted and dice.uniform() < REPAINTED:
            return window(self.repainted[dice.below(len(self.repainted))], dice)
        x = crop(self._pick(dice), dice)
        return disturbed(x, crop(self._pick(dice), dice), dice) if dice.uniform() < 0.3 else x

    def _pick(self, dice: Dice, paintings: float = 0.25) -> Tensor:
        pictures: Sequence[Tensor] = self.paintings if dice.uniform() < paintings else self.photos
        return pictures[dice.below(len(pictures))]


class Batches(Dataset[dict[str, Tensor]]):
    """Batch number i: images, and the teachers' raw features; from the pool on disk where it is there already."""

    def __init__(self, pool: Path, count: int, crops: Crops, teachers: Teachers) -> None:
        self.pool, self.count, self.crops, self.teachers = pool, count, crops, teachers
        pool.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        path = self.pool / f"{index:05d}.safetensors"
        if not path.exists():
            batch, partial = self._make(index), path.with_suffix(f".{torch.randint(10**9, ()).item()}")
            save_file(batch, partial)
            partial.rename(path)
        return load_file(path)

    def _make(self, index: int) -> dict[str, Tensor]:
        images = self.crops(index).half()
        features = self.teachers(images.float())
        del features["relu1_1"]  # cheaper to compute than to read
        for name in SPARSE:
            features[name] = features[name][..., 1::2, 1::2] if index % 2 else features[name][..., ::2, ::2]
        return {"images": images} | {n: f.half().contiguous() for n, f in features.items()}
