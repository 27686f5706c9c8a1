"""What a contact sheet shows: pictures still to be painted, in rows and columns with names.

Gatys, Ecker, Bethge (arXiv:1508.06576) explain their method by such sheets: figure 1 paints noise until the features of
one layer are the photo's, or until the statistics of ever more layers are the painting's; figure 3 does both at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from impasto.errors import RecipeError
from impasto.inputs import Style, as_painting
from impasto.picture import Picture
from impasto.recipe import Recipe

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Cell:
    """One picture that is to be painted."""

    content: Picture
    styles: tuple[Style, ...]
    recipe: Recipe
    start: Picture | None = None


@dataclass(frozen=True)
class Grid:
    """Cells, or pictures as they are, by row and column."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell | Picture, ...], ...]
    title: str = ""

    def painted(self) -> Iterator[tuple[str, Cell]]:
        """The cells that are painted, each with its name."""
        for row, cells in zip(self.rows, self.cells, strict=True):
            for column, cell in zip(self.columns, cells, strict=True):
                if isinstance(cell, Cell):
                    yield ", ".join(filter(None, (self.title, row, column))), cell


@dataclass(frozen=True)
class Choice:
    """One value of a knob: its name, what it changes, and the picture to start from where it is one.

    Or a mixture of the paintings, by their weights.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    start: Picture | None = None
    weights: tuple[float, ...] | None = None


def blends(names: tuple[str, str], count: int) -> list[Choice]:
    """From the first painting to the second in as many steps."""
    shares = [i / (count - 1) for i in range(count)]
    return [Choice(f"{names[0]} {1 - s:.0%}, {names[1]} {s:.0%}", weights=(1 - s, s)) for s in shares]


def content_grid(photo: Picture, layers: Sequence[str], recipe: Recipe) -> Grid:
    """The photo, reconstructed from one layer at a time."""
    cells = [Cell(photo, (photo,), content_only(recipe, layer)) for layer in layers]
    return Grid(("photo", *layers), ("",), ((photo, *cells),))


def style_grid(painting: Picture, layers: Sequence[str], recipe: Recipe) -> Grid:
    """The painting's manner without a photo, from the first layer, the first two, ..."""
    cells = [Cell(painting, (painting,), style_only(recipe, some)) for some in accumulated(layers)]
    return Grid(("painting", *spans(layers)), ("",), ((painting, *cells),))


def both_grid(photo: Picture, painting: Picture, layers: Sequence[str], recipe: Recipe) -> Grid:
    """The paper's figure 1: style above, content below."""
    rows = ("style, up to this layer", "content, this layer alone")
    styles = style_grid(painting, layers, recipe).cells[0]
    return Grid(("original", *layers), rows, (styles, content_grid(photo, layers, recipe).cells[0]))


def figure_grid(
    photo: Picture,
    painting: Picture,
    layers: Sequence[str],
    columns: Sequence[Choice],
    recipe: Recipe,
    start: Picture | None = None,
) -> Grid:
    """The paper's figure 3: ever more layers downwards, ever more style to the right."""
    rows = [
        Choice(name, {"style_layers": weighted(recipe, some)})
        for name, some in zip(spans(layers), accumulated(layers), strict=True)
    ]
    return sweep_grids(photo, (painting,), recipe, (columns, rows), start)[0]


def sweep_grids(
    content: Picture,
    styles: Sequence[Style],
    recipe: Recipe,
    axes: Sequence[Sequence[Choice]],
    start: Picture | None = None,
) -> list[Grid]:
    """Columns for the first knob, rows for the second, a sheet for each value of the third."""
    base = Cell(content, tuple(styles), recipe, start)
    single: Sequence[Choice] = [Choice("")]
    columns, rows, sheets = [*axes, single, single][:3]
    return [
        Grid(
            tuple(column.name for column in columns),
            tuple(row.name for row in rows),
            tuple(tuple(chosen(base, (sheet, row, column)) for column in columns) for row in rows),
            sheet.name,
        )
        for sheet in sheets
    ]


def chosen(base: Cell, choices: Sequence[Choice]) -> Cell:
    """The recipe with the knobs turned; a contradiction is told with the values that make it."""
    changes = {name: value for choice in choices for name, value in choice.changes.items()}
    try:
        recipe = base.recipe.changed(**changes)
    except RecipeError as error:
        name = ", ".join(choice.name for choice in choices if choice.name)
        raise RecipeError(f"The sheet has a cell that cannot be painted, {name}: {error}") from None
    start = next((choice.start for choice in choices if choice.start is not None), base.start)
    weights = next((choice.weights for choice in choices if choice.weights is not None), None)
    return Cell(base.content, mixed(base.styles, weights), recipe, start if recipe.start == "picture" else None)


def mixed(styles: tuple[Style, ...], weights: tuple[float, ...] | None) -> tuple[Style, ...]:
    """The paintings with other weights, if there are any."""
    if weights is None:
        return styles
    return tuple(replace(as_painting(s), weight=w) for s, w in zip(styles, weights, strict=True))


def content_only(recipe: Recipe, layer: str) -> Recipe:
    """Nothing but the photo's features on one layer; knobs of the style are at their defaults."""
    return recipe.changed(content_layers={layer: 1.0}, style_layers={})


def style_only(recipe: Recipe, layers: Sequence[str]) -> Recipe:
    """Nothing but the painting's statistics on these layers; knobs of the content are at their defaults."""
    return recipe.changed(content_layers={}, style_layers=weighted(recipe, layers))


def weighted(recipe: Recipe, layers: Sequence[str]) -> dict[str, float]:
    """These layers as the recipe weighs them, or alike."""
    return {layer: recipe.style_layers.get(layer, 1.0) for layer in layers}


def accumulated(layers: Sequence[str]) -> list[Sequence[str]]:
    """The first, the first two, ..."""
    return [layers[: count + 1] for count in range(len(layers))]


def spans(layers: Sequence[str]) -> list[str]:
    """Names for what `accumulated` gives."""
    return [layer if i == 0 else f"{layers[0]} to {layer}" for i, layer in enumerate(layers)]
