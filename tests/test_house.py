"""The house: what is written down about the knobs is what the recipe says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from impasto.cli.again import again
from impasto.cli.paint import paint
from impasto.presets import PRESETS
from impasto.recipe import FIELDS, described

ROOT = Path(__file__).parent.parent
KNOBS = ROOT / "docs" / "knobs.md"


def test_the_page_of_the_knobs_is_current(tmp_path: Path) -> None:
    """As its script would write it now."""
    page = tmp_path / "knobs.md"
    subprocess.run([sys.executable, ROOT / "tools" / "write_knobs.py", page], check=True, timeout=60)
    assert page.read_text("utf-8") == KNOBS.read_text("utf-8"), "run: python tools/write_knobs.py"


def test_every_knob_is_on_the_page_with_its_words() -> None:
    page = KNOBS.read_text("utf-8").replace("\\|", "|")
    for name, about in described().items():
        assert re.search(rf"^\| `--{name.replace('_', '-')}[ `]", page, re.MULTILINE), name
        assert str(about.description) in page, name
    for name in PRESETS.keys() - {"default"}:
        assert f"\n### {name}\n" in page


@pytest.mark.parametrize("command", [paint, again], ids=lambda command: str(command.name))
def test_every_knob_is_in_the_help_with_its_words(command: click.Command) -> None:
    told = " ".join(command.get_help(click.Context(command, info_name=command.name, max_content_width=10_000)).split())
    for name, about in described().items():
        assert re.search(rf"(^| )--{name.replace('_', '-')} ", told), name
        assert " ".join(str(about.description).split()) in told, name


def test_no_two_flags_have_one_name() -> None:
    names = [name for option in paint.params for name in (*option.opts, *option.secondary_opts)]
    assert len(names) == len(set(names))
    assert set(FIELDS) <= {option.name for option in paint.params}


def test_the_house_has_what_a_visitor_looks_for() -> None:
    for name in (
        "README.md",
        "LICENSE",
        "THIRD_PARTY.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "CITATION.cff",
        ".ci/run",
    ):
        assert (ROOT / name).stat().st_size > 100, name
