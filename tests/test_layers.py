"""The architecture as a test: who may know whom, who may say what, how large things may get, what an import does."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import impasto

ROOT = Path(impasto.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# Imports go downwards only. A name stands for a module or for a package with all that is in it; "a/b" is a part.
FLOORS = (
    {"errors", "filetype", "allocator", "limits", "whole"},
    {"palette", "clashes", "forked", "hand", "layerwords", "lettering", "presets"},
    {"recipe", "recipefile", "blank", "device", "events", "footprint", "storage", "statefile", "share", "surroundings"},
    {"resample", "modes", "icc", "decode", "lossless", "files", "picture", "weights", "giant", "strips"},
    {"networks", "measures", "color", "tiles"},
    {
        *(
            "look",
            "bures",
            "objective",
            "seam",
            "broad",
            "canvas",
            "descent",
            "lbfgs",
            "cutter",
            "costs",
            "inputs",
            "plan",
            "coloring",
            "regions",
            "style",
            "scene",
            "detail",
            "dial",
            "likeness",
            "losses",
            "samples",
            "diagnosis",
            "optimizers",
            "panel",
            "findings",
            "own",
            "rehearsal",
            "commission",
        ),
        *("checkpoint", "diary"),
    },
    {"paint"},
    {"stylize", "hand_files", "texture", "explain", "batch", "judge", "film", "record", "sheet", "chart"},
    {"cli", "__main__"},
)
PICTURES = {
    "decode",
    "files",
    "icc",
    "lossless",
    "modes",
    "picture",
    "strips",
    "film",
    "lettering",
    "sheet",
}  # know Pillow; lettering for its font
FACES = ("cli", "__main__")
PUBLIC = [
    "Features", "ImpastoError", "Network", "Objective", "Painting", "Picture", "Recipe", "Term", "__version__",
    "open_network", "paint", "read", "stylize", "texture", "write",
]  # fmt: skip


def module(path: Path) -> str:
    """measures, networks.vgg, cli.flags; the package itself is empty."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, full names, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def floor(name: str) -> int | None:
    first = name.partition(".")[0]
    return next((i for i, floor in enumerate(FLOORS) if first in floor), None)


INNER = [path for path in FILES if module(path)]


@pytest.mark.parametrize("path", INNER, ids=module)
def test_imports_go_downwards(path: Path) -> None:
    here = floor(module(path))
    assert here is not None, f"{module(path)} has no floor yet: give it one in this test"
    package = module(path).partition(".")[0]
    for name in imports(path):
        first = name.removeprefix("impasto.").partition(".")[0]
        if not name.startswith("impasto.") or first == package or first == "__version__":
            continue
        there = floor(first)
        assert there is not None, f"{module(path)} imports {name}, which has no floor"
        assert there <= here, f"{module(path)} imports {name}, which lies above it"


def test_there_are_no_circles() -> None:
    modules = {module(path) for path in INNER}
    knows = {
        module(path): {
            next(m for m in (inner, inner.rpartition(".")[0]) if m in modules)
            for inner in (name.removeprefix("impasto.") for name in imports(path) if name.startswith("impasto."))
            if inner in modules or inner.rpartition(".")[0] in modules
        }
        - {module(path)}
        for path in INNER
        if not module(path).startswith(FACES)
    }
    while leaves := [name for name, known in knows.items() if not known & knows.keys()]:
        for name in leaves:
            del knows[name]
    assert not knows, f"these know each other in a circle, or one that does: {sorted(knows)}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_only_the_modules_of_pictures_know_pillow(path: Path) -> None:
    faces = module(path).startswith(FACES)
    known = {name.partition(".")[0] for name in imports(path)}
    assert "PIL" not in known or module(path).partition(".")[0] in PICTURES or faces


@pytest.mark.parametrize("path", FILES, ids=module)
def test_accelerators_are_named_in_one_file(path: Path) -> None:
    if module(path) == "device" or module(path).startswith(FACES):
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.replace(":", " ").split()
            assert not {"cuda", "mps"} & set(words) or len(words) > 3, f"{path.name}:{node.lineno} names an accelerator"
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("cuda", "mps"), f"{path.name}:{node.lineno} uses torch.{node.attr}"


def test_nobody_moves_a_tensor_by_name() -> None:
    for path in FILES:
        assert ".cuda(" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("path", FILES, ids=module)
def test_only_the_faces_print_and_exit(path: Path) -> None:
    if module(path).startswith(FACES):
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            assert node.id not in ("print", "exit", "quit", "input", "breakpoint", "SystemExit"), path.name
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("exit", "_exit", "basicConfig", "filterwarnings", "stdout"), path.name
            assert node.attr not in ("manual_seed_all", "set_num_threads", "set_default_dtype"), path.name


@pytest.mark.parametrize("path", FILES, ids=module)
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{node.name} in {path.name} has {length} lines"


def test_functions_are_mostly_short() -> None:
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 9
    assert lengths[9 * len(lengths) // 10] <= 30


def test_every_file_says_what_it_is_for() -> None:
    for path in FILES:
        assert ast.get_docstring(tree(path)), f"{module(path)} has no docstring"


def test_the_public_names_are_these() -> None:
    assert sorted(impasto.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(impasto, name) is not None
    assert set(impasto.__all__) <= set(dir(impasto))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        impasto.nothing  # noqa: B018 -- the look is the test


SILENT = """
import json, logging, os, random, sys, threading, warnings
def world():
    return [repr(random.getstate()), repr(warnings.filters), repr(logging.root.handlers), logging.root.level,
            threading.active_count(), sorted(os.environ), os.getcwd(), sorted(os.listdir("."))]
before = world()
import {name}
heavy = sorted({{"torch", "numpy", "PIL", "h5py", "pydantic", "click", "rich"}} & set(sys.modules))
json.dump([before == world(), heavy], sys.stdout)
"""


def imported(name: str, folder: Path) -> tuple[bool, list[str]]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SILENT.format(name=name)],
        cwd=folder, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    unchanged, heavy = json.loads(done.stdout)
    return unchanged, heavy


def test_importing_the_package_changes_nothing_and_loads_nothing(tmp_path: Path) -> None:
    assert imported("impasto", tmp_path) == (True, [])


def test_importing_the_library_changes_nothing(tmp_path: Path) -> None:
    """Torch is there by then, and brings what it brings; the world is looked at around our own import."""
    names = ", ".join(f"impasto.{module(path)}" for path in INNER if not module(path).startswith(FACES))
    others = "h5py, numpy, PIL.Image, PIL.ImageCms, pydantic, safetensors.torch, torch"
    first = f"{others}\nbefore = world()\nimport "
    assert imported(first + names, tmp_path)[0]
