"""What the C library does with memory that is freed: keep it, or give it back.

All this is for the whole process, so a program decides it, not the library. Elsewhere than with glibc nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # of malloc.h


def keep_what_is_freed() -> None:
    """Have the C library (glibc) keep freed memory for what comes next; by default it returns much of it.

    To get it back means thousands of page faults in every step: a picture of 1024 pixels takes half as long again.
    """
    _mallopt({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: 2**31 - 1})


def give_back_at_once() -> None:
    """Have the C library return what is freed, but for small pieces: slower, but little more is held than is in use."""
    _mallopt({M_MMAP_MAX: 2**16, M_MMAP_THRESHOLD: 2**21, M_TRIM_THRESHOLD: 2**25})


def as_planned(event: object) -> None:
    """What a program does with every event of its runs: the plan says whether there is room to keep what is freed."""
    forecast = getattr(event, "forecast", None)  # events are above us: only `Planned` has one
    if forecast is not None:
        (keep_what_is_freed if forecast.keeps else give_back_at_once)()


def give_back_now() -> None:
    """Have the C library return what is free at this moment, whatever it does with what is freed later."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _mallopt(options: dict[int, int]) -> None:
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library, with other habits
        for option, value in options.items():
            ctypes.CDLL(None).mallopt(option, value)
