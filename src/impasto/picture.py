"""Picture: pixels in memory, from a file, its bytes, a Pillow image, an array or a tensor. One reader for them all."""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from impasto import strips
from impasto.decode import decode_file, decode_image
from impasto.errors import PictureError, reason
from impasto.filetype import open_file
from impasto.hand import expanded
from impasto.modes import Samples
from impasto.resample import fill_hidden, resize, sharpened
from impasto.storage import MEMORY, Room
from impasto.surroundings import undisturbed

MAX_PIXELS = 500_000_000  # 6 GB on disk while a run lasts; and 2 GB in memory while Pillow reads them
_OTHER_SHAPE = 0.05  # of an aspect
_ROUNDING = 1e-4  # how far from [0, 1] a float may be and still mean its end


@dataclass(frozen=True, eq=False)
class Picture:
    """RGB in [0, 1], sRGB. Alpha is kept apart; None means that every pixel is opaque."""

    rgb: Tensor  # float32 (1, 3, H, W)
    alpha: Tensor | None = None  # float32 (1, 1, H, W)
    name: str = ""  # where it came from, for messages
    sha256: str = ""  # of the file's bytes, or of the pixels where there was no file
    notes: tuple[str, ...] = ()  # what a person should know about how it was read

    def __post_init__(self) -> None:
        vars(self).update(rgb=self.rgb.detach(), alpha=None if self.alpha is None else self.alpha.detach())
        _check_planes(self.rgb, 3, "rgb")
        if self.alpha is not None:
            _check_planes(self.alpha, 1, "alpha")
            if self.alpha.shape[-2:] != self.rgb.shape[-2:]:
                raise PictureError(
                    f"alpha is {_by(self.alpha)} but the picture is {_by(self.rgb)}; they must be of one size"
                )

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, each with the picture's name, if it has one."""
        return tuple(f"{self.name}: {note}" if self.name else note for note in self.notes)

    @property
    def width(self) -> int:
        return self.rgb.shape[-1]

    @property
    def height(self) -> int:
        return self.rgb.shape[-2]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)"""
        return self.width, self.height

    def stretched_over(self, other: "Picture") -> bool:
        """Whether it is of another shape, by more than rounding the sides of a small picture makes it."""
        return abs(self.width * other.height / (self.height * other.width) - 1) > _OTHER_SHAPE

    def resized(self, width: int, height: int, room: Room = MEMORY) -> "Picture":
        """Exactly this size, whatever becomes of the aspect; itself when it has that size already."""
        if width < 1 or height < 1:
            raise PictureError(f"a picture cannot be {width} × {height}; both sides must be at least 1")
        if (width, height) == self.size:
            return self
        alpha = None if self.alpha is None else resize(self.alpha, width, height, room)
        return replace(self, rgb=resize(self.filled().rgb, width, height, room), alpha=alpha)

    def sharpened(self, amount: float, room: Room = MEMORY) -> "Picture":
        """With what a blur would take away added, so many times; itself where that is nothing."""
        if amount == 0:
            return self
        return replace(self, rgb=sharpened(self.filled().rgb, amount, room))

    def filled(self) -> "Picture":
        """No color of a hidden pixel is left."""
        return self if self.alpha is None else replace(self, rgb=fill_hidden(self.rgb, self.alpha))

    def fitted(self, long_side: int, *, enlarge: bool = False) -> "Picture":
        """The longer side becomes `long_side`, the aspect stays; a smaller picture only grows if told to."""
        longest = max(self.size)
        if longest == long_side or (longest < long_side and not enlarge):
            return self
        width, height = (max(1, round(side * long_side / longest)) for side in self.size)
        return self.resized(width, height)


def _check_planes(planes: Tensor, channels: int, what: str) -> None:
    fits = planes.ndim == 4 and planes.shape[:2] == (1, channels) and min(planes.shape) > 0
    if not fits or planes.dtype != torch.float32:
        raise PictureError(
            f"{what} is {_dtype(planes)} of shape {tuple(planes.shape)}; "
            f"it must be float32 of shape (1, {channels}, height, width)"
        )


def _by(planes: Tensor) -> str:
    return f"{planes.shape[-1]} × {planes.shape[-2]}"


def _dtype(values: "Tensor | NDArray[Any]") -> str:
    return str(values.dtype).removeprefix("torch.")


Bytes = bytes | bytearray | memoryview
PictureLike = str | os.PathLike[str] | Bytes | IO[bytes] | Image.Image | NDArray[Any] | Tensor | Picture


@undisturbed()
def read(source: PictureLike, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from anything that holds one; PictureError with a sentence if it cannot be.

    Arrays are (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); tensors have the channels first, with or without a leading 1.
    Their type says their scale: uint8, uint16, or floating point in [0, 1].
    """
    match source:
        case Picture():
            return source
        case str() | os.PathLike():
            return _from_path(expanded(source), max_pixels)
        case bytes() | bytearray() | memoryview():
            return _from_stream(io.BytesIO(bytes(source)), "the picture", "", max_pixels)
        case Image.Image():
            return _hashed(_picture(decode_image(source, "the Pillow image", max_pixels)))
        case np.ndarray():
            return _hashed(_picture(_from_array(source)))
        case Tensor():
            return _hashed(_picture(_from_tensor(source)))
        case io.TextIOBase():
            pass  # would take the bytes for letters
        case object(read=fetch) if callable(fetch) and isinstance(held := _fetched(fetch), bytes):
            return read(held, max_pixels=max_pixels)
    raise PictureError(
        f"a picture cannot be read from {type(source).__name__}; give a path, bytes, a file opened for bytes, "
        "a Pillow image, an array or a tensor"
    )


