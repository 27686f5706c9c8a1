"""Runs as a whole, on small networks: repeatable, finite, fair, and every knob does something."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import pytest
import torch
from networks import image, one_thread, picture, recipe, tiny, weights
from torch import Tensor

from impasto import weights as weight_files
from impasto.errors import DescentError, LayerError, PictureError, RecipeError
from impasto.events import Event, Finished, Level, Note, Planned, Preview, Step
from impasto.inputs import ENLARGED
from impasto.measures import gaussian, gram_distance, moments
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.networks.lite import Lite
from impasto.networks.margin import Margin
from impasto.networks.view import PLAIN, View
from impasto.objective import Term
from impasto.paint import paint
from impasto.picture import Picture, read
from impasto.plan import Schedule, lay_out
from impasto.presets import STYLE_LAYERS
from impasto.recipe import FIELDS, Recipe
from impasto.style import at_scale
from impasto.tiles import Tile

__all__ = ["one_thread"]

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PHOTO, PAINTING = picture(36, 40, 1), picture(30, 44, 2)
LEVELS: dict[str, Any] = {"size": 110, "first_level": 64, "steps": 3, "steps_decay": 0.8, "steps_least": 2}  # 91, 110


def events(
    made: Recipe,
    content: Picture = PHOTO,
    styles: Sequence[Picture | tuple[Picture, float]] = (PAINTING,),
    network: Network | None = None,
    **options: Any,  # noqa: ANN401 -- those of paint
) -> list[Event]:
    return list(paint(content, styles, made, network=network or tiny(), **options))


def finished(*args: Any, **options: Any) -> Tensor:  # noqa: ANN401 -- those of events
    last = events(*args, **options)[-1]
    assert isinstance(last, Finished)
    return last.image


def losses(seen: Sequence[Event]) -> list[float]:
    return [event.loss for event in seen if isinstance(event, Step)]


# ---- the stream ----------------------------------------------------------------------------------------------------


def test_how_far_a_run_has_come_is_told_by_what_the_plan_foresees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small level takes longer than its pixels say: so does what is left."""
    foreseen: list[float] = []

    def watched(*args: Any, **options: Any) -> Schedule:  # noqa: ANN401 -- those of a plan
        schedule = lay_out(*args, **options)
        foreseen.extend(layout.seconds for layout in schedule.layouts)
        return schedule

    monkeypatch.setattr(sys.modules["impasto.paint"], "lay_out", watched)
    steps = [event for event in events(recipe(**LEVELS), picture(90, 110)) if isinstance(event, Step)]
    first, second = foreseen
    expected = [first / 3, first * 2 / 3, first, first + second / 2, first + second]
    assert [step.fraction * (first + second) for step in steps] == pytest.approx(expected)


def test_the_plan_comes_first_the_picture_last_and_every_step_between() -> None:
    seen = events(recipe(**LEVELS), picture(90, 110), preview_every=2)
    first, last = seen[0], seen[-1]
    assert isinstance(first, Planned)
    assert [(level.width, level.height, level.steps) for level in first.levels] == [(91, 74, 3), (110, 90, 2)]
    steps = [event for event in seen if isinstance(event, Step)]
    assert [(s.level.index, s.step) for s in steps] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    assert [s.evaluations for s in steps] == [1, 2, 3, 4, 5]
    assert [s.fraction for s in steps] == sorted({s.fraction for s in steps})
    assert steps[-1].fraction == pytest.approx(1)
    for step in steps:
        assert step.loss == pytest.approx(sum(step.losses.values()))
        assert set(step.losses) == {"content relu2_2", "style relu1_1", "style relu2_1", "style relu3_1"}
    previews = [event for event in seen if isinstance(event, Preview)]
    assert [(p.level.index, p.step) for p in previews] == [(1, 2), (2, 1)]  # every two steps of the run
    assert isinstance(last, Finished)
    assert last.image.shape == (1, 3, 90, 110)
    assert last.evaluations == 5


