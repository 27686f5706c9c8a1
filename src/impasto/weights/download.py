"""Fetch one file from the first mirror that gives it whole: the only network access.

Bytes go to a `.part` file, which the next attempt continues; it takes its final name once size and hash are right.
Nothing here opens what it fetched.
"""

import http.client
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from impasto import __version__
from impasto.errors import DownloadError
from impasto.weights.published import Digest
from impasto.weights.verification import problem_with

if sys.platform != "win32":
    import fcntl

Progress = Callable[[int, int], None]

TIMEOUT = 30.0  # seconds without a single byte
ATTEMPTS = 3  # per mirror, for connections that break
LARGEST = 2 << 30  # bytes, where no size is published
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Wanted:
    """What to fetch, how to know that it is the right thing, and where to put it."""

    urls: tuple[str, ...]
    target: Path
    size: int | None
    digest: Digest
    progress: Progress | None = None
    timeout: float = TIMEOUT

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")


class _UnusableError(Exception):
    """This mirror gives something else: go to the next one."""


def download(wanted: Wanted) -> Path:
    """The verified file at its target, or a `DownloadError` that tells what each mirror gave."""
    failures: list[str] = []
    with _alone_in(wanted.target.parent):
        if not problem_with(wanted.target, wanted.size, wanted.digest):
            return wanted.target  # another process fetched it while we waited
        for url in wanted.urls:
            failure = _from_mirror(url, wanted)
            if not failure:
                wanted.part.replace(wanted.target)
                return wanted.target
            failures.append(f"{url}: {failure}")
    raise DownloadError("; ".join(failures))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time write to the folder; fails at once, before any request, where none may."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise DownloadError(f"the folder {folder} cannot be written to ({error.strerror})") from error
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot lock; a clash is then seen by the hash
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _from_mirror(url: str, wanted: Wanted) -> str:
    """Fill and verify the part file; what went wrong, or nothing."""
    continued = wanted.part.exists()
    failure = _transfer(url, wanted)
    if failure:
        return failure
    failure = problem_with(wanted.part, wanted.size, wanted.digest)
    if failure:
        wanted.part.unlink(missing_ok=True)
        if continued:  # the earlier bytes may have been of another version of the file
            return _from_mirror(url, wanted)
    return f"what it gave is not the published file: {failure}" if failure else ""


def _transfer(url: str, wanted: Wanted) -> str:
    """Transfer until the end, taking up broken connections where they broke."""
    failure = ""
    for _ in range(ATTEMPTS):
        try:
            _request(url, wanted)
            return ""
        except urllib.error.HTTPError as error:
            error.close()
            return f"HTTP {error.code} {error.reason}"
        except (_UnusableError, ValueError) as error:
            return str(error)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            failure = str(reason) or type(error).__name__
    return failure


def _request(url: str, wanted: Wanted) -> None:
    """Ask once, from where the part file ends, and append what comes."""
    done = _size(wanted.part)
    if wanted.size is not None and done >= wanted.size:
        return  # complete, or too long to be right: the verification will tell
    headers = {"User-Agent": f"impasto/{__version__}", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=wanted.timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:  # nothing follows what we have: complete, or of another version
            error.close()
            return
        raise
    with answer:
        start = done if _continues(answer, done) else 0
        _receive(answer, start, wanted)


def _continues(answer: http.client.HTTPResponse, done: int) -> bool:
    """Whether the server gives the rest that we asked for, rather than all of it."""
    if answer.status != 206:
        return False
    given = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if given is None or int(given[1]) != done:
        raise _UnusableError("it answered with another part of the file than was asked for")
    return True


def _receive(answer: http.client.HTTPResponse, start: int, wanted: Wanted) -> None:
    announced = answer.headers.get("Content-Length")
    total = start + int(announced) if announced is not None else wanted.size or 0
    if wanted.size is not None and total != wanted.size:
        kind = answer.headers.get_content_type()
        raise _UnusableError(f"it offers {total:,} bytes of {kind}, expected {wanted.size:,}")
    done = start
    with wanted.part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while chunk := answer.read(_CHUNK):
            done += len(chunk)
            if done > (wanted.size or LARGEST):
                raise _UnusableError("it gives more bytes than the file has")
            file.write(chunk)
            if wanted.progress is not None:
                wanted.progress(done, total)
    if done < total:
        raise ConnectionError(f"the connection ended after {done:,} of {total:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
