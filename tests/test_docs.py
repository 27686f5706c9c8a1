"""The documentation: its Python runs, its commands are understood, its links lead somewhere, its tree is the tree."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import command
import pytest
from networks import one_thread as one_thread

import impasto
from impasto.cli import flags, order
from impasto.cli.commands import impasto as program
from impasto.events import Event, Finished

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
TINY = {"size": 80, "first_level": 0, "steps": 2}
NOT_RUN = "<!-- not run"  # on the line above a block: it is only compiled; the reason follows


def blocks(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """What stands above each block of a language, and the block."""
    pattern = rf"^([^\n]*)\n```{language}\n(.*?)^```"
    yield from re.findall(pattern, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def named(language: str) -> list[Any]:
    return [
        pytest.param(*block, id=f"{page.relative_to(ROOT)}-{i}")
        for page in PAGES
        for i, block in enumerate(blocks(page, language), 1)
    ]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all pictures that the documentation reads, where all that is painted is tiny."""
    for page in PAGES:
        for _, code in blocks(page, "python"):
            written = re.findall(r"write\(.*\"(\w+\.\w+)\"\)", code)
            for name in set(re.findall(r"\"(\w+\.(?:jpg|png))\"", code)) - set(written):
                command.picture_file(tmp_path / name, 96, 72, seed=len(name))
    monkeypatch.chdir(tmp_path)
    stylize, paint = impasto.stylize, impasto.paint

    def small(content: Any, styles: Any, recipe: Any, **options: Any) -> Iterator[Event]:  # noqa: ANN401 -- those of paint
        return paint(content, styles, recipe.changed(**TINY), **options)

    def quick(*pictures: Any, **options: Any) -> impasto.Picture:  # noqa: ANN401 -- those of stylize
        return stylize(*pictures, **{**options, **TINY})

    monkeypatch.setattr(impasto, "paint", small)
    monkeypatch.setattr(impasto, "stylize", quick)
    return tmp_path


@pytest.mark.parametrize(("above", "code"), named("python"))
def test_python_runs(above: str, code: str, desk: Path) -> None:
    compiled = compile(code, "example", "exec")
    if NOT_RUN not in above:
        exec(compiled, {"__name__": "__main__"})


def test_the_loss_of_ones_own_does_what_it_says(desk: Path) -> None:
    ((_, code),) = blocks(ROOT / "docs" / "own_loss.md", "python")
    known: dict[str, Any] = {}
    exec(compile(code, "own_loss.md", "exec"), known)
    losses: dict[str, float] = {}

    def keep(event: Event) -> None:
        if isinstance(event, Finished):
            losses.update(event.losses)

    painted = partial(impasto.stylize, "photo.jpg", "painting.jpg", on_event=keep)
    plain, calm = painted(), painted(extra_terms=[known["calm"]])
    assert "colorfulness" in losses

    def colorfulness(picture: impasto.Picture) -> float:
        return float((picture.rgb - picture.rgb.mean(1, keepdim=True)).square().mean())

    assert colorfulness(calm) < colorfulness(plain)


def spoken(text: str) -> Iterator[list[str]]:
    """The words of each command of ours in a block, up to a pipe or the next command."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.strip().removeprefix("$ "), comments=True)
        if words[:1] == ["impasto"]:
            end = next((i for i, word in enumerate(words) if re.fullmatch(r"[|;&<>]+|2>.*", word)), len(words))
            yield words[1:end]


def understood(words: Sequence[str]) -> None:
    """Parsed by the command that it is for, as the program would; its recipe is made."""
    if not words or words[0].startswith("-"):
        return
    found: click.Command = program
    rest = list(words) if words[0] in program.commands else ["paint", *words]
    while isinstance(found, click.Group) and rest:
        found, rest = found.commands[rest[0]], rest[1:]
    given = found.make_context(found.name, rest).params
    if {"preset", "recipe"} <= given.keys():
        order.merged({}, given["preset"], None, flags.recipe_values(given))


@pytest.mark.parametrize(("above", "text"), named("(?:sh|bash|console|shell)"))
def test_commands_are_understood(above: str, text: str, desk: Path) -> None:
    for words in spoken(text):
        try:
            understood(words)
        except (click.ClickException, impasto.ImpastoError) as error:
            raise AssertionError(f"impasto {shlex.join(words)}: {error}") from error


def test_make_has_the_targets_that_are_spoken_of() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
            assert "".join(target) in targets, f"{page.name}: make {''.join(target)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def tree(text: str) -> Iterator[str]:
    """The paths of a drawn tree: names, two spaces, words; what is indented lies in the folder above."""
    folders: list[tuple[int, str]] = []
    for line in filter(str.strip, text.splitlines()):
        indent = len(line) - len(line.lstrip())
        folders = [(depth, folder) for depth, folder in folders if depth < indent]
        within = folders[-1][1] if folders else ""
        for name in line.strip().partition("  ")[0].split(", "):
            if name.endswith("/"):
                folders.append((indent, within + name))
            else:
                yield within + name


def test_the_tree_of_the_readme_names_every_file() -> None:
    """The fenced block that begins with src/impasto/. A package's line stands for its __init__.py too."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"^```\w*\n(src/impasto/.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert block, "README.md has no tree"
    modules = [p for folder in ("src/impasto", "training") for p in (ROOT / folder).rglob("*.py")]
    files = {str(p.relative_to(ROOT)) for p in modules if p.name != "__init__.py"}
    told = set(tree(block[1]))
    assert not files - told, f"{sorted(files - told)} are left out; run: python tools/write_tree.py --write"
    assert all((ROOT / name).is_file() for name in told), sorted(told - files)
