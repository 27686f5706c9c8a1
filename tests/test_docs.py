"""The documentation builds as a site without a warning, and needs nothing from another host to be read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FETCHED = re.compile(r"""(?:<script[^>]+src|<link[^>]+href|<img[^>]+src)=["']?(https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the documentation is built with the extra [dev]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_there_and_linked(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {path.stem for path in site.glob("*.html")} == pages | {"404"}
    start = (site / "index.html").read_text(encoding="utf-8")
    lost = [page for page in sorted(pages - {"index"}) if f'href="{page}.html' not in start]
    assert not lost, f"name these in mkdocs.yml or docs/index.md: {lost}"


def test_the_reference_knows_the_public_names(site: Path) -> None:
    import impasto

    reference = (site / "reference.html").read_text(encoding="utf-8")
    for name in set(impasto.__all__) - {"__version__", "Features"}:
        assert f".{name}" in reference, name


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        assert not FETCHED.search(page.read_text(encoding="utf-8")), page.name
