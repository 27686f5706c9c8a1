"""What becomes of freed memory, seen from page faults: in processes of their own, as it cannot be undone."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from impasto import allocator

getattr(allocator, sys.argv[1])()


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


kept = bytearray(50_000_000)  # the heap now has holes and a top
del kept
before = faults()
for _ in range(5):
    for size in (40_000_000, 3_000_000):
        del (again := bytearray(size))[:]
        del again
print(faults() - before)
"""


def faults(function: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, function], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_what_is_kept_need_not_be_fetched_again() -> None:
    assert faults("keep_what_is_freed") < 1000 < 50_000 < faults("give_back_at_once")


HELD = """
from impasto import allocator
from impasto.device import held_memory
import torch

allocator.keep_what_is_freed()
pieces = [bytearray(1_000_000) for _ in range(200)]
last = bytearray(1_000_000)
del pieces
before = held_memory(torch.device("cpu"))
allocator.give_back_now()
print(before - held_memory(torch.device("cpu")))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_what_is_free_can_be_given_back_at_any_moment() -> None:
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 150_000_000
