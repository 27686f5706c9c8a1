"""Many pictures: each painted once, nothing lost, nothing half-written, whatever happens in between."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import networks
import pytest
import tiny_weights
import torch
from command import Ran, here, opened, picture_file, process, started, tiny
from networks import one_thread

from impasto import device
from impasto.batch import work
from impasto.batch.crew import Alone, Result, Team
from impasto.batch.desk import Desk
from impasto.batch.jobs import Job, every
from impasto.batch.manifest import Entry, Manifest
from impasto.batch.names import named
from impasto.batch.painter import Failed, Painted, Painter, Stopped, Task, Tools
from impasto.cli.many import settled
from impasto.cli.sections import Flag
from impasto.errors import PictureError
from impasto.files import place, read_record
from impasto.look import survey
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.paint import paint
from impasto.recipe import Recipe

Capture = pytest.CaptureFixture[str]
Line = tuple[str | Path, ...]
__all__ = ["one_thread"]  # used by every test here

SMALL = networks.recipe(size=24, steps=2, content_layers={"relu1_1": 1.0}, style_layers={"relu1_1": 1.0})


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Three photos of different sizes, two paintings."""
    for name in ("photos", "paintings"):
        (tmp_path / name).mkdir()
    for i, (name, width, height) in enumerate((("one.png", 60, 40), ("two 'ü\".jpg", 40, 60), ("🎨.png", 50, 50))):
        picture_file(tmp_path / "made.png", width, height, seed=i).rename(tmp_path / "photos" / name)
    for i, name in enumerate(("p.png", "q.png")):
        picture_file(tmp_path / "paintings" / name, 50, 50, seed=10 + i)
    return tmp_path


@pytest.fixture
def batch(folders: Path, capsys: Capture, weights_file: Path) -> Callable[..., Ran]:
    """`impasto batch photos paintings --out out`, and more flags."""
    usual: Line = (folders / "photos", folders / "paintings", "--out", folders / "out", *tiny(weights_file))
    return lambda *more: here(capsys, "batch", *usual, *more)


