"""The artist's hand in whole runs: what was asked for is what comes out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import image, one_thread, picture, recipe, tiny
from torch import Tensor

from impasto import color
from impasto.errors import RecipeError
from impasto.events import Event, Finished, Note, Preview
from impasto.inputs import Painting
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import Guidance, Region
from impasto.stylize import stylize

__all__ = ["one_thread"]

HEIGHT, WIDTH = 36, 40
PHOTO, PAINTING = picture(HEIGHT, WIDTH, 1), picture(30, 44, 2)
LEVELS: dict[str, Any] = {"size": 96, "first_level": 64, "steps": 3, "steps_least": 2}


def made(photo: Picture = PHOTO, styles: Any = PAINTING, settings: Recipe | None = None, **given: Any) -> Picture:  # noqa: ANN401 -- those of stylize
    return stylize(photo, styles, settings or recipe(), network=tiny(), device="cpu", **given)


def mask(values: Tensor) -> Picture:
    return Picture(values.float().expand(1, 3, *values.shape).contiguous())


def left(height: int, width: int) -> Picture:
    return mask((torch.arange(width) < width // 2).expand(height, width))


# ---- colors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["photo", "luma", "luminance"])
def test_the_photo_keeps_its_hues(way: str) -> None:
    """In the plane of chroma the colors lie where they lay, or nearer to gray where they did not fit."""
    result = made(styles=Picture(0.3 * PAINTING.rgb), settings=recipe(steps=12), color=way, strength=0.9).rgb
    if way == "photo":
        (a, b), (x, y) = (color.to_oklab(rgb)[0, 1:] for rgb in (PHOTO.rgb, result))
        across, size = (a * y - b * x).abs(), (x.square() + y.square()).sqrt()
        assert float(across.max()) < 2e-3
        assert bool((size <= (a.square() + b.square()).sqrt() + 2e-3).all())
    else:
        before, after = (rgb - color.luma(rgb) for rgb in (PHOTO.rgb, result))
        scale = (after * before).sum(1) / before.square().sum(1).clamp_min(1e-9)
        torch.testing.assert_close(after, scale[:, None] * before, atol=1e-4, rtol=0)
        assert -1e-3 < float(scale.min()) <= float(scale.max()) < 1.001
    assert float((result - PHOTO.rgb).abs().max()) > 0.01


@pytest.mark.parametrize("way", ["photo", "luma", "luminance", "gray"])
def test_gray_photos_stay_gray(way: str) -> None:
    gray = Picture(color.gray(PHOTO.rgb))
    result = made(gray, color=way).rgb
    assert float((result.amax(1) - result.amin(1)).max()) < 2e-3


def test_match_gives_exactly_the_colors_of_the_painting() -> None:
    wanted, got = color.spread(PAINTING.rgb), color.spread(made(color="match").rgb)
    torch.testing.assert_close(got.mean, wanted.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(got.covariance, wanted.covariance, atol=3e-3, rtol=0)


@pytest.mark.parametrize("way", ["monge", "pca", "cholesky", "histogram"])
def test_a_recolored_painting_pulls_less_at_the_colors(way: str) -> None:
    plain, gentle = (made(settings=recipe(recolor=each)).rgb for each in ("none", way))
    wanted = PHOTO.rgb.mean((2, 3))
    assert float((gentle.mean((2, 3)) - wanted).norm()) < float((plain.mean((2, 3)) - wanted).norm())


def test_a_palette_is_obeyed() -> None:
    result = made(color="palette", palette="#102040,#f0e0c0").rgb
    ends = torch.tensor([[16, 32, 64], [240, 224, 192]]) / 255
    lab, (a, b) = color.to_oklab(result)[0].flatten(1).T, color.to_oklab(ends.T.reshape(1, 3, 1, 2))[0, :, 0].T
    along = ((lab - a) @ (b - a)) / (b - a).square().sum()
    torch.testing.assert_close(lab, a + along[:, None] * (b - a), atol=5e-3, rtol=0)


@pytest.mark.parametrize("name", ["black", "white", "gray", "two colors"])
@pytest.mark.parametrize(
    "given",
    [{"color": c} for c in ("photo", "luma", "luminance", "match", "gray")]
    + [{"recolor": r} for r in ("monge", "pca", "cholesky", "histogram")]
    + [{"color": "palette", "palette": "#000,#fff"}],
    ids=lambda given: next(iter(given.values())),
)
def test_poor_paintings_give_finite_pictures(name: str, given: dict[str, Any]) -> None:
    halves = (torch.arange(32) < 16).float().expand(1, 3, 32, 32).contiguous()
    poor = {
        "black": torch.zeros(1, 3, 32, 32),
        "white": torch.ones(1, 3, 32, 32),
        "gray": color.gray(image(32, 32)),
        "two colors": halves * torch.tensor([0.9, 0.3, 0.1]).view(1, 3, 1, 1),
    }[name]
    result = made(styles=Picture(poor), steps=2, **given).rgb
    assert bool(result.isfinite().all())
    assert 0 <= float(result.min()) < float(result.max()) <= 1


def test_previews_have_the_colors_of_the_result() -> None:
    gray = recipe(color="gray", steps=3)
    shown = [e.image for e in paint(PHOTO, [PAINTING], gray, network=tiny(), preview_every=1) if isinstance(e, Preview)]
    assert len(shown) == 3
    assert all(float((each.amax(1) - each.amin(1)).max()) < 1e-5 for each in shown)


# ---- protection and regions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"optimizer": "adam"},
        {"optimizer": "sgd", "momentum": 0.5},
        {"start": "noise"},
        {"average": 0.9, "optimizer": "adam"},
        {"color": "photo"},
        {"color": "gray"},
        {"color": "luminance"},
        {"recolor": "monge"},
        {"variation_weight": 10.0},
        LEVELS,
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["protect", "strength_map"])
def test_protected_pixels_are_the_photos_own(given: dict[str, Any], how: str) -> None:
    shield = left(HEIGHT, WIDTH)
    where = shield if how == "protect" else mask(1 - shield.rgb[0, 0])
    result = made(settings=recipe(**{"strength": 0.9, **given}), **{how: where})
    wanted = PHOTO.resized(result.width, result.height).rgb
    painted = slice(result.width // 2 + 4, None)
    kept = slice(None, result.width // 2 if result.width == WIDTH else result.width // 2 - 4)
    assert torch.equal(result.rgb[..., kept], wanted[..., kept])
    assert float((result.rgb - wanted)[..., painted].abs().mean()) > 0.01


def distance(**given: Any) -> float:  # noqa: ANN401 -- those of stylize
    """How far the features of the result are from the photo's, in the end of a longer run."""
    seen: list[Event] = []
    made(settings=recipe(strength=0.2, steps=60), on_event=seen.append, **given)
    assert isinstance(seen[-1], Finished)
    return sum(loss for name, loss in seen[-1].losses.items() if name.startswith("content"))


