"""Small files in every published container, right in names and shapes, random in content."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import h5py
import torch
from safetensors.torch import save_file
from torch import Tensor

from impasto.weights.identify import convolutions, positions
from impasto.weights.published import CAFFE, Digest, Entry


def tensors(network: str = "vgg19", last: str = "conv2_1", *, bias: str = "caffe", seed: int = 0) -> dict[str, Tensor]:
    """A network's convolutions up to `last`, with biases in the manner of Caffe's files or of torchvision's."""
    random = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}
    for name, (out, inputs) in convolutions(network).items():
        made[f"{name}.weight"] = torch.randn(out, inputs, 3, 3, generator=random) * 0.1
        noise = torch.randn(out, generator=random)
        made[f"{name}.bias"] = noise * 0.3 + (0.47 if bias == "caffe" else 0.0)
        if name == last:
            break
    return made


def numbered(network: str, named: Mapping[str, Tensor], prefix: str = "features.") -> dict[str, Tensor]:
    """The names that torchvision and the Caffe conversions use."""
    numbers = {name: number for number, name in positions(network).items()}
    return {f"{prefix}{numbers[key.split('.')[0]]}.{key.split('.')[1]}": value for key, value in named.items()}


def write_keras(path: Path, named: Mapping[str, Tensor]) -> Path:
    """As keras-applications saved its notop files: block1_conv1/block1_conv1_W_1:0, kernels (H, W, I, O)."""
    with h5py.File(path, "w") as file:
        for key, value in named.items():
            layer, part = key.split(".")
            group = f"block{layer[4]}_conv{layer[6]}"
            if part == "weight":
                file[f"{group}/{group}_W_1:0"] = value.permute(2, 3, 1, 0).numpy()
            else:
                file[f"{group}/{group}_b_1:0"] = value.numpy()
    return path


def write_torch(path: Path, named: Mapping[str, Tensor], *, zipped: bool = True) -> Path:
    torch.save(dict(named), path, _use_new_zipfile_serialization=zipped)
    return path


def write_safetensors(path: Path, named: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({key: value.contiguous() for key, value in named.items()}, path, metadata)
    return path


def classifier() -> dict[str, Tensor]:
    """What full files carry behind the convolutions, made small: it must be passed over."""
    return {"classifier.0.weight": torch.zeros(8, 8), "classifier.0.bias": torch.zeros(8)}


def entry_for(path: Path, urls: tuple[str, ...] = (), *, network: str = "vgg19", name: str = "vgg19") -> Entry:
    """A registry entry that publishes this very file."""
    content = path.read_bytes()
    return Entry(
        name=name,
        network=network,
        filename=path.name,
        urls=urls,
        size=len(content),
        digest=Digest("sha256", hashlib.sha256(content).hexdigest()),
        preprocessing=CAFFE,
        source="a test",
        license="none",
        attribution="nobody",
    )
