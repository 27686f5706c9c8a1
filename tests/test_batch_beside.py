"""A batch with films and snapshots: they belong to their pictures, and nothing of others is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Ran, here, opened, picture_file, tiny
from PIL import Image

from impasto.batch.manifest import Manifest

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def batch(tmp_path: Path, capsys: Capture, weights_file: Path) -> Callable[..., dict[str, Any]]:
    """Two photos, one painting; what --json tells."""
    (tmp_path / "photos").mkdir()
    for i, name in enumerate(("one.png", "two é.jpg")):
        picture_file(tmp_path / "made.png", 60, 40, seed=i).rename(tmp_path / "photos" / name)
    painting = picture_file(tmp_path / "p.png", 50, 50, seed=9)

    def run(*more: str, photos: Path = tmp_path / "photos", out: Path = tmp_path / "out") -> dict[str, Any]:
        ran = command(capsys, photos, painting, out, *tiny(weights_file), *more, "--no-sheet", "--json")
        return {**json.loads(ran.out), "code": ran.code, "err": ran.err}

    return run


def command(capsys: Capture, photos: Path, painting: Path, out: Path, *more: str) -> Ran:
    return here(capsys, "batch", photos, painting, "--out", out, *more)


def frames(file: Path) -> int:
    with Image.open(file) as film:
        return int(getattr(film, "n_frames", 0))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_film_and_snapshots_of_every_run(batch: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """In four steps of which the fourth is the end."""
    told = batch("--film", "gif", "--snapshots", "2", "--steps", "4")
    out = tmp_path / "out"
    assert told["done"] == 2
    assert [job["beside"] for job in told["jobs"]] == [
        [f"{name}_p.gif", f"{name}_p_steps"] for name in ("one", "two é")
    ]
    made = {"_p.png", "_p.gif", "_p_steps/step_00002.png", "_p_steps/step_00004.png"}
    assert files(out) == {"jobs.jsonl", *("one" + name for name in made), *("two é" + name for name in made)}
    assert frames(out / "one_p.gif") >= 3
    assert opened(out / "one_p_steps" / "step_00002.png").size == opened(out / "one_p.png").size
    assert (out / "one_p_steps" / "step_00002.png").read_bytes() != (
        out / "one_p_steps" / "step_00004.png"
    ).read_bytes()


def test_a_film_is_made_where_it_is_missing_and_only_there(
    batch: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert batch()["done"] == 2
    picture = (out / "one_p.png").read_bytes()
    assert batch("--film", "gif")["done"] == 2
    assert (out / "one_p.png").read_bytes() == picture
    assert batch("--film", "gif")["skipped"] == 2
    assert batch()["skipped"] == 2
    (out / "one_p.gif").unlink()
    assert [(job["output"], job["state"]) for job in batch("--film", "gif")["jobs"]] == [
        ("two é_p.png", "skipped"),
        ("one_p.png", "done"),
    ]
    assert batch("--snapshots", "100")["done"] == 2  # more than there are steps
    assert batch("--snapshots", "100")["skipped"] == 2


def test_snapshots_of_an_older_run_go(batch: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch("--snapshots", "1", "--steps", "3")
    mine = out / "one_p_steps" / "notes.txt"
    mine.write_text("mine")
    batch("--snapshots", "2", "--steps", "2")
    assert files(out / "one_p_steps") == {"step_00002.png", "notes.txt"}


def test_nothing_of_others_is_written_over(batch: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch()
    (out / "one_p.gif").write_bytes(b"precious")
    told = batch("--film", "gif")
    assert (told["code"], told["done"], told["failed"]) == (1, 1, 1)
    assert "was not made here" in told["err"]
    assert (out / "one_p.gif").read_bytes() == b"precious"
    assert batch("--film", "gif", "--force")["done"] == 2
    assert frames(out / "one_p.gif") > 1


def test_a_film_belongs_to_one_picture(
    capsys: Capture, tmp_path: Path, photo: Path, painting: Path, weights_file: Path
) -> None:
    table = tmp_path / "jobs.csv"
    rows = [f"{photo},{painting},{name}" for name in ("x.png", "X.jpg")]
    table.write_text("\n".join(["content,style,output", *rows]))
    ran = here(capsys, "batch", table, "--out", tmp_path / "out", *tiny(weights_file), "--film", "gif")
    assert ran.code == 1
    assert "would belong to x.png too" in ran.err


def test_a_film_is_no_photo(batch: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """Where pictures go into the folder that photos come from."""
    photos = tmp_path / "photos"
    assert batch("--film", "gif", photos=photos, out=photos)["done"] == 2
    told = batch("--film", "gif", photos=photos, out=photos)
    assert (told["done"], told["skipped"], told["failed"]) == (0, 2, 0)


def test_mp4(batch: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="needs PyAV: pip install 'impasto[video]'")
    assert batch("--film", "mp4", "--steps", "4")["done"] == 2
    with av.open(str(tmp_path / "out" / "one_p.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) > 4
    assert Manifest(tmp_path / "out").entries()["one_p.png"].beside == ("one_p.mp4",)


def test_without_pyav_it_is_said_before_anything_is_painted(
    capsys: Capture, tmp_path: Path, photo: Path, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ran = command(capsys, photo, painting, tmp_path / "out", "--film", "mp4")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "impasto[video]" in ran.err
