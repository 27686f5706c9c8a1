"""A weights file for the real command: VGG-19 of its true shape, cut after conv2_1, random but seeded."""

from __future__ import annotations

from pathlib import Path

import torch

from impasto.weights import Preprocessing, Weights, features
from impasto.weights.identify import convolutions

CENTERED = Preprocessing("rgb", 1.0, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
LAST = "conv2_1"
FLAGS = (
    *("--network", "vgg19", "--style-layers", "relu1_1,relu2_1", "--content-layers", "relu2_1"),
    *("--size", "48", "--steps", "3", "--first-level", "0"),
)


def write(path: Path, seed: int = 0) -> Path:
    """He's initialization, so that features stay of order one."""
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, (out, inputs) in convolutions("vgg19").items():
        kernel = torch.randn(out, inputs, 3, 3, generator=random)
        tensors[f"{name}.weight"] = kernel * (2 / (9 * inputs)) ** 0.5
        tensors[f"{name}.bias"] = 0.1 * torch.randn(out, generator=random)
        if name == LAST:
            break
    sha256 = features.fingerprint(tensors, CENTERED)
    features.write(Weights("vgg19", tensors, CENTERED, sha256, "made for a test", "none", "nobody"), path)
    return path
