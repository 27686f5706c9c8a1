"""`--vary strength=0.2,0.5,0.8`: a knob of the recipe and the values that it takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from impasto.cli import flags
from impasto.errors import UsageError, near
from impasto.recipe import FIELDS

if TYPE_CHECKING:
    from impasto.explain.grids import Choice

MOST = 3  # columns, rows, sheets


class Axis(NamedTuple):
    """A knob, and its values: as they were written, and as the recipe takes them."""

    name: str
    texts: tuple[str, ...]
    values: tuple[Any, ...]


class AxisType(click.ParamType[Axis]):
    """Parses an axis with the type of the knob's own flag."""

    name = "KNOB=A,B,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Axis:  # noqa: ANN401 -- click's own
        if isinstance(value, Axis):
            return value
        name, equals, text = str(value).partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals or not text.strip():
            self.fail(f"{value!r} is no knob with values, as in strength=0.2,0.5,0.8.", param, ctx)
        if name not in FIELDS:
            self.fail(f"there is no knob {name!r}{near(name, FIELDS)}.", param, ctx)
        texts = tuple(part.strip() for part in text.split(","))
        values = tuple(knobs()[name].type.convert(part.replace("+", ","), param, ctx) for part in texts)
        if any(value in values[:i] for i, value in enumerate(values)):
            self.fail(f"{value!r} names a value twice.", param, ctx)
        return Axis(name, texts, values)


AXIS = AxisType()


@cache
def knobs() -> dict[str, click.Option]:
    """The flags of the recipe by name."""
    return {str(flag.name): flag for flag in flags.knobs()}


def first(axis: Axis) -> dict[str, Any]:
    """The knob at its first value, as a recipe has it."""
    return flags.recipe_values({axis.name: axis.values[0]})


def check_axes(vary: tuple[Axis, ...], turned: dict[str, Any]) -> None:
    """One to three different knobs, none of which is set by a flag as well."""
    names = [axis.name for axis in vary]
    if len(names) > MOST:
        raise UsageError(f"A sweep varies at most {MOST} knobs, and {len(names)} came: {', '.join(names)}.")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is varied twice; put all its values into one --vary.")
        if name in turned:
            raise UsageError(f"{name} is varied, so --{name.replace('_', '-')} would have no effect; leave it out.")


def starts(vary: tuple[Axis, ...]) -> tuple[Path, ...]:
    """Pictures among the values."""
    return tuple(value for axis in vary for value in axis.values if isinstance(value, Path))


def choices(axis: Axis) -> list[Choice]:
    """The values with names for a sheet; a picture to start from is read."""
    return [choice(axis.name, text, value) for text, value in zip(axis.texts, axis.values, strict=True)]


def choice(name: str, text: str, value: Any) -> Choice:  # noqa: ANN401 -- any knob's
    from impasto.explain.grids import Choice
    from impasto.picture import read

    title = name.replace("_", " ")
    if isinstance(value, Path):
        return Choice(f"{title} {value.name}", {name: "picture"}, read(value))
    return Choice(f"{title} {text}", {name: value})
