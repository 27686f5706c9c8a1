"""A batch that keeps the state of unfinished pictures: it goes on in mid-picture, to the same bytes, or begins anew."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import networks
import pytest
from command import here, picture_file, started, tiny
from networks import one_thread

from impasto.batch import unfinished
from impasto.batch.crew import Alone, Team
from impasto.batch.desk import Desk
from impasto.batch.jobs import Job, every
from impasto.batch.manifest import Entry, Manifest
from impasto.batch.names import named
from impasto.batch.painter import Stopped, Tools
from impasto.batch.work import work
from impasto.cli.many import settled
from impasto.errors import CheckpointError
from impasto.events import Event, Step

Capture = pytest.CaptureFixture[str]
Batch = Callable[..., dict[str, Any]]
__all__ = ["one_thread"]  # as the batches that are killed have one

TAKEN_UP = "Taken up where an interrupted run stood."
FLAGS = ("--threads", "1", "--steps", "60", "--no-sheet", "--json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture_file(tmp_path / "a [1] é.png", 60, 40)
    picture_file(tmp_path / "p.png", 50, 50, seed=9)
    return tmp_path


@pytest.fixture
def batch(folder: Path, capsys: Capture, weights_file: Path) -> Batch:
    """One photo, one painting; what --json tells."""

    def run(*more: str, out: str = "out") -> dict[str, Any]:
        ran = here(capsys, *command(folder, weights_file, out), *more)
        return {**json.loads(ran.out), "code": ran.code}

    return run


def command(folder: Path, weights_file: Path, out: str = "out") -> tuple[str | Path, ...]:
    inputs = (folder / "a [1] é.png", folder / "p.png", "--out", folder / out)
    return ("batch", *inputs, *tiny(weights_file), *FLAGS)


def killed(folder: Path, weights_file: Path) -> None:
    """A batch that ends in the middle of its picture."""
    running = started(*command(folder, weights_file), "--checkpoint-every", "0")
    until(lambda: whole(folder))
    running.kill()
    running.communicate(timeout=60)
    assert not list((folder / "out").glob("*.png"))


def found(folder: Path) -> list[str]:
    """Whatever there is of checkpoints, half ones too."""
    return [path.name for path in (folder / "out").glob("*") if ".checkpoint" in path.name]


def whole(folder: Path) -> bool:
    """Whether a state is kept already."""
    return any(not name.startswith(".") for name in found(folder))


def until(happened: Callable[[], bool]) -> None:
    """Wait for at most a minute."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.005)


def picture(folder: Path, out: str = "out") -> bytes:
    (file,) = (folder / out).glob("*.png")
    return file.read_bytes()


def test_killed_and_begun_again_it_goes_on_to_the_same_bytes(folder: Path, batch: Batch, weights_file: Path) -> None:
    killed(folder, weights_file)
    half = folder / "out" / "deeper" / ".impasto-0123456789abcdef.part"
    half.parent.mkdir()
    half.write_bytes(b"as if it had been killed while it wrote")
    os.utime(half, (0, 0))
    (job,) = batch("--checkpoint-every", "0")["jobs"]
    assert TAKEN_UP in job["notes"]
    straight = batch(out="straight")
    assert TAKEN_UP not in straight["jobs"][0]["notes"]
    assert picture(folder) == picture(folder, "straight")
    assert (found(folder), half.exists()) == ([], False)


def test_what_has_changed_is_painted_anew(folder: Path, batch: Batch, weights_file: Path) -> None:
    killed(folder, weights_file)
    picture_file(folder / "p.png", 50, 50, seed=10)
    (job,) = batch("--checkpoint-every", "3600")["jobs"]
    assert (job["state"], TAKEN_UP in job["notes"]) == ("done", False)
    batch(out="straight")
    assert picture(folder) == picture(folder, "straight")
    assert found(folder) == []


def test_what_is_damaged_is_painted_anew(folder: Path, batch: Batch) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "a [1] é_p.png.checkpoint").write_bytes(b"no checkpoint")
    (job,) = batch("--checkpoint-every", "3600")["jobs"]
    assert (job["state"], found(folder)) == ("done", [])


def test_what_was_left_of_a_finished_picture_goes_and_only_if_asked_for(folder: Path, batch: Batch) -> None:
    batch()
    assert found(folder) == []
    left = folder / "out" / "a [1] é_p.png.checkpoint"
    left.write_bytes(b"as if the plug had been pulled between the two")
    assert batch()["skipped"] == 1
    assert found(folder) == [left.name]
    assert batch("--checkpoint-every", "60")["skipped"] == 1
    assert found(folder) == []


def test_slips(folder: Path, capsys: Capture, weights_file: Path) -> None:
    for further in (("--film", "gif"), ("--snapshots", "2")):
        ran = here(capsys, *command(folder, weights_file), "--checkpoint-every", "3", *further)
        assert (ran.code, "leave out --checkpoint-every" in ran.err) == (2, True)
    assert not (folder / "out").exists()


def set_up(folder: Path, weights_file: Path, photos: list[Path]) -> tuple[list[Job], Desk]:
    recipe = networks.recipe(size=48, steps=60, content_layers={"relu1_1": 1.0}, style_layers={"relu1_1": 1.0})
    tools = Tools(device="cpu", weights=weights_file, offline=True, checkpoint_every=3600.0)
    manifest = Manifest(folder / "out")
    return named(every(photos, [folder / "p.png"], recipe), manifest.folder, ".png", {}), Desk(manifest, tools)


def test_who_asks_for_the_end_loses_no_step(folder: Path, weights_file: Path) -> None:
    """Though the time to keep the state has not come."""
    jobs, desk = set_up(folder, weights_file, [folder / "a [1] é.png"])
    steps: list[int] = []

    def hear(event: Event) -> None:
        steps.extend([event.evaluations] if isinstance(event, Step) else [])

    with pytest.raises(Stopped):
        list(work(jobs, desk, Alone(desk.tools, hear, lambda: len(steps) == 5)))
    assert found(folder) == ["a [1] é_p.png.checkpoint"]
    last = list(work(jobs, desk, Alone(desk.tools, hear)))[-1]
    assert (last.state, steps) == ("done", list(range(1, 61)))
    assert found(folder) == []


def test_a_worker_that_dies_costs_few_steps(folder: Path, weights_file: Path) -> None:
    """Another takes its picture up."""
    jobs, desk = set_up(folder, weights_file, [folder / "a [1] é.png", picture_file(folder / "b.png", 60, 40, seed=3)])
    tools = desk.tools = replace(desk.tools, checkpoint_every=0.0)
    said: list[Entry] = []
    with closing(Team(tools, 2, partial(settled, 1))) as crew:
        for entry in work(jobs, desk, crew):
            said.append(entry)
            if len(said) == 2:  # the second is not given out yet
                until(lambda: whole(folder))
                os.kill(crew.processes[0], signal.SIGKILL)
    assert sorted(entry.state for entry in said) == ["done", "done", "lost", "started", "started", "started"]
    assert [note for entry in said for note in entry.notes].count(TAKEN_UP) == 1
    assert found(folder) == []


def test_a_machine_without_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no folder"):
        unfinished.kept(tmp_path / "none" / "a.png", 60.0)
    assert unfinished.kept(tmp_path / "none" / "a.png", None) is None
