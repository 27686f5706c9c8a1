"""Colors: published formulas written out again in numpy, promises kept, and finite on the poorest pictures."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import image
from numpy.typing import NDArray
from torch import Tensor

from impasto import color, palette
from impasto.errors import RecipeError

Array = NDArray[np.float64]

CORNERS = torch.tensor(
    [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0.2, 0.2, 0.2], [0.5, 0.1, 0.9]]
).T.reshape(1, 3, 2, 4)


def poor_pictures() -> dict[str, Tensor]:
    """What makes a covariance singular or a division fail."""
    halves = torch.zeros(1, 3, 8, 8)
    halves[:, :, :, 4:] = torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1)
    return {
        "black": torch.zeros(1, 3, 8, 8),
        "white": torch.ones(1, 3, 8, 8),
        "flat": torch.full((1, 3, 8, 8), 0.3),
        "gray": image(8, 8)[:, :1].repeat(1, 3, 1, 1),
        "two colors": halves,
        "one pixel": torch.full((1, 3, 1, 1), 0.6),
        "rich": image(8, 8, seed=3),
    }


POOR = poor_pictures()
pairs = pytest.mark.parametrize(("a", "b"), [(POOR[x], POOR[y]) for x in POOR for y in POOR])


def oklab(rgb: Array) -> Array:
    """Ottosson's formulas, one pixel, as his page has them."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    l_ = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return np.array(
        [
            0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
            1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
            0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
        ]
    )


def pixels(rgb: Tensor) -> Array:
    """(H W, 3), in float64."""
    return rgb.double().permute(0, 2, 3, 1).reshape(-1, 3).numpy()


# ---- spaces --------------------------------------------------------------------------------------------------------


def test_oklab_is_as_published() -> None:
    got = pixels(color.to_oklab(CORNERS))
    np.testing.assert_allclose(got, [oklab(p) for p in pixels(CORNERS)], atol=2e-6)