def test_more_strength_in_the_map_is_more_paint() -> None:
    distances = [distance(strength_map=mask(torch.full((HEIGHT, WIDTH), s))) for s in (0.0, 0.3, 0.6, 1.0)]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert len(set(distances)) == 4


def test_regions_take_the_colors_of_their_paintings() -> None:
    red, blue = (Picture((0.7 * image(32, 32, s) * torch.tensor(c).view(1, 3, 1, 1)).contiguous()) for s, c in
                 ((1, [1.4, 0.3, 0.2]), (2, [0.2, 0.3, 1.4])))  # fmt: skip
    shield = left(HEIGHT, WIDTH)
    result = made(styles=red, regions=[(shield, blue)], strength=0.9, steps=30).rgb
    half = WIDTH // 2
    one, other = result[..., : half - 4].mean((2, 3))[0], result[..., half + 4 :].mean((2, 3))[0]
    assert float(one[2] - one[0]) > 0.05
    assert float(other[0] - other[2]) > 0.05


def test_regions_with_a_strength_are_painted_less() -> None:
    everywhere = mask(torch.ones(HEIGHT, WIDTH))
    assert distance(regions=[(everywhere, PAINTING, 0.3)]) < distance(regions=[(everywhere, PAINTING, 1.0)])


def test_a_region_that_is_too_small_is_told_and_painted() -> None:
    spot = torch.zeros(HEIGHT, WIDTH)
    spot[4:6, 4:6] = 1
    guidance = Guidance((Region(mask(spot), Painting(picture(32, 32, 3))),))
    seen = list(paint(PHOTO, [PAINTING], recipe(steps=2), network=tiny(), guidance=guidance))
    assert any("too small for relu3_1" in event.text for event in seen if isinstance(event, Note))


def test_match_with_regions_is_refused() -> None:
    with pytest.raises(RecipeError, match="with regions, take color = style"):
        made(color="match", regions=[(left(HEIGHT, WIDTH), PAINTING)])