def test_events_are_frozen_detached_and_keep_what_they_showed() -> None:
    kept: list[tuple[Tensor, Tensor]] = []
    for event in paint(PHOTO, [PAINTING], recipe(), network=tiny(), preview_every=1):
        with pytest.raises(dataclasses.FrozenInstanceError):
            event.level = None  # type: ignore[misc, union-attr]
        if isinstance(event, Preview | Finished):
            assert not event.image.requires_grad
            assert event.image.dtype == torch.float32
            assert event.image.is_contiguous(memory_format=torch.channels_last)
            kept.append((event.image, event.image.clone()))
    assert len(kept) == 7
    assert all(torch.equal(shown, copy) for shown, copy in kept)
    assert len({shown.data_ptr() for shown, _ in kept}) == 7


def test_a_reader_that_spoils_what_it_was_shown_spoils_nothing_else() -> None:
    expected = finished(recipe())
    run = paint(PHOTO, [PAINTING], recipe(), network=tiny(), preview_every=1)
    for event in run:
        if isinstance(event, Preview):
            event.image.zero_()
        if isinstance(event, Finished):
            assert torch.equal(event.image, expected)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_the_readers_grad_mode_neither_matters_nor_changes(mode: Callable[[], Any]) -> None:
    expected = finished(recipe())
    with mode():
        before = torch.is_grad_enabled()
        run = paint(PHOTO, [PAINTING], recipe(), network=tiny(), preview_every=2)
        for event in run:
            assert torch.is_grad_enabled() == before
            if isinstance(event, Finished):
                assert torch.equal(event.image, expected)
    for grad in itertools.cycle((True, False)):  # and it may change at every event
        with torch.set_grad_enabled(grad):
            event = next(run := run if run.gi_frame else paint(PHOTO, [PAINTING], recipe(), network=tiny()))  # type: ignore[attr-defined]
        if isinstance(event, Finished):
            assert torch.equal(event.image, expected)
            break


def test_inputs_are_not_changed() -> None:
    photo, painting = PHOTO.rgb.clone(), PAINTING.rgb.clone()
    for start in ("photo", "painting", "picture"):
        events(recipe(start=start), start=PAINTING if start == "picture" else None)
    assert torch.equal(PHOTO.rgb, photo)
    assert torch.equal(PAINTING.rgb, painting)


@pytest.mark.parametrize("at", [0, 1, 4, 5, 7])
def test_stopping_gives_a_whole_picture_of_the_exact_size(at: int) -> None:
    stopped = threading.Event()
    seen: list[Event] = []
    if at == 0:
        stopped.set()
    for event in paint(picture(90, 110), [PAINTING], recipe(**LEVELS), network=tiny(), stop=stopped.is_set):
        seen.append(event)
        if len(losses(seen)) == at > 0:
            stopped.set()
    last = seen[-1]
    assert isinstance(last, Finished)
    assert last.image.shape == (1, 3, 90, 110)
    assert last.evaluations == len(losses(seen)) == min(at, 5)
    assert any(isinstance(event, Note) and "Stopped early" in event.text for event in seen) == (at < 5)
    assert any(isinstance(event, Note) and "best picture so far" in event.text for event in seen) == (0 < at < 5)


# ---- repeatable ----------------------------------------------------------------------------------------------------


