"""Slips at the keyboard: exit 2, one line that says what to do, no traceback, nothing painted, nothing left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import here, picture_file, process
from PIL import Image

from impasto.networks.vgg import VGG

Capture = pytest.CaptureFixture[str]

# What is typed after `impasto`, in a folder with a.png, b.png and a few strange files; and a word of the answer.
GOOD = (
    "a.png b.png -o out.png --network vgg19 --weights tiny.safetensors --style-layers relu1_1 --content-layers relu2_1 "
)
SLIPS = (
    ("a.png", "STYLE"),
    ("docter", "did you mean 'doctor'"),
    ("agian out.png", "did you mean 'again'"),
    ("weights", "Missing command"),
    ("weights fetsch", "fetsch"),
    ("weights path vgg20", "vgg19"),
    ("weights path", "NAME"),
    ("again", "PICTURE"),
    ("again a.png", "no record"),
    ("again nowhere.png", "does not exist"),
    ("again text.png", "text.png"),
    ("completion tcsh", "bash"),
    ("recipe --preset gatys2017", "gatys2016"),
    ("doctor now", "now"),
    ("A.png b.png", "did you mean a.png"),
    ("a.png nowhere/b.png", "no folder"),
    ("a.png bb.png:0.5", "bb.png does not exist"),
    ("folder b.png", "is a folder"),
    ("a.png folder", "is a folder"),
    ("empty.jpg b.png", "empty"),
    ("a.png empty.jpg", "empty"),
    ("text.png b.png", "text.png"),
    ("page.jpg b.png", "web page"),
    ("cut.png b.png", "cut.png"),
    ("clip.mp4 b.png", "video"),
    ("a.png b.png:-1", "zero or more"),
    ("a.png b.png:nan", "zero or more"),
    ("a.png b.png:0", "above zero"),
    (GOOD + "--strenght 1", "--strength"),
    (GOOD + "--strength", "requires an argument"),
    (GOOD + "--strength much", "much"),
    (GOOD + "--strength 1.5", "0<=x<=1"),
    (GOOD + "--strength nan", "nan"),
    (GOOD + "--checkpoint run --checkpoint-every nan", "nan"),
    (GOOD + "--size 12", "12"),
    (GOOD + "--size 3.5", "3.5"),
    (GOOD + "--size 99999999", "99999999"),
    (GOOD + "--steps 0", "0"),
    (GOOD + "--style-weight inf", "finite"),
    (GOOD + "--network vgg11", "vgg19"),
    (GOOD + "--optimizer adamw", "adam"),
    (GOOD + "--pool-rescale", "average"),
    (GOOD + "--momentum 0.5", "sgd"),
    (GOOD + "--strength 0.3 --style-weight 5", "strength"),
    (GOOD + "--preset gatys2015 --strength 0.7", "comes from the preset gatys2015"),
    (GOOD + "--preset neural-style --optimizer adam --history 20", "lbfgs"),
    (GOOD + "--style-layers relu1_3", "relu1_3"),
    (GOOD + "--style-layers relu1_1:x", "relu1_1:x"),
    (GOOD + "--style-layers relu1_1:-1", "relu1_1:-1"),
    (GOOD + "--style-layers relu1_1,relu1_1", "twice"),
    (GOOD + "--style-layers ,", "layer"),
    (GOOD + "--content-layers relu6_1", "relu6_1"),
    (GOOD + "--content-layers relu3_1", "weights end"),
    (GOOD + "--start nosie", "did you mean 'noise'"),
    (GOOD + "--start picture", "nor a file"),
    (GOOD + "--preset gatys", "gatys2015"),
    (GOOD + "--recipe nowhere.toml", "nowhere.toml"),
    (GOOD + "--recipe text.png", "TOML"),
    (GOOD + "--recipe typo.toml", "did you mean 'steps'"),
    (GOOD + "--recipe wrong.toml", "size"),
    (GOOD + "--device gpu", "gpu"),
    (GOOD + "--device cuda:77", "cuda:77"),
    (GOOD + "--threads 0", "0"),
    (GOOD + "--memory lots", "lots"),
    (GOOD + "--depth 12", "12"),
    (GOOD + "--quality 0", "0"),
    (GOOD + "--quality 90", "without loss"),
    (GOOD + "--snapshots 0", "0"),
    (GOOD + "--film run.avi", ".gif"),
    (GOOD + "--quiet --verbose", "--quiet"),
    (GOOD + "--weights nowhere.safetensors", "nowhere.safetensors"),
    (GOOD + "--weights page.jpg", "web page"),
    (GOOD + "--network vgg16", "VGG-16"),
    (GOOD + "-o out.xyz", ".png"),
    (GOOD + "-o out", ".png"),
    (GOOD + "--checkpoint out.png", "a name of its own"),
    (GOOD + "--checkpoint ./b.png", "a name of its own"),
    (GOOD + "--checkpoint run.gif --film run.gif", "a name of its own"),
    (GOOD + "--checkpoint /dev/null/run", "no folder"),
    (GOOD + "--checkpoint /proc/run", "/proc/run cannot be written"),
    (GOOD + "--protect a.png --protect b.png", "given 2 times"),
    (GOOD + "--strength-map a.png --protect b.png --strength-map b.png", "given 2 times"),
    ("a.png --coarse b.png --style-layers relu1_1 -o out.png", "coarse layers"),
    ("a.png b.png:1e308 b.png:1e308 -o out.png", "too large"),
    ("sweep a.png b.png:0.1 a.png --blend 3 -o out.png", "weights"),
    ("texture b.png --size 999999x999999 -o out.png", "GB"),
    ("texture b.png --style-reach 0.5 -o out.png", "No such option"),
    (GOOD + "-o out.jpg --depth 16", "16"),
    (GOOD + "-o text.png", "--force"),
    (GOOD + "-o a.png", "inputs"),
    (GOOD + "-o a.png --force", "inputs"),
    (GOOD + "-o link.png --force", "inputs"),
    (GOOD + "-o text.png/out.png", "text.png is a file, not a folder"),
    (GOOD + "--strength 0,7", "with a point"),
    (GOOD + "--film strange.gif", "another name with --film"),
    ("a.png " + "y" * 300, "file name too long"),
    ("texture b.png --tileable --size 100x90 -o out.png", "choose another --size; 96 x 96 would do"),
    ("a.png b.png --seamless both --size 90 -o out.png", "or crop the photo"),
    (GOOD + "-o " + "x" * 300 + ".png", "xxx.png"),
    (GOOD + "--film strange.gif --start strange.gif --force", "inputs"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights_file: Path) -> Path:
    """Two good pictures and what people mistake for pictures; nothing may be painted here."""

    def painted(*_: object) -> None:
        raise AssertionError("a forward pass was made")

    a = picture_file(tmp_path / "a.png", 60, 40, seed=1)
    picture_file(tmp_path / "b.png", 50, 50, seed=2)
    (tmp_path / "link.png").hardlink_to(a)
    (tmp_path / "tiny.safetensors").symlink_to(weights_file)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("hello = hello")
    (tmp_path / "page.jpg").write_text("<!DOCTYPE html><html>404</html>")
    (tmp_path / "cut.png").write_bytes(a.read_bytes()[:200])
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64))
    (tmp_path / "typo.toml").write_text("stepps = 3")
    (tmp_path / "wrong.toml").write_text('size = "large"')
    Image.new("RGB", (20, 20), "red").save(tmp_path / "strange.gif")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(VGG, "__call__", painted)
    return tmp_path


@pytest.mark.parametrize(("line", "word"), SLIPS, ids=lambda value: "")
def test_a_slip_costs_one_line(capsys: Capture, folder: Path, line: str, word: str) -> None:
    before = sorted(folder.rglob("*"))
    ran = here(capsys, *line.split())
    assert (ran.code, ran.out) == (2, ""), ran
    assert re.fullmatch(r"impasto: [^\n]+\n", ran.err), ran.err
    assert word in ran.err
    assert "unexpected error" not in ran.err
    assert sorted(folder.rglob("*")) == before


def test_a_file_without_a_name_is_none(capsys: Capture, folder: Path) -> None:
    """As of a variable that was not set: it would be the folder where one is, and every picture in it a painting."""
    for line in (("a.png", ""), ("", "b.png"), ("a.png", "b.png", "-o", "")):
        ran = here(capsys, *line)
        assert (ran.code, "is empty" in ran.err) == (2, True), ran
    assert not (folder / "generated").exists()


@pytest.mark.parametrize("line", [SLIPS[0][0], GOOD + "--strenght 1", GOOD + "-o a.png --force", "empty.jpg b.png"])
def test_a_slip_in_a_process_of_its_own(folder: Path, line: str) -> None:
    ran = process(*line.split(), cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"impasto: [^\n]+\n", ran.err)


def test_the_good_line_is_good(capsys: Capture, folder: Path) -> None:
    """What the slips are made from gets as far as the first forward pass."""
    ran = here(capsys, *GOOD.split())
    assert ran.code == 1
    assert "a forward pass was made" in ran.err
