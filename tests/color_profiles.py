"""Color profiles made from numbers, for tests: sRGB with other primaries or curves, a small CMYK press."""

import itertools
import struct

import numpy as np

from impasto.icc import srgb_profile

# Columns of XYZ under D50, from the published chromaticities, adapted by Bradford
DISPLAY_P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def rgb_profile(name: str, primaries: np.ndarray, gamma: float | None = None) -> bytes:
    """With sRGB's curve, or a power."""
    tags = _tags_of(srgb_profile())
    for letter, column in zip("rgb", primaries.T, strict=True):
        tags[f"{letter}XYZ".encode()] = b"XYZ \0\0\0\0" + struct.pack(">3i", *np.round(column * 65536).astype(int))
        if gamma is not None:
            tags[f"{letter}TRC".encode()] = power_curve(gamma)
    return assemble(tags, b"RGB ", b"XYZ ", name)


def gray_profile(name: str, gamma: float) -> bytes:
    tags = {key: value for key, value in _tags_of(srgb_profile()).items() if key in (b"wtpt", b"cprt")}
    return assemble(tags | {b"kTRC": power_curve(gamma)}, b"GRAY", b"XYZ ", name)


def cmyk_profile(name: str) -> bytes:
    """Each ink takes lightness away: cyan 40, magenta 50, yellow 10, black 100, down to 0; cyan is bluish."""
    corners = []
    for cyan, magenta, yellow, black in itertools.product((0, 1), repeat=4):
        lightness = max(0, 100 - 40 * cyan - 50 * magenta - 10 * yellow - 100 * black)
        corners += [round(lightness * 2.55), 128, 128 - 30 * cyan * (1 - black)]
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(np.eye(3).ravel() * 65536).astype(int))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + bytes(corners) + identity * 3
    tags = {key: value for key, value in _tags_of(srgb_profile()).items() if key in (b"wtpt", b"cprt")}
    return assemble(tags | {b"A2B0": lut}, b"CMYK", b"Lab ", name, kind=b"prtr", version=b"\x02\x40\0\0")


def power_curve(gamma: float) -> bytes:
    return b"para\0\0\0\0\0\0\0\0" + struct.pack(">i", round(gamma * 65536))


def assemble(
    tags: dict[bytes, bytes], space: bytes, pcs: bytes, name: str, kind: bytes = b"mntr", version: bytes = b""
) -> bytes:
    text = name.encode("utf-16-be")
    tags = {b"desc": b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS" + struct.pack(">II", len(text), 28) + text} | tags
    header = bytearray(srgb_profile()[:128])
    header[12:24] = kind + space + pcs
    header[8:12] = version or header[8:12]
    table, data, offset = b"", b"", 132 + 12 * len(tags)
    for key, value in tags.items():
        table += struct.pack(">4sII", key, offset + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    header[0:4] = struct.pack(">I", offset + len(data))
    return bytes(header) + struct.pack(">I", len(tags)) + table + data


def _tags_of(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    return {key: profile[start : start + length] for key, start, length in entries if key not in (b"desc", b"chrm")}
