"""Masks and the use of paintings on the command line: told apart, recorded, repeated."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from command import here, opened, picture_file, tiny
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from impasto.blank import START
from impasto.cli.flags import recipe_values
from impasto.cli.order import Order, place
from impasto.cli.paint import paint
from impasto.cli.texture import texture
from impasto.errors import ImpastoError, UsageError
from impasto.files import read_record
from impasto.hand import Hand, RegionFile, StyleFile, painting, paintings, pair, region
from impasto.hand import opened as opened_style
from impasto.recipe import Recipe, recipe

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """White on the left."""
    values = np.zeros((20, 30), np.uint8)
    values[:, :15] = 255
    path = tmp_path / "mask.png"
    Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("a.jpg@2", StyleFile(Path("a.jpg"), scale=2.0)),
        ("a.jpg:0.7@0.5", StyleFile(Path("a.jpg"), 0.7, 0.5)),
        ("a@b.jpg", StyleFile(Path("a@b.jpg"))),
        ("me@home/a.jpg:2", StyleFile(Path("me@home/a.jpg"), 2.0)),
    ],
)
def test_paintings_with_scales(argument: str, expected: StyleFile) -> None:
    assert painting(argument) == expected


def test_regions_in_words(tmp_path: Path) -> None:
    expected = RegionFile(Path("m.png"), StyleFile(Path("a.jpg")), 0.5)
    assert region("m.png=a.jpg:0.5") == expected
    odd = tmp_path / "a=b.png"
    odd.touch()
    assert pair(f"{odd}=c.jpg", "--region") == (odd, Path("c.jpg"))


@pytest.mark.parametrize(
    "argument", ["m.png", "m.png=", "=a.jpg", "m.png=a.jpg:1.5", "m.png=a.jpg:-1", "m.png=a.jpg@0"]
)
def test_regions_that_cannot_be(argument: str) -> None:
    with pytest.raises(UsageError):
        region(argument)


@given(st.text(alphabet="am.=:@0519-/ ", max_size=20))
def test_any_words_are_a_region_or_an_error(argument: str) -> None:
    try:
        found = region(argument)
    except ImpastoError:
        return
    assert 0 <= found.strength <= 1


def test_weight_and_scale_may_change_places(tmp_path: Path) -> None:
    file = picture_file(tmp_path / "p.jpg", 20, 20)
    (one,), (other,) = opened_style(f"{file}:0.4@2"), opened_style(f"{file}@2:0.4")
    assert one == other == StyleFile(file, 0.4, 2.0)


def test_a_folder_stands_for_its_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        picture_file(tmp_path / name, 20, 20)
    (tmp_path / "notes.txt").write_text("not a picture")
    found = list(opened_style(f"{tmp_path}:3@2"))
    assert found == [StyleFile(tmp_path / name, 1.5, 2.0) for name in ("a.png", "b.png")]


def test_normalized_weights_are_told(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    other = picture_file(photo.with_name("other.png"), 40, 40, seed=9)
    ran = here(capsys, photo, f"{painting}:3", other, "-o", photo.with_name("out.png"), *tiny(weights_file))
    assert f"styles:  {painting.name} 75%, other.png 25%\n" in ran.err


def test_coarse_and_fine_layers_have_shares_of_their_own(
    capsys: Capture, photo: Path, painting: Path, weights_file: Path
) -> None:
    other, flags = picture_file(photo.with_name("other.png"), 40, 40, seed=9), tiny(weights_file)
    ran = here(capsys, photo, painting, "--fine", f"{other}:3", "-o", photo.with_name("out.png"), *flags)
    assert f"styles:  coarse: {painting.name} 100%; fine: {painting.name} 25%, other.png 75%\n" in ran.err


def test_protected_pixels_come_back_and_the_picture_can_be_painted_again(
    capsys: Capture, photo: Path, painting: Path, mask: Path, weights_file: Path
) -> None:
    out, other = photo.with_name("out.png"), picture_file(photo.with_name("other.png"), 40, 40, seed=9)
    flags = ("--protect", mask, "--region", f"{mask}={other}:0.5", "--strength-map", mask, "--fine", f"{other}:0.5@2")
    assert here(capsys, photo, painting, "-o", out, *flags, *tiny(weights_file)).code == 0
    assert here(capsys, "again", out).code == 0
    again = out.with_name("out-again.png")
    assert out.read_bytes() == again.read_bytes()
    record = read_record(out)
    assert record["hand"]["protect"]["path"] == "mask.png"
    assert record["hand"]["regions"][0]["strength"] == 0.5
    assert record["styles"][1]["layers"] == "fine"
    assert str(photo.parent) not in str(record)


@pytest.fixture
def masked(capsys: Capture, photo: Path, painting: Path, mask: Path, weights_file: Path) -> Path:
    """Painted with a region, a protected part and a part of the painting."""
    out, other = photo.with_name("out.png"), picture_file(photo.with_name("other.png"), 40, 40, seed=9)
    flags = ("--region", f"{mask}={other}", "--protect", other, "--part", mask)
    assert here(capsys, photo, painting, "-o", out, *flags, *tiny(weights_file)).code == 0
    return out


def test_again_into_another_folder_it_is_a_copy_with_its_masks(capsys: Capture, masked: Path) -> None:
    copy = masked.parent / "far" / "away" / "copy.png"
    ran = here(capsys, "again", masked, "-o", copy)
    assert ran.code == 0, ran.err
    assert copy.read_bytes() == masked.read_bytes()


def test_again_with_another_mask(capsys: Capture, masked: Path) -> None:
    """The mask that is given takes the place of that of its kind; the others stay, found beside the picture."""
    out, before = masked.with_name("new.png"), read_record(masked)
    protect = picture_file(masked.with_name("protect.png"), 30, 20, seed=5)
    ran = here(capsys, "again", masked, "-o", out, "--protect", protect)
    assert ran.code == 0, ran.err
    after = read_record(out)
    assert after["hand"]["protect"]["path"] == "protect.png"
    assert after["hand"]["regions"] == before["hand"]["regions"]
    assert after["styles"] == before["styles"]
    assert out.read_bytes() != masked.read_bytes()


def test_again_names_a_lost_mask_and_takes_another(capsys: Capture, masked: Path, mask: Path) -> None:
    moved = mask.rename(mask.with_name("moved.png"))
    ran = here(capsys, "again", masked)
    assert (ran.code, ran.out) == (2, "")
    assert "mask.png" in ran.err
    assert "--region" in ran.err
    other = masked.with_name("other.png")
    painting = read_record(masked)["styles"][0]["path"]
    given = ("--region", f"{moved}={other}", "--style", masked.with_name(painting), "--part", moved)
    assert here(capsys, "again", masked, *given).code == 0
    assert opened(masked.with_name("out-again.png")).tobytes() == opened(masked).tobytes()


def test_again_without_the_masks(
    capsys: Capture, masked: Path, photo: Path, painting: Path, mask: Path, weights_file: Path
) -> None:
    plain, bare = masked.with_name("plain.png"), masked.with_name("bare.png")
    assert here(capsys, photo, painting, "-o", plain, "--part", mask, *tiny(weights_file)).code == 0
    assert here(capsys, "again", masked, "-o", bare, "--no-masks").code == 0
    assert bare.read_bytes() == plain.read_bytes()
    ran = here(capsys, "again", bare, "--no-masks")
    assert (ran.code, "--no-masks would change nothing" in ran.err) == (2, True)


def test_protection_is_exact(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    shield = np.zeros((40, 60), np.uint8)
    shield[:, :30] = 255
    file, out = photo.with_name("shield.png"), photo.with_name("out.png")
    Image.fromarray(shield).save(file)
    ran = here(capsys, photo, painting, "-o", out, "--protect", file, *tiny(weights_file), "--size", "60")
    assert ran.code == 0
    before, after = np.asarray(opened(photo)), np.asarray(opened(out))
    assert np.array_equal(before[:, :30], after[:, :30])
    assert not np.array_equal(before[:, 30:], after[:, 30:])


def test_label_maps(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    maps = []
    for name, split in (("one.png", 10), ("two.png", 20)):
        drawn = np.zeros((30, 30, 3), np.uint8)
        drawn[:, :split], drawn[:, split:] = (255, 0, 0), (0, 0, 255)
        maps.append(photo.with_name(name))
        Image.fromarray(drawn).save(maps[-1])
    out = photo.with_name("out.png")
    ran = here(capsys, photo, painting, "-o", out, "--labels", f"{maps[0]}={maps[1]}", *tiny(weights_file))
    assert ran.code == 0
    assert here(capsys, "again", out).code == 0
    assert out.read_bytes() == out.with_name("out-again.png").read_bytes()


def test_parts_of_paintings(capsys: Capture, photo: Path, painting: Path, mask: Path, weights_file: Path) -> None:
    outs = [photo.with_name(name) for name in ("a.png", "b.png")]
    assert here(capsys, photo, painting, "-o", outs[0], *tiny(weights_file)).code == 0
    assert here(capsys, photo, painting, "-o", outs[1], "--part", mask, *tiny(weights_file)).code == 0
    assert outs[0].read_bytes() != outs[1].read_bytes()
    ran = here(capsys, photo, painting, painting, "-o", outs[1], "--part", mask, "--force", *tiny(weights_file))
    assert ran.code == 2
    assert "1 --part for 2 paintings" in ran.err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--protect", "nothing.png"), "does not exist"),
        (("--region", "nothing.png"), "second file"),
        (("--labels", "one.png"), "second file"),
        (("--color", "palette"), "needs one"),
        (("--color", "palette", "--palette", "red"), "hex colors"),
        (("--palette", "#000,#fff"), "color = palette"),
        (("--coarse", "nothing.png"), "does not exist"),
    ],
)
def test_slips(capsys: Capture, photo: Path, painting: Path, flags: tuple[str, ...], words: str) -> None:
    ran = here(capsys, photo, painting, "-o", photo.with_name("out.png"), *flags)
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


DOCUMENTED = Path(__file__).parent.parent / "docs" / "control.md"
COMMANDS = [line.partition("  #")[0] for line in DOCUMENTED.read_text("utf-8").splitlines() if line[:8] == "impasto "]


@pytest.mark.parametrize("line", COMMANDS)
def test_documented_commands_are_understood(line: str) -> None:
    words = [word for word in shlex.split(line)[1:] if word != "paintings/"]
    if len(words) < 2:
        return
    command, base = (texture, {"start": START}) if words[0] == "texture" else (paint, {})
    given = command.make_context("impasto", words[bool(base) :]).params
    given |= {"size": None} if base else {}  # a width and a height, which are no knob
    recipe(base | recipe_values(given))
    assert paintings(given["styles"], given)
    Hand.taken_from({"strength_map": None, "protect": None, **given})


def test_a_folder_of_paintings_leaves_out_what_is_hidden_and_what_is_none(tmp_path: Path) -> None:
    """Such as what another system leaves beside each file."""
    for name in ("b.png", "a.jpg", "._a.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [style.path.name for style in opened_style(str(tmp_path))] == ["a.jpg", "b.png"]


def test_many_paintings_make_no_endless_name(tmp_path: Path) -> None:
    styles = tuple(StyleFile(tmp_path / f"a_long_name_{number}.png") for number in range(60))
    asked = Order(tmp_path / "photo.png", styles, Recipe())
    assert place(asked, None) == Path("generated/photo_a_long_name_0_a_long_name_1_a_long_name_2_57_more.png")
