"""Stop and go on: to the same bytes, from any step, after any death; never with other inputs."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import one_thread, picture, recipe, tiny
from torch import Tensor

from impasto import canvas, plan, statefile
from impasto import checkpoint as checkpoints
from impasto.checkpoint import Checkpoint, fingerprint
from impasto.errors import CheckpointError, ImpastoError
from impasto.events import Event, Finished, Note, Step
from impasto.paint import paint
from impasto.recipe import Recipe

__all__ = ["one_thread"]

PHOTO, PAINTING, NETWORK = picture(90, 91), picture(60, 60, seed=1), tiny()  # too small for trials by the plan
RUNS: dict[str, dict[str, Any]] = {
    "lbfgs": {"optimizer": "lbfgs", "history": 3, "start": "noise", "steps_least": 8, "polish": 5, "polish_views": 2},
    "adam": {"optimizer": "adam", "average": 0.9, "polish": 3},
    "sgd": {"optimizer": "sgd", "momentum": 0.5, "variation_weight": 0.1},
}


def chosen(**knobs: Any) -> Recipe:  # noqa: ANN401 -- knobs
    return recipe(**{"size": 91, "first_level": 65, "steps": 5, "steps_least": 4, **knobs})


def run(knobs: dict[str, Any], checkpoint: Checkpoint | None = None, **options: Any) -> Iterator[Event]:  # noqa: ANN401
    return paint(PHOTO, [PAINTING], chosen(**knobs), network=NETWORK, checkpoint=checkpoint, **options)


def result(events: Iterator[Event]) -> tuple[Tensor, int]:
    last = list(events)[-1]
    assert isinstance(last, Finished)
    return last.image, last.evaluations


# ---- to the same bytes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_from_every_step_on_the_run_ends_in_the_same_bytes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas, "COMPOSED", 80)  # the second level refines what the first has left
    whole, evaluations = result(run(RUNS[name]))
    assert evaluations == (16 if name == "lbfgs" else 9)  # so that a level ends on the way, and lbfgs polishes
    for steps in range(evaluations):
        file = tmp_path / f"{steps}.impasto"
        events = run(RUNS[name], Checkpoint(file, every=0.0))
        for _ in range(steps):
            next(e for e in events if isinstance(e, Step))
        events.close()  # type: ignore[attr-defined]  # a generator
        assert file.exists() == (steps > 0)
        again, counted = result(run(RUNS[name], Checkpoint(file, every=1e9)))
        assert torch.equal(whole, again)
        assert counted == evaluations


def test_a_stopped_run_writes_at_once_and_goes_on_in_its_own_tiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(plan.Planner):
        side: int | None = 24

        def best(self, level: Any, budget: float) -> plan.Layout | None:  # noqa: ANN401
            return self.layout(level, self.side, in_file=True)

    monkeypatch.setattr(plan, "Planner", Cut)
    roomy = 10**12  # bytes: the plan makes its trials where a limit is given
    whole, _ = result(run(RUNS["lbfgs"], memory=roomy))
    asked = iter([False] * 7 + [True] * 100)
    file = tmp_path / "run"
    events = list(run(RUNS["lbfgs"], Checkpoint(file, every=1e9), stop=lambda: next(asked), memory=roomy))
    assert file.exists()
    assert any(isinstance(e, Note) and "Stopped early" in e.text for e in events)
    monkeypatch.setattr(Cut, "side", None)  # the plan would be another now
    again, _ = result(run(RUNS["lbfgs"], Checkpoint(file), memory=roomy))
    assert torch.equal(whole, again)


@pytest.mark.parametrize("name", ["lbfgs", "adam"])
def test_stopped_wherever_it_is_asked_it_shows_what_there_is_again_and_goes_on(name: str, tmp_path: Path) -> None:
    """Before a level's first step and before its polishing, too, when nothing has been done in that part yet."""
    whole, _ = result(run(RUNS[name]))
    for answers in range(12):  # one more, and Adam has come to its end
        asked = iter([False] * answers + [True] * 100)
        file = tmp_path / str(answers)
        first, _ = result(run(RUNS[name], Checkpoint(file, every=1e9), stop=lambda asked=asked: next(asked)))
        second, _ = result(run(RUNS[name], Checkpoint(file, every=1e9), stop=lambda: True))
        assert torch.equal(first, second)
        assert torch.equal(whole, result(run(RUNS[name], Checkpoint(file, every=1e9)))[0])


