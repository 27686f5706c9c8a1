"""Plain data in a file: numbers, words, lists and tensors, written atomically and read back to the bit.

The file is a safetensors file; what is not a tensor stands in its header as JSON, and so does a checksum of it all.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from impasto.errors import CheckpointError, reason
from impasto.storage import MEMORY, Room
from impasto.whole import whole

TYPES = {torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.int64: "I64"}
KINDS = {name: kind for kind, name in TYPES.items()}
VERSION = "4"
NO_SUM = b"00000000"
PART = 1 << 24  # bytes that are written or read at a time


def write(path: Path, state: Mapping[str, Any], room: Room = MEMORY) -> None:
    """Write the state to `path`, which holds the old content or the new one, whatever happens."""
    tensors: list[Tensor] = []
    words = json.dumps(_packed(state, tensors))
    try:
        with whole(path) as fresh, fresh.open("xb") as file:
            _write(file, words, tensors, room)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be written: {reason(error)}.") from None


def read(path: Path, device: torch.device | None = None, room: Room = MEMORY) -> dict[str, Any]:
    """The state in `path`; its tensors come back to the device that they were on, if that is `device`, or the CPU."""
    with _opened(path) as file:
        header, checksum = _header(file)
        tensors = []
        for name in sorted(header.keys() - {"__metadata__"}):
            made = room.empty(*header[name]["shape"], like=torch.empty(0, dtype=KINDS[header[name]["dtype"]]))
            for part in _parts(made, room):
                if file.readinto(part) != len(part):
                    raise ValueError("cut short")
                checksum = zlib.crc32(part, checksum)
            tensors.append(made)
        if file.read(1) or f"{checksum:08x}" != header["__metadata__"]["crc32"]:
            raise ValueError("other bytes than were written")
        return _plain(header, iter(tensors), device or torch.device("cpu"))


def words(path: Path) -> dict[str, Any]:
    """The state in `path` without its tensors, which may be many; the checksum is left to `read`."""
    with _opened(path) as file:
        return _plain(_header(file)[0], itertools.repeat(torch.empty(0, 0, 0, 0)), torch.device("cpu"))


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Whatever is wrong with the file is told in one sentence."""
    try:
        with path.open("rb") as file:
            yield file
    except (OSError, MemoryError, OverflowError) as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {reason(error)}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError, StopIteration):
        raise CheckpointError(
            f"The checkpoint {path} is damaged, or of another version of Impasto; begin again without it."
        ) from None


def _header(file: BufferedReader) -> tuple[dict[str, Any], int]:
    """What the tensors are, and the checksum so far: it counts as zeros itself."""
    length, size = int.from_bytes(file.read(8), "little"), os.fstat(file.fileno()).st_size
    head = file.read(min(length, size))
    header = json.loads(head)
    if header["__metadata__"]["impasto"] != VERSION:
        raise ValueError("another version")
    named = [header[name]["data_offsets"] for name in sorted(header.keys() - {"__metadata__"})]
    if size != 8 + length + (named[-1][1] if named else 0):
        raise ValueError("cut short")
    return header, zlib.crc32(head.replace(header["__metadata__"]["crc32"].encode(), NO_SUM, 1))


def _plain(header: Mapping[str, Any], tensors: Iterator[Tensor], device: torch.device) -> dict[str, Any]:
    state = _unpacked(json.loads(header["__metadata__"]["state"]), tensors, device)
    if not isinstance(state, dict):
        raise TypeError("no state")
    return state


def _write(file: IO[bytes], words: str, tensors: list[Tensor], room: Room) -> None:
    """The format of safetensors, without a copy of everything in memory; the checksum is filled in at the end."""
    header: dict[str, Any] = {"__metadata__": {"crc32": NO_SUM.decode(), "impasto": VERSION, "state": words}}
    end = 0
    for i, tensor in enumerate(tensors):
        start, end = end, end + tensor.nbytes
        header[f"{i:04}"] = {"dtype": TYPES[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [start, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    file.write(len(head).to_bytes(8, "little") + head)
    checksum = zlib.crc32(head)
    for tensor in tensors:
        for part in _parts(tensor.cpu(), room):
            file.write(part)
            checksum = zlib.crc32(part, checksum)
    file.seek(8 + head.index(NO_SUM))
    file.write(f"{checksum:08x}".encode())


def _parts(tensor: Tensor, room: Room) -> Iterator[memoryview]:
    """Its bytes, some at a time."""
    whole = memoryview(tensor.reshape(-1).view(torch.uint8).numpy().data)
    for start in range(0, len(whole), PART):
        yield whole[start : start + PART]
        room.let_go()


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
            tensor = next(tensors)
            tensor = tensor.permute(0, 3, 1, 2) if content["channels_last"] else tensor
            return tensor.to(device) if content["moved"] else tensor
        case "map":
            return {name: _unpacked(item, tensors, device) for name, item in content.items()}
        case "tuple":
            return tuple(_unpacked(item, tensors, device) for item in content)
        case "list":
            return [_unpacked(item, tensors, device) for item in content]
    raise ValueError(kind)
