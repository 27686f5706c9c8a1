"""The network being trained: the same chain of operations as the shipped one, with heads that are learned along."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.networks.lite import encode, kernels, parse
from training.teachers import TAPS

CENTER, SPREAD = 0.45, 4.0  # colors are seen as (color - CENTER) * SPREAD


class Student(nn.Module):
    """A plan (see impasto/networks/lite.py) made trainable; `targets` tells how many channels each tap must predict."""

    def __init__(self, plan: str, targets: Mapping[str, int]) -> None:
        super().__init__()
        self.steps = parse(plan)
        self.kernels, self.heads = nn.ModuleDict(), nn.ModuleDict()
        channels = 3
        for step in self.steps:
            if step.kind == "=":
                self.heads[step.name] = convolution(channels, targets[step.name], 1, 0.1)
            elif step.channels:
                self.kernels[step.name] = convolution(channels, step.channels, int(step.kind), 2**0.5)
                channels = step.channels
        if set(self.heads) != set(TAPS):
            raise ValueError(f"The plan must tap {', '.join(TAPS)}, all of them.")

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.kernels.named_parameters())

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """RGB in [0, 1] -> features at every tap. Colors are centered here; `folded` makes that part of the kernel."""
        return dict(encode(self.steps, kernels(self.steps, self.tensors()), (images - CENTER) * SPREAD, "reflect"))

    def predict(self, layer: str, features: Tensor) -> Tensor:
        head = self.heads[layer]
        return F.conv2d(features, head.get_parameter("weight"), head.get_parameter("bias"))

    def folded(self) -> dict[str, Tensor]:
        """The kernels, the first of them taking colors as they come."""
        tensors = {n: t.detach().clone() for n, t in self.tensors().items()}
        weight = tensors["conv0.weight"]
        tensors["conv0.bias"] -= weight.sum((1, 2, 3)) * CENTER * SPREAD
        tensors["conv0.weight"] = weight * SPREAD
        return tensors

    def set_head(self, layer: str, head: Tensor) -> None:
        """[A b] as the head of a layer."""
        self.heads[layer].load_state_dict({"weight": head[:, :-1, None, None], "bias": head[:, -1]})

    def unfold(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over kernels that `folded` gave."""
        weight, bias = tensors["conv0.weight"], tensors["conv0.bias"]
        first = {"conv0.weight": weight / SPREAD, "conv0.bias": bias + weight.sum((1, 2, 3)) * CENTER}
        self.kernels.load_state_dict({**tensors, **first})


def convolution(inputs: int, outputs: int, size: int, gain: float) -> nn.Conv2d:
    """Random kernels that keep the variance times the gain squared, channels-last; a bias of zeros."""
    kernel = nn.Conv2d(inputs, outputs, size)
    weight = torch.randn(kernel.weight.shape) * gain / (inputs * size * size) ** 0.5
    kernel.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
    nn.init.zeros_(kernel.bias if kernel.bias is not None else weight)
    return kernel
