"""A painted file paints itself again: to the same bytes, with changes, or not at all where its inputs are gone."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_weights
from command import here, opened, picture_file, process, tiny
from hypothesis import given
from hypothesis import strategies as st

from impasto.errors import ImpastoError, PictureError
from impasto.files import read_record
from impasto.presets import preset
from impasto.recipe import Recipe
from impasto.record import Input, Record, differences, parsed, renamed

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def painted(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> Path:
    """out.png beside its inputs and weights."""
    shutil.copy(weights_file, photo.parent / "tiny.safetensors")
    out = photo.with_name("out.png")
    ran = here(capsys, photo, painting, "-o", out, *tiny(photo.parent / "tiny.safetensors"))
    assert ran.code == 0, ran.err
    return out


def test_the_same_bytes_from_processes_of_their_own(photo: Path, painting: Path, weights_file: Path) -> None:
    """Other hash seeds, another folder: the same file."""
    flags = (*tiny(weights_file), "--start", "noise", "--depth", "16", "--threads", "1")
    ran = process(photo.name, painting, "-o", "out.png", *flags, cwd=photo.parent, environment={"PYTHONHASHSEED": "1"})
    assert ran.code == 0, ran.err
    (photo.parent / "elsewhere").mkdir()
    again = process(
        "again", photo.with_name("out.png"), cwd=photo.parent / "elsewhere", environment={"PYTHONHASHSEED": "2"}
    )
    assert again.code == 0, again.err
    assert again.out == f"{photo.with_name('out-again.png')}\n"
    assert photo.with_name("out-again.png").read_bytes() == photo.with_name("out.png").read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "avif"])
def test_the_same_bytes_in_every_format(
    capsys: Capture, photo: Path, painting: Path, weights_file: Path, suffix: str
) -> None:
    out = photo.with_name(f"out.{suffix}")
    quality = () if suffix == "tif" else ("--quality", "80")
    assert here(capsys, photo, painting, "-o", out, *quality, *tiny(weights_file)).code == 0
    assert here(capsys, "again", out).code == 0
    assert photo.with_name(f"out-again.{suffix}").read_bytes() == out.read_bytes()


def test_changes_may_rob_older_settings_of_their_effect(
    capsys: Capture, photo: Path, painting: Path, weights_file: Path
) -> None:
    """What only L-BFGS needs goes with L-BFGS; a dial that a weight has taken the place of is told."""
    out = photo.with_name("out.png")
    flags = ("--history", "7", "--style-weight", "30", *tiny(weights_file))
    assert here(capsys, photo, painting, "-o", out, *flags).code == 0
    other = photo.with_name("other.png")
    ran = here(capsys, "again", out, "-o", other, "--optimizer", "adam")
    assert ran.code == 0, ran.err
    record = read_record(other)
    assert isinstance(record, dict)
    assert (record["recipe"]["optimizer"], record["recipe"]["history"]) == ("adam", 5)
    refused = here(capsys, "again", out, "-o", other, "--force", "--strength", "0.9")
    assert refused.code == 2
    assert "style_weight = 30.0 comes from the painted picture" in refused.err


def test_into_another_folder_it_is_a_copy(capsys: Capture, painted: Path) -> None:
    copy = painted.parent / "far" / "away" / "copy.png"
    assert here(capsys, "again", painted, "-o", copy).code == 0
    assert copy.read_bytes() == painted.read_bytes()


def test_changes_are_laid_over_the_recipe(capsys: Capture, painted: Path) -> None:
    ran = here(capsys, "again", painted, "-o", painted.with_name("new.png"), "--steps", "5", "--size", "32", "--json")
    told = json.loads(ran.out)
    assert (told["evaluations"], told["width"]) == (5, 32)
    before, after = read_record(painted), read_record(painted.with_name("new.png"))
    assert after["recipe"] == {**before["recipe"], "steps": 5, "size": 32}
    assert after["content"] == before["content"]


def test_a_preset_takes_the_place_of_the_one_then(capsys: Capture, photo: Path, painting: Path) -> None:
    """A draft, and then the picture itself."""
    draft, final = photo.with_name("draft.png"), photo.with_name("final.png")
    assert here(capsys, photo, painting, "-o", draft, "--preset", "fast", "--size", "64").code == 0
    assert here(capsys, "again", draft, "-o", final, "--preset", "default", "--steps", "1").code == 0
    assert read_record(draft)["recipe"] == {**Recipe(size=64).as_dict(), **preset("fast")}
    assert read_record(final)["recipe"] == Recipe(size=64, steps=1).as_dict()


def test_another_photo_and_other_paintings(capsys: Capture, painted: Path, tmp_path: Path) -> None:
    others = [picture_file(tmp_path / f"other{i}.png", 30, 50, seed=10 + i) for i in range(3)]
    out = painted.with_name("new.png")
    styles = ("--style", f"{others[1]}:0.25", "--style", others[2])
    ran = here(capsys, "again", painted, "-o", out, "--content", others[0], *styles)
    assert ran.code == 0, ran.err
    assert opened(out).size == (29, 48)
    record = read_record(out)
    assert record["content"]["path"] == "other0.png"
    assert [(style["path"], style["weight"]) for style in record["styles"]] == [("other1.png", 0.25), ("other2.png", 1)]


def test_a_started_picture_again(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    here(capsys, photo, painting, "-o", out, "--start", painting, *tiny(weights_file))
    assert here(capsys, "again", out).code == 0
    assert out.with_name("out-again.png").read_bytes() == out.read_bytes()
    ran = here(capsys, "again", out, "--force", "--start", "photo")
    assert ran.code == 0, ran.err
    assert out.with_name("out-again.png").read_bytes() != out.read_bytes()


def test_changed_inputs_are_refused_unless_named(capsys: Capture, painted: Path, photo: Path) -> None:
    picture_file(photo, 60, 40, seed=99)
    ran = here(capsys, "again", painted)
    assert (ran.code, ran.out) == (2, "")
    assert "changed" in ran.err
    assert "--content" in ran.err
    assert here(capsys, "again", painted, "--content", photo).code == 0


def test_lost_inputs_are_named(capsys: Capture, painted: Path, painting: Path) -> None:
    painting.unlink()
    ran = here(capsys, "again", painted)
    assert ran.code == 2
    assert "painting.png" in ran.err
    assert "--style" in ran.err


def test_moved_together_they_are_found(capsys: Capture, painted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    folder.mkdir()
    for path in list(tmp_path.iterdir()):
        if path.is_file():
            path.rename(folder / path.name)
    assert here(capsys, "again", folder / "out.png").code == 0


def test_other_weights_are_told(capsys: Capture, painted: Path, tmp_path: Path) -> None:
    other = tiny_weights.write(tmp_path / "other.safetensors", seed=7)
    ran = here(capsys, "again", painted, "--weights", other)
    assert ran.code == 0
    assert "note: The network's weights are not those" in ran.err


def test_other_versions_are_told(painted: Path) -> None:
    record = parsed(read_record(painted), "out.png")
    newer = parsed({**record.as_dict(), "versions": {**record.versions, "torch": "9.9"}, "device": "cuda"}, "out.png")
    assert differences(record, record) == []
    torch_differs, device_differs = differences(record, newer)
    assert torch_differs == f"torch was {record.versions['torch']} when the picture was painted and is 9.9 now."
    assert "cuda" in device_differs


def test_the_record_tells_no_secrets(painted: Path) -> None:
    """No date, no time, no name of the machine or of its folders."""
    record = read_record(painted)
    assert set(record) == {
        *("recipe", "content", "styles", "start", "network", "weights", "weights_sha256", "device", "threads"),
        *("versions", "depth", "quality", "hand", "format"),
    }
    assert record["content"]["path"] == "photo.png"
    assert str(painted.parent) not in json.dumps(record)
    assert set(record["versions"]) >= {"impasto", "torch", "numpy", "pillow"}


def test_a_picture_without_a_record(capsys: Capture, photo: Path) -> None:
    ran = here(capsys, "again", photo)
    assert ran.code == 2
    assert "no record" in ran.err


def test_equal_inputs_keep_their_names(painted: Path) -> None:
    then = parsed(read_record(painted), "out.png")
    assert isinstance(then.content, Input)
    moved = parsed({**then.as_dict(), "content": {"path": "x/photo.png", "sha256": then.content.sha256}}, "out.png")
    other = parsed({**then.as_dict(), "content": {"path": "x/photo.png", "sha256": "0"}}, "out.png")
    assert renamed(moved, then) == then
    assert renamed(other, then).content == other.content


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("styles", []),
        ("styles", [{"path": "a"}]),
        ("styles", [{"path": "a", "sha256": "b", "weight": -1}]),
        ("content", None),
        ("threads", 0),
        ("threads", 10**9),
        ("recipe", []),
        ("format", 2),
        ("surprise", 1),
    ],
)
def test_a_damaged_record_is_refused(painted: Path, key: str, value: object) -> None:
    with pytest.raises(PictureError, match=r"out\.png"):
        parsed({**read_record(painted), key: value}, "out.png")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KEYS = st.sampled_from(list(Record.__dataclass_fields__)) | st.text()


@given(st.dictionaries(KEYS, JSON), st.booleans())
def test_any_record_is_read_or_refused(data: dict[str, Any], current: bool) -> None:
    with contextlib.suppress(ImpastoError):  # and nothing else is raised
        parsed({**data, "format": 1} if current else data, "a.png")
