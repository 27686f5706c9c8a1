"""Masks: of any size and mode, exact where they say nothing, exact in tiles, and honest where they are too small."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHALLOW, image, picture, recipe, tiny
from PIL import Image
from torch import Tensor

from impasto.cutter import Cutter
from impasto.dial import dialed
from impasto.errors import PictureError
from impasto.events import Level
from impasto.inputs import Painting, Styles, weighted
from impasto.objective import Objective
from impasto.paint import terms
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.regions import (
    Guidance,
    Region,
    brightness,
    carried,
    labeled,
    labels,
    opened,
    passages,
    remarks,
    worn,
)
from impasto.scene import scenery
from impasto.storage import MEMORY
from impasto.style import remarks as told
from impasto.style import statistics
from impasto.stylize import stylize

SIZE = 48
LEVEL = Level(1, 1, SIZE, SIZE, 1)
CPU = torch.device("cpu")
LAYERS = frozenset(SHALLOW)


def mask(values: Tensor) -> Picture:
    """(H, W) as a gray picture."""
    return Picture(values.float().expand(1, 3, *values.shape).contiguous())


def left(size: int = SIZE) -> Picture:
    return mask((torch.arange(size) < size // 2).expand(size, size))


def right(size: int = SIZE) -> Picture:
    return mask((torch.arange(size) >= size // 2).expand(size, size))


def full(value: float) -> Picture:
    return mask(torch.full((SIZE, SIZE), value))


PHOTO, A, B = picture(SIZE, SIZE), Painting(picture(40, 60, 1)), Painting(picture(60, 40, 2))


def objective(
    guidance: Guidance, base: Styles | None = None, photo: Picture = PHOTO, settings: Recipe | None = None
) -> Objective:
    """The objective of one level, in float64."""
    network = tiny(dtype=torch.float64)
    settings = settings or recipe()
    scene = scenery(photo, base or weighted([A]), guidance, settings)(LEVEL, CPU, MEMORY)
    return Objective(network, tuple(terms(network, scene, settings, Cutter.of(network, LAYERS), scene.photo)))


def measured(of: Objective, side: int | None = None) -> tuple[float, Tensor]:
    """Loss and gradient at some canvas."""
    canvas = image(SIZE, SIZE, 9, torch.float64)
    cutter = Cutter.of(of.network, of.layers).sized(side)
    evaluation = of.evaluate(canvas, cutter.tiles(SIZE, SIZE))
    return float(evaluation.loss), evaluation.gradient


def same(a: Objective, b: Objective) -> None:
    """To the bit."""
    (loss, slope), (other, other_slope) = measured(a), measured(b)
    assert loss == other
    assert torch.equal(slope, other_slope)


# ---- masks that say nothing ----------------------------------------------------------------------------------------


def test_a_mask_of_ones_is_no_mask() -> None:
    plain = objective(Guidance())
    same(objective(Guidance(strength=full(1.0))), plain)
    same(objective(Guidance(protect=full(0.0))), plain)
    same(objective(Guidance((Region(full(0.0), B),))), plain)
    same(objective(Guidance((Region(full(1.0), B),))), objective(Guidance(), weighted([B])))


def test_complementary_masks_with_one_style_are_none() -> None:
    plain = objective(Guidance(), weighted([B]))
    same(objective(Guidance((Region(left(), B), Region(right(), B)))), plain)
    same(objective(Guidance((Region(left(), B),)), weighted([B])), plain)


def test_soft_complementary_masks_with_one_style_are_none() -> None:
    slope = torch.linspace(0, 1, SIZE).expand(SIZE, SIZE)
    soft = Guidance((Region(mask(slope), B), Region(mask(1 - slope), B)))
    same(objective(soft), objective(Guidance(), weighted([B])))


def test_the_order_of_regions_does_not_matter() -> None:
    third = Painting(picture(50, 50, 3))
    one, two = Region(left(), B), Region(right(20), third)
    (loss, slope), (other, other_slope) = (
        measured(objective(Guidance(regions))) for regions in ((one, two), (two, one))
    )
    assert loss == pytest.approx(other, rel=1e-9)
    torch.testing.assert_close(slope, other_slope, rtol=1e-4, atol=1e-9)


def test_one_dark_opaque_alpha_is_no_alpha() -> None:
    opaque = Picture(PHOTO.rgb, torch.ones(1, 1, SIZE, SIZE))
    (loss, slope), (other, other_slope) = measured(objective(Guidance(), photo=opaque)), measured(objective(Guidance()))
    assert loss == pytest.approx(other, rel=1e-6)
    torch.testing.assert_close(slope, other_slope, rtol=1e-4, atol=1e-9)


# ---- masks that say something --------------------------------------------------------------------------------------


def test_each_half_is_pulled_by_its_own_painting_only() -> None:
    """Far from the border, another painting for the other half changes nothing."""
    other = Painting(picture(50, 50, 7))
    pulls = [
        measured(
            objective(Guidance((Region(left(), A), Region(right(), p))), settings=recipe(style_layers={"relu1_1": 1.0}))
        )[1]
        for p in (B, other)
    ]
    apart = (pulls[0] - pulls[1]).abs().amax((0, 1, 2))
    assert float(apart[: SIZE // 2 - 8].max()) < 1e-9 < float(apart[SIZE // 2 + 8 :].max())


def test_a_region_weighs_as_much_as_it_covers() -> None:
    """A pixel of a region is pulled as hard as it would be if the whole picture were the region."""
    settings = recipe(style_layers={"relu1_1": 1.0})
    whole = passages(PHOTO, weighted([A]), Guidance(), SIZE, SIZE)
    halves = passages(PHOTO, weighted([A]), Guidance((Region(left(), B),)), SIZE, SIZE)
    assert [p.share for p in whole] == [1.0]
    assert [p.share for p in halves] == pytest.approx([0.5, 0.5])
    assert len(objective(Guidance((Region(left(), B),)), settings=settings).terms) == 3
    assert len({term.name for term in objective(Guidance((Region(left(), B),))).terms}) == 1 + 2 * len(SHALLOW)


def test_overlapping_masks_share_their_pixels() -> None:
    found = passages(PHOTO, weighted([A]), Guidance((Region(full(1.0), A), Region(full(1.0), B))), SIZE, SIZE)
    assert [p.share for p in found] == pytest.approx([0.5, 0.5])


def test_where_a_map_has_less_than_its_most_less_counts() -> None:
    strength = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    share = dialed(strength)
    assert float(share[0]) == 0
    assert float(share[-1]) == 1
    assert bool((share.diff() > 0).all())
    assert float(share[2]) == pytest.approx(0.1, rel=0.1)
    halves = mask(torch.where(torch.arange(SIZE) < SIZE // 2, 0.5, 1.0).expand(SIZE, SIZE))
    (found,) = passages(PHOTO, weighted([A]), Guidance(strength=halves), SIZE, SIZE)
    assert found.strength == 1
    assert found.share == pytest.approx((1 + float(share[2])) / 2, rel=1e-4)


@pytest.mark.parametrize("gray", [0.3, 0.5, 0.8])
def test_a_map_of_one_gray_is_a_lower_dial(gray: float) -> None:
    settings = recipe(style_weight=None, strength=0.7)
    lower = settings.changed(strength=0.7 * float(brightness(full(gray), 256, 256).max()))
    same(objective(Guidance(strength=full(gray)), settings=settings), objective(Guidance(), settings=lower))


def test_a_map_lowers_the_dial_of_regions_alike_at_every_size() -> None:
    halves = mask(torch.where(torch.arange(SIZE) < SIZE // 2, 0.2, 0.5).expand(SIZE, SIZE))
    guidance = Guidance((Region(left(), B, 0.4),), strength=halves)
    small, large = (
        [p.strength for p in passages(PHOTO, weighted([A]), guidance, side, side)] for side in (SIZE, 3 * SIZE)
    )
    assert small == large
    assert small == pytest.approx([0.5, 0.2], rel=0.05)  # at a hard edge, resizing overshoots


@pytest.mark.parametrize(("dial", "strength"), [(0.9, 0.75), (0.9, 0.2), (0.5, 0.8), (0.2, 0.5), (0.7, 0.0)])
def test_a_region_is_painted_as_if_the_dial_stood_lower(dial: float, strength: float) -> None:
    settings = recipe(style_weight=None, strength=dial)
    lower = settings.changed(strength=dial * strength)
    guidance = Guidance((Region(full(1.0), B, strength),))
    same(objective(guidance, settings=settings), objective(Guidance(), weighted([B]), settings=lower))


def test_a_weight_given_by_hand_is_shared_by_the_strength_of_a_region() -> None:
    settings = recipe(style_weight=10.0)
    lower = settings.changed(style_weight=10.0 * dialed(0.5))
    guidance = Guidance((Region(full(1.0), B, 0.5),))
    same(objective(guidance, settings=settings), objective(Guidance(), weighted([B]), settings=lower))


def test_regions_of_one_painting_are_one_if_their_strengths_are() -> None:
    def parts(first: float, second: float) -> list[tuple[float, float]]:
        regions = Region(left(), B, first), Region(right(), B, second)
        return [(p.strength, p.share) for p in passages(PHOTO, weighted([A]), Guidance(regions), SIZE, SIZE)]

    assert parts(0.4, 0.4) == [(0.4, 1.0)]
    assert parts(0.4, 0.8) == [(0.4, 0.5), (0.8, 0.5)]


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_impossible_strengths_are_refused(strength: float) -> None:
    with pytest.raises(PictureError, match="between 0 and 1"):
        Region(left(), A, strength)


@pytest.mark.parametrize("statistic", ["gram", "covariance", "wasserstein"])
@pytest.mark.parametrize("side", [8, 24])
def test_masks_are_exact_in_tiles(statistic: str, side: int) -> None:
    seed = torch.Generator().manual_seed(4)
    soft = mask(torch.rand(11, 9, generator=seed))
    photo = Picture(PHOTO.rgb, torch.rand(1, 1, SIZE, SIZE, generator=seed))
    part = Painting(A.picture, part=left(30))
    guidance = Guidance((Region(soft, B),), strength=mask(torch.rand(20, 20, generator=seed)), protect=left(16))
    guided = objective(guidance, weighted([part]), photo, recipe(style_statistic=statistic))
    (loss, slope), (other, other_slope) = measured(guided), measured(guided, side)
    assert loss == pytest.approx(other, rel=1e-6)
    torch.testing.assert_close(slope, other_slope, rtol=1e-3, atol=1e-7)


# ---- masks of any kind ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_masks_of_any_mode_mean_the_same(mode: str) -> None:
    values = np.zeros((30, 20), np.uint8)
    values[:, 10:] = 255
    if mode == "I;16":
        drawn = Image.fromarray(values.astype(np.uint16) * 257)
    elif mode == "F":
        drawn = Image.fromarray(values.astype(np.float32) / 255)
    else:
        drawn = Image.fromarray(values).convert(mode)
    got = brightness(read(drawn), 20, 30)
    assert torch.equal(got[0, 0], torch.from_numpy(values / 255).float())


def test_transparent_parts_of_a_mask_do_not_count() -> None:
    half = Picture(torch.ones(1, 3, 10, 10), right(10).rgb[:, :1])
    assert torch.equal(brightness(half, 10, 10), right(10).rgb[:, :1])


def test_jpeg_noise_is_no_mask() -> None:
    file = io.BytesIO()
    values = np.zeros((64, 64, 3), np.uint8)
    values[16:48, 16:48] = 255
    Image.fromarray(values).save(file, "JPEG", quality=90)
    got = brightness(read(file.getvalue()), 64, 64)[0, 0]
    assert float(got[:14].max()) == 0
    assert float(got[18:46, 18:46].min()) == 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(8, 60), st.integers(8, 60), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_any_mask_fits_any_size(h: int, w: int, height: int, width: int, seed: int) -> None:
    any_mask = mask(torch.rand(h, w, generator=torch.Generator().manual_seed(seed)))
    got = brightness(any_mask, width, height)
    assert got.shape == (1, 1, height, width)
    assert 0 <= float(got.min()) <= float(got.max()) <= 1
    for stride in (1, 2, 4, 8):
        assert worn(got, stride).shape == (1, 1, height // stride, width // stride)


# ---- layers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
def test_ones_stay_ones_and_zeros_zeros(stride: int) -> None:
    assert bool((worn(torch.ones(1, 1, 53, 61), stride) == 1).all())
    assert not worn(torch.zeros(1, 1, 53, 61), stride).any()


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_borders_are_worn_off_by_what_a_position_sees(stride: int) -> None:
    inside = worn(left(96).rgb[:, :1], stride)[0, 0, 0]
    pixels = (torch.arange(96) < 48).view(-1, stride)
    for position, value in enumerate(inside):
        clean = position > 0 and bool(pixels[max(0, position - 1) : position + 2].all())
        assert float(value) == (1.0 if clean or position == 0 else 0.0) or 0 < float(value) < 1
    assert float(inside[48 // stride :].max()) == 0
    assert float(inside[48 // stride - 1]) < 1


def test_a_small_region_is_not_worn_away() -> None:
    spot = torch.zeros(1, 1, 64, 64)
    spot[..., 20:36, 20:36] = 1
    assert not worn(spot, 16).any()
    small = carried(spot, 16)
    assert small is not None
    assert float(small.sum()) == pytest.approx(1)
    assert carried(spot[..., :24, :24], 16) is None


def strides(chosen: Recipe) -> dict[str, int]:
    """Of the layers that it reads paintings by."""
    return {layer: tiny().strides[layer] for layer in chosen.style_layers}


def test_a_region_too_small_for_a_layer_says_so() -> None:
    spot = torch.zeros(SIZE, SIZE)
    spot[3:5, 3:6] = 1
    guidance = Guidance((Region(mask(spot), B),))
    deep = recipe(style_layers={"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0})
    (sentence,) = remarks(PHOTO, guidance, LEVEL, weighted([A]), strides(deep))
    assert "too small for relu3_1, relu4_1" in sentence
    guided = objective(guidance)
    assert {t.name for t in guided.terms} >= {"style 2 relu1_1", "style 2 relu2_1"}
    assert "style 2 relu3_1" not in {t.name for t in guided.terms}


def test_dark_and_stretched_masks_are_told() -> None:
    dark, long = Region(mask(torch.zeros(SIZE, SIZE)), B), Region(mask(torch.ones(10, 30)), B)
    told = list(remarks(PHOTO, Guidance((dark, long)), LEVEL, weighted([A]), strides(recipe())))
    assert len(told) == 2
    assert "stretched" in told[0]
    assert "dark everywhere" in told[1]


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [("protect", 0.0, "dark everywhere: nothing is protected"), ("protect", 1.0, "bright everywhere: the photo stays"),
     ("strength", 0.0, "dark everywhere: the photo stays"), ("strength", 1.0, "bright everywhere: it changes nothing")],
)  # fmt: skip
def test_maps_that_tell_no_place_from_another_are_told(kind: str, value: float, words: str) -> None:
    guidance = Guidance(protect=full(value)) if kind == "protect" else Guidance(strength=full(value))
    (sentence,) = remarks(PHOTO, guidance, LEVEL, weighted([A]), strides(recipe()))
    assert words in sentence


@pytest.mark.parametrize("how", ["part", "alpha"])
def test_a_painting_of_which_nothing_is_used_is_refused(how: str) -> None:
    dark = full(0.0)
    painting = replace(A, part=dark) if how == "part" else Painting(Picture(A.picture.rgb, torch.zeros(1, 1, 40, 60)))
    with pytest.raises(PictureError, match="Nothing of a painting is used"):
        stylize(PHOTO, painting, recipe(), network=tiny())


def test_nothing_is_told_about_masks_that_are_fine() -> None:
    assert not list(remarks(PHOTO, Guidance((Region(left(), B),)), LEVEL, weighted([A]), strides(recipe())))


# ---- protection ----------------------------------------------------------------------------------------------------


def test_where_nothing_is_painted_the_photo_is_shown_to_the_bit() -> None:
    scene = scenery(PHOTO, weighted([A]), Guidance(protect=left()), recipe())(LEVEL, CPU, MEMORY)
    canvas = image(SIZE, SIZE, 5)
    half = SIZE // 2
    assert torch.equal(scene.shown(canvas)[..., :half], PHOTO.rgb[..., :half])
    assert torch.equal(scene.shown(canvas)[..., half:], canvas[..., half:])


def test_a_little_strength_lets_the_photo_shine_through() -> None:
    slope = mask(torch.linspace(0, 1, SIZE).expand(SIZE, SIZE))
    paint = opened(Guidance(strength=slope), SIZE, SIZE)
    assert paint is not None
    assert float(paint[..., 0].max()) == 0
    assert float(paint[..., SIZE // 2 :].min()) == 1
    assert bool((paint[0, 0, 0].diff() >= 0).all())


# ---- parts of paintings --------------------------------------------------------------------------------------------


def surveyed(painting: Painting) -> dict[str, Tensor]:
    return statistics(tiny(), weighted([painting]), LAYERS, image(60, 60), recipe(), Cutter.of(tiny(), LAYERS))


@pytest.mark.parametrize("how", ["part", "alpha"])
def test_only_the_part_of_a_painting_that_is_asked_for_counts(how: str) -> None:
    one, other = image(60, 60, 1), image(60, 60, 2)
    spoiled = torch.cat([one[..., :40], other[..., 40:]], 3)
    shown = left(60)
    if how == "part":
        pair = [surveyed(Painting(Picture(rgb.contiguous()), part=shown)) for rgb in (one, spoiled)]
    else:
        pair = [surveyed(Painting(Picture(rgb.contiguous(), shown.rgb[:, :1].contiguous()))) for rgb in (one, spoiled)]
    whole = [surveyed(Painting(Picture(rgb.contiguous()))) for rgb in (one, spoiled)]
    for layer in SHALLOW:
        torch.testing.assert_close(pair[0][layer], pair[1][layer])
        assert not torch.allclose(whole[0][layer], whole[1][layer], rtol=1e-3)


@pytest.mark.parametrize("how", ["part", "alpha"])
def test_a_part_of_a_painting_too_small_for_a_layer_says_so(how: str) -> None:
    spot = torch.zeros(48, 48)
    spot[3:5, 3:6] = 1
    whole = Picture(image(48, 48, 1).contiguous())
    painting = Painting(whole, part=mask(spot)) if how == "part" else Painting(Picture(whole.rgb, spot[None, None]))
    (sentence,) = told(tiny(), [painting], LEVEL, recipe())
    assert "too small for relu3_1" in sentence
    assert not list(told(tiny(), [Painting(whole, part=left()), Painting(whole)], LEVEL, recipe()))


def test_coarse_and_fine_paintings_speak_for_their_layers() -> None:
    coarse, fine = Painting(A.picture, layers="coarse"), Painting(B.picture, layers="fine")
    network, cutter = tiny(), Cutter.of(tiny(), LAYERS)
    both, one, other = (
        statistics(network, weighted(each), LAYERS, image(60, 60), recipe(), cutter)
        for each in ([coarse, fine], [A], [B])
    )
    assert torch.equal(both["relu1_1"], other["relu1_1"])
    assert torch.equal(both["relu2_1"], other["relu2_1"])
    assert torch.equal(both["relu3_1"], one["relu3_1"])


def test_a_painting_of_its_own_scale_is_as_all_paintings_at_that_scale() -> None:
    large = Picture(image(150, 130, 3).contiguous())
    network, cutter = tiny(), Cutter.of(tiny(), LAYERS)
    own = statistics(network, weighted([Painting(large, scale=0.5)]), LAYERS, image(60, 60), recipe(), cutter)
    all_of_them = statistics(network, weighted([large]), LAYERS, image(60, 60), recipe(style_scale=0.5), cutter)
    for layer in SHALLOW:
        assert torch.equal(own[layer], all_of_them[layer])


def test_a_turned_painting_counts_as_its_turned_copies_do() -> None:
    """The mean of the statistics of the copies, and masks turn with their paintings."""
    rgb, half = image(60, 48, 3), left(60).resized(48, 60)
    network, cutter = tiny(), Cutter.of(tiny(), LAYERS)

    def turned(picture: Picture, quarters: int) -> Picture:
        return Picture(picture.rgb.rot90(quarters, (-2, -1)).contiguous())

    def found(quarters: int, rotations: int, mask: Picture | None) -> dict[str, Tensor]:
        part = None if mask is None else turned(mask, quarters)
        painting = Painting(turned(Picture(rgb), quarters), part=part)
        return statistics(network, weighted([painting]), LAYERS, image(60, 60), recipe(rotations=rotations), cutter)

    for used in (None, half):
        for rotations in (1, 2, 4):
            together = found(0, rotations, used)
            copies = [found(quarters, 1, used) for quarters in range(rotations)]
            for layer in SHALLOW:
                mean = torch.stack([copy[layer] for copy in copies]).mean(0)
                torch.testing.assert_close(together[layer], mean, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(found(0, 4, used)["relu2_1"], found(0, 1, used)["relu2_1"], rtol=1e-3)


# ---- label maps ----------------------------------------------------------------------------------------------------


def labels_file(split: int, quality: int = 80) -> Picture:
    """Red on the left, blue on the right, as a JPEG."""
    drawn = np.zeros((64, 64, 3), np.uint8)
    drawn[:, :split] = (220, 30, 20)
    drawn[:, split:] = (20, 60, 200)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "JPEG", quality=quality)
    return read(file.getvalue())


def test_noise_is_no_label() -> None:
    assert len(labels(labels_file(20))) == 2


def test_label_maps_pair_regions_of_photo_and_painting() -> None:
    regions = labeled(labels_file(20), labels_file(40), A)
    assert len(regions) == 2
    assert sum(float(brightness(region.mask, 64, 64).mean()) for region in regions) == pytest.approx(1)
    for region in regions:
        assert region.painting.part is not None
        where, part = (brightness(m, 64, 64)[0, 0] for m in (region.mask, region.painting.part))
        assert float(where[:, :18].mean()) == float(part[:, :38].mean())
        assert float(where[:, 22:].mean()) == float(part[:, 42:].mean())


def test_a_label_that_the_painting_lacks_is_refused_by_its_color() -> None:
    green = np.zeros((32, 32, 3), np.uint8)
    green[:, :16] = (20, 200, 40)
    green[:, 16:] = (20, 60, 200)
    with pytest.raises(PictureError, match="#14c828"):
        labeled(read(green), labels_file(32), A)
