"""explain, sweep, score and compare as commands: what they write, what they refuse, what they do not paint twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from command import here, opened, picture_file, tiny
from hypothesis import given
from hypothesis import strategies as st

from impasto.cli import workshop
from impasto.cli.choices import AXIS, Axis
from impasto.cli.interrupt import current
from impasto.cli.sheetflags import LAYERS
from impasto.cli.workshop import file_name
from impasto.files import read_record
from impasto.paint import paint
from impasto.recipe import FIELDS

Capture = pytest.CaptureFixture[str]
FAST = ("--size", "48", "--steps", "2", "--first-level", "0", "--threads", "1")
SWEEP = (*FAST, "--vary", "strength=0.2,0.8", "--vary", "style-scale=1,2")


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each cell that is painted."""
    runs: list[str] = []

    def counted(*arguments: Any, **named: Any) -> Iterator[Any]:  # noqa: ANN401 -- paint's own
        runs.append("painted")
        return paint(*arguments, **named)

    monkeypatch.setattr(workshop, "paint", counted)
    return runs


@pytest.mark.parametrize(
    ("kind", "two", "cells"), [("content", False, 2), ("style", False, 2), ("both", True, 4), ("figure", True, 8)]
)
def test_explain_paints_a_sheet(
    capsys: Capture, photo: Path, painting: Path, count: list[str], kind: str, two: bool, cells: int
) -> None:
    out = photo.with_name("sheet.png")
    pictures = (photo, painting) if two else (photo,)
    ran = here(capsys, "explain", kind, *pictures, "-o", out, "--layers", "relu1_1,relu2_1", *FAST)
    assert ran.code == 0, ran.err
    assert ran.out == f"{out}\n"
    assert len(count) == len(list((photo.parent / "sheet_cells").iterdir())) == cells
    assert opened(out).width > 2 * 48


def test_explain_with_another_network(capsys: Capture, photo: Path, weights_file: Path) -> None:
    out, vgg = photo.with_name("sheet.png"), ("--network", "vgg19", "--weights", weights_file)
    ran = here(capsys, "explain", "content", photo, "-o", out, "--layers", "conv1_2,relu2_1", *FAST, *vgg)
    assert ran.code == 0, ran.err
    ran = here(capsys, "explain", "features", photo, "-o", out, "--force", "--layer", "conv2_1", "--size", "48", *vgg)
    assert ran.code == 0, ran.err


def test_explain_films_each_descent(capsys: Capture, photo: Path, count: list[str]) -> None:
    out, films = photo.with_name("sheet.png"), photo.parent / "films"
    flags = ("explain", "content", photo, "-o", out, "--layers", "relu1_1,relu2_1", *FAST)
    assert here(capsys, *flags).code == 0
    ran = here(capsys, *flags, "--film", films, "--force", "--json")
    assert ran.code == 0, ran.err
    assert len(count) == 4  # a film needs the descent
    names = sorted(film.name for film in films.iterdir())
    assert [name[:8] for name in names] == ["relu1_1_", "relu2_1_"]
    assert opened(films / names[0]).size == (720, 300)
    assert sorted(json.loads(ran.out)["cells"]) == ["relu1_1", "relu2_1"]
    assert here(capsys, *flags, "--film", films, "--force").code == 0
    assert len(count) == 4


def test_the_same_sheet_comes_from_new_and_from_kept_cells(
    capsys: Capture, photo: Path, painting: Path, count: list[str]
) -> None:
    outs = [photo.with_name(f"{name}.png") for name in ("one", "two")]
    for out in outs:
        ran = here(capsys, "sweep", photo, painting, *SWEEP, "-o", out, "--cells", photo.parent / "cells")
        assert ran.code == 0, ran.err
    assert len(count) == 4
    assert outs[0].read_bytes() == outs[1].read_bytes()
    wider = ("--vary", "strength=0.2,0.5,0.8", "--vary", "style_scale=1,2")
    out = photo.with_name("three.png")
    ran = here(capsys, "sweep", photo, painting, *FAST, *wider, "-o", out, "--cells", photo.parent / "cells")
    assert ran.code == 0, ran.err
    assert len(count) == 6


