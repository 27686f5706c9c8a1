"""Plain data in a file: numbers, words, lists and tensors, written atomically and read back to the bit.

The file is a safetensors file; what is not a tensor stands in its header as JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.errors import CheckpointError

TYPES = {torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.int64: "I64"}
VERSION = "1"


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write the state to `path`, which holds the old content or the new one, whatever happens."""
    tensors: list[Tensor] = []
    words = json.dumps(_packed(state, tensors))
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            _write(file, words, tensors)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be written: {error.strerror or error}.") from None
    finally:
        fresh.unlink(missing_ok=True)


def read(path: Path, device: torch.device | None = None) -> dict[str, Any]:
    """The state in `path`; its tensors come back to the device that they were on, if that is `device`, or the CPU."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("impasto") != VERSION:
                raise CheckpointError(f"{path} is no checkpoint of this version of Impasto.")
            tensors = (file.get_tensor(name) for name in sorted(file.keys()))
            state = _unpacked(json.loads(metadata["state"]), tensors, device or torch.device("cpu"))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error}.") from None
    except (ValueError, KeyError, TypeError, StopIteration):
        raise CheckpointError(f"The checkpoint {path} is damaged.") from None
    if not isinstance(state, dict):
        raise CheckpointError(f"The checkpoint {path} is damaged.")
    return state


def _write(file: IO[bytes], words: str, tensors: list[Tensor]) -> None:
    """The format of safetensors, without a copy of everything in memory."""
    header: dict[str, Any] = {"__metadata__": {"impasto": VERSION, "state": words}}
    end = 0
    for i, tensor in enumerate(tensors):
        start, end = end, end + tensor.nbytes
        header[f"{i:04}"] = {"dtype": TYPES[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [start, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    file.write(len(head).to_bytes(8, "little") + head)
    for tensor in tensors:
        if tensor.numel():
            file.write(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)


def _packed(value: Any, tensors: list[Tensor]) -> Any:  # noqa: ANN401 -- any plain data
    """JSON for the value; its tensors are appended to `tensors`, in the order of their places."""
    match value:
        case Tensor():
            flat = value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last)
            kept = value.detach().permute(0, 2, 3, 1) if flat else value.detach()
            tensors.append(kept.contiguous())
            return {"tensor": {"channels_last": flat, "moved": value.device.type != "cpu"}}
        case Mapping():
            return {"map": {str(name): _packed(item, tensors) for name, item in value.items()}}
        case tuple():
            return {"tuple": [_packed(item, tensors) for item in value]}
        case list():
            return {"list": [_packed(item, tensors) for item in value]}
    return value


def _unpacked(value: Any, tensors: Iterator[Tensor], device: torch.device) -> Any:  # noqa: ANN401 -- any plain data
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tensor":
            # A copy begins at a multiple of 64 bytes, as all tensors do; elsewhere, sums have other last digits.
            tensor = next(tensors).clone()
            tensor = tensor.permute(0, 3, 1, 2) if content["channels_last"] else tensor
            return tensor.to(device) if content["moved"] else tensor
        case "map":
            return {name: _unpacked(item, tensors, device) for name, item in content.items()}
        case "tuple":
            return tuple(_unpacked(item, tensors, device) for item in content)
        case "list":
            return [_unpacked(item, tensors, device) for item in content]
    raise ValueError(kind)