# ---- several paintings ---------------------------------------------------------------------------------------------


def test_a_painting_twice_is_the_painting() -> None:
    once, twice = made(styles=[PAINTING]).rgb, made(styles=[(PAINTING, 0.5), (PAINTING, 0.5)]).rgb
    torch.testing.assert_close(once, twice, atol=2e-3, rtol=0)


def test_coarse_forms_and_fine_strokes_are_not_interchangeable() -> None:
    other = picture(32, 32, 5)
    one = made(styles=[Painting(PAINTING, layers="coarse"), Painting(other, layers="fine")]).rgb
    two = made(styles=[Painting(PAINTING, layers="fine"), Painting(other, layers="coarse")]).rgb
    assert float((one - two).abs().max()) > 0.02


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_impossible_scales_are_refused(scale: float) -> None:
    with pytest.raises(RecipeError, match="scale"):
        made(styles=Painting(PAINTING, scale=scale))


# ---- transparency --------------------------------------------------------------------------------------------------


def cut_out(ground: Tensor) -> Picture:
    """The photo's left half on a hidden ground."""
    alpha = left(HEIGHT, WIDTH).rgb[:, :1].contiguous()
    return Picture(torch.where(alpha > 0, PHOTO.rgb, ground).contiguous(), alpha)


@pytest.mark.parametrize(
    "given", [{}, LEVELS, {"color": "photo"}, {"color": "match"}, {"recolor": "histogram"}], ids=str
)
def test_what_is_hidden_does_not_show(given: dict[str, Any]) -> None:
    one, two = (
        made(cut_out(ground), settings=recipe(**given)) for ground in (torch.zeros(3, 1, 1), image(HEIGHT, WIDTH, 8))
    )
    assert one.alpha is not None
    assert two.alpha is not None
    assert torch.equal(one.alpha, two.alpha)
    assert torch.equal(one.rgb, two.rgb)


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize(("size", "first_level"), [(40, 0), (61, 20)], ids=["smaller", "in levels"])
def test_no_color_of_the_ground_bleeds_into_the_figure(soft: bool, size: int, first_level: int) -> None:
    """A gray disk on a hidden magenta ground, a gray painting: whatever of the result can be seen has no magenta."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 61), torch.linspace(-1, 1, 61), indexing="ij")
    alpha = ((0.7 - (x**2 + y**2).sqrt()) * 8 + 0.5).clamp(0, 1)[None, None]
    alpha = alpha if soft else alpha.round()
    gray, magenta = torch.full((1, 3, 61, 61), 0.5), torch.tensor([1.0, 0.0, 1.0]).view(1, 3, 1, 1)
    painting = Picture(PAINTING.rgb.mean(1, keepdim=True).repeat(1, 3, 1, 1))
    figure = Picture(torch.where(alpha > 0, gray, magenta), alpha)
    done = made(figure, painting, settings=recipe(size=size, first_level=first_level, steps=15, strength=0.9))
    assert done.alpha is not None
    excess = (done.rgb[:, [0, 2]].mean(1, keepdim=True) - done.rgb[:, 1:2])[done.alpha > 0]
    plain = made(Picture(gray), painting, settings=recipe(size=size, first_level=first_level, steps=15, strength=0.9))
    own = (plain.rgb[:, [0, 2]].mean(1) - plain.rgb[:, 1]).max()  # what the network itself does to gray
    assert float(excess.max()) < float(own) + 0.02


def test_the_hidden_ground_does_not_count() -> None:
    """A bright ground cannot stand in for the brightness that the figure shall take from the painting."""
    bright = Picture((0.5 + 0.5 * image(32, 32, 4)).clamp(0, 1))
    hidden = cut_out(torch.ones(3, 1, 1))
    seen = Picture(hidden.rgb)
    gaps = [
        float(bright.rgb.mean() - made(p, bright, steps=30, strength=0.9).rgb[..., : WIDTH // 2].mean())
        for p in (hidden, seen)
    ]
    assert gaps[0] < 0.7 * gaps[1]


def test_a_start_may_be_named_or_shown() -> None:
    named, knob = made(start="noise").rgb, made(settings=recipe(start="noise")).rgb
    assert torch.equal(named, knob)
    shown = made(start=PAINTING, strength=0.0).rgb
    assert not torch.equal(shown, made(strength=0.0).rgb)
