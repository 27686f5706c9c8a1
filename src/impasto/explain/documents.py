"""Text files (.svg, .html), checked before the work and written as safely as pictures."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import PictureError, reason
from impasto.files import place


def check_document(path: Path, suffixes: tuple[str, ...], *, overwrite: bool) -> Path:
    """The absolute path, its folder made; PictureError where such a file cannot be written there."""
    target = path.absolute()
    if target.suffix.lower() not in suffixes:
        raise PictureError(f"{path.name} must end in {' or '.join(suffixes)}.")
    if target.is_dir():
        raise PictureError(f"{target} is a folder; name the file to write in it.")
    if target.exists() and not overwrite:
        raise PictureError(f"{target} exists already; choose another name with -o, or add --force.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{target} cannot be written: {reason(error)}.") from error
    return target


def write_document(text: str, target: Path, *, overwrite: bool) -> Path:
    """At its place in one move."""
    place(text.encode(errors="backslashreplace"), target, overwrite=overwrite)
    return target
