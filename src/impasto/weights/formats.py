"""Open a file of weights, whatever it claims to be, and give its tensors by name: the only unpickling.

What a file is, is told from its first bytes and never from its name. Every failure is a `WeightsError` that
says what came. Nothing here knows what the tensors are for; see identify.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from impasto.errors import WeightsError

LARGEST_TENSOR = 16 * 1024 * 1024  # elements; VGG's largest convolution has 2.4 million, its classifier is skipped

_CONVOLUTION = re.compile(
    r"(?:(?:^|\.)(?:features\.\d+|conv\d+_\d+)|^\d+)\.(?:weight|bias)$"  # torchvision's names, Gatys' names
    r"|block\d+_conv\d+"  # Keras'
)

_NEAR_MISSES = (
    (b"<", "a web page, not weights: the address gave an error page or asks to sign in"),
    (b"version https://git-lfs", "a git-lfs pointer, not the file itself: run `git lfs pull`"),
    (b"MATLAB", "a MATLAB file, which Impasto does not read"),
    (b"\x0a\x15VGG_ILSVRC", "a .caffemodel, which Impasto does not read"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"\x89PNG", "a picture, not weights"),
    (b"\xff\xd8\xff", "a picture, not weights"),
)


@dataclass(frozen=True)
class Contents:
    """What a file holds: every name in it, and those tensors that could be convolutions."""

    container: str
    names: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> Contents:
    """The contents of any file of weights, or a `WeightsError` that says what the file is instead."""
    reader = _reader_for(path)
    try:
        return reader(path)
    except WeightsError:
        raise
    except Exception as error:  # three foreign parsers: damaged bytes may lead them to raise anything
        raise _damaged(path, error) from error


def _reader_for(path: Path) -> Callable[[Path], Contents]:
    head = _head(path)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _read_hdf5
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return _read_pickle
    if head[8:9] == b"{":
        return _read_safetensors
    raise WeightsError(f"{path} is {_near_miss(head)}.")


def _head(path: Path) -> bytes:
    if not path.exists():
        raise WeightsError(f"There is no weights file {path.absolute()}.")
    if not path.is_file():
        raise WeightsError(f"{path} is not a file: give a .h5, .pth or .safetensors file of VGG weights.")
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).") from error


def _near_miss(head: bytes) -> str:
    if not head:
        return "empty: the download failed, fetch it again"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, what in _NEAR_MISSES:
        if start.startswith(magic):
            return what
    return "no file of weights that Impasto knows (.h5, .pth or .safetensors), or a damaged one"


def _damaged(path: Path, error: Exception) -> WeightsError:
    code = re.search(r"(?:GLOBAL|Unsupported global|Unsupported class) ([\w.]+)", str(error))
    if code is not None:
        return WeightsError(
            f"{path} is a pickle that would run code ({code[1]}), which Impasto never does: "
            "save the model's state_dict alone, or as .safetensors."
        )
    reason = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    size = f"{path.stat().st_size:,} bytes"
    return WeightsError(f"{path} is damaged or was cut short at {size} ({reason[:160]}): fetch it again.")


def _read_hdf5(path: Path) -> Contents:
    import h5py  # here, because it takes a while and most runs read the converted file

    names: list[str] = []
    tensors: dict[str, Tensor] = {}

    def visit(name: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        names.append(name)
        if _CONVOLUTION.search(name) and item.size is not None and item.size <= LARGEST_TENSOR:
            tensors[name] = torch.from_numpy(item[()])

    with h5py.File(path, "r") as file:
        file.visititems(visit)  # follows no links, so it stays within this file
    return Contents("hdf5", tuple(names), tensors)


def _read_pickle(path: Path) -> Contents:
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    while isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds a {type(state).__name__}, not a state dict of weights.")
    names = tuple(str(name) for name in state)
    tensors = {
        str(name): value
        for name, value in state.items()
        if isinstance(value, Tensor) and _CONVOLUTION.search(str(name)) and value.numel() <= LARGEST_TENSOR
    }
    return Contents("pickle", names, tensors)


def _read_safetensors(path: Path) -> Contents:
    with safe_open(path, framework="pt") as file:
        names = tuple(file.keys())
        tensors = {name: file.get_tensor(name) for name in names if _CONVOLUTION.search(name)}
        metadata = {str(key): str(value) for key, value in (file.metadata() or {}).items()}
    return Contents("safetensors", names, tensors, metadata)
