"""Compare a file with what was published about it: its size and its hash."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from impasto.weights.published import Digest, Entry


def problem_with(path: Path, size: int | None, digest: Digest) -> str:
    """What is wrong with the file at `path`; empty where it is the published one."""
    try:
        actual = path.stat().st_size
        if size is not None and actual != size:
            return f"it has {actual:,} bytes, expected {size:,}{_page(path)}"
        digits = hash_of(path, digest.algorithm)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if not digits.startswith(digest.digits):
        shown = digits[: len(digest.digits)]
        return f"its {digest.algorithm} begins {shown[:16]}, expected {digest.digits[:16]}{_page(path)}"
    return ""


def published_as(path: Path, entries: Sequence[Entry]) -> Entry | None:
    """The entry that this very file was published as, whatever it is called here."""
    size = path.stat().st_size
    hashes: dict[str, str] = {}
    for entry in entries:
        if entry.size not in (None, size):
            continue
        algorithm = entry.digest.algorithm
        if algorithm not in hashes:
            hashes[algorithm] = hash_of(path, algorithm)
        if hashes[algorithm].startswith(entry.digest.digits):
            return entry
    return None


def hash_of(path: Path, algorithm: str) -> str:
    """The file's hash in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _page(path: Path) -> str:
    """A hint where the file is a web page in place of the weights."""
    with path.open("rb") as file:
        return ", for it is a web page" if file.read(64).lstrip().startswith(b"<") else ""
