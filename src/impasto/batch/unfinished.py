"""The state of a picture that is not finished, kept in a file beside its place: the next batch goes on from there."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

from impasto.checkpoint import Checkpoint
from impasto.errors import CheckpointError


def file_of(target: Path) -> Path:
    """photo_painting.png.checkpoint, beside photo_painting.png."""
    return target.with_name(f"{target.name}.checkpoint")


def kept(target: Path, every: float | None) -> Checkpoint | None:
    """The checkpoint of a run, if one is wanted. What is of another run, or damaged, makes room for this one."""
    if every is None:
        return None
    if not target.parent.is_dir():
        raise CheckpointError(
            f"The machine that paints has no folder {target.parent} to keep the state in; leave out --checkpoint-every."
        )
    return Checkpoint(file_of(target), every=every, about={"threads": torch.get_num_threads()}, anew=True)


def remark(checkpoint: Checkpoint) -> str:
    """What is to be said of a run that goes on from here."""
    then, now = checkpoint.before.get("threads"), torch.get_num_threads()
    words = "Taken up where an interrupted run stood"
    return f"{words}." if then == now else f"{words}; that was painted by {then} threads, and now there are {now}."


def forget(target: Path) -> None:
    """The picture is in its place."""
    with contextlib.suppress(OSError):
        file_of(target).unlink()
