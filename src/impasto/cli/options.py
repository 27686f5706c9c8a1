"""What does not change the pixels: where files go, what paints them, what is told; and the flags for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import click

from impasto import presets
from impasto.cli.sections import Flag
from impasto.hand import expanded


@dataclass(frozen=True)
class Options:
    """What does not change the pixels: where the picture goes, what it is painted with, what is told."""

    output: Path | None = None
    force: bool = False
    depth: int = 8
    quality: int | None = None
    snapshots: int = 0
    film: Path | None = None
    checkpoint: Path | None = None
    checkpoint_every: float | None = None
    device: str | None = None
    threads: int | None = None
    memory: int | None = None
    weights: Path | None = None
    offline: bool = False
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @classmethod
    def taken_from(cls, flags: dict[str, Any]) -> Self:
        """The options among the values of a command's flags; what was not given has its default."""
        given = {field.name: flags[field.name] for field in fields(cls) if flags.get(field.name) is not None}
        return cls(**given)


class File(click.Path):
    """A path, with `~` in it expanded where there is such a person."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ANN401 -- click's own
        return expanded(os.fsdecode(value))


class Bytes(click.ParamType[int]):
    """An amount of memory: 8G, 500M, 1.5GiB."""

    name = "SIZE"
    units: Mapping[str, int] = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 -- click's own
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", str(value).strip().lower())
        if found is None or float(found[1]) == 0:
            self.fail(f"{value!r} is no amount of memory, as in 500M or 8G.", param, ctx)
        return int(float(found[1]) * self.units[found[2]])


FILE = File()


def machine_flags() -> list[Flag]:
    """Flags about the machine: the same wherever a network is opened."""
    return [
        Flag(["--device"], section="Machine", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps  [default: auto]"),
        Flag(["--threads"], section="Machine", type=click.IntRange(1, 4096), help="CPU threads  [default: all]"),
        Flag(
            ["--memory"], section="Machine", type=Bytes(), help="hold at most this, as in 8G  [default: what is free]"
        ),
        Flag(
            ["--weights"],
            section="Machine",
            metavar="FILE",
            type=FILE,
            help="a file of weights of your own for the network",
        ),
        Flag(["--offline"], section="Machine", is_flag=True, help="never download anything"),
    ]


def output_flags(default: str) -> list[Flag]:
    """Flags about the files that are written; `default` names the painted one."""
    where = f"the painted file, or a folder for it  [default: {default}]"
    return [
        Flag(["-o", "--output"], section="Output", metavar="FILE", type=FILE, help=where),
        Flag(["--force"], section="Output", is_flag=True, help="overwrite files that exist already"),
        Flag(
            ["--depth"],
            section="Output",
            type=click.Choice([8, 16]),
            metavar="8|16",
            help="bits per color (16: png, tif)  [default: 8]",
        ),
        Flag(
            ["--quality"],
            section="Output",
            type=click.IntRange(1, 100),
            help="of jpg, webp (100: lossless), avif, dzi: 1 to 100",
        ),
        Flag(
            ["--snapshots"],
            section="Output",
            type=click.IntRange(1),
            metavar="K",
            help="keep the picture after every K steps, numbered, in a folder beside the output",
        ),
        Flag(
            ["--film"],
            section="Output",
            metavar="FILE",
            type=FILE,
            help="a film of the run: .gif, or .mp4 with the extra [video]",
        ),
    ]


def talk_flags() -> list[Flag]:
    """Flags about what is told."""
    return [
        Flag(["--json"], section="Talk", is_flag=True, help="one JSON object on stdout in place of the path"),
        Flag(["-q", "--quiet"], section="Talk", is_flag=True, help="tell nothing but errors"),
        Flag(["-v", "--verbose"], section="Talk", is_flag=True, help="tell more"),
        Flag(["--debug"], section="Talk", is_flag=True, help="show where in the program an error arose"),
    ]


def recipe_flags() -> list[Flag]:
    """The layers under the knobs."""
    preset = click.Choice(list(presets.PRESETS))
    return [
        Flag(["--preset"], section="Recipe", type=preset, help="the settings of a paper or of a classic program"),
        Flag(
            ["--recipe"],
            section="Recipe",
            metavar="FILE",
            type=FILE,
            help="a TOML file of settings, laid over the preset",
        ),
    ]
