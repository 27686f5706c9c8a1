"""What becomes of freed memory, seen from page faults: in processes of their own, as it cannot be undone."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import picture_file, process

PROGRAM = """
import resource, sys
from impasto import allocator
from impasto.events import Forecast, Planned

eval(sys.argv[1])


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


def faults(call: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, call], capture_output=True, text=True, check=True)
    return int(done.stdout)


PLANNED = "allocator.as_planned(Planned((), {{}}, Forecast(9, 9, 1, None, 99, 9.0, in_file=False, keeps={})))"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_what_is_kept_need_not_be_fetched_again() -> None:
    assert faults("allocator.keep_what_is_freed()") < 1000 < 50_000 < faults("allocator.give_back_at_once()")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_the_plan_says_which() -> None:
    assert faults(PLANNED.format(True)) < 1000 < 50_000 < faults(PLANNED.format(False))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_a_limit_that_just_fits_one_piece_is_kept(tmp_path: Path) -> None:
    """Without holes in the heap there is room: what is freed is given back."""
    photo, painting = (picture_file(tmp_path / f"{name}.png", 640, 480) for name in ("photo", "painting"))
    line = (photo, painting, "-o", tmp_path / "out.png", "--force", "--json", "--size", "640", "--first-level", "300")

    def needs(words: str) -> int:
        found = re.search(r"640 x 480: one piece, about (\d+) MB", words)
        assert found is not None
        return int(found[1])

    foreseen = needs(process(*line, "--steps", "1", "--steps-least", "1").err)
    ran = process(*line, "--steps", "9", "--steps-least", "7", "--memory", f"{foreseen}MB")
    assert needs(ran.err) < foreseen  # in the other way
    assert json.loads(ran.out)["peak_memory_bytes"] < foreseen * 1e6


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
