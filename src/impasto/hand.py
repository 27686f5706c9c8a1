"""The artist's hand in words: how a painting is used, and which masks lie where. Files are named here, not opened."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from impasto.errors import PictureError, RecipeError, UsageError
from impasto.limits import SCALES

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif")

Reads = Literal["all", "coarse", "fine"]  # of a painting's layers
LAYERS: tuple[Literal["coarse", "fine"], ...] = ("coarse", "fine")


@dataclass(frozen=True)
class StyleFile:
    """A painting to be read."""

    path: Path
    weight: float = 1.0
    scale: float = 1.0
    layers: Reads = "all"
    part: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The painting, and the mask on it."""
        return (self.path,) if self.part is None else (self.path, self.part)


@dataclass(frozen=True)
class RegionFile:
    """A mask and the painting for it, to be read."""

    mask: Path
    style: StyleFile
    strength: float = 1.0


@dataclass(frozen=True)
class Hand:
    """The files that say where to paint what."""

    regions: tuple[RegionFile, ...] = ()
    labels: tuple[Path, Path] | None = None  # of the photo, of the painting
    strength_map: Path | None = None
    protect: Path | None = None

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """From the values of a command's flags."""
        regions = tuple(region(each) for each in given["region"])
        maps = None if given["labels"] is None else pair(given["labels"], "--labels")
        return cls(regions, maps, given["strength_map"], given["protect"])

    def over(self, lower: Self) -> Self:
        """Both; what is given here takes the place of its kind."""
        return replace(lower, **{name: given for name, given in vars(self).items() if given})

    @property
    def files(self) -> tuple[Path, ...]:
        """Every picture that is read."""
        paintings = [file for each in self.regions for file in (each.mask, *each.style.files)]
        return (*paintings, *(self.labels or ()), *(file for file in (self.strength_map, self.protect) if file))


NOTHING = Hand()


def paintings(arguments: tuple[str, ...], given: dict[str, Any]) -> tuple[StyleFile, ...]:
    """Every painting for the whole picture, in the order of the command line."""
    found = [each for argument in arguments for each in opened(argument)]
    found = [*parted(found, given["part"]), *layered(given)]
    if not found:
        raise UsageError("There is no STYLE: name one or more paintings, or give them with --coarse and --fine.")
    return tuple(found)


def layered(given: dict[str, Any]) -> Iterator[StyleFile]:
    """The paintings for the large forms, and those for the fine strokes."""
    for layers in LAYERS:
        every = [each for argument in given[layers] for each in opened(argument)]
        yield from (replace(each, layers=layers) for each in every)


def parted(styles: Sequence[StyleFile], parts: Sequence[str]) -> tuple[StyleFile, ...]:
    """The paintings, each with the part of it that is used, if any are given."""
    if not parts:
        return tuple(styles)
    if len(parts) != len(styles):
        raise UsageError(f"There are {len(parts)} --part for {len(styles)} paintings; give one for each.")
    return tuple(replace(style, part=expanded(part)) for style, part in zip(styles, parts, strict=True))


def opened(argument: str) -> Iterator[StyleFile]:
    """One painting, or those in a folder, which share its weight."""
    style = painting(argument)
    if not style.path.is_dir():
        yield style
        return
    files = sorted(
        file
        for file in style.path.iterdir()
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
    )
    if not files:
        raise PictureError(f"{style.path.absolute()} is a folder without a picture in it; name another, or a file.")
    for file in files:
        yield StyleFile(file, style.weight / len(files), style.scale)


def painting(argument: str) -> StyleFile:
    """`file.jpg`, `file.jpg:0.7`, `file.jpg@2` or `file.jpg:0.7@2`: a weight, and a scale of the strokes.

    A file whose own name ends like that is taken as it is. Weight and scale may change places.
    """
    if (swapped := re.fullmatch(r"(.+)(@[0-9.]+)(:[0-9.]+)", argument, re.DOTALL)) and not expanded(argument).exists():
        argument = swapped[1] + swapped[3] + swapped[2]
    scaled = re.fullmatch(r"(.+)@([0-9.]+)", argument, re.DOTALL)
    if scaled is None or expanded(argument).exists():
        return StyleFile(*weighted(argument))
    scale = number(scaled[2])
    low, high = SCALES
    if scale is None or not low <= scale <= high:
        raise RecipeError(f"The scale of {scaled[1]} is {scaled[2]}, but must be a number from {low:g} to {high:g}.")
    return StyleFile(*weighted(scaled[1]), scale)


def weighted(argument: str) -> tuple[Path, float]:
    """`file.jpg` or `file.jpg:0.7`."""
    head, _, tail = argument.rpartition(":")
    weight = number(tail)
    if not head or expanded(argument).exists() or weight is None:  # a colon in a name, such as a Windows drive's
        return expanded(argument), 1.0
    if not (math.isfinite(weight) and weight >= 0):
        raise RecipeError(f"The weight of {head} is {tail}, but must be zero or more.")
    return expanded(head), weight


def region(argument: str) -> RegionFile:
    """`mask.png=style.jpg` or `mask.png=style.jpg:0.5`: here the number is the strength."""
    mask, style = pair(argument, "--region")
    found = painting(str(style))
    if not 0 <= found.weight <= 1:
        raise RecipeError(f"The strength of the region {mask} is {found.weight:g}, but must lie between 0 and 1.")
    return RegionFile(mask, StyleFile(found.path, 1.0, found.scale), found.weight)


def pair(argument: str, flag: str) -> tuple[Path, Path]:
    """Two files with an equals sign between them; names may hold others."""
    cuts = [i for i, letter in enumerate(argument) if letter == "="]
    if not cuts:
        raise UsageError(f"{flag} {argument!r} lacks its second file, as in {flag} one.png=other.jpg.")
    cut = next((i for i in cuts if expanded(argument[:i]).exists()), cuts[0])
    if not argument[:cut] or not argument[cut + 1 :]:
        raise UsageError(f"{flag} {argument!r} names one file only; it takes two, as in {flag} one.png=other.jpg.")
    return expanded(argument[:cut]), expanded(argument[cut + 1 :])


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def expanded(path: str | os.PathLike[str]) -> Path:
    """With `~` in it expanded where there is such a person. Nothing at all would be the folder where one is."""
    if not os.fspath(path):
        raise UsageError("The name of a file is empty; is it that of a variable that was not set?")
    return Path(os.path.expanduser(path))  # noqa: PTH111 -- Path.expanduser raises for a user it does not know
