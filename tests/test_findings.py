"""What a run leaves for the next: trials that are not made again, and only where that is safe."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from command import here, picture_file, tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import picture, recipe
from networks import tiny as network

from impasto import device as devices
from impasto import plan
from impasto.cli import trials as kept
from impasto.cli.trials import KeptTrials
from impasto.costs import Costs, Run, measure
from impasto.events import Finished, Forecast, Planned
from impasto.findings import Findings, Trials, kind
from impasto.inputs import Painting, weighted
from impasto.paint import paint
from impasto.picture import Picture
from impasto.regions import Guidance, Region
from impasto.scene import rehearsed
from impasto.share import ALONE, Crew
from impasto.storage import MEMORY

PHOTO, PAINTING, NETWORK = picture(150, 210), picture(180, 160, seed=1), network()
PART = Region(picture(150, 210, seed=2), Painting(PAINTING), 0.1)
SEEN_THROUGH = Picture(PHOTO.rgb, torch.full_like(PHOTO.rgb[:, :1], 0.5))


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[Costs]:
    """What trials have told, each time that there were any."""
    told: list[Costs] = []

    def counted(run: Run, *, in_file: bool = False) -> Costs:
        told.append(measure(run, in_file=in_file))
        return told[-1]

    monkeypatch.setattr(plan, "measure", counted)
    return told


def planned(findings: Findings, memory: int | None = None, crew: Crew = ALONE, **knobs: Any) -> Forecast:  # noqa: ANN401 -- knobs
    of = recipe(**{"size": 210, "steps": 2, **knobs})
    painter = paint(PHOTO, [PAINTING], of, network=NETWORK, memory=memory, crew=crew, findings=findings)
    first = next(painter)
    assert isinstance(first, Planned)
    assert first.forecast is not None
    return first.forecast


def named(
    guidance: Guidance = Guidance(),  # noqa: B008 -- frozen
    content: Picture = PHOTO,
    device: str = "cpu",
    **knobs: Any,  # noqa: ANN401 -- knobs
) -> str:
    scene = rehearsed(torch.zeros(1, 3, 8, 8), content, weighted([PAINTING]), guidance, MEMORY)
    of = recipe(**knobs)
    layers = frozenset({*of.content_layers, *of.style_layers})
    return kind(of, NETWORK, layers, scene, torch.device(device))


# ---- what is tried out -----------------------------------------------------------------------------------------------


def test_what_was_tried_out_is_not_tried_again_and_foresees_the_same(tried: list[Costs]) -> None:
    findings = Findings()
    first, again = planned(findings), planned(findings, strength=0.7)
    assert len(tried) == 1
    for same in ("width", "height", "tiles", "seconds"):
        assert getattr(again, same) == getattr(first, same), same
    assert abs(again.memory - first.memory) <= tried[0].left + 64e6  # the process itself holds more by and by
    larger = planned(findings, size=900)
    assert len(tried) == 1
    assert larger.memory > again.memory
    assert larger.seconds > again.seconds


def test_nothing_is_kept_unless_asked_for(tried: list[Costs]) -> None:
    findings = Findings(None, None)
    planned(findings)
    planned(findings)
    assert len(tried) == 2


@pytest.mark.parametrize(
    "knobs",
    [{"history": 9}, {"optimizer": "adam"}, {"style_statistic": "covariance"}, {"strength": 0.1}, {"detail": 0.5}],
)
def test_another_kind_is_tried_out(tried: list[Costs], knobs: dict[str, Any]) -> None:
    findings = Findings()
    planned(findings)
    planned(findings, **knobs)
    assert len(tried) == 2


def test_what_holds_other_maps_is_another_kind() -> None:
    plain = named()
    kinds = {
        plain,
        named(Guidance((PART,))),
        named(Guidance((PART, replace(PART, strength=0.9)))),
        named(Guidance(protect=PHOTO)),
        named(content=SEEN_THROUGH),
        named(Guidance((PART,)), content=SEEN_THROUGH),
    }
    assert len(kinds) == 6
    assert named(size=77, strength=0.9) == plain
    assert named(start="noise", seed=8) == named(start="noise") != plain


def test_another_gpu_at_the_same_place_is_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = set()
    for name in ("a small one", "a large one"):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        kinds.add(named(device="cuda"))
    assert len(kinds | {named(device="mps"), named()}) == 4


def test_equal_kinds_hold_the_same(tried: list[Costs]) -> None:
    """The memory that trials count is exact: what is called one kind must not differ by a byte."""
    for strength, seed in ((0.4, 0), (1.0, 5)):
        planned(Findings(), strength=strength, seed=seed, start="noise")
    one, other = (asdict(costs) for costs in tried)
    for same in ("targets", "state", "stepping", "making", "looking", "tile", "band"):
        assert one[same] == other[same], same


@pytest.mark.parametrize("share", [0.4, 0.7])
def test_where_memory_is_short_it_is_tried_out_again(
    tried: list[Costs], monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Up to a half of what may be used, an earlier trial is enough; beyond that its byte-exact plan is wanted."""
    monkeypatch.setattr(devices, "held_memory", lambda device: 0)
    monkeypatch.setattr(plan, "allowed", lambda device, memory, shares=1: 1e12 if memory is None else float(memory))
    findings = Findings()
    peak = planned(findings, size=600).memory
    before = len(tried)
    told = planned(findings, memory=round(peak / share), size=600)
    assert told.memory <= peak / share
    assert (len(tried) > before) == (share > plan.PLENTY)


