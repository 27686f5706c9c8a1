"""Why a file is no picture: it is not there, it is no file, or its first bytes say that it is something else."""

import contextlib
import difflib
import io
import itertools
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from impasto.errors import PictureError, reason

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_AVIF_BRANDS = {b"avif", b"avis"}
_STILL_BRANDS = _HEIF_BRANDS | _AVIF_BRANDS | {b"mif1", b"msf1", b"jp2 "}
_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\0\0\x01\xba",  # MPEG
    b"\0\0\x01\xb3",
    b"FLV",
    b"OggS",
    b"0&\xb2u\x8ef\xcf\x11",  # Windows Media
)
_NEIGHBORS_LOOKED_AT = 5000
_ADDRESS = re.compile(r"[a-z][a-z0-9]+:/", re.IGNORECASE)  # a letter alone is a drive; two slashes are one in a path


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """For reading back and forth; PictureError instead of OSError."""
    _looked_up(path)
    try:
        with path.open("rb") as file:
            yield file if file.seekable() else io.BytesIO(file.read())
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {reason(error).lower()}") from error


def check_file(path: Path) -> None:
    """PictureError if it cannot be opened. A pipe is not, as what comes through it can be read once."""
    if stat.S_ISREG(_looked_up(path)):
        with open_file(path):
            pass


def _looked_up(path: Path) -> int:
    """What kind of file it is; PictureError if it is none."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise PictureError(_missing(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise PictureError(f"{path} cannot be read: {reason(error)}") from error
    if stat.S_ISDIR(mode):
        raise PictureError(f"{path.absolute()} is a folder, not a picture; name a file in it")
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise PictureError(f"{path.absolute()} is a device, not a picture; name a file")
    return mode


def _missing(path: Path) -> str:
    if path.name == "-":
        return "- is the name of no file; what is piped in has the name /dev/stdin"
    if _ADDRESS.match(str(path)):
        return f"{path} is an address, not a file; download the picture and name the file"
    path = path.absolute()
    if not path.parent.is_dir():
        return f"{path} does not exist: there is no folder {path.parent}"
    try:
        neighbors = [entry.name for entry in itertools.islice(path.parent.iterdir(), _NEIGHBORS_LOOKED_AT)]
    except OSError:  # a folder that may be entered but not listed
        neighbors = []
    names = {name.lower(): name for name in neighbors}
    near = [names[match] for match in difflib.get_close_matches(path.name.lower(), names)]
    return f"{path} does not exist" + (f"; did you mean {' or '.join(near)}?" if near else "; check the name")


def brands(prefix: bytes) -> set[bytes]:
    """The kinds that an ISO media file (HEIC, AVIF, MP4) names for itself; none for any other file."""
    if prefix[4:8] != b"ftyp":
        return set()
    box = prefix[: min(int.from_bytes(prefix[:4]), len(prefix))]
    return {box[8:12]} | {box[at : at + 4] for at in range(16, len(box), 4)}


def is_heif(prefix: bytes) -> bool:
    return bool(brands(prefix) & _HEIF_BRANDS) and not brands(prefix) & _AVIF_BRANDS


def refuse_no_picture(prefix: bytes, label: str) -> None:
    """PictureError with a sentence for what people take for a picture; anything else passes."""
    if not prefix:
        raise PictureError(f"{label} is empty (0 bytes); copy or download it again")
    if _is_video(prefix):
        raise PictureError(f"{label} is a video, not a picture; save one frame of it as a picture first")
    text = prefix.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"%pdf"):
        raise PictureError(f"{label} is a PDF document, not a picture; export the page as PNG or JPEG")
    if text.startswith((b"<?xml", b"<svg", b"<!--")) and b"<svg" in text:
        raise PictureError(f"{label} is an SVG drawing, not a picture of pixels; export it as PNG")
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<?xml", b"<!--")):
        raise PictureError(f"{label} is a web page (HTML), not a picture; download the picture itself")


def _is_video(prefix: bytes) -> bool:
    kinds = brands(prefix)
    return (
        (bool(kinds) and not kinds & _STILL_BRANDS)
        or prefix[4:8] in (b"moov", b"mdat", b"wide")  # old QuickTime
        or (prefix[:4] == b"RIFF" and prefix[8:12] == b"AVI ")
        or (prefix[:1] == b"G" and prefix[188:189] == b"G" and prefix[:3] != b"GIF")  # MPEG transport stream
        or prefix.startswith(_VIDEO_STARTS)
    )
