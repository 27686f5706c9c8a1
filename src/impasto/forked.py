"""A process that was forked from one whose threads had worked: they are gone there, and GNU's OpenMP waits for them.

Forever, and without a word, wherever the first larger tensor is touched. So it is said before.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import torch

from impasto.errors import DeviceError

_worked: list[int] = []  # the process in which several threads were at work; what is forked from it inherits this


def look_out() -> None:
    """Refuse to work with threads that were left behind; others are at work from now on."""
    if torch.get_num_threads() == 1:
        return
    here = os.getpid()
    if _worked and _worked[0] != here and _waits():
        raise DeviceError(
            "This process was forked from one that had computed with several threads, and would wait for them forever; "
            "call torch.set_num_threads(1) in it first, as initializer of a pool, or start it by spawn."
        )
    _worked[:] = [here]


@cache
def _waits() -> bool:
    """Whether the threads are GNU's: those of other libraries are made anew."""
    maps = Path("/proc/self/maps")
    loaded = maps.read_text(encoding="utf-8", errors="replace") if maps.exists() else ""
    return "libgomp" in loaded and "libiomp" not in loaded and "libomp" not in loaded
