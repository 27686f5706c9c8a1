"""Recipes: every knob described, written and read back, refused where it would do nothing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impasto.errors import RecipeError
from impasto.presets import PRESETS, STYLE_LAYERS, preset, without_presets
from impasto.recipe import FIELDS, Recipe, described, layered, recipe
from impasto.recipefile import read_toml

LAYERS = st.dictionaries(st.sampled_from(["conv1_1", "relu2_2", "pool3", "relu4_2"]), st.floats(0, 100), max_size=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "strength": st.floats(0, 1),
    "size": st.integers(16, 10**6),
    "style_scale": st.floats(0.05, 20),
    "seed": st.integers(0, 2**63 - 1),
    "content_layers": LAYERS,
    "style_layers": LAYERS,
    "content_weight": st.floats(0, 1e6),
    "style_weight": st.none() | st.floats(0, 1e12),
    "style_reach": st.none() | st.floats(0, 1),
    "variation_weight": st.floats(0, 1e3),
    "detail": st.floats(0, 1),
    "rotations": st.sampled_from([1, 2, 4]),
    "variation_power": st.floats(0.5, 4),
    "steps": st.integers(1, 10**6),
    "steps_decay": st.floats(0.01, 1),
    "first_level": st.integers(0, 1000),
    "level_ratio": st.floats(1.05, 8),
    "palette": st.none() | st.just("#0b132b,#e07a5f,#f4f1de"),
    "learning_rate": st.none() | st.floats(1e-6, 100),
    "history": st.integers(1, 200),
    "momentum": st.floats(0, 0.99),
    "beta1": st.floats(0, 0.99),
    "average": st.floats(0, 0.99),
    "start_noise": st.floats(0, 1),
    "pool_rescale": st.booleans(),
    **{
        name: st.sampled_from(choices)
        for name, choices in {
            "network": ["lite", "vgg19", "vgg16"],
            "pooling": ["own", "max", "average"],
            "content_measure": ["features", "self-similarity"],
            "content_scale": ["relative", "half-sum", "mean", "size"],
            "style_statistic": ["mixed", "gram", "covariance", "moments", "wasserstein", "sliced", "histogram"],
            "style_scaling": ["relative", "gatys", "mean", "positions", "size"],
            "variation": ["l1", "l2", "power"],
            "optimizer": ["lbfgs", "adam", "sgd"],
            "color": ["style", "photo", "luma", "luminance", "match", "palette", "gray"],
            "seamless": ["no", "horizontal", "both"],
            "recolor": ["none", "monge", "pca", "cholesky", "histogram"],
            "start": ["photo", "noise", "speckles", "painting", "gray", "picture"],
        }.items()
    },
}


def turned(at_most: int) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from(sorted(VALUES)), max_size=at_most, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: VALUES[name] for name in chosen}))


def refusal(make: Callable[[], Recipe]) -> Recipe | str:
    """The recipe, or the sentence that refuses it."""
    try:
        return make()
    except RecipeError as error:
        return str(error)


@given(values=turned(3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_recipe_is_refused_or_survives_its_file(values: dict[str, Any], tmp_path: Path) -> None:
    made = refusal(lambda: recipe(values))
    if isinstance(made, str):
        assert "\n" not in made
        return
    file = tmp_path / "recipe.toml"
    file.write_text(made.as_toml(), encoding="utf-8")
    assert recipe(read_toml(file)) == made
    assert Recipe(**made.as_dict()) == made


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_recipe_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(data)
    made = refusal(lambda: recipe(read_toml(file)))
    assert isinstance(made, Recipe) or str(file) in made


def test_every_knob_is_described_with_a_group_and_a_default() -> None:
    told = described()
    assert tuple(told) == FIELDS == tuple(f.name for f in dataclasses.fields(Recipe))
    for name, info in told.items():
        assert info.description, name
        assert not info.description.endswith("."), name
        assert isinstance(info.json_schema_extra, dict)
        assert info.json_schema_extra["group"], name
    Recipe()


def test_presets_are_valid_and_leave_no_way_to_spoil_them() -> None:
    assert "default" in PRESETS
    for name in PRESETS:
        made = recipe(preset(name))
        assert made.as_dict().keys() == set(FIELDS)
    assert recipe(preset("default")) == Recipe()
    recipe(preset("gatys2016")).style_layers["relu1_1"] = 99.0
    Recipe().style_layers["relu1_1"] = 99.0
    assert recipe(preset("gatys2016")).style_layers["relu1_1"] == 0.2
    assert Recipe().style_layers == STYLE_LAYERS == dict.fromkeys(STYLE_LAYERS, 1.0)


def test_gatys_presets_say_what_the_papers_say() -> None:
    for name in ("gatys2015", "gatys2016"):
        paper = recipe(preset(name))
        assert (paper.network, paper.pooling, paper.start, paper.first_level) == ("vgg19", "average", "noise", 0)
        assert (paper.content_scale, paper.style_scaling, paper.optimizer) == ("half-sum", "gatys", "lbfgs")
        assert set(paper.style_layers.values()) == {0.2}


CONTRADICTIONS: dict[str, list[dict[str, Any]]] = {
    "must not be negative": [{"content_layers": {"relu1_1": -1.0}}, {"style_layers": {"relu1_1": -0.1}}],
    "nothing to paint": [
        {"content_layers": {}, "style_layers": {}},
        {"content_layers": {"a": 0.0}, "style_layers": {}},
    ],
    "own pooling": [{"network": "lite", "pooling": "max"}],
    "needs pooling = average": [{"pool_rescale": True}, {"pool_rescale": True, "pooling": "max"}],
    "variation_weight is 0": [{"variation": "l1"}, {"variation_scale": "sum"}],
    "needs variation = power": [{"variation_weight": 1.0, "variation_power": 2.0}],
    "optimizer sgd": [{"momentum": 0.5}, {"momentum": 0.5, "optimizer": "adam"}],
    "optimizer adam": [{"beta1": 0.5}, {"beta2": 0.5, "optimizer": "sgd"}],
    "optimizer lbfgs": [{"history": 20, "optimizer": "adam"}],
    "optimizers lbfgs and adam": [
        {"polish": 3, "optimizer": "sgd"},
        {"polish_times": 3.0, "optimizer": "sgd"},
        {"polish_views": 2, "optimizer": "sgd"},
    ],
    "where polish is 0": [{"polish": 0, "polish_times": 8.0}, {"polish": 0, "polish_views": 2}],
    "it needs style_statistic = gram": [
        {"style_scaling": "gatys", "style_weight": 1.0, "style_statistic": "covariance"}
    ],
    "needs a style_weight": [{"style_scaling": "mean"}],
    "leave one of them out": [{"style_weight": 1.0, "strength": 0.7}],
    "where first_level is 0": [
        {"first_level": 0, "steps_decay": 0.5},
        {"first_level": 0, "level_ratio": 2.0},
        {"first_level": 0, "steps_least": 5},
    ],
    "weighed against relative losses": [
        {"detail": 0.5, "content_scale": "mean"},
        {"detail": 0.5, "style_scaling": "gatys", "style_weight": 1.0, "style_statistic": "gram"},
    ],
    "has one unit": [{"content_measure": "self-similarity", "content_scale": "mean"}],
    "need content_layers": [
        {"content_layers": {}, "content_weight": 2.0},
        {"content_layers": {}, "style_reach": 0.5},
        {"content_layers": {"a": 0.0}, "content_scale": "mean"},
    ],
    "need style_layers": [{"style_layers": {}, "strength": 0.7}, {"style_layers": {}, "style_scale": 2.0}],
    "where start = noise": [{"start": "noise", "start_noise": 0.5}],
    "without noise": [{"seed": 1}],
    "color = palette needs one": [{"color": "palette"}],
    "palette goes with": [{"palette": "#0b132b,#e07a5f"}],
    "without its colors": [{"color": "luminance", "recolor": "monge"}],
}


@pytest.mark.parametrize("words", list(CONTRADICTIONS))
def test_options_that_exclude_each_other_or_do_nothing_are_refused(words: str) -> None:
    for values in CONTRADICTIONS[words]:
        with pytest.raises(RecipeError, match=words):
            recipe({"network": "vgg19", "style_statistic": "gram"} | values)


def test_wrong_types_and_ranges_are_refused_by_name() -> None:
    hints = get_type_hints(Recipe)
    for name in set(FIELDS) - {"palette"}:  # any text may be a palette, until it is read
        wrong: list[Any] = [math.nan, "nonsense", [], -1]
        if int not in get_args(hints[name]) and hints[name] is not int:
            wrong.append(object())
        for value in wrong:
            with pytest.raises(RecipeError, match=rf"^{name} = "):
                recipe({name: value})
    for name in ("strength", "content_weight", "style_weight", "learning_rate", "level_ratio"):
        with pytest.raises(RecipeError, match=name):
            recipe({name: math.inf})
        with pytest.raises(RecipeError, match=name):
            recipe({name: True})


@pytest.mark.parametrize(
    ("wrong", "right"), [("strenght", "strength"), ("styel_weight", "style_weight"), ("optimiser", "optimizer")]
)
def test_unknown_knobs_suggest_a_known_one(wrong: str, right: str) -> None:
    for refuse in (recipe, lambda values: Recipe().changed(**values)):
        with pytest.raises(RecipeError, match=f"no knob '{wrong}'.*did you mean '{right}'"):
            refuse({wrong: 1})


@pytest.mark.parametrize("name", PRESETS)
def test_another_preset_takes_the_place_of_one_that_settings_hold_whole(name: str) -> None:
    settings = recipe({**preset(name), "size": 300}).as_dict()
    for other in PRESETS:
        laid = layered({"then": without_presets(settings), "now": preset(other)})
        assert recipe(laid) == recipe({**preset(other), "size": 300})
    changed = {**settings, "steps": 7}
    assert name == "default" or without_presets(changed) == changed


def test_unknown_presets_name_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"no preset 'gatis2016'.*did you mean 'gatys2016'.*neural-style"):
        preset("gatis2016")


def test_a_file_lays_its_knobs_over_its_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('preset = "gatys2016"\nsteps = 7\n', encoding="utf-8-sig")  # as Windows' own editor does
    assert recipe(read_toml(file)) == recipe({**preset("gatys2016"), "steps": 7})


@pytest.mark.parametrize(
    ("text", "words"),
    [("steps = = 3", "is not TOML"), ("stepz = 3", "did you mean 'steps'"), ("steps = 0", "steps = 0"), (None, "read")],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RecipeError, match=words) as told:
        read_toml(file)
    assert str(file) in str(told.value)


def test_equal_recipes_are_one_key() -> None:
    layers = {"relu1_1": 1.0, "relu2_1": 0.5}
    one, other = (
        Recipe(style_layers=layers, strength=1),
        Recipe(style_layers=dict(reversed(layers.items())), strength=1.0),
    )
    assert len({one, other}) == 1
    assert len({one, other, Recipe(), Recipe(size=513)}) == 3


def test_changing_a_recipe_leaves_the_old_one() -> None:
    old = Recipe()
    new = old.changed(steps=3, content_layers={"relu2_2": 1.0})
    assert (old, new.steps) == (Recipe(), 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        old.steps = 4  # type: ignore[misc]


# ---- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flags", "dropped"),
    [
        ("neural-style", {"optimizer": "adam"}, {"history"}),
        ("neural-style", {"optimizer": "sgd"}, {"history", "polish"}),
        ("neural-style", {"variation_weight": 0.0}, {"variation", "variation_scale"}),
        ("gatys2015", {"network": "lite"}, {"pooling"}),
        ("gatys2016", {"style_layers": {}}, {"style_statistic", "style_scaling", "style_weight"}),
    ],
)
def test_what_a_preset_turned_in_vain_is_left_out(name: str, flags: dict[str, Any], dropped: set[str]) -> None:
    laid = layered({f"the preset {name}": preset(name), "the flags": flags})
    assert laid == {**{n: v for n, v in preset(name).items() if n not in dropped}, **flags}
    assert recipe(preset(name)).changed(**flags) == recipe(laid)


def test_one_knob_left_out_may_take_another_with_it() -> None:
    below = {"start": "photo", "start_noise": 0.3, "seed": 7, "color": "palette", "palette": "#0b132b,#e07a5f"}
    assert layered({"a": below, "b": {"start_noise": 0.0, "color": "style"}}).keys() == below.keys() - {
        "seed",
        "palette",
    }


def test_what_is_turned_in_vain_on_top_is_refused() -> None:
    for flags in ({"optimizer": "adam", "history": 50}, {"beta1": 0.5}):
        with pytest.raises(RecipeError, match=r"is for|are for"):
            layered({"the preset neural-style": preset("neural-style"), "the flags": flags})


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"strength": 0.7}, r"turn style_weight.* \(style_weight = 10000.0 comes from the preset gatys2015\)\.$"),
        ({"style_statistic": "wasserstein"}, r"gram \(style_scaling = gatys comes from the preset gatys2015\)\.$"),
    ],
)
def test_what_a_preset_rules_out_is_told_with_its_name(flags: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        layered({"the preset gatys2015": preset("gatys2015"), "the flags": flags})


@given(turned(4), turned(3))
def test_layers_make_a_recipe_or_a_sentence(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Whatever the lower layer is by itself, the upper one keeps all that it says."""
    layers = {"below": below, "above": above}
    made = refusal(lambda: recipe(layered(layers)))
    if isinstance(made, str):
        assert "\n" not in made
        return
    assert above.items() <= layered(layers).items() <= {**below, **above}.items()


