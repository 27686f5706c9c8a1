"""Snapshots and films of a run."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from command import here, opened, tiny
from PIL import Image

from impasto.errors import PictureError
from impasto.film import LAST_SECONDS, MOST_FRAMES, PER_SECOND, Film, Reel, check_film

Capture = pytest.CaptureFixture[str]
HAS_AV = importlib.util.find_spec("av") is not None


def frames(data: bytes) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    with Image.open(io.BytesIO(data)) as film:
        shown = []
        for i in range(getattr(film, "n_frames", 1)):
            film.seek(i)
            shown.append(np.asarray(film.convert("RGB")))
        return shown


def test_a_film_shows_the_frames_in_order_and_ends_with_the_picture() -> None:
    film = Film(32, 20)
    for i in range(5):
        film.add(torch.full((1, 3, 10, 16), i / 10))  # of a coarser level
    shown = frames(film.encoded(".gif", torch.full((1, 3, 20, 32), 0.9)))
    levels = [float(frame.mean()) / 255 for frame in shown]
    assert shown[0].shape == (20, 32, 3)
    assert np.allclose(levels, [0.0, 0.1, 0.2, 0.3, 0.4, 0.9], atol=0.02)


def test_a_film_is_no_larger_than_a_screen_and_its_sides_are_even() -> None:
    assert (Film(4001, 3001).width, Film(4001, 3001).height) == (720, 540)
    assert (Film(33, 1).width, Film(33, 1).height) == (32, 2)


def test_a_long_film_is_thinned_evenly() -> None:
    film = Film(4, 4)
    many = 3 * MOST_FRAMES
    for i in range(many):
        film.add(torch.full((1, 3, 4, 4), i / many))
    shown = [float(frame.mean()) / 255 for frame in frames(film.encoded(".gif", torch.ones(1, 3, 4, 4)))]
    assert len(shown) <= MOST_FRAMES + 1
    assert shown[-2] > 0.95
    assert max(np.diff(shown)) < 0.05


@pytest.mark.skipif(not HAS_AV, reason="needs the extra [video]")
def test_an_mp4() -> None:
    """It shows the same as the GIF: the frames in their order, and then the picture for a while."""
    import av

    film, red = Film(64, 40), torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1).expand(1, 3, 40, 64)
    for i in range(5):
        film.add(torch.full((1, 3, 20, 32), i / 10))
    data = film.encoded(".mp4", red)
    assert data[4:8] == b"ftyp"
    with av.open(io.BytesIO(data), "r") as opened:
        shown = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    assert shown[0].shape == (40, 64, 3)
    assert np.allclose([frame.mean() / 255 for frame in shown[:5]], [0.0, 0.1, 0.2, 0.3, 0.4], atol=0.03)
    assert len(shown) == 5 + PER_SECOND * LAST_SECONDS
    assert np.abs(shown[-1].mean((0, 1)) / 255 - [0.9, 0.1, 0.1]).max() < 0.05


@pytest.mark.parametrize(("steps", "snapshots", "every"), [(100, 20, 2), (100, 7, 1), (200, 6, 3), (10, 5, 1)])
def test_a_film_has_more_frames_than_there_are_snapshots(steps: int, snapshots: int, every: int) -> None:
    assert Reel(steps, film=True, snapshots=snapshots).every == every
    assert Reel(steps, film=False, snapshots=snapshots).every == snapshots


def test_films_that_cannot_be_made_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_film(Path("run.GIF"))
    with pytest.raises(PictureError, match=r"\.gif or \.mp4"):
        check_film(Path("run.avi"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PictureError, match=r"impasto\[video\]"):
        check_film(Path("run.mp4"))


def test_the_command_writes_snapshots_and_a_film(
    capsys: Capture, photo: Path, painting: Path, weights_file: Path
) -> None:
    out = photo.with_name("out.png")
    levels = ("--first-level", "24", "--level-ratio", "2", "--steps", "6", "--steps-least", "4", "--steps-decay", "0.5")
    film = photo.parent / "films" / "run.gif"
    flags = (*tiny(weights_file), *levels, "--size", "96", "--padding", "zero")
    ran = here(capsys, photo, painting, "-o", out, *flags, "--snapshots", "2", "--film", film)
    assert ran.code == 0, ran.err
    steps = sorted((photo.parent / "out_steps").iterdir())
    numbers = [int(path.stem.removeprefix("step_")) for path in steps]
    assert numbers[0] == 2
    assert numbers == sorted(set(numbers))
    assert opened(steps[-1]).size == opened(out).size == (96, 64)
    shown = frames(film.read_bytes())
    assert len(shown) >= len(steps)
    assert np.abs(shown[-1].astype(int) - np.asarray(opened(out)).astype(int)).mean() < 20  # 256 colors


def test_a_film_does_not_change_the_picture(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    outs = [photo.with_name(name) for name in ("plain.png", "filmed.png")]
    here(capsys, photo, painting, "-o", outs[0], *tiny(weights_file))
    here(capsys, photo, painting, "-o", outs[1], "--film", photo.with_name("run.gif"), *tiny(weights_file))
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_nothing_is_overwritten(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out, film = photo.with_name("out.png"), photo.with_name("run.gif")
    film.write_bytes(b"precious")
    ran = here(capsys, photo, painting, "-o", out, "--film", film, *tiny(weights_file))
    assert (ran.code, film.read_bytes()) == (2, b"precious")
    folder = photo.parent / "out_steps"
    folder.mkdir()
    (folder / "mine.txt").touch()
    ran = here(capsys, photo, painting, "-o", out, "--snapshots", "1", *tiny(weights_file))
    assert ran.code == 2
    assert "out_steps" in ran.err
    assert not out.exists()


def test_snapshots_are_counted_over_the_whole_run(
    capsys: Capture, photo: Path, painting: Path, weights_file: Path
) -> None:
    """And those of the run before do not stay among them."""
    flags = (*tiny(weights_file), "--first-level", "24", "--level-ratio", "2", "--steps", "5", "--steps-least", "5")
    out = photo.with_name("out.png")
    for every, numbers in ((1, range(1, 11)), (4, (4, 8))):
        ran = here(capsys, photo, painting, "-o", out, *flags, "--size", "192", "--snapshots", str(every), "--force")
        assert ran.code == 0, ran.err
        assert sorted(path.name for path in (photo.parent / "out_steps").iterdir()) == [
            f"step_{number:05}.png" for number in numbers
        ]


def test_what_cannot_be_kept_on_the_way_does_not_end_the_run(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, photo: Path, painting: Path, weights_file: Path
) -> None:
    """A disk that is full in the middle costs the snapshots, and in the end the film, and not the picture."""
    out, film = photo.with_name("out.png"), photo.with_name("run.gif")
    tries: list[object] = []

    def full(*arguments: object, **options: object) -> None:
        tries.append(arguments)
        raise PictureError("step.png cannot be written: no space left on device")

    monkeypatch.setattr("impasto.cli.keep.write", full)
    ran = here(capsys, photo, painting, "-o", out, "--snapshots", "1", *tiny(weights_file), "--steps", "4")
    assert (ran.code, ran.out) == (0, f"{out}\n")
    assert ran.err.count("the run goes on without snapshots") == len(tries) == 1
    assert sorted(path.name for path in photo.parent.glob("out*")) == ["out.png"]
    monkeypatch.setattr("impasto.cli.keep.write_film", full)
    ran = here(capsys, photo, painting, "-o", out, "--force", "--film", film, *tiny(weights_file))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith(f"no space left on device; the picture itself is {out}.\n")
    assert opened(out).size == (48, 32)