def _fetched(fetch: Callable[[], object]) -> object:
    try:
        return fetch()
    except (OSError, ValueError) as error:  # closed, opened for writing, or on a disk that fails
        raise PictureError(f"the picture cannot be read: {reason(error)}") from error


def _from_path(path: Path, max_pixels: int) -> Picture:
    with open_file(path) as stream:
        return _from_stream(stream, str(path), path.name, max_pixels, path if path.is_file() else None)


def _from_stream(stream: IO[bytes], label: str, name: str, max_pixels: int, path: Path | None = None) -> Picture:
    large = strips.read(stream, path, label, max_pixels)
    picture = _picture(decode_file(stream, label, max_pixels)) if large is None else _laid(*large)
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256")  # type: ignore[arg-type]  # typeshed asks for more than it uses
    return replace(picture, name=name, sha256=digest.hexdigest())


def _hashed(picture: Picture) -> Picture:
    """Equal pixels have equal hashes, whatever object they came in."""
    digest = hashlib.sha256(repr(picture.size).encode())
    for planes in (picture.rgb, picture.alpha):
        if planes is not None:
            digest.update(planes.numpy().data)
    return replace(picture, sha256=digest.hexdigest())


def _picture(samples: Samples) -> Picture:
    rgb = _planes(samples.pixels)
    if rgb.shape[1] == 1:
        rgb = rgb.repeat(1, 3, 1, 1)
    return _laid(rgb, None if samples.alpha is None else _planes(samples.alpha), samples.notes)


def _laid(rgb: Tensor, alpha: Tensor | None, notes: tuple[str, ...]) -> Picture:
    """Without alpha where all is opaque, and without the colors of what is hidden."""
    if alpha is None or bool((alpha == 1).all()):
        return Picture(rgb, notes=notes)
    notes = notes if alpha.any() else (*notes, "every pixel is fully transparent")
    return Picture(fill_hidden(rgb, alpha), alpha, notes=notes)


def _planes(samples: NDArray[Any]) -> Tensor:
    """(H, W, C) of any type to float32 (1, C, H, W), a copy."""
    scale = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(samples.dtype, 1)
    planes = np.array(samples.transpose(2, 0, 1), np.float32, order="C")
    planes /= scale
    return torch.from_numpy(planes)[None]


def _from_tensor(tensor: Tensor) -> Samples:
    if tensor.is_meta or tensor.layout != torch.strided:
        raise PictureError("a tensor without numbers, or with most of them left out, is no picture; make it dense")
    tensor = tensor.detach().cpu().resolve_neg()
    planes = tensor[0] if tensor.ndim == 4 and len(tensor) == 1 else tensor
    planes = planes[None] if planes.ndim == 2 else planes
    if planes.ndim != 3 or len(planes) not in (1, 3, 4):
        raise PictureError(
            f"a tensor of shape {tuple(tensor.shape)} is no picture; it must be (3, height, width), "
            "or have 1 or 4 channels, or a leading 1"
        )
    if planes.is_floating_point():
        planes = planes.float()  # some types are none of numpy's
    return _from_array(planes.movedim(0, -1).numpy())


def _from_array(array: NDArray[Any]) -> Samples:
    samples = array[..., None] if array.ndim == 2 else array
    if samples.ndim != 3 or samples.shape[2] not in (1, 3, 4) or samples.size == 0:
        raise PictureError(
            f"an array of shape {array.shape} is no picture; it must be (height, width) with 1, 3 or 4 channels"
        )
    samples = _checked_values(samples)
    return Samples(samples[..., :3], samples[..., 3:]) if samples.shape[2] == 4 else Samples(samples)


def _checked_values(samples: NDArray[Any]) -> NDArray[Any]:
    if samples.dtype.kind == "u" and samples.dtype.itemsize <= 2:
        return samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if samples.dtype == np.bool_:
        return samples.astype(np.float32)
    if not np.issubdtype(samples.dtype, np.floating):
        raise PictureError(
            f"pixels of type {samples.dtype} have no scale; convert them to uint8, uint16 or floats in [0, 1]"
        )
    low, high = float(samples.min()), float(samples.max())
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # NaN fails too
        raise PictureError(f"float pixels from {low:g} to {high:g} were given; they must lie in [0, 1], without NaN")
    return samples.clip(0, 1)