def test_a_crew_tries_out_for_itself(tried: list[Costs], monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its processes must do the same, and some may never have heard of this kind of run."""
    monkeypatch.setattr(Crew, "least", lambda self, value, device: value)
    findings = Findings()
    planned(findings)
    planned(findings, crew=Crew(size=2))
    assert len(tried) == 2


# ---- what is kept in files -------------------------------------------------------------------------------------------


@pytest.fixture
def costs(tried: list[Costs]) -> Costs:
    planned(Findings())
    return tried[0]


def test_what_was_not_asked_for_long_goes(costs: Costs) -> None:
    trials = Trials(room=2)
    for name in ("a", "b"):
        trials.tell(name, costs)
    assert trials.told("a") is costs
    trials.tell("c", costs)
    assert [name for name in "abc" if trials.told(name)] == ["a", "c"]


def test_files_tell_what_was_told(costs: Costs, tmp_path: Path) -> None:
    KeptTrials(tmp_path / "new" / "trials").tell("a kind", costs)
    later = KeptTrials(tmp_path / "new" / "trials")
    assert later.told("a kind") == costs
    assert later.told("another kind") is None


def test_another_program_or_machine_is_told_nothing(
    costs: Costs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = KeptTrials(tmp_path)
    trials.tell("a kind", costs)
    for name, other in (("platform.node", "elsewhere"), ("torch.__version__", "9.9")):
        with monkeypatch.context() as patch:
            module, attribute = name.split(".", 1)
            patch.setattr(getattr(kept, module), attribute, (lambda: other) if attribute == "node" else other)  # noqa: B023
            assert trials.told("a kind") is None
    assert trials.told("a kind") == costs


def test_the_oldest_files_go(costs: Costs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "ROOM", 3)
    trials = KeptTrials(tmp_path)
    for age, name in enumerate("abcde"):
        trials.tell(name, costs)
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_ctime_ns)
        os.utime(newest, (1000 + age, 1000 + age))
    assert [name for name in "abcde" if trials.told(name)] == ["c", "d", "e"]
    assert len(list(tmp_path.iterdir())) == 3


@given(st.binary(max_size=200) | st.integers(0, 4000).map(str) | st.recursive(st.none(), st.lists).map(str))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_broken_file_is_no_error(tmp_path: Path, junk: bytes | str) -> None:
    trials = KeptTrials(tmp_path)
    trials._file("a kind").write_bytes(junk if isinstance(junk, bytes) else junk.encode())
    assert trials.told("a kind") is None


def test_a_cut_file_is_no_error(costs: Costs, tmp_path: Path) -> None:
    trials = KeptTrials(tmp_path)
    trials.tell("a kind", costs)
    file = trials._file("a kind")
    whole = file.read_bytes()
    for length in range(0, len(whole), len(whole) // 20):
        file.write_bytes(whole[:length])
        assert trials.told("a kind") is None


@pytest.mark.parametrize("chosen", ["", "~/pictures"])
def test_who_has_no_home_gets_no_folder_named_so(chosen: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMPASTO_CACHE_DIR", chosen)
    monkeypatch.setattr(
        "os.path.expanduser", lambda path: path
    )  # what it does for a user whom the system does not know
    assert kept.of_this_user() is None
    monkeypatch.setenv("IMPASTO_CACHE_DIR", "cache")
    assert isinstance(kept.of_this_user(), KeptTrials)


def test_where_nothing_can_be_kept_nothing_happens(costs: Costs, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    trials: Trials = KeptTrials(tmp_path / "file" / "trials")
    trials.tell("a kind", costs)
    assert trials.told("a kind") is None


@pytest.fixture
def painted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, weights_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """The command's own words, with a cache of this test's."""
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    photo = picture_file(tmp_path / "photo.png", 200, 150)
    painting = picture_file(tmp_path / "painting.png", 180, 160, seed=1)

    def paint_it() -> str:
        words: list[str | Path] = [photo, painting, "--force", "-o", tmp_path / "out.png", *tiny(weights_file)]
        ran = here(capsys, "paint", *words, "--size", "200", "--steps", "2")
        assert ran.code == 0, ran.err
        return ran.err

    return paint_it


def test_the_command_tries_out_once(painted: Callable[[], str], tried: list[Costs], tmp_path: Path) -> None:
    first = painted()
    picture = (tmp_path / "out.png").read_bytes()
    again = painted()
    assert len(tried) == 1
    assert (tmp_path / "out.png").read_bytes() == picture
    assert "needs:" in first
    assert "needs:" in again
    assert len(list((tmp_path / "cache" / "trials").glob("*.json"))) == 1


def test_a_picture_is_the_same_with_findings() -> None:
    """What is recalled is only what would be found."""
    findings, pictures = Findings(), []
    for _ in range(2):
        events = list(paint(PHOTO, [PAINTING], recipe(size=150, steps=2), network=NETWORK, findings=findings))
        assert isinstance(events[-1], Finished)
        pictures.append(events[-1].image)
    assert torch.equal(*pictures)
