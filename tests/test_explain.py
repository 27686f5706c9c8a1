"""Reconstructions, sweeps, cells that are kept, stories of runs, looks into the network, pages that compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networks
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.errors import PictureError, RecipeError, UsageError
from impasto.events import Finished, Level, Planned, Preview, Step
from impasto.explain.cells import Cells, identity
from impasto.explain.comparison import Shown, page
from impasto.explain.documents import check_document, write_document
from impasto.explain.grids import (
    LAYERS,
    Cell,
    Choice,
    Grid,
    both_grid,
    content_grid,
    figure_grid,
    style_grid,
    sweep_grids,
)
from impasto.explain.insight import feature_picture, features, gram, gram_picture, heat, liveliest
from impasto.explain.story import SIDE, Story
from impasto.paint import paint
from impasto.picture import Picture
from impasto.presets import preset
from impasto.recipe import Recipe

PHOTO, PAINTING = networks.picture(40, 60, seed=1), networks.picture(50, 50, seed=2)
CPU = torch.device("cpu")


def cells(grid: Grid) -> list[Cell]:
    return [cell for _, cell in grid.painted()]


def painted(cell: Cell) -> torch.Tensor:
    network = networks.tiny()
    *_, last = paint(cell.content, cell.styles, cell.recipe, network=network, start=cell.start)
    assert isinstance(last, Finished)
    return last.image


# ---- grids ----------------------------------------------------------------------------------------------------------


def test_content_is_reconstructed_from_one_layer_at_a_time() -> None:
    grid = content_grid(PHOTO, LAYERS, Recipe(start="noise"))
    assert grid.columns == ("photo", *LAYERS)
    assert grid.cells[0][0] is PHOTO
    assert [tuple(cell.recipe.content_layers) for cell in cells(grid)] == [(layer,) for layer in LAYERS]
    assert not any(cell.recipe.style_layers for cell in cells(grid))


def test_style_layers_are_accumulated() -> None:
    recipe = Recipe(start="noise", style_layers={"relu2_1": 0.5})
    grid = style_grid(PAINTING, LAYERS[:3], recipe)
    assert [dict(cell.recipe.style_layers) for cell in cells(grid)] == [
        {"relu1_1": 1.0},
        {"relu1_1": 1.0, "relu2_1": 0.5},
        {"relu1_1": 1.0, "relu2_1": 0.5, "relu3_1": 1.0},
    ]
    assert not any(cell.recipe.content_layers for cell in cells(grid))


@pytest.mark.parametrize("name", ["default", "gatys2015", "gatys2016", "neural-style"])
def test_both_in_one_sheet_with_every_preset(name: str) -> None:
    recipe = Recipe(**{**preset(name), "start": "noise", "first_level": 0})
    grid = both_grid(PHOTO, PAINTING, LAYERS, recipe)
    assert len(grid.rows) == len(grid.cells) == 2
    assert [cell.content for cell in cells(grid)] == [PAINTING] * 5 + [PHOTO] * 5


def test_the_figure_has_more_layers_downwards_and_more_style_to_the_right() -> None:
    columns = [Choice(f"strength {value}", {"strength": value}) for value in (0.2, 0.8)]
    grid = figure_grid(PHOTO, PAINTING, LAYERS[:2], columns, Recipe())
    assert grid.rows == ("relu1_1", "relu1_1 to relu2_1")
    told = [[(len(c.recipe.style_layers), c.recipe.strength) for c in row if isinstance(c, Cell)] for row in grid.cells]
    assert told == [[(1, 0.2), (1, 0.8)], [(2, 0.2), (2, 0.8)]]


def test_a_sweep_has_a_sheet_for_each_value_of_the_third_knob() -> None:
    axes = [
        [Choice(f"{knob} {value}", {knob: value}) for value in values]
        for knob, values in (
            ("strength", (0.2, 0.5, 0.8)),
            ("style_scale", (1.0, 2.0)),
            ("variation_weight", (0.0, 1.0)),
        )
    ]
    grids = sweep_grids(PHOTO, [PAINTING], Recipe(), axes)
    assert [grid.title for grid in grids] == ["variation_weight 0.0", "variation_weight 1.0"]
    assert [[len(row) for row in grid.cells] for grid in grids] == [[3, 3], [3, 3]]
    last = cells(grids[1])[-1].recipe
    assert (last.strength, last.style_scale, last.variation_weight) == (0.8, 2.0, 1.0)
    names = [name for grid in grids for name, _ in grid.painted()]
    assert len(set(names)) == 12


def test_a_start_of_ones_own_is_used_where_it_is_chosen_only() -> None:
    start = networks.picture(20, 30, seed=3)
    axis = [Choice("photo", {"start": "photo"}), Choice("other", {"start": "picture"}, start)]
    photo, other = cells(sweep_grids(PHOTO, [PAINTING], Recipe(), [axis])[0])
    assert photo.start is None
    assert other.start is start


def test_a_cell_that_contradicts_itself_is_named() -> None:
    axes = [[Choice("beta 1", {"style_weight": 1.0})], [Choice("scaling gatys", {"style_scaling": "gatys"})]]
    with pytest.raises(RecipeError, match=r"scaling gatys, beta 1: .*style_statistic"):
        sweep_grids(PHOTO, [PAINTING], Recipe(), axes)


def test_reconstructions_come_near_to_what_they_reconstruct() -> None:
    """A shallow layer gives the photo back; the style alone does not, but has its colors."""
    recipe = networks.recipe(start="noise", steps=60)
    content = cells(content_grid(PHOTO, ["relu1_1"], recipe))[0]
    photo = PHOTO.resized(40, 27).rgb
    assert (painted(content) - photo).square().mean() < 0.2 * (networks.image(27, 40, 9) - photo).square().mean()
    style = painted(cells(style_grid(PHOTO, ["relu1_1"], recipe))[0])
    assert (style - photo).square().mean() > 4 * (painted(content) - photo).square().mean()
    assert (style.mean((2, 3)) - photo.mean((2, 3))).abs().max() < 0.08


# ---- cells that are kept --------------------------------------------------------------------------------------------


def test_the_name_of_a_cell_depends_on_everything_that_its_pixels_depend_on() -> None:
    network, base = networks.tiny(), Cell(PHOTO, (PAINTING,), networks.recipe())
    others = [
        base,
        Cell(PAINTING, (PAINTING,), base.recipe),
        Cell(PHOTO, (PHOTO,), base.recipe),
        Cell(PHOTO, ((PAINTING, 2.0),), base.recipe),
        Cell(PHOTO, (PAINTING, PHOTO), base.recipe),
        Cell(PHOTO, (PAINTING,), base.recipe.changed(strength=0.6)),
        Cell(PHOTO, (PAINTING,), base.recipe.changed(start="picture"), PAINTING),
    ]
    names = {identity(cell, network, CPU) for cell in others}
    assert len(names) == len(others)
    same = Cell(Picture(PHOTO.rgb.clone()), (Picture(PAINTING.rgb.clone()),), networks.recipe())
    assert identity(same, network, CPU) == identity(base, network, CPU)


def test_a_kept_cell_is_found_as_it_was_kept_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    kept = Cells(tmp_path / "cells")
    file = kept.file(Cell(PHOTO, (PAINTING,), networks.recipe()), networks.tiny(), CPU)
    assert kept.found(file) is None
    new = kept.keep(PHOTO, file)
    found = kept.found(file)
    assert found is not None
    assert torch.equal(found.rgb, new.rgb)
    file.write_bytes(file.read_bytes()[:100])
    assert kept.found(file) is None


# ---- stories --------------------------------------------------------------------------------------------------------


def told(with_frames: bool = True) -> Iterator[Any]:
    levels = (Level(1, 2, 30, 20, 3), Level(2, 2, 60, 40, 2))
    yield Planned(levels, {})
    number = 0
    for level in levels:
        for step in range(1, level.steps + 1):
            number += 1
            yield Step(level, step, 3.0 / number, {"content": 1.0 / number, "style": 2.0 / number}, number, number / 5)
            if with_frames:
                yield Preview(level, step, torch.full((1, 3, level.height, level.width), number / 10))


def story() -> Story:
    made = Story()
    for event in told():
        made.read(event)
    return made


def test_a_story_has_a_curve_for_each_loss_over_all_levels() -> None:
    curves = {curve.name: curve for curve in story().curves()}
    assert list(curves) == ["total", "content", "style"]
    assert curves["total"].steps == (1, 2, 3, 4, 5)
    assert curves["style"].values == pytest.approx((2, 1, 2 / 3, 0.5, 0.4))


def test_the_film_shows_each_frame_beside_the_curve_so_far() -> None:
    film, ending = story().film(torch.full((1, 3, 40, 60), 0.9))
    assert ending.shape[-2:] == (film.height, film.width) == (SIDE, film.width)
    first, *_, last = film._frames
    middle = SIDE // 2
    assert [round(float(frame[middle, middle, 0]) / 255, 1) for frame in (first, last)] == [0.1, 0.5]
    assert (last[:, SIDE:] < 60).sum() > (first[:, SIDE:] < 60).sum()  # more of the black curve


# ---- looks into the network -----------------------------------------------------------------------------------------


def test_the_liveliest_channels_are_those_that_vary() -> None:
    maps = torch.stack([torch.full((4, 4), 9.0), torch.arange(16.0).view(4, 4), torch.zeros(4, 4), torch.eye(4)])
    assert liveliest(maps, 2) == [1, 3]
    assert liveliest(maps, 99) == [0, 1, 2, 3]


def test_a_gram_matrix_is_the_formula() -> None:
    maps = features(networks.tiny(), PHOTO, "relu2_1")
    flat = maps.flatten(1)
    assert torch.allclose(gram(maps), flat @ flat.T / flat.shape[1], rtol=1e-4, atol=1e-6)


def test_more_is_brighter() -> None:
    brightness = heat(torch.linspace(0, 1, 50)[None])[0].sum(0)[0]
    assert bool((brightness.diff() > 0).all())


@pytest.mark.parametrize("values", [torch.zeros(3, 5), torch.eye(40), torch.tensor([[-3.0, 5.0]])])
def test_maps_of_any_values_become_pictures(values: torch.Tensor) -> None:
    for image in (feature_picture(values), gram_picture(values)):
        assert image.shape[:2] == (1, 3)
        assert max(image.shape[-2:]) >= 96
        assert 0 <= float(image.min()) <= float(image.max()) <= 1


# ---- pages and documents --------------------------------------------------------------------------------------------


def test_the_page_stands_alone_and_shows_all() -> None:
    shown = [Shown("a.png", PHOTO, ("strength = 0.2",)), Shown("b.png", PAINTING), Shown("c.png", PHOTO)]
    text = page(shown, ("what < means",))
    assert len(re.findall(r'src="data:image/jpeg;base64,[A-Za-z0-9+/=]{100,}"', text)) == 3
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "strength = 0.2" in text
    assert text.count('<option value="2">c.png</option>') == 2
    assert "$" not in re.sub(r"base64,[A-Za-z0-9+/=]+|\$\{100 - at\}|\$\{at\}", "", text)
    assert "<li>what &lt; means</li>" in text
    assert "legend" not in re.sub("<style>.*</style>", "", page(shown), flags=re.DOTALL)


def test_names_cannot_break_out_of_the_page() -> None:
    name = '"><script>alert(1)</script>$title&.png'
    text = page([Shown(name, PHOTO, (name,)), Shown("b", PHOTO)])
    assert "<script>alert" not in text
    assert text.count("<script>") == 1


def test_transparent_pictures_stay_transparent() -> None:
    clear = Picture(PHOTO.rgb, torch.full((1, 1, 40, 60), 0.5))
    assert page([Shown("a", clear), Shown("b", PHOTO)]).count("data:image/png") == 1


def test_one_picture_is_no_comparison() -> None:
    with pytest.raises(UsageError, match="at least two"):
        page([Shown("a", PHOTO)])


def test_documents_are_written_whole_and_never_over_another(tmp_path: Path) -> None:
    target = check_document(tmp_path / "new" / "a.svg", (".svg",), overwrite=False)
    write_document("ä", target, overwrite=False)
    assert target.read_text(encoding="utf-8") == "ä"
    assert [path.name for path in target.parent.iterdir()] == ["a.svg"]
    with pytest.raises(PictureError, match="exists already"):
        check_document(target, (".svg",), overwrite=False)
    assert check_document(target, (".svg",), overwrite=True) == target
    with pytest.raises(PictureError, match=r"must end in \.svg or \.png"):
        check_document(tmp_path / "a.gif", (".svg", ".png"), overwrite=False)
    (tmp_path / "b.svg").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        check_document(tmp_path / "b.svg", (".svg",), overwrite=True)


@given(st.lists(st.text(max_size=30), min_size=2, max_size=3))
@settings(max_examples=20, deadline=None)
def test_pages_of_any_names(names: list[str]) -> None:
    small = Picture(torch.zeros(1, 3, 2, 2))
    assert page([Shown(name, small, (json.dumps(name),)) for name in names]).endswith("</html>\n")
