"""Room for numbers that memory is too small for: a file that is mapped into memory and has no name."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import ShortageError


def zeros(*shape: int, like: Tensor, in_file: bool) -> Tensor:
    """Zeros of the kind of `like`, in memory or in a file that is gone when they are."""
    if not in_file:
        return like.new_zeros(shape)
    count = math.prod(shape)
    handle, path = tempfile.mkstemp(prefix="impasto-", dir=folder())
    try:
        _reserve(handle, count * like.element_size())
        return torch.from_file(path, shared=True, size=count, dtype=like.dtype).view(shape)
    except OSError as error:
        raise ShortageError(f"There is no room in {folder()}: {error.strerror}; set TMPDIR to a larger disk.") from None
    finally:
        os.close(handle)
        Path(path).unlink()  # the map keeps the content alive, and nobody else can see it


def _reserve(handle: int, size: int) -> None:
    """A file with holes would end the program when the disk is full; this fails now instead."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:  # macOS
        os.truncate(handle, size)


def folder() -> str:
    """Where temporary files lie on a disk: /tmp is memory on many systems."""
    return tempfile.gettempdir() if "TMPDIR" in os.environ or not os.access("/var/tmp", os.W_OK) else "/var/tmp"
