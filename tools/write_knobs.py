"""Write docs/knobs.md from the fields of `Recipe`: python tools/write_knobs.py [FILE]"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

import click
import tomli_w

from impasto.cli import flags
from impasto.cli.sections import Flag
from impasto.presets import PRESETS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "knobs.md"
HEAD = """# The knobs

*Written by `tools/write_knobs.py` from `src/impasto/recipe.py`; do not edit it here.*

Every knob that changes the pixels. On the command line a knob is a flag, `--style-scale 2`; in Python it is an argument
of `impasto.stylize` or a field of `impasto.Recipe`, `style_scale=2.0`; in a recipe file a line of TOML,
`style_scale = 2.0`. A knob has an effect or is refused.

`impasto recipe [FLAGS] > mine.toml` writes a recipe file, `--recipe mine.toml` uses it. Settings are laid over each
other: defaults, the preset, the file, the flags. What a lower layer set is left out where a higher one robs it of its
effect: `--preset neural-style --optimizer adam` has no use for the preset's history of L-BFGS.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for section, group in groupby(flags.knobs(), key=lambda flag: flag.section):
        parts.append(f"\n## {section}\n\n| flag | values | meaning |\n| --- | --- | --- |\n")
        parts += [row(flag) for flag in group]
    return "".join([*parts, presets()])


def row(flag: Flag) -> str:
    """One line of a table: what the flag's help says, the default in a column of its own."""
    context = click.Context(click.Command("impasto"))
    words, _, range_ = (flag.help or "").partition("  [")
    values = flag.make_metavar(context).strip("[]")
    names = " / ".join((*flag.opts[-1:], *flag.secondary_opts))
    cells = (f"`{names}`", code(values), f"{words} [{range_}" if range_ else words)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def code(values: str) -> str:
    """Choices as code, kinds of values as words."""
    kinds = {"NUMBER": "a number", "BOOLEAN": "yes or no", "TEXT": "a text"}
    return kinds.get(values) or ", ".join(f"`{value}`" for value in values.split("|"))


def presets() -> str:
    """What each preset turns, and nothing else."""
    parts = ["\n## Presets\n\nWhat `--preset NAME` sets; everything else is at its default.\n"]
    for name, turned in PRESETS.items():
        if turned:
            parts.append(f"\n### {name}\n\n```toml\n{tomli_w.dumps(turned)}```\n")
    return "".join(parts)


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), encoding="utf-8")
