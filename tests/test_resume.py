"""`impasto resume`, as a person uses it: a run dies, and goes on to the same file."""

from __future__ import annotations

import os
import shlex
import signal
import time
from pathlib import Path

import pytest
from command import here, opened, picture_file, started

from impasto import statefile

Capture = pytest.CaptureFixture[str]

FLAGS = ("--network", "lite", "--size", "96", "--first-level", "0", "--steps", "12", "--threads", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture_file(tmp_path / "photo.png", 110, 90)
    picture_file(tmp_path / "painting.png", 80, 80, seed=1)
    return tmp_path


@pytest.mark.parametrize("kind", [("photo.png", "painting.png"), ("texture", "painting.png", "--tileable")])
def test_killed_and_resumed_it_is_the_same_picture(
    kind: tuple[str, ...], folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*kind, *FLAGS, "--snapshots", "3")
    monkeypatch.chdir(folder)
    assert here(capsys, *asked, "-o", "whole.png").code == 0
    dying = started(*asked, "-o", "part.png", "--checkpoint", "run", "--checkpoint-every", "0", cwd=folder)
    until(lambda: (folder / "run").exists())
    dying.kill()
    dying.communicate()
    assert not (folder / "part.png").exists()
    monkeypatch.chdir(folder.parent)
    ran = here(capsys, "resume", folder / "run")
    assert (ran.code, ran.out.strip()) == (0, str(folder / "part.png"))
    assert opened(folder / "part.png").tobytes() == opened(folder / "whole.png").tobytes()
    steps = [folder / f"{name}_steps" for name in ("whole", "part")]  # a run that goes on keeps the snapshots it has
    names, same = ({file.name for file in each.iterdir()} for each in steps)
    assert names == same
    assert len(names) > 1
    assert not (folder / "run").exists()
    assert Path.cwd() == folder.parent


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_a_run_that_was_stopped_says_how_it_goes_on(folder: Path, capsys: Capture) -> None:
    """By a command that can be copied, to the picture of a run that was not stopped."""
    asked = ("photo.png", "painting.png", *FLAGS)
    stopping = started(*asked, "-o", "part.png", "--checkpoint", "my run", "--checkpoint-every", "0", cwd=folder)
    until(lambda: (folder / "my run").exists())
    stopping.send_signal(signal.SIGINT)
    _, err = stopping.communicate(timeout=60)
    (line,) = (line for line in err.splitlines() if line.startswith("impasto resume"))
    assert line.endswith(" goes on from here.")
    words = shlex.split(line.removesuffix(" goes on from here."))
    assert here(capsys, *words[1:]).code == 0
    whole = folder / "whole.png"
    assert here(capsys, *(folder / name for name in asked[:2]), *FLAGS, "-o", whole).code == 0
    assert opened(folder / "part.png").tobytes() == opened(whole).tobytes()


def until(happened: object) -> None:
    """Wait for at most a minute."""
    assert callable(happened)
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_slips(folder: Path, capsys: Capture) -> None:
    asked = (folder / "photo.png", folder / "painting.png", *FLAGS, "-o", folder / "out.png")
    assert "goes with --checkpoint" in here(capsys, *asked, "--checkpoint-every", "3").err
    assert "no folder" in here(capsys, *asked, "--checkpoint", folder / "none" / "run").err
    assert "cannot be read" in here(capsys, "resume", folder / "none").err
    assert "is damaged" in here(capsys, "resume", folder / "photo.png").err
    statefile.write(folder / "run", {"about": {}})
    assert "which command" in here(capsys, "resume", folder / "run").err
    gone = {"arguments": ["paint"], "folder": str(folder / "gone"), "threads": 1}
    statefile.write(folder / "run", {"about": gone})
    ran = here(capsys, "resume", folder / "run")
    assert ran.code == 2
    assert "is gone" in ran.err
    assert not (folder / "out.png").exists()


def test_memory_that_is_too_small_names_what_fits(folder: Path, capsys: Capture) -> None:
    asked = (folder / "photo.png", folder / "painting.png", *FLAGS, "-o", folder / "out.png")
    ran = here(capsys, *asked, "--memory", "10M")
    assert ran.code == 2
    assert "no size would fit" in ran.err
    ran = here(capsys, *asked, "--memory", "100G")
    assert ran.code == 0
    assert "one piece, about" in ran.err
