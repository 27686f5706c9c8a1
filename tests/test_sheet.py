"""Contact sheets and charts: nothing overlaps, nothing is cut off, everything is named."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from impasto.chart import TEXT, Curve, Label, Stroke, chart, step_ticks, svg, value_ticks
from impasto.lettering import lettered
from impasto.sheet import SMALLEST, Layout, contact_sheet, fits, raster, wrapped

NAMES = st.text(min_size=1, max_size=40).filter(lambda text: text.split())


def plain(width: int, height: int, value: float = 0.5) -> Tensor:
    """Of one color, which no edge of a letter has."""
    return torch.tensor([value, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, height, width)


def places(sheet: Tensor, value: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of all that has this value."""
    found = ((sheet - plain(1, 1, value)).abs() < 0.003).all(1)[0].nonzero()
    (top, left), (bottom, right) = found.amin(0).tolist(), found.amax(0).tolist()
    return left, top, right + 1, bottom + 1


@given(
    columns=st.lists(NAMES, min_size=1, max_size=4),
    rows=st.lists(NAMES, min_size=1, max_size=3),
    title=st.text(max_size=60),
    width=st.integers(1, 140),
    height=st.integers(1, 90),
)
@settings(max_examples=25, deadline=None)
def test_words_never_touch_pictures_or_the_edge(
    columns: list[str], rows: list[str], title: str, width: int, height: int
) -> None:
    pictures = [[plain(width, height) for _ in columns] for _ in rows]
    sheet = contact_sheet(pictures, columns=columns, rows=rows, title=title, caption=title)
    layout = Layout.of(pictures, [columns], rows, title, title)
    for i in range(len(rows)):
        for j in range(len(columns)):
            x, y = layout.corner(i, j)
            box = sheet[..., y : y + layout.cell_height, x : x + layout.cell_width]
            inked = (box - 1).abs().amax(1)[0] > 0.01  # whatever is not paper in this box is the picture
            assert int(inked.sum()) == width * height
    edges = [sheet[..., 0, :], sheet[..., -1, :], sheet[..., :, 0], sheet[..., :, -1]]
    assert all(bool((edge > 0.99).all()) for edge in edges)


def test_pictures_keep_their_pixels_and_their_order() -> None:
    values = [[0.1, 0.2, 0.3], [0.4, 0.6, 0.7]]
    rows = [[plain(100, 60, value) for value in row] for row in values]
    sheet = contact_sheet(rows, columns=["a", "b", "c"], rows=["one", "two"])
    boxes = [[places(sheet, value) for value in row] for row in values]
    for row in boxes:
        assert [(right - left, bottom - top) for left, top, right, bottom in row] == [(100, 60)] * 3
        assert row[0][2] < row[1][0] < row[1][2] < row[2][0]
    assert boxes[0][0][3] < boxes[1][0][1]


def test_pictures_of_different_sizes_are_centered_in_their_boxes() -> None:
    sheet = contact_sheet([[plain(200, 100, 0.2), plain(100, 200, 0.4)]], columns=["wide", "high"])
    wide, high = places(sheet, 0.2), places(sheet, 0.4)
    assert wide[1] + wide[3] == high[1] + high[3]
    assert high[0] - wide[2] > 50


def test_every_name_is_written() -> None:
    """Each column, row, title and caption puts ink where without it there is paper."""
    pictures = [[plain(90, 60, 0.4)] * 2] * 2
    words = {"columns": ["left", "right"], "rows": ["up", "down"], "title": "title", "caption": "caption"}
    sheet = contact_sheet(pictures, **words)  # type: ignore[arg-type]
    for missing in words:
        less: dict[str, object] = {**words, missing: [] if isinstance(words[missing], list) else ""}
        smaller = contact_sheet(pictures, **less)  # type: ignore[arg-type]
        assert smaller.shape[-2] * smaller.shape[-1] < sheet.shape[-2] * sheet.shape[-1], missing
        assert int((smaller < 0.35).sum()) < int((sheet < 0.35).sum()) or missing == "caption"  # which is gray


def test_pictures_may_have_names_of_their_own() -> None:
    sheet = contact_sheet([[plain(90, 60)] * 2, [plain(90, 60)]], names=[["a", "b"], ["c"]])
    layout = Layout.of([[plain(90, 60)] * 2, [plain(90, 60)]], [["a", "b"], ["c"]], [], "", "")
    for i, j in ((0, 0), (0, 1), (1, 0)):
        x, y = layout.corner(i, j)
        assert (sheet[..., y - layout.head_height : y, x : x + 90] < 0.3).any()


@given(text=st.text(max_size=80), width=st.integers(20, 300), size=st.integers(SMALLEST, 30))
@settings(max_examples=60, deadline=None)
def test_wrapped_words_are_all_there_and_fit(text: str, width: int, size: int) -> None:
    words = wrapped(text, width, size)
    assert "".join("".join(words.lines).split()) == "".join(lettered(text)[0].split())
    assert all(fits(line, width, size, words.face) or len(line) == 1 for line in words.lines)


