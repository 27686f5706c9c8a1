"""Where the command is started without the streams that a terminal has, with a pipe, or from a folder that is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import opened, picture_file, tiny

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a shell")


def through_a_shell(line: str, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A line of shell, in which "$@" is the command."""
    command = ["sh", "-c", line, "sh", sys.executable, "-m", "impasto", *map(str, words)]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "IMPASTO_OFFLINE": "1"}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_picture_is_painted_where_nobody_listens(closed: str, weights_file: Path, tmp_path: Path) -> None:
    pictures = picture_file(tmp_path / "a.png", 40, 36), picture_file(tmp_path / "b.png", 36, 44, seed=1)
    ran = through_a_shell(f'"$@" {closed}', *pictures, "-o", "out.png", *tiny(weights_file), cwd=tmp_path)
    assert ran.returncode == 0
    assert "rror" not in ran.stdout + ran.stderr
    assert opened(tmp_path / "out.png").width == 48
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.png", "b.png", "out.png"]


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="needs a name for what is piped in")
def test_a_photo_that_is_piped_in(weights_file: Path, tmp_path: Path) -> None:
    photo, painting = picture_file(tmp_path / "a.png", 40, 36), picture_file(tmp_path / "b.png", 36, 44, seed=1)
    flags = tiny(weights_file)
    piped = through_a_shell('cat a.png | "$@" -o piped.png', "/dev/stdin", painting, *flags, cwd=tmp_path)
    named = through_a_shell('"$@" -o named.png', photo, painting, *flags, cwd=tmp_path)
    assert (piped.returncode, named.returncode) == (0, 0)
    assert opened(tmp_path / "piped.png").tobytes() == opened(tmp_path / "named.png").tobytes()
    twice = through_a_shell('cat a.png | "$@"', "/dev/stdin", "/dev/stdin", cwd=tmp_path)
    assert twice.returncode == 2
    assert "is empty" in twice.stderr


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            '"$@" 2>/dev/full', marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
        ),
        '{ "$@" 2>&1 >&3 | true; } 3>&1; echo done',
    ],
)
def test_a_picture_is_painted_though_nobody_listens_any_more(line: str, weights_file: Path, tmp_path: Path) -> None:
    """The disk with the log is full, or whoever read it is gone."""
    pictures = picture_file(tmp_path / "a.png", 40, 36), picture_file(tmp_path / "b.png", 36, 44, seed=1)
    ran = through_a_shell(line, *pictures, "-o", "out.png", *tiny(weights_file), cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(str(tmp_path / "out.png"))
    assert opened(tmp_path / "out.png").width == 48


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_what_is_told_finds_no_space(tmp_path: Path) -> None:
    ran = through_a_shell('"$@" >/dev/full', "doctor", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (1, "impasto: There is no space left to write what was to be told.\n")


def test_a_folder_that_was_removed(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    pictures = picture_file(tmp_path / "a.png", 40, 36), picture_file(tmp_path / "b.png", 36, 44, seed=1)
    ran = through_a_shell('cd gone && rmdir ../gone && exec "$@"', *pictures, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.endswith("impasto: The folder that you are in was removed; change to another one.\n")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_names_that_cannot_be_told(encoding: str, weights_file: Path, tmp_path: Path) -> None:
    """The picture is painted, and its name told as well as it can be."""
    photo, painting = tmp_path / os.fsdecode(b"\xff.png"), picture_file(tmp_path / "é 日本.png", 36, 44, seed=1)
    try:
        picture_file(tmp_path / "a.png", 40, 36).rename(photo)
    except OSError:
        pytest.skip("names of files are words here")
    line = f'PYTHONIOENCODING={encoding} "$@"'
    ran = through_a_shell(line, photo, painting, "-o", tmp_path / "ü.png", "-q", *tiny(weights_file), cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "ü.png").is_file()
