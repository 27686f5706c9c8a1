"""A network's convolutions in memory, and the features-only file that keeps them in the cache."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pydantic
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from impasto.errors import WeightsError
from impasto.weights.formats import Contents
from impasto.weights.identify import TITLES, identify
from impasto.weights.published import Preprocessing
from impasto.whole import whole

FORMAT = "impasto-features-1"


@dataclass(frozen=True)
class Weights:
    """A network's convolutions, ready to use, and where they come from.

    `tensors` goes up to the deepest convolution that the file holds: "conv1_1.weight" (O, I, 3, 3) and
    "conv1_1.bias" (O). `sha256` is over the float32 numbers and the preprocessing, not over the file: the same
    weights have the same hash in whichever file they came. `stand_in` says in words what is not the real thing.
    """

    network: str
    tensors: Mapping[str, Tensor]
    preprocessing: Preprocessing
    sha256: str
    source: str
    license: str
    attribution: str
    stand_in: str = ""


def fingerprint(tensors: Mapping[str, Tensor], preprocessing: Preprocessing) -> str:
    """sha256 over preprocessing, names, shapes and numbers."""
    total = hashlib.sha256(json.dumps(asdict(preprocessing)).encode())
    for name, tensor in tensors.items():
        total.update(f"{name}{tuple(tensor.shape)}".encode())
        total.update(tensor.contiguous().numpy().data)
    return total.hexdigest()


def write(weights: Weights, path: Path) -> None:
    """Keep the weights at `path`, which appears complete or not at all."""
    metadata = {
        "format": FORMAT,
        "network": weights.network,
        "preprocessing": json.dumps(asdict(weights.preprocessing)),
        "sha256": weights.sha256,
        "source": weights.source,
        "license": weights.license,
        "attribution": weights.attribution,
        "stand_in": weights.stand_in,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole(path) as fresh:
            save_file(dict(weights.tensors), fresh, metadata)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def is_features(contents: Contents) -> bool:
    """Whether `write` made this file."""
    return contents.metadata.get("format") == FORMAT


def restore(contents: Contents, network: str, path: Path) -> Weights:
    """What `write` kept, every number checked; a `WeightsError` where the file is damaged or another network's."""
    about = dict(contents.metadata)
    if about.get("network", network) != network:
        held = TITLES.get(about["network"], about["network"])
        raise WeightsError(f"{path} holds {held}, but {TITLES[network]} was asked for.")
    tensors = identify(contents, network, path)
    try:
        preprocessing = pydantic.TypeAdapter(Preprocessing).validate_json(about["preprocessing"])
        expected = about["sha256"]
        told = {key: about[key] for key in ("source", "license", "attribution", "stand_in")}
    except (KeyError, pydantic.ValidationError) as error:
        raise WeightsError(f"{path} lacks what it should tell about itself: delete it.") from error
    if fingerprint(tensors, preprocessing) != expected:
        raise WeightsError(f"{path} is damaged: its numbers are not those that were written; delete it.")
    return Weights(network, tensors, preprocessing, expected, **told)