def test_time_decides_when_it_is_written_and_the_end_removes_it(tmp_path: Path) -> None:
    file = tmp_path / "run"
    checkpoint = Checkpoint(file, every=1e9, about={"photo": "a.jpg"})
    result(run(RUNS["sgd"], checkpoint))
    assert not file.exists()
    checkpoint.write({})
    assert checkpoints.about(file) == {"photo": "a.jpg"}
    checkpoint.finished()
    checkpoint.finished()
    assert not file.exists()


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """Ten deaths by SIGKILL, each at a random moment; then the same bytes as without."""
    whole, _ = result(run(RUNS["lbfgs"]))
    file, moments = tmp_path / "run", random.Random(1)
    for _ in range(int(os.environ.get("IMPASTO_DEATHS", "10"))):
        child = os.fork()
        if child == 0:
            try:
                list(run(RUNS["lbfgs"], Checkpoint(file, every=0.0)))
            finally:
                os._exit(0)
        time.sleep(moments.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if file.exists():
            assert set(statefile.read(file)) == {"about", "identity", "run"}
    again, _ = result(run(RUNS["lbfgs"], Checkpoint(file)))
    assert torch.equal(whole, again)


# ---- never with other inputs -----------------------------------------------------------------------------------------


def test_what_has_changed_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run"
    result(run(RUNS["adam"], Checkpoint(file, every=0.0)))
    cases: dict[str, dict[str, Any]] = {
        "photo": {"photo": picture(90, 91, seed=9)},
        "paintings": {"painting": picture(60, 60, seed=8)},
        "recipe": {"knobs": {**RUNS["adam"], "strength": 0.6}},
        "network": {"network": tiny(seed=3)},
    }
    other = tiny(seed=3)
    other.sha256 = "1" * 64
    cases["network"] = {"network": other}
    for name, changed in cases.items():
        events = paint(
            changed.get("photo", PHOTO),
            [changed.get("painting", PAINTING)],
            chosen(**changed.get("knobs", RUNS["adam"])),
            network=changed.get("network", NETWORK),
            checkpoint=Checkpoint(file),
        )
        with pytest.raises(CheckpointError, match=rf"\(with another {name}\)"):
            list(events)


def test_fingerprints_tell_contents_apart_and_nothing_else() -> None:
    assert fingerprint(PHOTO) == fingerprint(replace(PHOTO, name="elsewhere", rgb=PHOTO.rgb.clone()))
    side_by_side = PHOTO.rgb.contiguous(memory_format=torch.channels_last)  # as large photos and results are
    assert fingerprint(PHOTO) == fingerprint(replace(PHOTO, rgb=side_by_side))
    different = [
        PHOTO,
        PHOTO.rgb,
        PHOTO.rgb[..., :-1],
        [PHOTO],
        [PHOTO, None],
        {"a": 1},
        {"a": 2},
        (1, 2),
        "1",
        1,
        chosen(),
    ]
    assert len({fingerprint(each) for each in different}) == len(different)


def test_what_cannot_be_kept_does_not_end_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    events = list(run(RUNS["adam"], Checkpoint(folder / "run", every=0)))
    assert torch.equal(result(iter(events))[0], result(run(RUNS["adam"]))[0])
    told = [event.text for event in events if isinstance(event, Note) and "cannot be written" in event.text]
    assert [str(folder / "run") in text for text in told] == [True]  # once, though each step has tried


# ---- the file --------------------------------------------------------------------------------------------------------

NUMBERS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8)
PLAIN = st.recursive(
    NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=4), PLAIN, max_size=4))
def test_plain_data_comes_back(tmp_path_factory: pytest.TempPathFactory, state: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("state") / "s"
    statefile.write(file, state)
    assert statefile.read(file) == state


def test_tensors_come_back_in_their_layout(tmp_path: Path) -> None:
    file = tmp_path / "s"
    image = torch.rand(1, 3, 5, 7).contiguous(memory_format=torch.channels_last)
    statefile.write(file, {"a": image, "b": (torch.zeros(0), torch.rand(3).double()), "c": float("inf"), "d": image[0]})
    assert statefile.words(file)["c"] == float("inf")
    back = statefile.read(file)
    assert back["a"].stride() == image.stride()
    assert torch.equal(back["a"], image)
    assert isinstance(back["b"], tuple)
    assert back["b"][1].dtype == torch.float64
    assert back["c"] == float("inf")
    assert torch.equal(back["d"], image[0])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_file_is_an_error_of_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("damaged") / "s"
    statefile.write(file, {"run": {"canvas": torch.rand(2, 3), "step": 3}, "about": {}, "identity": {"x": "y"}})
    whole = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    file.write_bytes(whole)
    with pytest.raises(ImpastoError) as error:
        Checkpoint(file).taken_up({"x": 1}, torch.device("cpu"))
    assert "\n" not in str(error.value)
    assert "begin again without it" in str(error.value)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be written"):
        statefile.write(tmp_path / "nowhere" / "run", {})
    assert list(tmp_path.iterdir()) == []
