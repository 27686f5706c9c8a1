"""The tour: its commands run, its pictures are there and small, and each picture has the command that makes it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import here, opened

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "tour.md"
MOST, MOST_TOGETHER = 250_000, 1_500_000  # bytes


def commands() -> Iterator[list[str]]:
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield shlex.split(line)[1:]


def target(arguments: list[str]) -> Path:
    return Path(arguments[arguments.index("-o") + 1])


COMMANDS = list(commands())


def test_every_picture_has_its_command_and_is_there() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert [Path("docs", picture) for picture in shown] == [target(command) for command in COMMANDS]
    sizes = [(ROOT / "docs" / picture).stat().st_size for picture in shown]
    assert max(sizes) <= MOST
    assert sum(sizes) <= MOST_TOGETHER
    assert {path.name for path in (ROOT / "docs" / "tour").iterdir()} == {Path(picture).name for picture in shown}


@pytest.mark.parametrize("arguments", COMMANDS, ids=[target(command).stem for command in COMMANDS])
def test_every_command_runs(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands there, but tiny."""
    monkeypatch.chdir(ROOT)
    looks = arguments[1] in ("features", "gram")
    small = () if looks else ("--steps", "2", "--first-level", "0")
    out = tmp_path / target(arguments).name
    ran = here(capsys, *arguments, "--size", "48", *small, "-o", out)
    assert ran.code == 0, ran.err
    assert out.suffix == ".svg" or opened(out).width > 100
