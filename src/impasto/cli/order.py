"""What a command line asks for, told apart and checked as far as that goes without torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto import presets
from impasto import recipe as recipes
from impasto.blank import Blank
from impasto.cli.options import Options
from impasto.errors import PictureError, RecipeError, UsageError, WeightsError
from impasto.filetype import check_file
from impasto.hand import NOTHING, Hand, StyleFile, expanded
from impasto.recipe import Recipe
from impasto.recipefile import read_toml
from impasto.whole import behind


@dataclass(frozen=True)
class Order:
    """Which pictures, which recipe."""

    content: Path | Blank
    styles: tuple[StyleFile, ...]
    recipe: Recipe
    start: Path | None = None
    hand: Hand = NOTHING

    @property
    def files(self) -> tuple[Path, ...]:
        """Every picture that is read."""
        of_styles = [file for style in self.styles for file in style.files]
        photo = [self.content] if isinstance(self.content, Path) else []
        return (*photo, *of_styles, *([self.start] if self.start else []), *self.hand.files)

    @property
    def stems(self) -> list[str]:
        """Names of what it is made of, to name what is made: photo and paintings, or paintings alone."""
        paintings = [style.path.stem for style in self.styles]
        return [self.content.stem, *paintings] if isinstance(self.content, Path) else [*paintings, "texture"]


STEMS = 4  # that a name is made of: systems take no names of any length
LOSSLESS = (".png", ".tif", ".tiff")


def merged(base: dict[str, Any], preset: str | None, file: Path | None, turned: dict[str, Any]) -> Recipe:
    """Settings in layers: `base` (those of a painted picture), a preset, a file, and on top the flags."""
    layers = {
        "the painted picture": base,
        f"the preset {preset}": presets.preset(preset or "default"),
        f"the recipe {file}": read_toml(file) if file else {},
        "the flags": turned,
    }
    return recipes.recipe(recipes.layered(layers))


def place(order: Order, asked: Path | None) -> Path:
    """A file that was asked for; CONTENT_STYLE.png in a folder that was, or else in `generated`."""
    if asked is not None and not os.path.isdir(expanded(asked)):  # noqa: PTH112 (never raises)
        return asked
    stems, more = order.stems[:STEMS], len(order.stems) - STEMS
    named = [*stems, f"{more}_more"] if more > 0 else stems
    return (asked or Path("generated")) / f"{'_'.join(named)}.png"


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
    if not any(style.weight for style in order.styles):
        raise RecipeError("There is no painting with a weight above zero.")
    for file in order.files:
        check_file(file)
    made = [file for file in (output, options.film) if file is not None]
    for file in made:
        check_target(file, order, options.force, "-o" if file is output else "--film")
    if options.checkpoint is not None and behind(options.checkpoint) in map(behind, (*made, *order.files)):
        raise UsageError(
            f"--checkpoint {options.checkpoint} is another file of this run, and is removed at its end; "
            "choose a name of its own."
        )


def check_weights(file: Path) -> None:
    if not file.is_file():
        raise WeightsError(f"There is no weights file {file.absolute()}.")


def check_target(target: Path, order: Order, force: bool, flag: str = "-o") -> None:
    """Never over an input, and over nothing without --force."""
    if not os.path.lexists(target):
        return
    for file in order.files:
        if target.exists() and target.samefile(file):
            raise PictureError(f"The output {target} is one of the inputs; choose another name with {flag}.")
    if not force and not target.is_dir():
        raise PictureError(f"{target.absolute()} exists already; choose another name with {flag}, or add --force.")
