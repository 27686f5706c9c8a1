"""What a command line asks for, told apart and checked as far as that goes without torch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto import recipe as recipes
from impasto.cli.options import Options, expanded
from impasto.errors import PictureError, RecipeError, UsageError, WeightsError
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


LOSSLESS = (".png", ".tif", ".tiff")


def merged(base: dict[str, Any], preset: str | None, file: Path | None, turned: dict[str, Any]) -> Recipe:
    """Settings in layers: `base`, a preset, a file, and on top the flags."""
    layers = [base, recipes.preset(preset or "default"), recipes.read_toml(file) if file else {}, turned]
    return recipes.recipe({name: value for layer in layers for name, value in layer.items()})


def painting(argument: str) -> tuple[Path, float]:
    """`file.jpg` or `file.jpg:0.7`. A file whose own name ends like that is taken as it is."""
    head, _, tail = argument.rpartition(":")
    if not head or expanded(argument).exists():
        return expanded(argument), 1.0
    try:
        weight = float(tail)
    except ValueError:  # a colon in a name, such as a Windows drive's
        return expanded(argument), 1.0
    if not (math.isfinite(weight) and weight >= 0):
        raise RecipeError(f"The weight of {head} is {tail}, but must be zero or more.")
    return expanded(head), weight


def default_output(content: Path, styles: Iterable[Path]) -> Path:
    """generated/CONTENT_STYLE.png, in the folder where the command runs."""
    return Path("generated", "_".join(path.stem for path in (content, *styles)) + ".png")


def check_order(order: Order, options: Options, output: Path) -> None:
    """What can be told from names and first looks, so that a slip costs no waiting."""
    if options.quiet and options.verbose:
        raise UsageError("Choose one of --quiet and --verbose.")
    if options.quality is not None and output.suffix.lower() in LOSSLESS:
        raise UsageError(f"{output.name} is kept without loss, so --quality would change nothing.")
    if options.weights is not None:
        check_weights(options.weights)
    if (order.recipe.start == "picture") != (order.start is not None):
        raise RecipeError("start = picture needs the picture: --start FILE.")
    if not any(weight for _, weight in order.styles):
        raise RecipeError("There is no painting with a weight above zero.")
    for file in order.files:
        with open_file(file):
            pass
    for made in (output, options.film):
        if made is not None:
            check_target(made, order, options.force)


def check_weights(file: Path) -> None:
    if not file.is_file():
        raise WeightsError(f"There is no weights file {file.absolute()}.")


def check_target(target: Path, order: Order, force: bool) -> None:
    """Never over an input, and over nothing without --force."""
    if not os.path.lexists(target):
        return
    for file in order.files:
        if target.exists() and target.samefile(file):
            raise PictureError(f"The output {target} is one of the inputs; choose another name with -o.")
    if not force and not target.is_dir():
        raise PictureError(f"{target.absolute()} exists already; choose another name with -o, or add --force.")
