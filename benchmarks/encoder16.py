"""The published 16x encoder as a network that can judge, or paint: a second opinion beside VGG-19.

"Collaborative Distillation for Ultra-Resolution Universal Style Transfer" (CVPR 2020; MIT, (c) 2020 Huan Wang), from
the development data. Its plan is one that `lite` can follow: its first 1x1 convolution, which has no ReLU, is folded
into the next, and its published heads carry distances into VGG-19's space.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.common import SHARED
from impasto.networks import Network
from impasto.networks.lite import Lite

WEIGHTS = SHARED / "weights" / "vgg19-16x-teacher.safetensors"
PLAN = (
    "3:16 =relu1_1 3:16 max 3:32 =relu2_1 3:32 max 3:64 =relu3_1 3:64 3:64 3:64 max "
    "3:128 =relu4_1 3:128 =relu4_2 3:128 3:128 max 3:128 =relu5_1"
)
CONVOLUTIONS = ("11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51")
HEADS = ("11", "21", "31", "41", "51")


def encoder16() -> Network:
    """With the development weights, or a sentence that says what is missing."""
    if not WEIGHTS.is_file():
        sys.exit(f"This benchmark needs the 16x encoder's weights at {WEIGHTS}.")
    tensors = load_file(WEIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder16.safetensors"
        save_file(_kernels(tensors) | _heads(tensors), path, {"plan": PLAN})
        network = Lite(path)
    network.name = "the 16x encoder"  # and not the small network, whose code it is read by
    return network


def _kernels(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    kernels = {}
    for i, name in enumerate(CONVOLUTIONS):
        kernels[f"conv{i}.weight"] = tensors[f"conv{name}.weight"]
        kernels[f"conv{i}.bias"] = tensors[f"conv{name}.bias"]
    colors, shift = tensors["conv0.weight"].flatten(1), tensors["conv0.bias"]
    first = tensors["conv11.weight"]
    kernels["conv0.weight"] = torch.einsum("oirs,ij->ojrs", first, colors).contiguous()
    kernels["conv0.bias"] = tensors["conv11.bias"] + torch.einsum("oirs,i->o", first, shift)
    return kernels


def _heads(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """[A b] of each layer; relu4_2 has none published and is taken as it is."""
    heads = {
        f"head.relu{name[0]}_{name[1]}": torch.cat(
            [tensors[f"conv{name}_aux.weight"].flatten(1), tensors[f"conv{name}_aux.bias"][:, None]], 1
        )
        for name in HEADS
    }
    width = tensors["conv42.weight"].shape[0]
    heads["head.relu4_2"] = torch.cat([torch.eye(width), torch.zeros(width, 1)], 1)
    return heads
