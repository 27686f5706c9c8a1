"""How long waiting threads stay awake: where others are at work, not long."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from impasto import cli
from impasto.cli import ASLEEP, AWAKE, alone, running, yield_the_processor

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.fixture
def busy() -> Iterator[None]:
    """A program that never waits."""
    line = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
        other.kill()


def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for somebody who has set nothing; whatever is set later is taken back."""
    for name in NAMES:
        monkeypatch.setenv(name, "to be taken back")
        monkeypatch.delenv(name)


@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="only Linux tells who runs")
@pytest.mark.usefixtures("busy")
def test_who_never_waits_is_always_seen() -> None:
    assert all(running() >= 2 for _ in range(20))
    assert not any(alone() for _ in range(20))


@pytest.mark.parametrize(
    ("seen", "is_alone"), [([1] * 9, True), ([1, 1, 2, 1, 1], False), ([3], False), ([0] * 9, False)]
)
def test_one_look_at_another_is_enough(monkeypatch: pytest.MonkeyPatch, seen: list[int], is_alone: bool) -> None:
    """A system that does not tell, where nothing is seen at all, may have others at work."""
    looks = iter(seen)
    monkeypatch.setattr(cli, "running", lambda: next(looks))
    assert alone() is is_alone


@pytest.mark.parametrize(("is_alone", "turns"), [(True, AWAKE), (False, ASLEEP)])
def test_threads_wait_longer_where_nobody_else_works(
    monkeypatch: pytest.MonkeyPatch, is_alone: bool, turns: str
) -> None:
    monkeypatch.setattr(cli, "alone", lambda: is_alone)
    unset(monkeypatch)
    yield_the_processor()
    assert os.environ["GOMP_SPINCOUNT"] == turns


@pytest.mark.parametrize("name", NAMES)
def test_what_a_person_has_set_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    unset(monkeypatch)
    monkeypatch.setenv(name, "77")
    yield_the_processor()
    assert {each: os.environ[each] for each in NAMES if each in os.environ} == {name: "77"}


@pytest.mark.parametrize("words", ["", "0.1 0.2", "0.1 0.2 0.3 none/80 7"])
def test_a_system_that_tells_something_else(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: words)
    assert running() == 0
