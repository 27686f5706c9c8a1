"""A batch on a local cluster of two workers, one of which dies in the middle of a job."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import networks
import pytest
from command import here, opened, picture_file

from impasto.batch import work
from impasto.batch.desk import Desk
from impasto.batch.jobs import Job, every
from impasto.batch.manifest import Manifest
from impasto.batch.names import named
from impasto.batch.painter import Tools
from impasto.files import read_record

WHY = "needs Ray: pip install 'impasto[cluster]'"
JOBS = 6


@pytest.fixture
def no_cluster_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that Ray runs; a cluster of this machine's user is left alone."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def busy_workers() -> list[int]:
    """The processes that paint at this moment: Ray names them after what they do."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(b"ray::Hand.paint"):
                found.append(int(entry.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def kill_one() -> int:
    end = time.monotonic() + 60
    while not (found := busy_workers()):
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(found[0], signal.SIGKILL)
    return found[0]


@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker to kill in /proc")
def test_a_worker_is_killed_in_mid_job(tmp_path: Path, weights_file: Path, no_cluster_but_ours: None) -> None:
    """Every picture is painted, each recorded as done once, and the same as without a cluster."""
    pytest.importorskip("ray", reason=WHY)
    from impasto.batch.cluster import Cluster

    recipe = networks.recipe(size=32, steps=8, content_layers={"relu1_1": 1.0}, style_layers={"relu1_1": 1.0})
    photos = [picture_file(tmp_path / f"{i} 'é🎨.png", 30, 20, seed=i) for i in range(JOBS)]
    missing = tmp_path / "gone.png"
    picture_file(missing, 20, 20)
    jobs = every([*photos, missing], [picture_file(tmp_path / "p.png", 30, 30, seed=9)], recipe)
    tools = Tools(device="cpu", weights=weights_file, offline=True, checkpoint_every=0.0)
    manifest = Manifest(tmp_path / "out")
    named_jobs: list[Job] = named(jobs, manifest.folder, ".png", {})
    found, killed = [], 0
    with closing(Cluster("auto", tools, 2)) as crew:
        for said in work.work(named_jobs, Desk(manifest, tools), crew):
            found.append(said)
            if len(found) == 2:
                killed = kill_one()
                missing.unlink()
    ends = [said.state for said in found if said.state not in ("started", "lost")]
    assert killed
    assert sorted(ends) == ["done"] * JOBS + ["failed"]
    assert not [file for file in manifest.folder.iterdir() if ".checkpoint" in file.name]
    assert sum(said.state == "lost" for said in found) == 1
    kept = manifest.entries()
    for job in named_jobs[:JOBS]:
        assert kept[job.output].state == "done"
        assert opened(manifest.folder / job.output).size == (32, 21)
        assert read_record(manifest.folder / job.output)["content"]["path"] == f"../{job.content.name}"
    assert not list(manifest.folder.glob(".*"))


def test_without_ray_it_is_said_what_to_do(
    tmp_path: Path, photo: Path, painting: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ran = here(capsys, "batch", photo, painting, "--out", tmp_path / "out", "--cluster", "auto")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "impasto[cluster]" in ran.err
