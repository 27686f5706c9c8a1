"""Flags for the knobs of a recipe, made from its fields: names, words, groups, ranges and defaults are stated there."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from impasto.cli.sections import Flag
from impasto.errors import RecipeError, near
from impasto.hand import expanded
from impasto.layerwords import layers
from impasto.recipe import Layers, Recipe, described, hints


class Number(click.FloatRange):
    """A finite number in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 -- click's own
        if isinstance(value, str) and "," in value:
            self.fail(f"{value!r} has a comma; write numbers with a point, as in 0.7.", param, ctx)
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class LayerWeights(click.ParamType[Layers]):
    """As `layerwords` reads them."""

    name = "LAYER:WEIGHT,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Layers:  # noqa: ANN401 -- click's own
        try:
            return layers(str(value))
        except RecipeError as error:
            self.fail(str(error), param, ctx)


class StartFrom(click.ParamType[str | Path]):
    """One of the recipe's starts by name, or a picture's path."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = tuple(choice for choice in choices if choice != "picture")
        self.name = "|".join((*self.choices, "FILE"))

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Path:  # noqa: ANN401 -- click's own
        if value in self.choices:
            return str(value)
        if not expanded(value).exists():
            self.fail(f"{value!r} is none of {self.name}{near(value, self.choices)}, nor a file.", param, ctx)
        return expanded(value)


def knobs(*, defaults: bool = True) -> list[Flag]:
    """A flag for every field of `Recipe`, its default told or not; what is not given is None."""
    told = Recipe().as_dict() if defaults else {}
    return [_knob(name, hints()[name].__origin__, about, told.get(name)) for name, about in described().items()]


def recipe_values(flags: dict[str, Any]) -> dict[str, Any]:
    """The knobs among the values of a command's flags that were turned; a picture to start from becomes "picture"."""
    names = {field.name for field in dataclasses.fields(Recipe)}
    turned = {name: value for name, value in flags.items() if name in names and value is not None}
    if isinstance(turned.get("start"), Path):
        turned["start"] = "picture"
    return turned


def _knob(name: str, hint: Any, about: FieldInfo, default: Any) -> Flag:  # noqa: ANN401 -- any field's
    dashed = name.replace("_", "-")
    extra = about.json_schema_extra
    section = str(extra["group"]) if isinstance(extra, dict) else "Recipe"
    declaration = f"--{dashed}/--no-{dashed}" if hint is bool else f"--{dashed}"
    words = f"{about.description}{_shown(default, about)}"
    kind = click.BOOL if hint is bool else _kind(name, hint, about)
    return Flag([name, declaration], section=section, help=words, type=kind, default=None)


def _kind(name: str, hint: Any, about: FieldInfo) -> click.ParamType[Any]:  # noqa: ANN401 -- any field's
    if get_origin(hint) in (UnionType, Union):  # a literal or nothing is the latter
        hint = next(part for part in get_args(hint) if part is not type(None))
    if hint is str:
        return click.STRING
    if get_origin(hint) is dict:
        return LayerWeights()
    if get_origin(hint) is Literal:
        return StartFrom(get_args(hint)) if name == "start" else click.Choice(get_args(hint))
    bounds = _limits(about)
    limits: dict[str, Any] = {
        "min": bounds.get("ge", bounds.get("gt")),
        "max": bounds.get("le", bounds.get("lt")),
        "min_open": "gt" in bounds,
        "max_open": "lt" in bounds,
    }
    return click.IntRange(**limits) if hint is int else Number(**limits)


def _limits(about: FieldInfo) -> dict[str, float]:
    """ge, gt, le and lt as far as they are stated."""
    keys = "ge", "gt", "le", "lt"
    return {key: value for limit in about.metadata for key in keys if (value := getattr(limit, key, None)) is not None}


def _shown(default: Any, about: FieldInfo) -> str:  # noqa: ANN401 -- any field's
    """The default and the range, for people."""
    bounds = _limits(about)
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    parts = [] if default is None else [f"default: {_text(default)}"]
    if low is not None and high is not None and high <= 1e6:
        words = ("above ", low, "gt"), ("below ", high, "lt")
        parts.append(" to ".join(f"{open_ if key in bounds else ''}{end:.7g}" for open_, end, key in words))
    elif low is not None:
        parts.append(f"{'above' if 'gt' in bounds else 'at least'} {low:g}")
    return f"  [{'; '.join(parts)}]" if parts else ""


def _text(value: Any) -> str:  # noqa: ANN401 -- any field's
    if isinstance(value, dict):
        return ",".join(f"{layer}:{weight:g}" for layer, weight in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