def test_a_file_may_rob_its_preset_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('preset = "neural-style"\noptimizer = "adam"\n')
    assert "history" not in read_toml(file)
    file.write_text('preset = "gatys2015"\nstrength = 0.9\n')
    with pytest.raises(RecipeError, match=r"mine.toml cannot be used: .* comes from the preset gatys2015"):
        read_toml(file)


def test_numbers_of_numpy_and_torch_are_pythons_own() -> None:
    turned: dict[str, Any] = {
        "size": np.int64(96),
        "strength": torch.tensor(0.25),
        "style_layers": {"relu2_1": np.float32(0.5)},
    }
    for made in (Recipe(**turned), Recipe().changed(**turned), recipe(turned)):
        assert made == Recipe(size=96, strength=0.25, style_layers={"relu2_1": 0.5})
        numbers = made.size, made.strength, made.style_layers["relu2_1"]
        assert [type(number) for number in numbers] == [int, float, float]
    for wrong in (np.ones(1), np.float64(96.0), torch.ones(1)):
        with pytest.raises(RecipeError, match="size"):
            recipe({"size": wrong})


def test_a_preset_is_a_change_as_any_other() -> None:
    assert Recipe().changed(preset="fine") == recipe(preset("fine"))
    assert Recipe(steps=7, size=96).changed(preset="fine", size=80) == Recipe(**preset("fine") | {"size": 80})
    assert Recipe(steps=7).changed(preset="default") == Recipe(steps=7)