def test_long_words_are_cut_after_a_sign() -> None:
    words = wrapped("content relu2_1+relu3_1 inseparable_words", 80, SMALLEST)
    assert words.lines == ("content", "relu2_1+", "relu3_1", "inseparable_", "words")


def test_text_grows_with_the_sheet_so_that_it_is_legible_when_the_sheet_is_shown_smaller() -> None:
    small = Layout.of([[plain(96, 64)] * 3], [["a"] * 3], [], "", "")
    large = Layout.of([[plain(512, 340)] * 3], [["a"] * 3], [], "", "")
    assert small.size == SMALLEST
    assert large.width / large.size < 60  # 13 pixels where the sheet is shown 800 pixels wide


# ---- charts ---------------------------------------------------------------------------------------------------------

CURVES = [
    Curve("total", tuple(range(1, 101)), tuple(10 / step for step in range(1, 101))),
    Curve("content relu4_2", tuple(range(1, 101)), tuple(0.001 * step for step in range(100))),
]


def box(label: Label) -> tuple[float, float, float, float]:
    """As wide as the words can be in any usual font."""
    width = 0.62 * TEXT * len(label.words)
    left = {"start": label.x, "middle": label.x - width / 2, "end": label.x - width}[label.anchor]
    return left, label.y - TEXT / 2, left + width, label.y + TEXT / 2


@pytest.mark.parametrize("size", [(420, 300), (760, 400)])
@pytest.mark.parametrize("last", [1, 7, 150, 99_999])
@pytest.mark.parametrize("low", [1e-9, 0.7, 1.0])
def test_labels_of_a_chart_do_not_overlap(size: tuple[int, int], last: int, low: float) -> None:
    values = Curve("style relu3_1", (1, last), (1.0, low))
    breaks = [(0, "181 x 120"), (last // 2, "256 x 170"), (last // 2 + 1, "362 x 240")]
    labels = [mark for mark in chart([values, *CURVES], *size, breaks=breaks) if isinstance(mark, Label)]
    boxes = [box(label) for label in labels]
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[1] >= 0
        assert a[2] <= size[0] + 8  # the estimate is generous
        assert a[3] <= size[1]
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (labels[i], labels[boxes.index(b)])


def test_a_larger_loss_is_higher_and_a_later_one_further_right() -> None:
    strokes = [mark for mark in chart(CURVES[:1], 600, 300) if isinstance(mark, Stroke) and len(mark.points) > 3]
    (curve,) = strokes
    xs, ys = zip(*curve.points, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys)  # falling: y grows downwards
    assert abs((ys[9] - ys[0]) - (ys[99] - ys[9])) < 1e-6  # 10 -> 1 is as far as 1 -> 0.1


def test_until_draws_less_on_the_same_axes() -> None:
    whole, half = chart(CURVES, 600, 300), chart(CURVES, 600, 300, until=50)
    assert [mark for mark in whole if isinstance(mark, Label)] == [mark for mark in half if isinstance(mark, Label)]
    counts = [max(len(m.points) for m in marks if isinstance(m, Stroke)) for marks in (whole, half)]
    assert counts == [100, 50]


@given(st.floats(1e-30, 1e30), st.floats(1.0001, 1e20))
def test_ticks_are_few_and_within(low: float, ratio: float) -> None:
    ticks = value_ticks(low, low * ratio)
    assert len(ticks) <= 7
    assert all(low <= tick <= low * ratio for tick in ticks)


@given(st.integers(1, 10**7), st.integers(2, 20))
def test_step_ticks_are_few_and_within(last: int, most: int) -> None:
    ticks = step_ticks(last, most)
    assert ticks[0] == 0
    assert 1 <= len(ticks) <= most + 1
    assert ticks[-1] <= last


def test_values_that_a_logarithm_does_not_have_are_left_out() -> None:
    odd = Curve("odd", (1, 2, 3, 4, 5), (0.0, float("nan"), -1.0, float("inf"), 2.0))
    assert odd.points() == [(5, 2.0)]
    assert chart([odd], 600, 300)
    assert chart([Curve("nothing", (), ())], 600, 300)


def test_the_svg_is_whole_and_its_names_are_escaped() -> None:
    text = svg(chart([Curve("a < b & c", (1, 2), (1.0, 2.0))], 600, 300), 600, 300)
    root = ET.fromstring(text)
    assert "a < b & c" in [element.text for element in root.iter() if element.tag.endswith("text")]
    assert (root.get("width"), root.get("height")) == ("600", "300")
    assert text.count("http") == 1  # the name of the standard, and no other address


def test_the_raster_shows_the_curve_in_its_color() -> None:
    image = raster(chart(CURVES[:1], 600, 300), 600, 300, 2)
    assert image.shape == (1, 3, 600, 1200)
    assert (image < 0.2).any()
    assert (image[..., 0, :] == 1).all()