def digest(picture: Tensor) -> str:
    return hashlib.sha256(picture.numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_two_runs_give_the_same_bytes(optimizer: str) -> None:
    made = recipe(optimizer=optimizer, start="noise", seed=3)
    first = finished(made)
    torch.manual_seed(99)
    torch.rand(1000)
    state = torch.get_rng_state()
    assert torch.equal(finished(made), first)
    assert torch.equal(torch.get_rng_state(), state)

    def elsewhere() -> None:
        from_thread.append(finished(made))

    from_thread: list[Tensor] = []
    threads = [threading.Thread(target=elsewhere) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [torch.equal(made, first) for made in from_thread] == [True, True]


def test_another_process_gives_the_same_bytes() -> None:
    """And it says nothing, and warns of nothing."""
    program = (
        "import torch; torch.set_num_threads(1); torch.manual_seed(5)\n"
        "from test_paint import digest, finished\n"
        "from networks import recipe\n"
        "import sys; sys.stderr.write(digest(finished(recipe(start='noise'))))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", digest(finished(recipe(start="noise"))))


def test_a_small_run_is_the_beginning_of_a_large_one() -> None:
    """To the bit, up to the small run's last level, whose size is its own."""
    photo = picture(150, 180, 3)
    small, large = (events(recipe(**{**LEVELS, "size": size}), photo, preview_every=1) for size in (120, 180))
    ours, theirs = ([e for e in seen if isinstance(e, Preview)] for seen in (small, large))
    same = [e for e in ours if e.level.index < e.level.count]
    assert len(same) == 3
    for a, b in zip(same, theirs, strict=False):
        assert (a.level.width, a.level.height, a.step) == (b.level.width, b.level.height, b.step)
        assert torch.equal(a.image, b.image)


# ---- what a run must leave alone, and what it must not mind ---------------------------------------------------------


@pytest.mark.parametrize("options", [{}, LEVELS, {"size": 36}, {"optimizer": "adam"}, {"size": 80}])
def test_strength_zero_gives_the_photo_to_the_byte(options: dict[str, Any]) -> None:
    made = recipe(strength=0.0, **options)
    expected = PHOTO.resized(made.size, round(36 * made.size / 40)).rgb
    assert torch.equal(finished(made), expected)


def test_strength_zero_from_elsewhere_finds_the_way_back_to_the_photo() -> None:
    """A reconstruction from the content alone, as in the paper's first figure."""
    made = recipe(strength=0.0, start="noise", steps=60, content_layers={"relu1_1": 1.0})
    seen = events(made)
    assert losses(seen)[-1] < 0.02 * losses(seen)[0]
    assert set(next(e for e in seen if isinstance(e, Step)).losses) == {"content relu1_1"}


def test_more_strength_leads_further_from_the_photo_and_nearer_to_the_painting() -> None:
    network, layers = tiny(), frozenset({"relu1_1", "relu2_1", "relu3_1"})

    def grams(image: Tensor) -> list[Tensor]:
        seen = network(image, layers)
        return [torch.einsum("ncij,ndij->cd", seen[n], seen[n]) / seen[n][0, 0].numel() for n in sorted(layers)]

    away, near, wanted = [], [], grams(at_scale(PAINTING, *PHOTO.size, 1.0, ENLARGED, 1).rgb)
    for strength in (0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9):
        seen = events(recipe(strength=strength, steps=60), network=network)
        away.append(min((e for e in seen if isinstance(e, Step)), key=lambda e: e.loss).losses["content relu2_2"])
        assert isinstance(seen[-1], Finished)
        apart = zip(grams(seen[-1].image), wanted, strict=True)
        near.append(float(sum((ours - theirs).square().sum() / theirs.square().sum() for ours, theirs in apart)))
    assert away == sorted(away)
    assert near == sorted(near, reverse=True)


def test_the_last_steps_bring_what_is_fine_nearer_and_cost_little_of_the_rest() -> None:
    """To the small network that ships; one of random kernels is at the bottom of what is fine before it is polished."""

    def last(**knobs: Any) -> Step:  # noqa: ANN401 -- a recipe's
        made = Recipe(size=64, first_level=0, steps=45, **knobs)
        return [e for e in events(made, network=Lite()) if isinstance(e, Step)][-1]

    plain, polished = last(polish=0), last(polish=30, polish_views=1)
    assert polished.losses["style relu1_1"] < 0.3 * plain.losses["style relu1_1"]
    assert polished.losses["style relu2_1"] < 0.5 * plain.losses["style relu2_1"]
    assert polished.losses["style relu3_1"] < 0.8 * plain.losses["style relu3_1"]
    assert polished.loss < 1.2 * plain.loss


def equal_up_to_rounding(a: Tensor, b: Tensor, levels: float = 0.5) -> bool:
    return float((a - b).abs().max()) * 255 < levels


def test_the_order_and_the_sum_of_weights_do_not_matter() -> None:
    a, b, c = (picture(30 + 3 * i, 41 - 2 * i, 5 + i) for i in range(3))
    expected = finished(recipe(), styles=[a, b, c])
    for styles in ([c, a, b], [(a, 2.0), (b, 2.0), (c, 2.0)], [a, b, c, (PAINTING, 0.0)]):
        assert equal_up_to_rounding(finished(recipe(), styles=styles), expected)
    assert torch.equal(finished(recipe(), styles=[b, a]), finished(recipe(), styles=[a, b]))
    assert not equal_up_to_rounding(finished(recipe(), styles=[(a, 2.0), b, c]), expected, 2)


def test_a_painting_given_twice_at_half_the_weight_is_the_painting() -> None:
    halves = [(PAINTING, 0.5), (PAINTING, 0.5)]
    assert equal_up_to_rounding(finished(recipe(), styles=halves), finished(recipe()))
    assert torch.equal(finished(recipe(), styles=[(PAINTING, 7.0)]), finished(recipe()))


@pytest.mark.parametrize("size", [(33, 47), (32, 48)])
@pytest.mark.parametrize("turn", [lambda x: x.transpose(2, 3), lambda x: x.flip(2), lambda x: x.flip(3)])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_turned_pictures_give_turned_results(
    size: tuple[int, int], turn: Callable[[Tensor], Tensor], optimizer: str
) -> None:
    """With kernels turned likewise. Flips hold where pooling drops nothing: at sizes that it divides."""
    flips = turn(torch.arange(4.0).reshape(1, 1, 2, 2)).flatten().tolist() != [0.0, 2.0, 1.0, 3.0]
    if flips and size == (33, 47):
        pytest.skip("pooling leaves out the last row of an odd picture, and a flip makes it the first")
    made = recipe(size=max(size), optimizer=optimizer, steps=5)
    photo, painting = picture(*size, 1), picture(32, 48, 2)
    straight = finished(made, photo, [painting])
    turned = VGGTurned(turn)
    ours = finished(
        made, Picture(turn(photo.rgb).contiguous()), [Picture(turn(painting.rgb).contiguous())], network=turned.network
    )
    assert equal_up_to_rounding(turn(ours), straight, 1)


class VGGTurned:
    """The small network with its kernels turned: transposing and flipping are their own inverses."""

    def __init__(self, turn: Callable[[Tensor], Tensor]) -> None:
        made = weights()
        kernels = {n: turn(t).contiguous() if t.dim() == 4 else t for n, t in made.tensors.items()}
        self.network = type(tiny())(dataclasses.replace(made, tensors=kernels))


def test_no_edge_is_left_behind_in_odd_pictures() -> None:
    """The last row and column belong to no pooling window, but the shallow layers still see them."""
    moved = (finished(recipe(size=47, steps=20), picture(33, 47, 1)) - picture(33, 47, 1).rgb).abs().mean((0, 1))
    middle = float(moved[4:-4, 4:-4].mean())
    for edge in (moved[0], moved[-1], moved[:, 0], moved[:, -1]):
        assert 0.3 * middle < float(edge.mean()) < 3 * middle


def flat(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, 36, 40).contiguous()


checker = ((torch.arange(36)[:, None] + torch.arange(40)) % 2).float()
HOSTILE = {
    "black": flat(0.0, 0.0, 0.0),
    "white": flat(1.0, 1.0, 1.0),
    "color": flat(0.8, 0.3, 0.1),
    "gray": image(36, 40, 4).mean(1, keepdim=True).expand(1, 3, 36, 40).contiguous(),
    "two colors": torch.cat([flat(0.9, 0.1, 0.1)[..., :20], flat(0.1, 0.1, 0.9)[..., 20:]], 3),
    "checker": checker.expand(1, 3, 36, 40).contiguous(),
    "noise": torch.rand(1, 3, 36, 40, generator=torch.Generator().manual_seed(6)),
}


@pytest.mark.parametrize(("start", "steps"), [("photo", 8), ("tinted", 30)])  # what is tinted has less left to gain
@pytest.mark.parametrize(
    ("optimizer", "padding"), [("lbfgs", "replicate"), ("adam", "replicate"), ("lbfgs", "reflect")]
)
def test_hostile_pictures_give_finite_pictures(optimizer: str, padding: str, start: str, steps: int) -> None:
    network, made = tiny(padding=padding), recipe(optimizer=optimizer, start=start, steps=steps)
    for content, style in itertools.product(HOSTILE, HOSTILE):
        seen = events(made, Picture(HOSTILE[content]), [Picture(HOSTILE[style])], network)
        last = seen[-1]
        assert isinstance(last, Finished)
        assert bool(last.image.isfinite().all()), (content, style)
        assert all(map(math.isfinite, losses(seen)))
        if content == style:
            assert float((last.image - HOSTILE[content]).abs().max()) <= (0 if start == "photo" else 1e-6)
        else:
            assert min(losses(seen)) < losses(seen)[0], (content, style)
            flat_pair = {content, style} <= {"black", "white", "color"}
            assert float(last.image.std((2, 3)).max()) > 0 or flat_pair, (content, style)


@pytest.mark.parametrize("statistic", ["covariance", "moments", "wasserstein"])
def test_hostile_pictures_do_not_harm_the_other_statistics(statistic: str) -> None:
    made = recipe(style_statistic=statistic, steps=8)
    for content, style in itertools.product(("black", "color", "checker"), HOSTILE):
        seen = events(made, Picture(HOSTILE[content]), [Picture(HOSTILE[style])])
        assert all(torch.isfinite(torch.tensor(losses(seen))))
        assert not any(isinstance(event, Note) and "Repaired" in event.text for event in seen), (content, style)


def test_mixed_is_gram_at_the_deepest_layer_and_wasserstein_at_the_others() -> None:
    def first(statistic: str) -> Mapping[str, float]:
        made = recipe(style_statistic=statistic, style_layers=dict(STYLE_LAYERS), size=64, steps=1)
        return next(event for event in events(made) if isinstance(event, Step)).losses

    mixed, gram, wasserstein = first("mixed"), first("gram"), first("wasserstein")
    for name in (f"style {layer}" for layer in STYLE_LAYERS):
        assert gram[name] != pytest.approx(wasserstein[name], rel=1e-3)
        assert mixed[name] == (gram if name == "style relu5_1" else wasserstein)[name]


@pytest.mark.parametrize("apart", [0.0, 1e-6, 1e-3])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_photo_painted_after_itself_stays(apart: float, optimizer: str) -> None:
    grain = torch.randn(1, 3, 36, 40, generator=torch.Generator().manual_seed(1))
    almost = Picture((PHOTO.rgb + apart * grain).clamp(0, 1))
    seen = events(recipe(optimizer=optimizer, steps=40, style_weight=300.0), PHOTO, [almost])
    last = seen[-1]
    assert isinstance(last, Finished)
    assert equal_up_to_rounding(last.image, PHOTO.rgb, 4)
    assert not any(isinstance(event, Note) and "Repaired" in event.text for event in seen)


class Loud:
    """The small network, a thousand times louder and in bfloat16."""

    def __init__(self) -> None:
        self.inner = tiny(dtype=torch.bfloat16)
        self.name, self.sha256 = self.inner.name, self.inner.sha256
        self.layers, self.strides = self.inner.layers, self.inner.strides
        self.metrics: dict[str, Tensor] = {}
        self.halo, self.minimum, self.workspace = self.inner.halo, self.inner.minimum, self.inner.workspace
        self.device = self.inner.device

    def viewed(self, view: View) -> Network:
        assert view == PLAIN, "a VGG looks in one way"
        return self

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> dict[str, Tensor]:
        features = self.inner(image, layers, margin)
        return {name: f if name == "image" else f * 1e3 for name, f in features.items()}


@pytest.mark.parametrize("statistic", ["gram", "covariance", "moments", "wasserstein"])
def test_loud_features_of_half_precision_do_no_harm(statistic: str) -> None:
    seen = events(recipe(style_statistic=statistic, steps=15), network=Loud())
    assert all(torch.isfinite(torch.tensor(losses(seen))))
    assert min(losses(seen)) < 0.8 * losses(seen)[0]


def test_a_long_run_only_improves() -> None:
    """1500 evaluations; the best so far is what would be shown."""
    seen = events(recipe(size=24, steps=1500, style_layers={"relu1_1": 1.0, "relu2_1": 1.0}))
    found = losses(seen)
    last = seen[-1]
    assert isinstance(last, Finished)
    assert last.evaluations == len(found) == 1500
    assert min(found[750:]) <= min(found[:750])
    assert 0 <= float(last.image.min()) <= float(last.image.max()) <= 1
    again = events(recipe(size=24, steps=1, style_layers={"relu1_1": 1.0, "relu2_1": 1.0}, start="picture"),
                   start=Picture(last.image))  # fmt: skip
    assert losses(again)[0] == pytest.approx(min(found), rel=1e-4)


# ---- refused beforehand --------------------------------------------------------------------------------------------


def refused(error: type[Exception], words: str, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- those of events
    """Before anything is planned or any feature computed."""
    network = Untouched()
    with pytest.raises(error, match=words) as told:
        next(iter(paint(*args, network=network, **options)))
    assert "\n" not in str(told.value)


class Untouched(Loud):
    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> dict[str, Tensor]:
        raise AssertionError("the network was used")


def test_what_cannot_work_is_refused_and_says_what_would() -> None:
    refused(
        LayerError, r"no layer 'relu9_9'.*; it has conv1_1", PHOTO, [PAINTING], recipe(content_layers={"relu9_9": 1.0})
    )
    deep = recipe(content_layers={"relu5_1": 1.0}, size=40)
    refused(LayerError, "At 40 x 8 .* 16 pixels .* --size 79 or more", picture(17, 83), [PAINTING], deep)
    assert finished(deep.changed(size=79), picture(17, 83)).shape[-2:] == (16, 79)
    refused(RecipeError, "picture to start from", PHOTO, [PAINTING], recipe(start="picture"))
    refused(RecipeError, "picture to start from", PHOTO, [PAINTING], recipe(), start=PHOTO)
    refused(RecipeError, "no painting", PHOTO, [], recipe())
    refused(RecipeError, "no painting", PHOTO, [(PAINTING, 0.0)], recipe())
    for weight in (-1.0, float("nan"), float("inf")):
        refused(RecipeError, "weight of a painting", PHOTO, [(PAINTING, weight)], recipe())
    refused(PictureError, "too small", PHOTO, [picture(1, 40)], recipe())


@pytest.mark.parametrize("shape", [(2, 300), (300, 2), (5, 5), (2, 2)])
def test_paintings_of_any_shape_are_enlarged_as_far_as_the_network_needs(shape: tuple[int, int]) -> None:
    made = recipe(style_layers={"relu4_1": 1.0}, steps=2)
    assert bool(finished(made, styles=[picture(*shape)]).isfinite().all())


@pytest.mark.parametrize("shape", [(64, 64), (65, 131), (131, 65), (20, 1000), (1000, 20), (67, 101)])
def test_the_result_has_the_exact_size(shape: tuple[int, int]) -> None:
    for size in (97, 110):
        made = recipe(**{**LEVELS, "steps": 1, "steps_least": 1, "size": size, "content_layers": {"relu1_1": 1.0},
                         "style_layers": {"relu1_1": 1.0}})  # fmt: skip
        height, width = finished(made, picture(*shape)).shape[-2:]
        assert max(height, width) == size
        assert min(height, width) == max(1, round(size * min(shape) / max(shape)))


def test_a_painting_is_never_stretched() -> None:
    network = Watching()
    events(recipe(steps=1), picture(90, 30), [picture(40, 120)], network)
    assert {round(width / height, 1) for height, width in network.shapes} <= {3.0, 0.3, 1.0, 2.0}  # 1, 2: the planner's
    assert any(width == pytest.approx(3 * height, rel=0.05) for height, width in network.shapes)


def test_a_small_painting_is_enlarged_but_not_beyond_measure() -> None:
    """So that strokes are as large beside a large picture as beside a small one; a texture is taken as it is."""
    painting, sizes = picture(30, 40), []
    for canvas, scale, most in ((80, 1.0, 3.0), (400, 1.0, 3.0), (400, 2.0, 3.0), (400, 0.25, 3.0), (400, 1.0, 1.0)):
        sizes.append(at_scale(painting, canvas, canvas * 3 // 4, scale, most, 1).size)
    assert sizes == [(80, 60), (120, 90), (240, 180), (100, 75), (40, 30)]

    def seen(**knobs: Any) -> set[tuple[int, int]]:  # noqa: ANN401 -- knobs
        network = Watching()
        events(recipe(steps=1, size=80, **knobs), picture(60, 80), [painting], network)
        return network.shapes

    assert (30, 40) not in seen()
    assert (30, 40) in seen(content_layers={})


@pytest.mark.parametrize("times", [1.25, 2.0, 3.0])
def test_an_enlarged_painting_is_nearly_as_crisp_as_the_larger_one_that_it_was_made_from(times: float) -> None:
    """To the network, layers fine and coarse; one that is enlarged softly is several times as far off."""
    large = read(EXAMPLES / "style" / "swirls.jpg").fitted(300)
    small = large.resized(round(large.width / times), round(large.height / times))
    crisp, soft = at_scale(small, *large.size, 1.0, ENLARGED, 1), small.resized(*large.size)
    assert crisp.size == large.size
    network, layers = Lite(), ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    wanted, *made = (network(each.rgb, frozenset(layers)) for each in (large, crisp, soft))

    def away(features: Mapping[str, Tensor], layer: str) -> float:
        return float(gram_distance(*(gaussian(moments(each[layer])) for each in (features, wanted))))

    shares = [away(made[0], layer) / away(made[1], layer) for layer in layers]
    assert shares[0] < 0.25
    assert geometric_mean(shares) < 0.6
    assert at_scale(large, *large.size, 1.0, ENLARGED, 1) is large


@pytest.mark.parametrize(("knobs", "looks"), [({}, "soft"), ({"content_layers": {}}, "finer than intended")])
def test_that_a_painting_is_small_is_told_beforehand(knobs: dict[str, Any], looks: str) -> None:
    def told(style: Picture) -> list[str]:
        seen = events(recipe(steps=1, size=80, **knobs), picture(60, 80), [style])
        before = itertools.takewhile(lambda event: not isinstance(event, Step), seen)
        return [event.text for event in before if isinstance(event, Note) and "is small" in event.text]

    assert [f"(32 x 24): its strokes will be {looks}" in text for text in told(picture(24, 32))] == [True]
    assert told(picture(50, 64)) == []


class Watching(Loud):
    """Keeps the sizes of what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[tuple[int, int]] = set()

    def __call__(self, image: Tensor, layers: frozenset[str], margin: Margin | None = None) -> dict[str, Tensor]:
        self.shapes.add((image.shape[-2], image.shape[-1]))
        return super().__call__(image, layers, margin)


def test_a_loss_without_a_slope_ends_the_run_with_a_reason() -> None:
    def nowhere(pixels: Tensor, tile: Tile, step: int) -> Tensor:
        return 0 * tile.owned(pixels, step).sum() + 5

    flat_term = Term("flat", 1.0, "image", nowhere, lambda total: total)
    made = recipe(strength=0.0, start="picture", content_weight=0.0, content_layers=Recipe().content_layers)
    with pytest.raises(DescentError, match="no way downhill"):
        events(made, start=PHOTO, extra_terms=[flat_term])


def test_extra_terms_join_every_level() -> None:
    def redness(pixels: Tensor, tile: Tile, step: int) -> Tensor:
        return tile.owned(pixels, step)[:, 0].mean()

    term = Term("red", 1e4, "image", redness, lambda total: (total - 1).square())
    seen = events(recipe(**LEVELS), picture(90, 110), extra_terms=[term])
    assert all("red" in event.losses for event in seen if isinstance(event, Step))
    red = finished(recipe(steps=30, strength=0.0), extra_terms=[term])[:, 0]
    assert float(red.mean()) > float(PHOTO.rgb[:, 0].mean()) + 0.1


def test_an_extra_term_that_cannot_be_is_refused() -> None:
    def seen(features: Tensor, tile: Tile, step: int) -> Tensor:
        return tile.owned(features, step).sum((2, 3))

    with pytest.raises(LayerError, match="no layer 'relu9_1'"):
        events(recipe(steps=2), extra_terms=[Term("mine", 1.0, "relu9_1", seen, torch.sum)])
    wrong: Any
    for wrong, weight, words in (
        (lambda total: 2.0, 1.0, "must be a tensor, not a float"),
        (lambda total: torch.tensor(2.0), 1.0, "does not depend on its sums"),
        (lambda total: total.square(), float("nan"), "weight of the term 'mine' is nan"),
    ):
        with pytest.raises(RecipeError, match=words):
            events(recipe(steps=2), extra_terms=[Term("mine", weight, "image", lambda *g: seen(*g).sum(), wrong)])
    twice = [Term("mine", weight, "image", lambda *given: seen(*given).sum(), torch.square) for weight in (1.0, 2.0)]
    with pytest.raises(RecipeError, match="Two terms are called 'mine'"):
        events(recipe(steps=2), extra_terms=twice)
    with pytest.raises(RecipeError, match=r"'mine' must be one number, not \(1, 3\)"):
        events(recipe(steps=2), extra_terms=[Term("mine", 1.0, "image", seen, torch.square)])


# ---- every knob ----------------------------------------------------------------------------------------------------

KNOBS: dict[str, tuple[dict[str, Any], Any]] = {
    # knob: (what else it needs, another value)
    "strength": ({}, 0.9),
    "size": ({}, 44),
    "style_scale": ({}, 0.5),
    "seed": ({"start": "noise"}, 7),
    "network": ({"content_layers": {"relu4_1": 1.0}}, "vgg16"),
    "pooling": ({}, "average"),
    "pool_rescale": ({"pooling": "average"}, True),
    "padding": ({}, "zero"),
    "precision": ({"precision": "float32"}, "bfloat16"),
    "content_layers": ({}, {"relu1_2": 1.0}),
    "content_measure": ({}, "self-similarity"),
    "content_scale": ({}, "mean"),
    "content_weight": ({}, 30.0),
    "content_rim": ({}, 5.0),
    "style_layers": ({}, {"relu2_1": 1.0}),
    "style_statistic": ({}, "covariance"),
    "style_scaling": ({"style_weight": 1e3}, "gatys"),
    "style_weight": ({}, 3.0),
    "style_reach": ({}, 0.5),
    "rotations": ({}, 2),
    "detail": ({}, 0.5),
    "color": ({}, "photo"),
    "recolor": ({}, "monge"),
    "seamless": ({}, "both"),
    "palette": ({"color": "palette", "palette": "#0b132b,#e07a5f"}, "#102030,#ffffff"),
    "variation_weight": ({}, 100.0),
    "variation": ({"variation_weight": 100.0}, "l1"),
    "variation_power": ({"variation_weight": 100.0, "variation": "power"}, 0.7),
    "variation_scale": ({"variation_weight": 1.0}, "sum"),
    "optimizer": ({}, "adam"),
    "steps": ({}, 9),
    "steps_decay": (LEVELS | {"steps": 12}, 0.5),
    "steps_least": (LEVELS, 6),
    "polish": ({"steps": 16}, 2),
    "polish_times": ({"steps": 12}, 8.0),
    "polish_views": ({"steps": 12}, 2),
    "first_level": ({"size": 120}, 64),
    "level_ratio": (LEVELS, 1.2),
    "learning_rate": ({}, 0.5),
    "history": ({"steps": 12}, 2),
    "momentum": ({"optimizer": "sgd"}, 0.9),
    "beta1": ({"optimizer": "adam"}, 0.5),
    "beta2": ({"optimizer": "adam"}, 0.5),
    "average": ({"optimizer": "adam"}, 0.9),
    "start": ({}, "gray"),
    "start_noise": ({}, 0.3),
}


def test_the_table_of_knobs_is_complete() -> None:
    assert set(KNOBS) == set(FIELDS)


@pytest.fixture
def small_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_files, "load", lambda network, **_: weights(network))


@pytest.mark.usefixtures("small_weights")
@pytest.mark.parametrize("knob", FIELDS)
def test_every_knob_changes_the_picture(knob: str) -> None:
    """Or is refused: see the contradictions in the tests of the recipe."""
    needs, value = KNOBS[knob]
    photo = picture(90, 110) if {"first_level", "size"} & set(needs) else PHOTO
    plain, turned = (recipe(**{**needs, **changes}) for changes in ({}, {knob: value}))
    assert getattr(plain, knob) != value
    ours, theirs = (
        finished(made, photo, network=open_network(made, device=torch.device("cpu"))) for made in (plain, turned)
    )
    assert ours.shape != theirs.shape or not torch.equal(ours, theirs)


def test_levels_are_plain_values() -> None:
    assert Level(1, 1, 2, 3, 4) == Level(1, 1, 2, 3, 4)
