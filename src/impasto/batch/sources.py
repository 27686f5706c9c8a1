"""Which files a person means: a folder, a pattern that no shell has expanded, a list, or a file."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from impasto.errors import PictureError, UsageError, reason
from impasto.filetype import open_file
from impasto.hand import expanded

LISTS = (".txt", ".lst")
JUNK = {"thumbs.db", "desktop.ini"}  # what systems leave in folders of pictures


def pictures(arguments: Iterable[str | Path], *, leave: Collection[Path] = ()) -> tuple[Path, ...]:
    """Every file that is meant, once, without those to `leave` out; whether it is a picture is seen later."""
    found = (Path(os.path.abspath(file)) for each in arguments for file in meant(each))  # noqa: PTH100 -- keeps links
    return tuple(dict.fromkeys(file for file in found if file not in leave))


def meant(argument: str | Path) -> list[Path]:
    """The files of one argument; an argument that means none is an error."""
    path = expanded(argument)
    if path.is_dir():
        return some(inside(path), f"There is no file in the folder {path.absolute()}.")
    if path.exists():
        return some(listed(path), f"The list {path} is empty.") if path.suffix.lower() in LISTS else [path]
    if any(letter in str(path) for letter in "*?["):
        return some(matching(str(path)), f"No file matches {str(path)!r}.")
    with open_file(path):  # says what is wrong
        return [path]


def some(files: Iterable[Path], otherwise: str) -> list[Path]:
    found = list(files)
    if not found:
        raise UsageError(otherwise)
    return found


def inside(folder: Path) -> list[Path]:
    """The files in a folder, hidden ones and those of the system left out, by name."""
    try:
        found = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise PictureError(f"The folder {folder} cannot be read: {reason(error)}.") from None
    return by_name(path for path in found if path.name.lower() not in JUNK)


def listed(file: Path) -> Iterator[Path]:
    """The lines of a list, as seen from where it lies."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as a list of files, one to a line: {error}.") from None
    for line in filter(None, map(str.strip, lines)):
        yield file.parent / expanded(line)


def matching(pattern: str) -> list[Path]:
    """What a pattern matches, whatever the case: *.jpg finds IMG_1.JPG. Hidden files are not found."""
    found = (Path(match) for match in glob.iglob(either_case(pattern), recursive=True))  # noqa: PTH207 -- absolute ones
    return by_name(path for path in found if path.is_file())


def either_case(pattern: str) -> str:
    """The pattern with each letter in both cases, except in the folders before the first wildcard."""
    start = min(pattern.index(letter) for letter in "*?[" if letter in pattern)
    cut = max(pattern.rfind(separator, 0, start) for separator in {"/", os.sep}) + 1
    return pattern[:cut] + re.sub(r"\[(!?)([^]]+)\]|([^\W\d_])", both_cases, pattern[cut:])


def both_cases(found: re.Match[str]) -> str:
    """A letter, or the letters in brackets, small and large."""
    negated, letters = found[1] or "", found[2] or found[3]
    return f"[{negated}{letters.lower()}{letters.upper()}]"


def by_name(files: Iterable[Path]) -> list[Path]:
    """In the order of people: small and large letters alike."""
    return sorted(files, key=lambda path: (str(path).casefold(), str(path)))
