"""Recipe -> network, with its weights, on its device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from impasto import device as devices
from impasto import weights
from impasto.networks import Network
from impasto.networks.convolution import Padding
from impasto.networks.lite import Lite
from impasto.networks.vgg import VGG
from impasto.recipe import Recipe
from impasto.surroundings import undisturbed


@undisturbed()
def open_network(
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    weights_file: Path | None = None,
    offline: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Network:
    """The network that a recipe asks for; `weights_file` replaces the weights that ship or are published."""
    device = device or devices.choose()
    dtype = devices.precision(recipe.precision, device)
    padding: Padding = "replicate" if recipe.padding == "own" else recipe.padding
    if recipe.network == "lite":
        return Lite(weights_file, padding=padding).to(device, dtype)
    loaded = weights.load(recipe.network, file=weights_file, offline=offline, progress=progress)
    network = VGG(
        loaded,
        pooling="max" if recipe.pooling == "own" else recipe.pooling,
        rescale=recipe.pool_rescale,
        padding=padding,
    )
    return network.to(device, dtype)