def test_oklab_of_white_and_red_are_the_published_numbers() -> None:
    lab = pixels(color.to_oklab(CORNERS))
    np.testing.assert_allclose(lab[1], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(lab[2], [0.62796, 0.22486, 0.12585], atol=1e-4)


def test_oklab_and_back() -> None:
    for rgb in (CORNERS, image(20, 20)):
        torch.testing.assert_close(color.from_oklab(color.to_oklab(rgb)), rgb, atol=2e-5, rtol=0)


def test_luma_is_that_of_jpeg() -> None:
    np.testing.assert_allclose(color.luma(CORNERS).flatten(), pixels(CORNERS) @ [0.299, 0.587, 0.114], atol=1e-6)


def test_gray_keeps_grays() -> None:
    torch.testing.assert_close(color.gray(POOR["gray"]), POOR["gray"], atol=1e-6, rtol=0)


# ---- the photo's colors --------------------------------------------------------------------------------------------


def test_luma_swap_is_the_classic_one_where_the_colors_fit() -> None:
    photo, painted = 0.4 + 0.2 * image(9, 7), 0.4 + 0.2 * image(9, 7, seed=1)
    y = pixels(painted) @ [0.299, 0.587, 0.114] - pixels(photo) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(pixels(color.with_luma(photo, painted)), pixels(photo) + y[:, None], atol=1e-6)


def test_luma_swap_keeps_luma_and_hue_everywhere() -> None:
    photo, painted = torch.rand(1, 3, 16, 16, generator=seeded()), torch.rand(1, 3, 16, 16, generator=seeded(1))
    got = color.with_luma(photo, painted)
    torch.testing.assert_close(color.luma(got), color.luma(painted), atol=1e-5, rtol=0)
    before, after = photo - color.luma(photo), got - color.luma(got)
    parallel = (before * after).sum(1) / (before.norm(dim=1) * after.norm(dim=1)).clamp_min(1e-9)
    assert bool(((parallel > 0.999) | (after.norm(dim=1) < 1e-3)).all())


def test_oklab_keeps_lightness_and_hue_everywhere_and_chroma_where_it_fits() -> None:
    photo, painted = torch.rand(1, 3, 16, 16, generator=seeded()), torch.rand(1, 3, 16, 16, generator=seeded(1))
    got, old = color.to_oklab(color.with_lightness(photo, painted)), color.to_oklab(photo)
    torch.testing.assert_close(got[:, :1], color.to_oklab(painted)[:, :1], atol=2e-3, rtol=0)
    cross = old[:, 1] * got[:, 2] - old[:, 2] * got[:, 1]
    assert float(cross.abs().max()) < 2e-3
    unchanged = color.from_oklab(torch.cat([got[:, :1], old[:, 1:]], 1))
    fits = ((unchanged > 0.01) & (unchanged < 0.99)).all(1)
    assert int(fits.sum()) > 20
    assert float((got[:, 1:] - old[:, 1:]).abs().amax(1)[fits].max()) < 1 / 255


@pytest.mark.parametrize("keep", [color.with_luma, color.with_lightness])
def test_the_photo_keeps_itself(keep: Callable[[Tensor, Tensor], Tensor]) -> None:
    photo = image(12, 10)
    torch.testing.assert_close(keep(photo, photo), photo, atol=1e-4, rtol=0)


@pytest.mark.parametrize("keep", [color.with_luma, color.with_lightness])
def test_gray_photos_stay_gray(keep: Callable[[Tensor, Tensor], Tensor]) -> None:
    got = keep(POOR["gray"], image(8, 8, seed=2))
    assert float((got.amax(1) - got.amin(1)).max()) < 1e-3


# ---- another picture's colors --------------------------------------------------------------------------------------


def test_spread_is_mean_and_covariance_with_weights() -> None:
    rgb, weight = image(6, 5), torch.rand(1, 1, 6, 5, generator=seeded())
    got = color.spread(rgb, weight)
    np.testing.assert_allclose(got.mean, np.average(pixels(rgb), axis=0, weights=weight.flatten()), atol=1e-7)
    expected = np.cov(pixels(rgb).T, aweights=weight.double().flatten().numpy(), ddof=0)
    np.testing.assert_allclose(got.covariance, expected, atol=1e-7)


def test_pooled_is_the_spread_of_both_together() -> None:
    a, b = image(6, 6), image(6, 6, seed=1)
    got = color.pooled([color.spread(a), color.spread(b)], (0.5, 0.5))
    both = color.spread(torch.cat([a, b], 3))
    torch.testing.assert_close(got.mean, both.mean)
    torch.testing.assert_close(got.covariance, both.covariance)


@pytest.mark.parametrize("method", color.MAPS)
def test_recolored_pictures_have_the_mean_and_covariance_asked_for(method: str) -> None:
    rgb, wanted = image(30, 30), color.spread(0.35 + 0.3 * image(20, 20, seed=4))  # narrow: nothing is clipped
    got = color.spread(color.recolored(rgb, color.spread(rgb), wanted, method))
    torch.testing.assert_close(got.mean, wanted.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.covariance, wanted.covariance, atol=2e-5, rtol=0.01)


def test_monge_moves_colors_least() -> None:
    rgb, wanted = image(30, 30), color.spread(0.35 + 0.3 * image(20, 20, seed=4))
    moved = {m: float((color.recolored(rgb, color.spread(rgb), wanted, m) - rgb).square().sum()) for m in color.MAPS}
    assert min(moved, key=lambda m: moved[m]) == "monge"


@pytest.mark.parametrize("method", color.MAPS)
def test_recoloring_to_its_own_colors_changes_nothing(method: str) -> None:
    rgb = image(12, 12)
    torch.testing.assert_close(
        color.recolored(rgb, color.spread(rgb), color.spread(rgb), method), rgb, atol=1e-5, rtol=0
    )


def test_histogram_gives_equal_ranks_equal_values() -> None:
    rgb, target = image(10, 10), image(10, 10, seed=6)
    got, wanted, given = pixels(color.histogram(rgb, target)), pixels(target), pixels(rgb)
    for c in range(3):
        np.testing.assert_allclose(np.sort(got[:, c]), np.sort(wanted[:, c]), atol=1e-6)
        assert np.all(np.diff(got[np.argsort(given[:, c]), c]) >= 0)


def test_histogram_leaves_out_what_is_hidden() -> None:
    rgb, target = image(10, 10), image(10, 10, seed=6)
    weight = torch.ones(1, 1, 10, 10)
    weight[..., 5:, :] = 0
    spoiled = rgb.clone()
    spoiled[..., 5:, :] = 1.0
    plain, careful = (color.histogram(x, target, weight)[..., :5, :] for x in (rgb, spoiled))
    torch.testing.assert_close(plain, careful)


@pairs
def test_every_transfer_is_finite_on_poor_pictures(a: Tensor, b: Tensor) -> None:
    made = [color.recolored(a, color.spread(a), color.spread(b), m) for m in color.MAPS]
    made.append(color.histogram(a, b))
    made.append(color.with_palette(a, ((0.1, 0.1, 0.1), (0.9, 0.8, 0.1))))
    if a.shape == b.shape:
        made += [color.with_luma(a, b), color.with_lightness(a, b)]
    for result in made:
        assert result.shape == a.shape
        assert bool(result.isfinite().all())
        assert 0 <= float(result.min()) <= float(result.max()) <= 1


# ---- palettes ------------------------------------------------------------------------------------------------------


def test_a_palette_of_two_gives_only_their_mixtures() -> None:
    dark, bright = (0.1, 0.15, 0.3), (0.95, 0.85, 0.5)
    lab = pixels(color.to_oklab(color.with_palette(image(16, 16), (dark, bright))))
    a, b = oklab(np.array(dark)), oklab(np.array(bright))
    along = (lab - a) @ (b - a) / ((b - a) @ (b - a))
    np.testing.assert_allclose(lab, a + along[:, None] * (b - a), atol=2e-3)
    assert along.min() < 0.1
    assert along.max() > 0.9


def test_the_colors_of_the_palette_appear() -> None:
    colors = ((0.0, 0.1, 0.2), (0.8, 0.3, 0.2), (0.95, 0.95, 0.85))
    got = pixels(color.with_palette(torch.rand(1, 3, 40, 40, generator=seeded()), colors))
    for wanted in colors:
        assert np.abs(got - wanted).max(1).min() < 0.05


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("#000000,#ffffff", ((0, 0, 0), (1, 1, 1))),
        ("000 FFF", ((0, 0, 0), (1, 1, 1))),
        ("#f00, #0f0,\n#00f", ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
        ("#f00,#ff0000,#00f", ((1, 0, 0), (0, 0, 1))),
    ],
)
def test_palettes_in_words(words: str, expected: Any) -> None:  # noqa: ANN401 -- nested tuples
    assert palette.parse(words) == expected


@pytest.mark.parametrize("words", ["", "#000", "red,blue", "#00000,#fff", "#000,,#ggg", "#000;#fff", "#000,#000000"])
def test_what_is_no_palette_is_refused(words: str) -> None:
    with pytest.raises(RecipeError):
        palette.parse(words)


@given(st.text(alphabet=string.hexdigits + "#, gx\n", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_words_are_a_palette_or_a_recipe_error(words: str) -> None:
    try:
        colors = palette.parse(words)
    except RecipeError:
        return
    assert len(set(colors)) == len(colors) >= 2
    assert all(0 <= value <= 1 for each in colors for value in each)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
