"""Paint the pictures of docs/tour.md again, by the commands that stand in it: python docs/make_tour.py [NAME...].

Where names are given (content, style, ...), only the pictures of these names are painted.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from impasto.cli import main

PAGE = Path(__file__).parent / "tour.md"


def commands(page: str) -> Iterator[list[str]]:
    """The arguments of every `impasto` in a shell block."""
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            name, *arguments = shlex.split(line)
            assert name == "impasto", line
            yield arguments


def paint(names: list[str]) -> int:
    """The first exit code that is not zero."""
    os.chdir(PAGE.parent.parent)
    for arguments in commands(PAGE.read_text(encoding="utf-8")):
        output = Path(arguments[arguments.index("-o") + 1])
        if names and output.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            cells = (
                ["--cells", folder] if arguments[1] in ("content", "style", "figure") or arguments[0] == "sweep" else []
            )
            code = main([*arguments, "--force", "--quiet", *cells])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(paint(sys.argv[1:]))
