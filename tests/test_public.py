"""The names that `import impasto` gives mean the same, whatever was imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = "import impasto; assert callable(impasto.{0}), 'first'; assert callable(impasto.{0}), 'again'"


@pytest.mark.parametrize("first", ["", "import impasto.paint, impasto.stylize; ", "from impasto import paint; "])
def test_functions_are_not_hidden_by_their_modules(first: str) -> None:
    code = first + "; ".join(LOOK.format(name) for name in ("stylize", "paint", "read", "open_network", "Recipe"))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_modules_can_still_be_imported_by_name() -> None:
    code = "from impasto.paint import paint; import impasto; assert impasto.paint is paint"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
