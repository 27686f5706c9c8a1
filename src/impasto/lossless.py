"""PNG with 16 bits per sample, which Pillow cannot write, and TIFF with 8 or 16. Pixels in, the file's bytes out.

Both are the plainest form of their standard: one image, deflate, one predictor, no dates, so that equal pixels
give equal bytes.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError

Array = NDArray[Any]  # uint8 or uint16, (H, W, 3) or (H, W, 4)

_IDAT_BYTES = 1 << 30  # a chunk may hold 2³¹ - 1 bytes
_STRIP_BYTES = 1 << 20
_SHORT, _LONG, _ASCII, _UNDEFINED = 3, 4, 2, 7


def png16(pixels: Array, profile: bytes, texts: dict[str, str]) -> bytes:
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile))]
    for key, text in texts.items():
        chunks.append(_chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()))
    data = zlib.compress(_differences_to_row_above(pixels))
    for start in range(0, len(data), _IDAT_BYTES):
        chunks.append(_chunk(b"IDAT", data[start : start + _IDAT_BYTES]))
    return b"".join([b"\x89PNG\r\n\x1a\n", *chunks, _chunk(b"IEND", b"")])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _differences_to_row_above(pixels: Array) -> bytes:
    """PNG's filter 2: each row begins with the filter's number."""
    rows = pixels.astype(">u2").view(np.uint8).reshape(len(pixels), -1)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered.tobytes()


def tiff(pixels: Array, profile: bytes, texts: dict[int, str]) -> bytes:
    """`texts` are further tags by number, such as 270, the image description."""
    height, width, channels = pixels.shape
    rows = max(1, _STRIP_BYTES // pixels[0].nbytes)
    strips = [_differences_to_left(pixels[top : top + rows]) for top in range(0, height, rows)]
    offsets = list(itertools.accumulate(map(len, strips), initial=8))
    tags = {
        256: _longs(width),
        257: _longs(height),
        258: _shorts(*[8 * pixels.itemsize] * channels),
        259: _shorts(8),  # deflate
        262: _shorts(2),  # RGB
        273: _longs(*offsets[:-1]),
        277: _shorts(channels),
        278: _longs(rows),
        279: _longs(*map(len, strips)),
        317: _shorts(2),  # horizontal differences
        34675: (_UNDEFINED, len(profile), profile),
    }
    if channels == 4:
        tags[338] = _shorts(2)  # the fourth sample is alpha, not multiplied in
    for number, text in texts.items():
        tags[number] = (_ASCII, len(text) + 1, text.encode("ascii") + b"\0")
    directory = _directory(tags, offsets[-1] + offsets[-1] % 2)
    header = struct.pack("<2sHI", b"II", 42, offsets[-1] + offsets[-1] % 2)
    return b"".join([header, *strips, b"\0" * (offsets[-1] % 2), *directory])


def _differences_to_left(rows: Array) -> bytes:
    """TIFF's predictor 2, compressed."""
    little = rows.astype(rows.dtype.newbyteorder("<"))
    little[:, 1:] -= rows[:, :-1]
    return zlib.compress(little.tobytes())


_Tag = tuple[int, int, bytes]  # type, count, values


def _shorts(*values: int) -> _Tag:
    return _SHORT, len(values), struct.pack(f"<{len(values)}H", *values)


def _longs(*values: int) -> _Tag:
    if max(values) >= 1 << 32:
        raise PictureError("the picture is larger than the 4 GiB a TIFF file can hold; write it as PNG")
    return _LONG, len(values), struct.pack(f"<{len(values)}I", *values)


def _directory(tags: dict[int, _Tag], offset: int) -> Iterator[bytes]:
    """Tags in the order of their numbers; values of more than four bytes follow after the table."""
    beyond = offset + 2 + 12 * len(tags) + 4
    long_values = []
    yield struct.pack("<H", len(tags))
    for number, (kind, count, values) in sorted(tags.items()):
        yield struct.pack("<HHI", number, kind, count)
        if len(values) <= 4:
            yield values.ljust(4, b"\0")
        else:
            yield struct.pack("<I", beyond)
            long_values.append(values + b"\0" * (len(values) % 2))
            beyond += len(long_values[-1])
    yield b"\0\0\0\0"  # no further image
    yield from long_values
