"""Print the tree of the code with a clause for each file, its docstring's first; `--write` puts it into the README.

python tools/write_tree.py --write
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(?<=```text\n)src/impasto/\n.*?(?=```)", re.DOTALL)


def clause(path: Path) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    words = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    return words.partition(":  ")[0].rstrip(". ")


def lines(folder: Path, depth: int = 0) -> Iterator[str]:
    """One line a file; folders after files."""
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{'  ' * depth}  {path.name:<{22 - 2 * depth}} {clause(path)}"
    for inner in sorted(p for p in folder.iterdir() if (p / "__init__.py").is_file()):
        yield f"{'  ' * depth}  {inner.name + '/':<{22 - 2 * depth}} {clause(inner / '__init__.py')}"
        yield from lines(inner, depth + 1)


def tree() -> str:
    parts = ["src/impasto/", *lines(ROOT / "src/impasto"), "training/", *lines(ROOT / "training")]
    return "\n".join(parts) + "\n"


def main() -> None:
    if "--write" in sys.argv[1:]:
        readme = ROOT / "README.md"
        text, count = BLOCK.subn(lambda _: tree(), readme.read_text(encoding="utf-8"))
        if count != 1:
            sys.exit("README.md has no block that begins with src/impasto/.")
        readme.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(tree())


if __name__ == "__main__":
    main()