def test_a_cell_can_be_painted_again_on_its_own(capsys: Capture, photo: Path, painting: Path) -> None:
    out = photo.with_name("out.png")
    start = picture_file(photo.with_name("start.png"), 30, 20, seed=7)
    flags = ("--vary", f"start=noise,{start}", "--vary", "style_scale=1,2", "--json")
    ran = here(capsys, "sweep", photo, f"{painting}:2@1.5", *FAST, *flags, "-o", out)
    cells = [Path(file) for file in json.loads(ran.out)["cells"].values()]
    ran = here(capsys, "explain", "both", photo, painting, *FAST, "--layers", "relu1_1", "-o", out, "--force", "--json")
    cells += [Path(file) for file in json.loads(ran.out)["cells"].values()]
    vary = ("--vary", f"start={start}", "--layers", "relu1_1", "--cells", photo.parent / "cells")
    ran = here(capsys, "explain", "figure", photo, painting, *FAST, *vary, "-o", out, "--force", "--json")
    cells += [Path(file) for file in json.loads(ran.out)["cells"].values()]
    assert len(cells) == 7
    for cell in cells:
        again = here(capsys, "again", cell)
        assert again.code == 0, again.err
        assert Path(again.out.strip()).read_bytes() == cell.read_bytes()


def test_changed_inputs_are_painted_anew(capsys: Capture, photo: Path, painting: Path, count: list[str]) -> None:
    out = photo.with_name("out.png")
    flags = ("sweep", photo, painting, *FAST, "--vary", "strength=0.2,0.8", "-o", out, "--force")
    assert here(capsys, *flags).code == 0
    picture_file(painting, 50, 50, seed=99)
    assert here(capsys, *flags).code == 0
    assert len(count) == 4


