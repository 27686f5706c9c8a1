"""What pictures are called: photo_painting.png, and more where that would not be clear."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from impasto.batch.jobs import LONGEST, Job
from impasto.errors import UsageError


def named(
    jobs: Sequence[Job], folder: Path, suffix: str, taken: Mapping[str, tuple[str, ...]], *, force: bool = False
) -> list[Job]:
    """Every job once, with a name that no other has, and that in `taken` stands for nothing else; with `force`, one
    that was given may."""
    jobs = list({identity(job, folder): job for job in jobs}.values())
    whose = {folded(name): owner for name, owner in taken.items()}
    depths = [0] * len(jobs)
    while True:
        names = [
            ended(job.output, suffix) if job.output else name_of(job, depth, folder) + suffix
            for job, depth in zip(jobs, depths, strict=True)
        ]
        count = Counter(map(folded, names))
        unclear = [
            i
            for i, name in enumerate(names)
            if count[folded(name)] > 1 or whose.get(folded(name)) not in (None, owner(jobs[i], folder))
        ]
        free = [i for i in unclear if not jobs[i].output and depths[i] < deepest(jobs[i])]
        if not free:
            break
        for i in free:
            depths[i] += 1
    for i in unclear:
        if count[folded(names[i])] > 1:
            raise UsageError(f"Two jobs are to be painted as {names[i]}; give them different names.")
        if force:
            continue
        others = " after ".join(map(str, whose[folded(names[i])][:2]))
        raise UsageError(f"{names[i]} is the name of another picture there, {others}; choose another, or use --force.")
    return [replace(job, output=name) for job, name in zip(jobs, names, strict=True)]


def ended(name: str, suffix: str) -> str:
    return name if Path(name).suffix else name + suffix


def owner(job: Job, folder: Path) -> tuple[str, ...]:
    """Whose picture it is: the photo's and the paintings', whatever the settings."""
    return tuple(relative(path, folder) for path in (job.content, *(style.path for style in job.styles)))


def identity(job: Job, folder: Path) -> tuple[object, ...]:
    return owner(job, folder), job.styles, str(job.start), job.hand, repr(job.recipe), job.output


def relative(path: Path, folder: Path) -> str:
    """The way from the folder of the batch to a file: it stays true when both are moved."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of a Windows machine
        return path.as_posix()


def folded(name: str) -> str:
    """Equal for names that are one to some disk."""
    return unicodedata.normalize("NFC", name).casefold()


def deepest(job: Job) -> int:
    return 3 + max(len(path.parts) for path in job.files)


def name_of(job: Job, depth: int, folder: Path) -> str:
    """From plain to unmistakable: stems, own settings, suffixes, folder by folder; at last a number from it all."""
    knobs = [f"{knob}-{value}" for knob, value in job.turned.items()] if depth else []
    words = [labeled(path, depth) for path in (job.content, *(style.path for style in job.styles))]
    name = "".join(
        letter if letter not in '/\\:*?"<>|' and letter.isprintable() else "-" for letter in "_".join([*words, *knobs])
    )
    if depth < deepest(job) and len(name.encode("utf-8", "replace")) <= LONGEST:
        return name
    digest = hashlib.sha256(repr(identity(job, folder)).encode("utf-8", "replace")).hexdigest()[:8]
    while len(name.encode("utf-8", "replace")) > LONGEST:
        name = name[:-1]
    return f"{name}-{digest}"


def labeled(path: Path, depth: int) -> str:
    if depth < 2:
        return path.stem
    above = path.parent.parts[1:][::-1][: depth - 2][::-1]
    return "-".join((*above, path.name.replace(".", "-")))
