"""Room for tensors as large as the picture: in memory, or in files that are mapped into memory and have no name.

Wherever they lie, they are worked on in bands of rows, so that what is made on the way is never as large as they are.
Where several processes share a picture, these are the rows that are one's own.
"""

from __future__ import annotations

import math
import mmap
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import ShortageError
from impasto.share import ALONE, Crew

BAND = 1 << 18  # pixels; where a picture has fewer, it is one band
_MAPS: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()  # of all rooms: who works in bands lets go of all that is mapped
_LOCK = threading.Lock()


@dataclass(eq=False)
class Room:
    """Where tensors lie, and how many pixels are worked on at a time."""

    in_file: bool = False
    band: int = BAND
    crew: Crew = ALONE  # among whom the rows of a picture are divided

    def divided(self, crew: Crew) -> Room:
        """The same for one of several who share a picture."""
        return replace(self, crew=crew)

    def empty(self, *shape: int, like: Tensor) -> Tensor:
        """Of the kind of `like` and of any content; what lies in a file is gone when nobody holds it any more."""
        if not self.in_file:
            return like.new_empty(shape)
        count = math.prod(shape)
        mapped = _mapped(count * like.element_size())
        with _LOCK:
            _MAPS.add(mapped)
        return torch.frombuffer(mapped, dtype=like.dtype, count=count).view(shape)

    def image(self, channels: int, height: int, width: int, like: Tensor) -> Tensor:
        """(1, channels, height, width), channels-last, of any content."""
        return self.empty(1, height, width, channels, like=like).permute(0, 3, 1, 2)

    def like(self, image: Tensor) -> Tensor:
        """Another of the same size and kind, channels-last."""
        channels, height, width = image.shape[1:]
        return self.image(channels, height, width, image)

    def copy(self, image: Tensor) -> Tensor:
        """The same numbers here, channels-last."""
        made = self.like(image)
        for rows in self.bands(image):
            made[..., rows, :] = image[..., rows, :]
        return made

    def bands(self, image: Tensor, *, columns: bool = False) -> Iterator[slice]:
        """Its rows, or its columns, some at a time; between two bands, no page of a file is held."""
        height, width = image.shape[-2:]
        own, other = (slice(0, width), height) if columns else (self.crew.rows(height), width)
        share = max(1, self.band // other)
        for start in range(own.start, own.stop, share):
            yield slice(start, min(own.stop, start + share))
            self.let_go()

    def gather(self, *images: Tensor | None) -> None:
        """Of what several processes have worked on, each on its own rows, all get the whole, in place."""
        for image in images:
            if image is not None:
                self.crew.whole(image)

    def let_go(self) -> None:
        """What lies in files need not be in memory too until it is asked for again; the system caches what it can."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        with _LOCK:
            for mapped in _MAPS:
                mapped.madvise(mmap.MADV_DONTNEED)  # of a shared map: nothing is lost, it is only mapped no more


def in_file(storage: torch.UntypedStorage) -> bool:
    """Whether this lies in a file."""
    if not _MAPS:
        return False
    with _LOCK:
        starts = {torch.frombuffer(mapped, dtype=torch.uint8, count=1).data_ptr() for mapped in _MAPS}
    return storage.data_ptr() in starts


MEMORY = Room()


def _mapped(size: int) -> mmap.mmap:
    """A file of this size, mapped, and without a name: the map keeps the content alive, and nobody else can see it."""
    handle, path = tempfile.mkstemp(prefix="impasto-", dir=folder())
    try:
        _reserve(handle, size)
        return mmap.mmap(handle, size)
    except OSError as error:
        raise ShortageError(f"There is no room in {folder()}: {error.strerror}; set TMPDIR to a larger disk.") from None
    finally:
        os.close(handle)
        Path(path).unlink()


def _reserve(handle: int, size: int) -> None:
    """A file with holes would end the program when the disk is full; this fails now instead."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:  # macOS
        os.truncate(handle, size)


def free() -> int:
    """Bytes that files may still take."""
    return shutil.disk_usage(folder()).free


def folder() -> str:
    """Where temporary files lie on a disk: /tmp is memory on many systems."""
    return tempfile.gettempdir() if "TMPDIR" in os.environ or not os.access("/var/tmp", os.W_OK) else "/var/tmp"


def finite(planes: Tensor) -> bool:
    """Whether every number is one. They may be many, and lie in a file; what is only repeated is looked at once."""
    planes = planes[tuple(slice(None) if step else slice(1) for step in planes.stride())]
    # their least and largest tell it, as neither hides a NaN, in a fifteenth of the time that asking each number takes
    return all(bool(torch.stack(planes[..., rows, :].aminmax()).isfinite().all()) for rows in MEMORY.bands(planes))
