"""The artist's hand over a batch: a mask lies over every photo; a picture is painted again when its mask changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Ran, here, opened, picture_file, started, tiny
from networks import one_thread
from PIL import Image

from impasto import inputs
from impasto.files import read_record

Capture = pytest.CaptureFixture[str]
__all__ = ["one_thread"]  # used by every test here

SIZES = {"one": (60, 40), "two": (40, 60)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos of different shapes, two paintings, and a mask of its own size that is bright at the left."""
    (tmp_path / "photos").mkdir()
    for i, (name, size) in enumerate(SIZES.items()):
        picture_file(tmp_path / "photos" / f"{name}.png", *size, seed=i)
    for i, name in enumerate("pq"):
        picture_file(tmp_path / f"{name}.png", 50, 50, seed=10 + i)
    masked(tmp_path / "mask.png", 20)
    return tmp_path


def masked(file: Path, until: int) -> Path:
    values = np.zeros((40, 40), np.uint8)
    values[:, :until] = 255
    Image.fromarray(values).save(file)
    return file


@pytest.fixture
def batch(folder: Path, capsys: Capture, weights_file: Path) -> Callable[..., Ran]:
    """`impasto batch photos --style p.png --out out`, and more flags; photos keep their sizes."""
    usual: tuple[str | Path, ...] = (
        "batch",
        folder / "photos",
        "--out",
        folder / "out",
        *tiny(weights_file),
        "--size",
        "60",
        "--no-sheet",
    )
    return lambda *more, style=("--style", folder / "p.png"): here(capsys, *usual, *style, *more)


def test_what_is_protected_stays_in_every_photo(batch: Callable[..., Ran], folder: Path) -> None:
    ran = batch("--protect", folder / "mask.png")
    assert ran.code == 0, ran.err
    for name, (width, _) in SIZES.items():
        before, after = (np.asarray(opened(folder / f)) for f in (f"photos/{name}.png", f"out/{name}_p.png"))
        edge = width // 2 - 3  # the mask is resized, so that its edge is soft
        assert np.array_equal(before[:, :edge], after[:, :edge])
        assert not np.array_equal(before[:, width // 2 :], after[:, width // 2 :])


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights end where layers begin to be coarse: relu2_1 shall be one."""
    monkeypatch.setattr(inputs, "COARSE", 2)


@pytest.mark.usefixtures("shallow")
def test_a_changed_mask_paints_again_and_the_same_does_not(batch: Callable[..., Ran], folder: Path) -> None:
    """Nor where only the picture itself tells what it was made of; without the mask it is another picture."""
    mask, lines = folder / "mask.png", [f"{folder / 'out' / name}_p.png" for name in SIZES]
    flags = ("--region", f"{mask}={folder / 'q.png'}:0.5", "--strength-map", mask, "--part", mask, "--coarse", mask)
    names = [line.replace("_p.png", "_p_mask.png") for line in lines]
    assert batch(*flags).out.splitlines() == names
    assert batch(*flags).out == ""
    (folder / "out" / "jobs.jsonl").unlink()
    again = batch(*flags)
    assert (again.code, again.out) == (0, "")
    masked(mask, 10)
    assert batch(*flags).out.splitlines() == names
    assert batch("--protect", mask).out.splitlines() == lines
    assert batch().out.splitlines() == lines


def test_a_masked_picture_of_a_batch_is_the_picture(
    batch: Callable[..., Ran], folder: Path, capsys: Capture, weights_file: Path
) -> None:
    """To the byte, with everything that a hand can do; and so `again` finds the masks in it."""
    mask = folder / "mask.png"
    drawn = np.zeros((30, 30, 3), np.uint8)
    drawn[:, :10], drawn[:, 10:] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(drawn).save(folder / "map.png")
    maps = f"{folder / 'map.png'}={folder / 'map.png'}"
    flags = ("--part", mask, "--fine", f"{folder / 'q.png'}:0.5@2", "--labels", maps, "--protect", mask)
    assert batch(*flags).code == 0
    made, alone = folder / "out" / "two_p_q.png", folder / "out" / "alone.png"
    photo, size = folder / "photos" / "two.png", ("--size", "60")
    ran = here(capsys, photo, folder / "p.png", "-o", alone, *flags, *tiny(weights_file), *size)
    assert ran.code == 0, ran.err
    assert alone.read_bytes() == made.read_bytes()
    assert here(capsys, "again", made).code == 0
    assert made.with_name("two_p_q-again.png").read_bytes() == made.read_bytes()


@pytest.mark.usefixtures("shallow")
def test_large_forms_and_fine_strokes_need_no_other_painting(batch: Callable[..., Ran], folder: Path) -> None:
    ran = batch("--coarse", folder / "p.png", "--fine", folder / "q.png", style=())
    assert ran.code == 0, ran.err
    told = read_record(folder / "out" / "one_p_q.png")["styles"]
    assert [style["layers"] for style in told] == ["coarse", "fine"]


def test_masks_of_single_jobs(batch: Callable[..., Ran], folder: Path, capsys: Capture, weights_file: Path) -> None:
    """One photo with one painting, without a mask and with it: two pictures, the second named after its mask."""
    table = folder / "jobs.csv"
    table.write_text("content,style,protect\nphotos/one.png,p.png,\nphotos/one.png,p.png,mask.png\n")
    ran = here(capsys, "batch", table, "--out", folder / "out", *tiny(weights_file), "--no-sheet")
    plain, shielded = (Path(line) for line in ran.out.splitlines())
    assert (plain.name, shielded.name) == ("one_p.png", "one_p_protect-mask.png.png")
    assert plain.read_bytes() != shielded.read_bytes()
    ran = here(capsys, "batch", table, "--out", folder / "out", *tiny(weights_file), "--part", folder / "mask.png")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "its column part" in ran.err


@pytest.mark.parametrize(
    "flags",
    [("--protect", "gone.png"), ("--region", "gone.png=p.png"), ("--part", "gone.png"), ("--fine", "gone.png")],
)
def test_a_missing_mask_is_one_sentence(
    batch: Callable[..., Ran], folder: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    monkeypatch.chdir(folder)
    ran = batch(*flags)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "gone.png does not exist" in ran.err
    assert not (folder / "out").exists()


def test_a_mask_that_a_job_lacks_is_told_once_and_the_rest_goes_on(
    folder: Path, capsys: Capture, weights_file: Path
) -> None:
    table = folder / "jobs.csv"
    table.write_text("content,style,protect\nphotos/one.png,p.png,gone.png\nphotos/two.png,p.png,\n")
    ran = here(capsys, "batch", table, "--out", folder / "out", *tiny(weights_file), "--no-sheet", "--quiet")
    assert (ran.code, ran.out.splitlines(), ran.err.count("\n")) == (1, [str(folder / "out" / "two_p.png")], 1)
    assert "gone.png" in ran.err


def test_a_watched_folder_has_masks_too(folder: Path, weights_file: Path) -> None:
    flags = ("--style", folder / "p.png", "--protect", folder / "mask.png", "--size", "60", "--every", "0.05")
    running = started("watch", folder / "photos", "--out", folder / "out", *tiny(weights_file), *flags)
    assert running.stdout is not None
    told = Path(running.stdout.readline().strip())
    running.kill()
    running.communicate()
    before, after = np.asarray(opened(folder / "photos" / "one.png")), np.asarray(opened(told))
    assert told.name == "one_p.png"
    assert np.array_equal(before[:, :27], after[:, :27])
