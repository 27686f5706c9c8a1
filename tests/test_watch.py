"""Files that come into a folder, and the command that paints them."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import here, opened, picture_file, started, tiny

from impasto.batch.watch import arrivals


def nothing(*_: object) -> None: ...


def stirred(folder: Path, *doings: Callable[[], object], tell: Callable[[str], None] = nothing) -> Iterator[list[str]]:
    """What arrives while one thing after the other is done to a folder, with a look in between; then the end."""
    steps = iter(doings)
    over: list[bool] = []

    def stop() -> bool:
        step = next(steps, None)
        if step is None:
            over.append(True)
        else:
            step()
        return bool(over)

    return ([file.name for file in files] for files in arrivals(folder, every=0.001, stop=stop, tell=tell))


def test_a_file_is_told_once_it_has_stopped_growing(tmp_path: Path) -> None:
    file = tmp_path / "a.png"

    def grow() -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    assert list(stirred(tmp_path, grow, grow, grow)) == []
    assert list(stirred(tmp_path, grow, grow, nothing, nothing, nothing)) == [["a.png"]]
    assert list(stirred(tmp_path, nothing, nothing, grow, nothing, nothing)) == [["a.png"], ["a.png"]]


def test_what_is_no_file_yet_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "empty.png").touch()
    (tmp_path / "inner").mkdir()
    assert list(stirred(tmp_path, nothing, nothing, nothing)) == []


def test_a_folder_may_go_and_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"x")

    def back() -> None:
        folder.mkdir()
        (folder / "b.png").write_bytes(b"y")

    def gone() -> None:
        shutil.rmtree(folder)

    said: list[str] = []
    told = list(stirred(folder, nothing, nothing, gone, nothing, back, nothing, nothing, gone, tell=said.append))
    assert list(itertools.chain(*told)) == ["a.png", "b.png"]
    assert len(said) == 2  # each time it went
    assert all("in cannot be read: No such file or directory" in words for words in said)


def until(condition: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_dropped_in_is_painted_until_ctrl_c(tmp_path: Path, painting: Path, weights_file: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    picture_file(folder / "first.png", 60, 40)
    usual: tuple[str | Path, ...] = ("--out", out, "--every", "0.05", *tiny(weights_file))
    running = started("watch", folder, "--style", painting, *usual)
    until((out / "first_painting.png").exists, running)
    whole = picture_file(tmp_path / "whole.png", 40, 60, seed=3).read_bytes()
    with (folder / "🎨 'slow'.JPG").open("wb") as slow:
        slow.write(whole[:1000])
        slow.flush()
        (folder / "notes.txt").write_text("no picture")
        time.sleep(0.03)
        slow.write(whole[1000:])
    until((out / "🎨 'slow'_painting.png").exists, running)
    before = (out / "first_painting.png").read_bytes()
    picture_file(folder / "first.png", 60, 40, seed=9)  # another photo under the same name
    until(lambda: (out / "first_painting.png").read_bytes() != before, running)
    running.send_signal(signal.SIGINT)
    told, err = running.communicate(timeout=30)
    assert running.returncode == 130
    names = ("first_painting.png", "🎨 'slow'_painting.png", "first_painting.png")
    assert told.splitlines() == [str(out / name) for name in names]
    assert "notes.txt" in err
    assert "3 painted" in err
    assert opened(out / "🎨 'slow'_painting.png").size == (32, 48)
    assert {path.name for path in out.iterdir()} == {
        *("first_painting.png", "🎨 'slow'_painting.png", "jobs.jsonl"),
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("nowhere --style painting.png", "no folder"), (".", "--style"), (". --style nowhere.png", "does not exist")],
)
def test_slips(
    tmp_path: Path,
    painting: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert painting.exists()
    ran = here(capsys, "watch", *arguments.split(), "--out", "out")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert words in ran.err
