"""The networks whose features the small one learns to predict: the head of VGG-19, and the published 16x encoder.

The published weights of VGG-19 serve at relu1_1, relu2_1 and relu3_1. At relu4_1 and relu5_1 the target is what the
16x encoder of "Collaborative Distillation" (CVPR 2020) predicts of VGG-19, at relu4_2 that encoder's own features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

BGR_MEAN = (103.939, 116.779, 123.68)
VGG_CHAIN = {"relu1_1": 0, "relu1_2": 2, "pool1": -1, "relu2_1": 5, "relu2_2": 7, "pool2": -1, "relu3_1": 10}
VGG_TAPS = ("relu1_1", "relu2_1", "relu3_1")
ENCODER_CHAIN = ("11", "12", "P", "21", "22", "P", "31", "32", "33", "34", "P", "41", "42", "43", "44", "P", "51")
ENCODER_TAPS = {"41": "relu4_1", "42": "relu4_2", "51": "relu5_1"}
TAPS = (*VGG_TAPS, "relu4_1", "relu4_2", "relu5_1")


def convolve(y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """3x3, padded by reflection as in the 16x encoder: no dark frame to imitate."""
    return F.relu(F.conv2d(F.pad(y, (1, 1, 1, 1), "reflect"), weight, bias))


class Teachers:
    """Both networks, in `dtype`; bfloat16, where the processor has it, is four times faster and close enough."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
        self.dtype = dtype
        self.vgg = self._load(folder / "vgg19-standin.safetensors")
        self.encoder = self._load(folder / "vgg19-16x-teacher.safetensors")

    def _load(self, path: Path) -> dict[str, Tensor]:
        tensors = {n: t.to(self.dtype) for n, t in load_file(path).items()}
        return {n: t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for n, t in tensors.items()}

    @torch.no_grad()
    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """RGB in [0, 1], (N, 3, H, W) -> raw features by layer."""
        images = images.contiguous(memory_format=torch.channels_last)
        features = dict(self._vgg(images)) | dict(self._encoder(images))
        return {n: features[n] for n in TAPS}

    def _vgg(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        y = (images.flip(1) * 255 - images.new_tensor(BGR_MEAN).view(1, 3, 1, 1)).to(self.dtype)
        for name, index in VGG_CHAIN.items():
            if name.startswith("pool"):
                y = F.max_pool2d(y, 2)
                continue
            y = convolve(y, self.vgg[f"features.{index}.weight"], self.vgg[f"features.{index}.bias"])
            if name in VGG_TAPS:
                yield name, y

    @torch.no_grad()
    def shallow(self, images: Tensor) -> dict[str, Tensor]:
        """The encoder's own features at the taps where VGG-19 is the target, to compare with."""
        names = {"11": "relu1_1", "21": "relu2_1", "31": "relu3_1"}
        return {names[n]: f.float() for n, f in self._encode(images) if n in names}

    def _encoder(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        yield from ((ENCODER_TAPS[n], f) for n, f in self._encode(images) if n in ENCODER_TAPS)

    def _encode(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        y = F.conv2d(images.to(self.dtype), self.encoder["conv0.weight"], self.encoder["conv0.bias"])
        for name in ENCODER_CHAIN:
            if name == "P":
                y = F.max_pool2d(y, 2)
                continue
            y = convolve(y, self.encoder[f"conv{name}.weight"], self.encoder[f"conv{name}.bias"])
            yield name, y

    def head(self, layer: str) -> tuple[Tensor, Tensor]:
        """The encoder's published 1x1 map to VGG-19's features, normalized to mean 1 per channel."""
        name = f"conv{layer.removeprefix('relu').replace('_', '')}_aux"
        return self.encoder[f"{name}.weight"].flatten(1).float(), self.encoder[f"{name}.bias"].float()

    def expand(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Raw features -> the quantities to predict: relu4_1 and relu5_1 as the encoder predicts them of VGG-19."""
        return {n: self._expand(n, f.float()) for n, f in features.items()}

    def _expand(self, layer: str, f: Tensor) -> Tensor:
        if layer not in ("relu4_1", "relu5_1"):
            return f
        weight, bias = self.head(layer)
        return F.conv2d(f, weight[:, :, None, None], bias)
