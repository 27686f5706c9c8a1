"""The notebook runs top to bottom, shows a picture in each chapter, and stores nothing."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tour.ipynb"


def cells() -> list[dict[str, Any]]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return list(notebook["cells"])


def shown(source: str, names: dict[str, Any]) -> Any:  # noqa: ANN401 -- whatever the cell ends with
    """Run a cell; the value of its last line, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "notebook", "exec"), names)
    return eval(compile(ast.Expression(last.value), "notebook", "eval"), names) if isinstance(last, ast.Expr) else None


@pytest.mark.parametrize("with_examples", [True, False])
def test_it_runs_top_to_bottom(with_examples: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NOTEBOOK.parent if with_examples else tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    pictures = 0
    for cell in cells():
        if cell["cell_type"] == "code":
            source = "".join(cell["source"]).replace("SIZE, STEPS = 96, 40", "SIZE, STEPS = 48, 2")
            value = shown(source, names)
            pictures += isinstance(value, Image.Image)
    assert pictures == 6
    assert names["SIZE"] == 48


def test_nothing_is_stored_in_it() -> None:
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells()}) == len(cells())