def test_a_sweep_that_is_stopped_goes_on(
    capsys: Capture, photo: Path, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, runs = photo.with_name("out.png"), 0

    def stopping(*arguments: Any, **named: Any) -> Iterator[Any]:  # noqa: ANN401 -- paint's own
        nonlocal runs
        runs += 1
        if runs == 3:
            current()(signal.SIGTERM, None)
        return paint(*arguments, **named)

    monkeypatch.setattr(workshop, "paint", stopping)
    ran = here(capsys, "sweep", photo, painting, *SWEEP, "-o", out)
    assert (ran.code, ran.out, out.exists()) == (130, "", False)
    assert "2 of 4" in ran.err
    assert here(capsys, "sweep", photo, painting, *SWEEP, "-o", out).code == 0
    assert runs == 5


def test_a_third_knob_makes_several_sheets(capsys: Capture, photo: Path, painting: Path) -> None:
    out = photo.with_name("out.png")
    starts = ("--vary", f"start=photo,noise,{painting}")
    ran = here(capsys, "sweep", photo, painting, *SWEEP, *starts, "-o", out, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    names = ["out_start-photo.png", "out_start-noise.png", "out_start-painting.png.png"]
    assert [Path(path).name for path in told["sheets"]] == names
    assert len(told["cells"]) == 12
    assert len(set(told["cells"].values())) == 12


def test_seeds_are_a_knob(capsys: Capture, photo: Path, painting: Path) -> None:
    out = photo.with_name("out.png")
    flags = ("sweep", photo, painting, *FAST, "--vary", "seed=0,1", "-o", out)
    ran = here(capsys, *flags)
    assert ran.code == 2
    assert "seed has no effect" in ran.err
    assert here(capsys, *flags, "--start", "noise").code == 0


BAD = [
    (("--vary", "strenght=0.2,0.3"), "did you mean 'strength'"),
    (("--vary", "strength"), "no knob with values"),
    (("--vary", "strength=0.2,2"), "2"),
    (("--vary", "strength=0.2,0.2"), "twice"),
    (("--vary", "strength=0.2,x"), "'x'"),
    (("--vary", "strength=0.2", "--vary", "strength=0.3"), "varied twice"),
    (("--vary", "strength=0.2,0.4", "--strength", "0.3"), "no effect"),
    (("--vary", "optimizer=adam,lbfgs", "--vary", "steps=1,2", "--vary", "size=48", "--vary", "seed=1"), "at most 3"),
    (("--vary", "style_layers=relu1_1,relu9_9"), "relu9_9"),
    (("--vary", "strength=0.2,0.4", "-o", "sheet.txt"), "sheet.txt"),
    ((), "--vary"),
]


@pytest.mark.parametrize(("flags", "words"), BAD, ids=[words for _, words in BAD])
def test_slips_are_told_in_a_line_before_anything_is_painted(
    capsys: Capture, photo: Path, painting: Path, count: list[str], flags: tuple[str, ...], words: str
) -> None:
    fast = [flag for flag in FAST if "size=48" not in flags or flag not in ("--size", "48")]
    fast = [flag for flag in fast if "steps=1,2" not in flags or flag not in ("--steps", "2")]
    place = () if "-o" in flags else ("-o", photo.with_name("out.png"))
    ran = here(capsys, "sweep", photo, painting, *fast, *place, *flags)
    assert (ran.code, ran.out, count) == (2, "", [])
    assert ran.err.count("\n") == 1
    assert words in ran.err


def test_explain_refuses_what_would_have_no_effect(capsys: Capture, photo: Path) -> None:
    for flags in (("content", photo, "--strength", "0.3"), ("style", photo, "--content-layers", "relu4_2")):
        ran = here(capsys, "explain", *flags)
        assert ran.code == 2
        assert "No such option" in ran.err
    ran = here(capsys, "explain", "figure", photo, photo, "--strength", "0.3")
    assert (ran.code, "no effect" in ran.err) == (2, True)
    ran = here(capsys, "explain")
    assert (ran.code, ran.err) == (2, "impasto: Missing command. See impasto explain --help.\n")
    ran = here(capsys, "explain", "content", photo, "--layers", "relu1_9", *FAST, "-o", photo.with_name("out.png"))
    assert (ran.code, "did you mean" in ran.err) == (2, True)


def test_nothing_is_overwritten(capsys: Capture, photo: Path, painting: Path) -> None:
    out = photo.with_name("out.png")
    out.write_bytes(b"precious")
    for command in (
        ("sweep", photo, painting, *SWEEP),
        ("explain", "content", photo, *FAST),
        ("explain", "features", photo, "--layer", "relu1_1"),
        ("explain", "gram", photo),
        ("explain", "losses", photo, painting, *FAST),
    ):
        ran = here(capsys, *command, "-o", out)
        assert (ran.code, out.read_bytes()) == (2, b"precious"), command
    ran = here(capsys, "explain", "features", photo, "--layer", "relu1_1", "-o", photo, "--force")
    assert (ran.code, "one of the inputs" in ran.err) == (2, True)


def test_features_and_gram_matrices_as_sheets(capsys: Capture, photo: Path) -> None:
    maps, matrices = photo.with_name("maps.png"), photo.with_name("gram.png")
    ran = here(capsys, "explain", "features", photo, "--layer", "relu2_1", "--count", "9", "-o", maps, "--size", "64")
    assert ran.code == 0, ran.err
    assert opened(maps).width > 8 * 96  # eight in a row, and one in the next
    ran = here(capsys, "explain", "gram", photo, "--layer", "relu1_1,relu4_2", "-o", matrices, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["layers"] == ["relu1_1", "relu4_2"]
    ran = here(capsys, "explain", "features", photo, "--layer", "relu2_9", "-o", photo.with_name("x.png"))
    assert (ran.code, "did you mean 'relu2_1'" in ran.err) == (2, True)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_losses_as_curves_and_a_film(capsys: Capture, photo: Path, painting: Path, suffix: str) -> None:
    out, film = photo.with_name(f"losses.{suffix}"), photo.with_name("run.gif")
    ran = here(capsys, "explain", "losses", photo, painting, *FAST, "-o", out, "--film", film, "--json")
    assert ran.code == 0, ran.err
    losses = json.loads(ran.out)["losses"]
    assert len(losses["total"]) == 2
    assert "style relu5_1" in losses
    assert opened(film).size == (720, 300)
    assert "style relu5_1" in out.read_text() if suffix == "svg" else opened(out).size == (1520, 800)
    once = here(capsys, "explain", "losses", photo, painting, *FAST, "--steps", "1", "-o", out, "--force")
    assert once.code == 0, once.err


def test_scores(capsys: Capture, photo: Path, painting: Path) -> None:
    ran = here(capsys, "score", photo, painting, photo, painting, "--network", "lite", "--json")
    assert ran.code == 0, ran.err
    assert "judged itself" in ran.err
    told = json.loads(ran.out)
    as_photo, as_painting = told["scores"]
    assert as_photo["content"] == 0
    assert as_photo["style_shallow"] == pytest.approx(1)
    assert as_painting["style_shallow"] < 0.5
    assert as_painting["content"] == pytest.approx(1)
    speck = picture_file(photo.with_name("speck.png"), 2, 2)
    ran = here(capsys, "score", photo, painting, speck, "--network", "lite")
    assert (ran.code, "speck.png is 2 x 2: too small" in ran.err) == (2, True)
    ran = here(capsys, "score", photo, photo, painting, "--network", "lite")
    assert (ran.code, "are the same picture" in ran.err) == (2, True)
    other = picture_file(photo.with_name("other.png"), 90, 30)
    assert here(capsys, "score", photo, painting, photo, other, "--network", "lite").err.count("another shape") == 1
    table = here(capsys, "score", photo, painting, photo, painting, "--network", "lite", "-q")
    assert (table.err, len(table.out.splitlines())) == ("", 3)
    assert len({len(line) for line in table.out.splitlines()}) == 1


def test_a_page_that_compares(capsys: Capture, photo: Path, painting: Path) -> None:
    out = photo.with_name("page.html")
    painted = photo.with_name("painted.png")
    assert here(capsys, photo, painting, "-o", painted, *FAST).code == 0
    judge = ("--content", photo, "--style", painting, "--network", "lite")
    ran = here(capsys, "compare", photo, painted, "-o", out, *judge)
    assert ran.code == 0, ran.err
    text = out.read_text(encoding="utf-8")
    assert "steps = 2" in text
    assert "Judged by lite" in text
    assert text.count("style shallow") == 3  # of two pictures, and what it means
    assert here(capsys, "compare", photo, painted, "-o", out).code == 2
    assert here(capsys, "compare", photo, painted, "-o", out, "--force").code == 0
    ran = here(capsys, "compare", photo, painted, "-o", out, "--force", "--json", *judge)
    told = json.loads(ran.out)
    assert (told["judge"], [each["file"] for each in told["scores"]]) == ("lite", [str(photo), str(painted)])
    assert told["scores"][0]["content"] == 0
    ran = here(capsys, "compare", photo, painted, "-o", out, "--force", "--network", "lite")
    assert (ran.code, "would change nothing" in ran.err) == (2, True)
    assert here(capsys, "compare", photo, "-o", out, "--force").code == 2
    assert here(capsys, "compare", photo, painted, "-o", out, "--force", "--style", painting).code == 2


@given(st.one_of(st.text(), st.builds("{}={}".format, st.sampled_from([*FIELDS, "x"]), st.text())))
def test_any_text_is_an_axis_or_refused(text: str) -> None:
    try:
        axis = AXIS.convert(text, None, None)
    except click.UsageError:
        return
    assert isinstance(axis, Axis)
    assert axis.name in FIELDS
    assert len(axis.texts) == len(axis.values) >= 1


@given(st.text())
def test_any_text_is_layers_or_refused(text: str) -> None:
    try:
        names = LAYERS.convert(text, None, None)
    except click.UsageError:
        return
    assert all(names)
    assert len(set(names)) == len(names)


@given(st.text(max_size=40))
def test_names_of_films_are_names_of_files(words: str) -> None:
    assert not set(file_name(words)) & set('/\\:*?"<>| \0')


def test_a_strip_from_one_painting_to_another(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    """Its ends are the paintings alone; each cell says its weights."""
    out, other = photo.with_name("strip.png"), picture_file(photo.with_name("other.png"), 40, 40, seed=9)
    ran = here(capsys, "sweep", photo, painting, other, "--blend", "3", "-o", out, *tiny(weights_file))
    assert ran.code == 0, ran.err
    cells = list(photo.with_name("strip_cells").glob("*.png"))
    weights = sorted(tuple(style["weight"] for style in read_record(cell)["styles"]) for cell in cells)
    assert weights == [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)]
    alone = photo.with_name("alone.png")
    assert here(capsys, photo, painting, "-o", alone, *tiny(weights_file)).code == 0
    pictures = [opened(cell).tobytes() for cell in cells]
    assert pictures.count(opened(alone).tobytes()) == 1
    for wrong in (("--blend", "3"), ()):
        assert here(capsys, "sweep", photo, painting, *wrong, "-o", out, *tiny(weights_file)).code == 2
