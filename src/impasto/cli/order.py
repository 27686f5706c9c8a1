"""What a command line asks for, told apart and checked as far as that goes without torch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import click

from impasto import recipe as recipes
from impasto.cli.sections import Flag
from impasto.errors import PictureError, RecipeError, UsageError
from impasto.filetype import open_file
from impasto.recipe import Recipe


@dataclass(frozen=True)
class Order:
    """Which pictures, which recipe."""

    content: Path
    styles: tuple[tuple[Path, float], ...]
    recipe: Recipe
    start: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every picture that is read."""
        return (self.content, *(path for path, _ in self.styles), *([self.start] if self.start else []))


@dataclass(frozen=True)
class Options:
    """What does not change the pixels: where the picture goes, what it is painted with, what is told."""

    output: Path | None = None
    force: bool = False
    depth: int = 8
    quality: int | None = None
    snapshots: int = 0
    film: Path | None = None
    device: str | None = None
    threads: int | None = None
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


FILE = click.Path(path_type=Path)


def machine_flags() -> list[Flag]:
    """Flags about the machine: the same wherever a network is opened."""
    return [
        Flag(["--device"], section="Machine", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps  [default: auto]"),
        Flag(["--threads"], section="Machine", type=click.IntRange(1, 4096), help="CPU threads  [default: all]"),
        Flag(["--weights"], section="Machine", type=FILE, help="a weights file of your own for vgg19 or vgg16"),
        Flag(["--offline"], section="Machine", is_flag=True, help="never download anything"),
    ]


def output_flags() -> list[Flag]:
    """Flags about the files that are written."""
    where = "the painted file  [default: generated/CONTENT_STYLE.png]"
    return [
        Flag(["-o", "--output"], section="Output", type=FILE, help=where),
        Flag(["--force"], section="Output", is_flag=True, help="overwrite files that exist already"),
        Flag(
            ["--depth"],
            section="Output",
            type=click.Choice([8, 16]),
            help="bits per color (16: png, tif)  [default: 8]",
        ),
        Flag(
            ["--quality"], section="Output", type=click.IntRange(1, 100), help="of jpg, webp (100: lossless) and avif"
        ),
        Flag(
            ["--snapshots"],
            section="Output",
            type=click.IntRange(1),
            metavar="K",
            help="keep the picture after every K steps, numbered, in a folder beside the output",
        ),
        Flag(["--film"], section="Output", type=FILE, help="a film of the run: .gif, or .mp4 with the extra [video]"),
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
    preset = click.Choice(list(recipes.PRESETS))
    return [
        Flag(["--preset"], section="Recipe", type=preset, help="the settings of a paper or of a classic program"),
        Flag(["--recipe"], section="Recipe", type=FILE, help="a TOML file of settings, laid over the preset"),
    ]


def merged(base: dict[str, Any], preset: str | None, file: Path | None, turned: dict[str, Any]) -> Recipe:
    """Settings in layers: `base`, a preset, a file, and on top the flags."""
    layers = [base, recipes.preset(preset or "default"), recipes.read_toml(file) if file else {}, turned]
    return recipes.recipe({name: value for layer in layers for name, value in layer.items()})


def painting(argument: str) -> tuple[Path, float]:
    """`file.jpg` or `file.jpg:0.7`. A file whose own name ends like that is taken as it is."""
    head, _, tail = argument.rpartition(":")
    if not head or Path(argument).exists():
        return Path(argument), 1.0
    try:
        weight = float(tail)
    except ValueError:  # a colon in a name, such as a Windows drive's
        return Path(argument), 1.0
    if not (math.isfinite(weight) and weight >= 0):
        raise RecipeError(f"The weight of {head} is {tail}, but must be zero or more.")
    return Path(head), weight


def default_output(content: Path, styles: Iterable[Path]) -> Path:
    """generated/CONTENT_STYLE.png, in the folder where the command runs."""
    return Path("generated", "_".join(path.stem for path in (content, *styles)) + ".png")


def check_order(order: Order, options: Options, output: Path) -> None:
    """What can be told from names and first looks, so that a slip costs no waiting."""
    if options.quiet and options.verbose:
        raise UsageError("Choose one of --quiet and --verbose.")
    if (order.recipe.start == "picture") != (order.start is not None):
        raise RecipeError("start = picture needs the picture: --start FILE.")
    if not any(weight for _, weight in order.styles):
        raise RecipeError("There is no painting with a weight above zero.")
    for file in order.files:
        with open_file(file.expanduser()):
            pass
    for made in (output, options.film):
        if made is not None:
            check_target(made.expanduser(), order, options.force)


def check_target(target: Path, order: Order, force: bool) -> None:
    """Never over an input, and over nothing without --force."""
    if not os.path.lexists(target):
        return
    for file in order.files:
        if target.exists() and target.samefile(file.expanduser()):
            raise PictureError(f"The output {target} is one of the inputs; choose another name with -o.")
    if not force and not target.is_dir():
        raise PictureError(f"{target.absolute()} exists already; choose another name with -o, or add --force.")