@pytest.fixture
def networks_opened(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """One entry for each network that is made."""
    made: list[Recipe] = []

    def counted(recipe: Recipe, **options: object) -> Network:
        made.append(recipe)
        return open_network(recipe, **options)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr("impasto.batch.painter.open_network", counted)
    return made


def states(out: Path) -> dict[str, str]:
    return {name: entry.state for name, entry in Manifest(out).entries().items()}


def painted(out: Path) -> dict[str, bytes]:
    """The pictures but not the sheets; each can be read."""
    files = [path for path in out.glob("*.png") if not path.name.startswith("contact")]
    for path in files:
        opened(path)
    return {path.name: path.read_bytes() for path in files}


ALL = {f"{photo}_{painting}.png" for photo in ("one", "two 'ü-", "🎨") for painting in "pq"}


def test_every_photo_with_every_painting(
    batch: Callable[..., Ran], folders: Path, networks_opened: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One network; each painting is looked at once for each area of photo: 48 x 32 and 32 x 48 have the same."""
    surveyed: list[torch.Size] = []

    def counted(network: Network, image: torch.Tensor, *rest: object, **named: object) -> dict[str, torch.Tensor]:
        surveyed.append(image.shape)
        return survey(network, image, *rest, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr("impasto.style.survey", counted)
    ran = batch()
    out = folders / "out"
    assert (ran.code, set(ran.out.splitlines())) == (0, {str(out / name) for name in ALL})
    assert set(painted(out)) == ALL
    assert states(out) == dict.fromkeys(ALL, "done")
    assert opened(out / "one_p.png").size == (48, 32)
    assert len(networks_opened) == 1
    assert [surveyed.count(torch.Size((1, 3, side, side))) for side in (39, 48)] == [2, 2]
    sheet = opened(out / "contact-sheet.png")
    assert min(sheet.size) > 3 * 48


def test_a_picture_of_a_batch_is_the_picture(
    batch: Callable[..., Ran], folders: Path, capsys: Capture, weights_file: Path
) -> None:
    """To the byte, statistics shared or not; and so it can be painted again by itself."""
    batch()
    alone = folders / "out" / "alone.png"
    photo, painting = folders / "photos" / "🎨.png", folders / "paintings" / "q.png"
    assert here(capsys, photo, painting, "-o", alone, *tiny(weights_file)).code == 0
    assert alone.read_bytes() == (folders / "out" / "🎨_q.png").read_bytes()


def test_what_is_done_is_not_done_again(
    batch: Callable[..., Ran], folders: Path, networks_opened: list[Recipe]
) -> None:
    batch()
    before, sheet = painted(folders / "out"), (folders / "out" / "contact-sheet.png").stat().st_mtime_ns
    networks_opened.clear()
    ran = batch()
    assert (ran.code, ran.out, networks_opened) == (0, "", [])
    assert "6 done before" in ran.err
    assert painted(folders / "out") == before
    assert (folders / "out" / "contact-sheet.png").stat().st_mtime_ns == sheet


def test_what_has_changed_is_done_again(batch: Callable[..., Ran], folders: Path) -> None:
    out = folders / "out"
    batch()
    picture_file(folders / "photos" / "one.png", 60, 40, seed=77)
    assert {Path(line).name for line in batch().out.splitlines()} == {"one_p.png", "one_q.png"}
    assert len(batch("--strength", "0.7").out.splitlines()) == 6
    (out / "one_p.png").unlink()
    (out / "one_q.png").write_bytes((out / "one_q.png").read_bytes()[:500])
    assert {Path(line).name for line in batch("--strength", "0.7").out.splitlines()} == {"one_p.png", "one_q.png"}
    assert len(batch("--strength", "0.7", "--force").out.splitlines()) == 6


def test_other_weights_are_other_pictures(batch: Callable[..., Ran], folders: Path, tmp_path: Path) -> None:
    batch()
    other = tiny_weights.write(tmp_path / "other.safetensors", seed=5)
    assert len(batch("--weights", other).out.splitlines()) == 6


def test_a_bad_file_is_told_and_the_rest_goes_on(batch: Callable[..., Ran], folders: Path) -> None:
    photos = folders / "photos"
    (photos / "cut.png").write_bytes((photos / "one.png").read_bytes()[:600])
    (photos / "text.jpg").write_text("hello")
    (photos / "empty.png").write_bytes(b"")
    (folders / "paintings" / "q.png").unlink()
    ran = batch()
    assert ran.code == 1
    assert set(painted(folders / "out")) == {"one_p.png", "two 'ü-_p.png", "🎨_p.png"}
    errors = [line for line in ran.err.splitlines() if line.startswith("impasto: ")]
    assert len(errors) == 3
    assert all(sum(name in line for line in errors) == 1 for name in ("/cut.png", "/text.jpg", "/empty.png"))
    assert "3 painted, 3 failed" in ran.err
    again = batch()
    assert (again.code, again.out) == (1, "")
    assert "3 done before, 3 failed" in again.err


def test_nothing_of_others_is_painted_over(batch: Callable[..., Ran], folders: Path) -> None:
    """Neither a file that was there before nor a painting that somebody has worked on."""
    out = folders / "out"
    out.mkdir()
    (out / "one_p.png").write_bytes(b"precious")
    ran = batch()
    assert (ran.code, len(ran.out.splitlines()), (out / "one_p.png").read_bytes()) == (1, 5, b"precious")
    assert "--force" in ran.err
    picture_file(out / "one_q.png", 20, 20)
    mine = (out / "one_q.png").read_bytes()
    ran = batch()
    assert "changed by somebody" in ran.err
    for _ in range(2):
        assert (ran.code, (out / "one_p.png").read_bytes(), (out / "one_q.png").read_bytes()) == (1, b"precious", mine)
        ran = batch()
    assert batch("--force").code == 0
    assert set(painted(out)) == ALL


def test_the_photos_folder_may_be_the_pictures_folder(folders: Path, capsys: Capture, weights_file: Path) -> None:
    """What was painted is no photo."""
    photos = folders / "photos"
    command: Line = ("batch", photos, folders / "paintings" / "p.png", "--out", photos, *tiny(weights_file))
    assert len(here(capsys, *command).out.splitlines()) == 3
    again = here(capsys, *command)
    assert (again.code, again.out) == (0, "")


def test_a_photo_that_has_a_sheets_name_is_a_photo(folders: Path, capsys: Capture, weights_file: Path) -> None:
    photos = folders / "photos"
    mine = picture_file(photos / "contact-sheet.png", 40, 30, seed=7)
    before = mine.read_bytes()
    ran = here(capsys, "batch", photos, folders / "paintings" / "p.png", "--out", photos, *tiny(weights_file))
    assert (ran.code, (photos / "contact-sheet_p.png").is_file()) == (0, True), ran.err
    assert mine.read_bytes() == before
    assert "is no contact sheet of ours" in ran.err


def test_pairs(batch: Callable[..., Ran], folders: Path) -> None:
    (folders / "photos" / "🎨.png").unlink()
    assert batch("--matched").code == 0
    assert set(painted(folders / "out")) == {"one_p.png", "two 'ü-_q.png"}
    assert opened(folders / "out" / "contact-sheet.png").size[0] > 3 * 60  # photo, painting, picture


def test_paintings_by_flag_and_a_job_file(folders: Path, capsys: Capture, weights_file: Path) -> None:
    one, p, out = folders / "photos" / "one.png", folders / "paintings" / "p.png", folders / "out"
    flags: Line = ("--out", out, *tiny(weights_file), "--format", "webp", "--no-sheet", "--json")
    told = json.loads(here(capsys, "batch", one, one, "--style", p, *flags).out)
    assert [(job["output"], job["state"]) for job in told["jobs"]] == [("one_p.webp", "done")]
    assert read_record(out / "one_p.webp")["recipe"]["size"] == 48
    table = folders / "jobs.csv"
    table.write_text("content,style,size\nphotos/one.png,paintings/p.png,\nphotos/one.png,paintings/p.png,40\n")
    told = json.loads(here(capsys, "batch", table, *flags).out)
    assert (told["done"], told["skipped"], told["failed"]) == (1, 1, 0)
    assert opened(out / "one_p_size-40.webp").size == (40, 27)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("photos", "are two, but 1"),
        ("photos photos/one.png paintings", "--style"),
        ("photos paintings --matched", "as many"),
        ("nowhere paintings", "does not exist"),
        ("photos paintings --quality 90", "without loss"),
        ("photos paintings --depth 16 --format jpg", "16 bits"),
        ("photos paintings -q -v", "--quiet"),
        ("photos paintings --workers 0", "0"),
        ("photos paintings --weights nowhere.pt", "no weights file"),
        ("photos paintings --start picture", "picture"),
        (
            "photos paintings --style-layers relu9_9 --content-layers relu1_1 --network vgg19 --weights tiny.pt",
            "relu9_9",
        ),
        ("photos paintings --cluster auto --threads 2", "--threads"),
        ("jobs.csv", "did you mean"),
    ],
)
def test_slips_cost_one_line_and_nothing_is_painted(
    folders: Path,
    capsys: Capture,
    weights_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    words: str,
) -> None:
    monkeypatch.chdir(folders)
    (folders / "jobs.csv").write_text("content,stile\na.png,b.png\n")
    (folders / "tiny.pt").write_bytes(weights_file.read_bytes())
    ran = here(capsys, "batch", *arguments.split(), "--out", "out")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert words in ran.err
    assert not list(folders.glob("out/*.png"))


def test_help_needs_no_torch(capsys: Capture) -> None:
    from impasto.cli.batch import batch as command
    from impasto.cli.paint import paint

    knobs = {p.name for p in paint.params if isinstance(p, Flag) and p.section not in ("Output", "Hand", "Help")}
    assert knobs <= {p.name for p in command.params}
    ran = process("batch", "--help", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert ran.code == 0
    assert "import time" in ran.err
    assert "| torch" not in ran.err.replace("|  ", "| ")


# ---- accidents -----------------------------------------------------------------------------------------------------


def test_killed_at_any_moment(folders: Path, weights_file: Path) -> None:
    """SIGKILL again and again: what is finished stays finished, what is there is whole, in the end all is there."""
    command: Line = ("batch", folders / "photos", folders / "paintings", "--out", folders / "out", *tiny(weights_file))
    out, before = folders / "out", dict[str, bytes]()
    for lines in (1, 4):  # of the manifest: in the first job; in the second or third
        running = started(*command)
        while running.poll() is None and count_lines(out) < lines:
            time.sleep(0.005)
        running.kill()
        running.communicate()
        now = painted(out)
        assert before.items() <= now.items()
        before = {name: data for name, data in now.items() if states(out).get(name) == "done"}
    ran = process(*command)
    assert ran.code == 0
    assert set(painted(out)) == ALL
    assert before.items() <= painted(out).items()
    assert not {str(out / name) for name in before} & set(ran.out.splitlines())  # not painted twice


def count_lines(out: Path) -> int:
    file = out / "jobs.jsonl"
    return len(file.read_bytes().splitlines()) if file.exists() else 0


def test_a_picture_that_its_manifest_does_not_know_is_found(
    batch: Callable[..., Ran], folders: Path, networks_opened: list[Recipe]
) -> None:
    """Killed after the file was in place, before the line was: the picture says itself what it is."""
    batch()
    manifest = folders / "out" / "jobs.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    for kept in (lines[:-1], []):
        manifest.write_text("".join(kept))
        networks_opened.clear()
        ran = batch()
        assert (ran.code, ran.out, networks_opened) == (0, "", [])
        assert states(folders / "out") == dict.fromkeys(ALL, "done")


def test_ctrl_c_leaves_the_rest_for_the_next_time(folders: Path, weights_file: Path) -> None:
    command: Line = ("batch", folders / "photos", folders / "paintings", "--out", folders / "out", *tiny(weights_file))
    running = started(*command, "--steps", "60")
    while running.poll() is None and count_lines(folders / "out") < 3:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "left for the next time" in err
    done = painted(folders / "out")
    assert 1 <= len(done) < 6
    assert not list((folders / "out").glob(".*"))


def test_a_full_disk_loses_no_picture(
    batch: Callable[..., Ran], folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(data: bytes, target: Path, *, overwrite: bool = False) -> None:
        if target.name == "one_p.png":
            raise PictureError(f"{target} cannot be written: no space left on device")
        place(data, target, overwrite=overwrite)

    monkeypatch.setattr("impasto.batch.work.place", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ran = batch()
    assert (ran.code, len(ran.out.splitlines())) == (1, 5)
    (kept,) = tmp_path.glob("impasto-*.png")
    assert str(kept) in ran.err
    assert opened(kept).size == (48, 32)


def test_where_nothing_can_be_written_nothing_is_painted(
    batch: Callable[..., Ran], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full from the third picture on; the sheet does not fit either."""

    def full(path: Path, **options: object) -> Path:
        if len(list(path.parent.glob("*.png"))) >= 2:
            raise PictureError(f"{path} cannot be written: no space left on device")
        return path

    painting: list[object] = []

    def counted(*given: object, **named: object) -> Iterator[object]:
        painting.append(given)
        return paint(*given, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr("impasto.batch.work.check_writable", full)
    monkeypatch.setattr("impasto.files.check_writable", full)
    monkeypatch.setattr("impasto.batch.painter.paint", counted)
    ran = batch()
    assert (ran.code, len(ran.out.splitlines()), len(painting)) == (1, 2, 2)
    assert "2 painted, 4 failed" in ran.err
    assert "contact-sheet.png cannot be written" in ran.err


def tasks(folder: Path, count: int) -> tuple[list[Job], Desk]:
    photo, painting = picture_file(folder / "a.png", 30, 20), picture_file(folder / "p.png", 30, 30)
    recipes = [SMALL.changed(strength=(i + 1) / (count + 1)) for i in range(count)]
    found = [job for recipe in recipes for job in every([photo], [painting], recipe)]
    jobs = [Job(job.content, job.styles, job.recipe, output=f"{i}.png") for i, job in enumerate(found)]
    return named(jobs, folder / "out", ".png", {}), Desk(Manifest(folder / "out"), Tools())


def test_a_folder_that_disappears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pictures: it is made again. Of the photos: the jobs that need them fail, each with a sentence."""
    monkeypatch.setattr("impasto.batch.painter.open_network", lambda *_, **__: networks.tiny())
    jobs, desk = tasks(tmp_path, 3)
    for said in work.work(jobs, desk, Alone(Tools())):
        if said.output == "0.png" and said.state == "done":
            shutil.rmtree(tmp_path / "out")
    assert set(painted(tmp_path / "out")) == {"1.png", "2.png"}
    desk = Desk(Manifest(tmp_path / "out"), Tools(), force=True)
    found = []
    for said in work.work(jobs, desk, Alone(Tools())):
        found.append(said)
        (tmp_path / "a.png").unlink(missing_ok=True)
    assert [said.state for said in found if said.state != "started"] == ["failed"] * 3
    assert "does not exist" in found[-1].error


def test_one_bad_job_does_not_end_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong inside, a lack of memory too."""
    monkeypatch.setattr("impasto.batch.painter.open_network", lambda *_, **__: networks.tiny())
    jobs, desk = tasks(tmp_path, 3)
    troubles = iter([ValueError("odd"), RuntimeError("CUDA out of memory")])

    def failing(*given: object, **named: object) -> Iterator[object]:
        if trouble := next(troubles, None):
            raise trouble
        return paint(*given, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr("impasto.batch.painter.paint", failing)
    ends = [said for said in work.work(jobs, desk, Alone(Tools())) if said.state != "started"]
    assert [said.state for said in ends] == ["failed", "failed", "done"]
    assert "ValueError: odd" in ends[0].error
    assert "not enough memory" in ends[1].error


class Dying:
    """A crew that loses everybody who is given the second job, and one more."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self._task: Task | None = None
        self._once = True

    @property
    def free(self) -> bool:
        return self._task is None

    def check(self, recipes: object) -> None: ...

    def give(self, task: Task) -> None:
        self.given.append(task.target.name)
        self._task = task

    def next(self) -> tuple[Task, Result]:
        task, self._task = self._task, None
        assert task is not None
        lost = task.target.name == "1.png" or (task.target.name == "0.png" and self._once)
        self._once = False
        return task, None if lost else Painted(b"bytes", 0.1, ())

    def close(self) -> None: ...


def test_a_job_whose_worker_was_lost_is_given_out_again_but_not_for_ever(tmp_path: Path) -> None:
    jobs, desk = tasks(tmp_path, 3)
    crew = Dying()
    said = list(work.work(jobs, desk, crew))
    assert crew.given == ["0.png", "0.png", "1.png", "1.png", "1.png", "2.png"]
    assert [s.state for s in said if s.state not in ("started", "lost")] == ["done", "failed", "done"]
    assert "3 times" in next(s.error for s in said if s.state == "failed")


def run_team(folder: Path, weights_file: Path, on_start: Callable[[Team, Entry], None]) -> list[Entry]:
    """Four jobs for two processes."""
    jobs, _ = tasks(folder, 4)
    chosen = Tools(device="cpu", weights=weights_file, offline=True)
    crew, found = Team(chosen, 2, one_core), []
    with closing(crew):
        for said in work.work(jobs, Desk(Manifest(folder / "out"), chosen), crew):
            on_start(crew, said)
            found.append(said)
    assert crew.processes == []
    return found


def one_core() -> None:
    settled(1)


def test_two_processes_one_of_which_is_killed(tmp_path: Path, weights_file: Path) -> None:
    killed: list[int] = []

    def kill(crew: Team, said: Entry) -> None:
        if crew.processes and not killed:
            killed.append(crew.processes[0])
            os.kill(killed[0], signal.SIGKILL)

    found = run_team(tmp_path, weights_file, kill)
    ends = [said.state for said in found if said.state != "started"]
    assert sorted(ends) == ["done"] * 4 + ["lost"]
    assert set(painted(tmp_path / "out")) == {f"{i}.png" for i in range(4)}
    assert len({Manifest(tmp_path / "out").entries()[f"{i}.png"].sha256 for i in range(4)}) == 4


def test_a_team_stops_when_asked(tmp_path: Path, weights_file: Path) -> None:
    jobs, _ = tasks(tmp_path, 2)
    long = [Job(j.content, j.styles, j.recipe.changed(steps=100000), output=j.output) for j in jobs]
    asked: list[Entry] = []
    chosen = Tools(device="cpu", weights=weights_file, offline=True)
    with closing(Team(chosen, 1, one_core, lambda: bool(asked))) as crew:
        running = work.work(long, Desk(Manifest(tmp_path / "out"), chosen), crew)
        asked.append(next(running))
        with pytest.raises(Stopped):
            next(running)


# ---- memory --------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over many tiny jobs, each with a size and paintings of its own."""
    monkeypatch.setattr("impasto.batch.painter.open_network", lambda *_, **__: networks.tiny())
    artist = Painter(Tools(device="cpu"))
    photo = picture_file(tmp_path / "a.png", 40, 30)
    paintings = [picture_file(tmp_path / f"{i}.png", 40, 30 + i % 7, seed=i) for i in range(80)]

    def paint(number: int) -> None:
        recipe = SMALL.changed(size=20 + number % 5, steps=1)
        (job,) = every([photo], [paintings[number]], recipe)
        assert not isinstance(artist.paint(Task(job, tmp_path / "x.png", "")), Failed)

    def held() -> tuple[int, int, int]:
        gc.collect()
        tensors = sum(issubclass(type(o), torch.Tensor) for o in gc.get_objects())
        return tracemalloc.get_traced_memory()[0], tensors, device.held_memory(torch.device("cpu"))

    for number in range(60):  # so many that what is kept for later is full
        paint(number)
    tracemalloc.start()
    try:
        paint(60)
        before = held()
        for number in range(61, 80):
            paint(number)
        after = held()
    finally:
        tracemalloc.stop()
    assert after[0] - before[0] < 300_000
    assert after[1] - before[1] <= 2
    assert after[2] - before[2] < 20e6


def test_a_job_leaves_no_object_behind(tmp_path: Path) -> None:
    """With the network that ships, whose kernels are looked at in many ways."""
    artist = Painter(Tools(device="cpu"))
    photo, painting = (picture_file(tmp_path / f"{i}.png", 40, 30, seed=i) for i in range(2))
    (job,) = every([photo], [painting], Recipe(size=48, first_level=0, steps=1))

    def held() -> int:
        assert isinstance(artist.paint(Task(job, tmp_path / "x.png", "")), Painted)
        gc.collect()
        return len(gc.get_objects())

    held()  # what is kept for later
    counts = [held() for _ in range(4)]
    assert counts[-1] - counts[0] <= 3


SHAPES = """
import torch
from impasto.cli import forget_old_shapes
from impasto.device import held_memory
from impasto.networks.kernel import Kernel

forget_old_shapes()
kernel = Kernel(torch.ones(8, 3, 3, 3).contiguous(memory_format=torch.channels_last))
for number in range(1100):
    kernel(torch.ones(1, 3, 8 + number % 40, 8 + number // 40).contiguous(memory_format=torch.channels_last))
    if number == 300:
        before = held_memory(torch.device("cpu"))
print(held_memory(torch.device("cpu")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads there what it holds")
def test_pictures_of_ever_new_sizes_do_not_fill_the_memory() -> None:
    """What torch keeps for each shape; without a bound it is 45 MB here. In a process of its own, as it is set once."""
    ran = subprocess.run([sys.executable, "-c", SHAPES], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 20e6
