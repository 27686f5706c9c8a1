"""A panel: the mean of what several objectives want, in pieces as in one; and when which of them is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from networks import image, tiny
from networks import tiles as pieces_of
from test_objective import DEEP, everything

from impasto.diary import Diary
from impasto.errors import RecipeError
from impasto.events import Level
from impasto.losses import variation_term
from impasto.networks import Network
from impasto.networks.vgg import VGG
from impasto.networks.view import WAYS
from impasto.objective import Objective, Term
from impasto.panel import Panel, panels, upright
from impasto.recipe import Recipe
from impasto.share import ALONE
from impasto.storage import Room
from impasto.tiles import cut


def panel(room: Room) -> Panel:
    network = tiny(dtype=DEEP, pooling="average")
    return Panel(tuple(replace(everything(network.viewed(view), 48, 64), room=room) for view in WAYS[4][0]))


@pytest.mark.parametrize("in_file", [False, True])
def test_the_loss_the_losses_and_the_slope_are_those_of_the_mean(in_file: bool) -> None:
    several, canvas, whole = panel(Room(in_file=in_file, band=256)), image(48, 64, 3, DEEP), cut(48, 64)
    ours, theirs = several.evaluate(canvas, whole), [member.evaluate(canvas, whole) for member in several.members]
    for name in ("loss", "losses", "gradient"):
        mean = torch.stack([getattr(each, name) for each in theirs]).mean(0)
        torch.testing.assert_close(getattr(ours, name), mean, rtol=1e-12, atol=1e-15)
    assert len({float(each.loss) for each in theirs}) == 4


def test_the_slope_is_that_of_the_loss() -> None:
    several, canvas, whole = panel(Room()), image(48, 64, 3, DEEP), cut(48, 64)
    gradient = several.evaluate(canvas, whole).gradient
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        way = torch.randn(canvas.shape, generator=generator, dtype=DEEP)
        up, down = (float(several.evaluate(canvas + step * way, whole).loss) for step in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx(float((gradient * way).sum()), rel=1e-5)


def test_in_tiles_it_is_what_it_is_in_one_piece() -> None:
    several, canvas = panel(Room()), image(48, 64, 3, DEEP)
    network = several.first.network
    assert isinstance(network, VGG)
    tiles = pieces_of(network, 48, 64, several.first.layers, 16)
    whole, pieces = several.evaluate(canvas, cut(48, 64)), several.evaluate(canvas, tiles)
    assert len(tiles) > 1
    torch.testing.assert_close(whole.gradient, pieces.gradient, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(whole.loss, pieces.loss, rtol=1e-9, atol=0)


def test_one_alone_is_not_touched() -> None:
    alone, canvas = Panel(panel(Room()).members[:1]), image(48, 64, 3, DEEP)
    ours, theirs = (each.evaluate(canvas, cut(48, 64)) for each in (alone, alone.first))
    assert torch.equal(ours.gradient, theirs.gradient)


@pytest.mark.parametrize(
    ("step", "looks", "met"),
    [(0, (1, 2), [(1, 1.0, 0, 6), (1, 5.0, 6, 8), (2, 5.0, 8, 10)]), (7, (1, 2), [(1, 5.0, 6, 8), (2, 5.0, 8, 10)]),
     (8, (1, 2), [(2, 5.0, 8, 10)]), (9, (8,), [(8, 5.0, 6, 10)]), (10, (1, 2), []),
     (0, (1,), [(1, 1.0, 0, 6), (1, 5.0, 6, 10)])],
)  # fmt: skip
def test_who_is_asked_at_which_steps(step: int, looks: tuple[int, ...], met: list[tuple[int, float, int, int]]) -> None:
    """And no objective is made of which no step is left, nor one twice."""
    made: list[Network] = []

    def aim(network: Network) -> Objective:
        made.append(network)
        return Objective(network, (variation_term(1.0, 1),), ALONE)

    level, diary = Level(1, 1, 8, 8, 10, 4, looks), Diary([None], step=step)
    asked = panels(aim, tiny(), level, 5.0, diary, lambda: False)
    assert [(len(it.members), it.first.polish, it.steps.start, it.steps.stop) for it in asked] == met
    again = {(0, (1,)): 1, (0, (1, 2)): 1}.get((step, looks), 0)  # the plain one, which has composed
    assert len(set(map(id, made))) == len(made) == sum(count for count, *_ in met) - again
    assert not list(panels(aim, tiny(), level, 5.0, diary, lambda: True))


def test_a_term_of_ones_own_sees_its_layer_as_it_is() -> None:
    """And one on the pixels forbids nothing."""
    plan = Level(1, 2, 8, 8, 10), Level(2, 2, 16, 16, 10, 4, (1, 2))
    on_pixels, on_features = (
        Term("own", 1.0, layer, lambda features, tile, step: features.sum(), lambda total: total)
        for layer in ("image", "relu2_1")
    )
    assert upright(plan, Recipe(), [on_pixels]) == upright(plan, Recipe(), []) == plan
    assert [level.looks for level in upright(plan, Recipe(), [on_pixels, on_features])] == [(1,), (1,)]
    assert upright(plan, Recipe(polish_views=1), [on_features])[1].polish == 4
    with pytest.raises(RecipeError, match=r"polish_views = 4 .* leave polish_views out"):
        upright(plan, Recipe(polish_views=4), [on_features])
