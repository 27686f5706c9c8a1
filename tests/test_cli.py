"""The command: what it paints, prints, keeps and explains."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import numpy as np
import pytest
import torch
from command import Ran, here, opened, picture_file, process, started, tiny
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from impasto import presets
from impasto import recipe as recipes
from impasto.cli.paint import paint
from impasto.cli.progress import Lines, Pace, by_kind, counted, duration
from impasto.dial import style_weight
from impasto.errors import PictureError, RecipeError, UsageError
from impasto.events import Level, Step
from impasto.files import Written, read_record, write
from impasto.hand import StyleFile
from impasto.hand import painting as parsed_painting
from impasto.networks.vgg import VGG
from impasto.picture import Picture
from impasto.recipe import Recipe, described, hints

Capture = pytest.CaptureFixture[str]


def test_paints_and_prints_the_path_alone(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    ran = here(capsys, photo, painting, "-o", out, *tiny(weights_file))
    assert (ran.code, ran.out) == (0, f"{out}\n")
    assert opened(out).size == (48, 32)
    first = ran.err.splitlines()[:4]
    assert [line.split(":")[0] for line in first] == ["device", "network", "size", "plan"]
    assert "60 x 40 -> 48 x 32" in first[2]
    assert "3 steps at 48 x 32" in first[3]


def test_a_folder_is_a_place_for_the_usual_name(
    capsys: Capture, photo: Path, painting: Path, weights_file: Path
) -> None:
    folder = photo.with_name("album.png")  # a name says nothing
    folder.mkdir()
    ran = here(capsys, photo, painting, "-o", folder, *tiny(weights_file))
    assert (ran.code, ran.out) == (0, f"{folder / 'photo_painting.png'}\n")
    assert here(capsys, photo, painting, "-o", folder, *tiny(weights_file)).code == 2  # is there already
    ran = here(capsys, "texture", painting, "-o", folder, "--size", "48", "--steps", "2")
    assert ran.out == f"{folder / 'painting_texture.png'}\n"


def test_paint_by_name_is_the_same_command(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    outs = [photo.with_name(name) for name in ("a.png", "b.png")]
    here(capsys, photo, painting, "-o", outs[0], *tiny(weights_file))
    here(capsys, "paint", photo, painting, "-o", outs[1], *tiny(weights_file))
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_options_may_come_first(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    assert here(capsys, "-o", out, *tiny(weights_file), photo, painting).code == 0


def test_the_default_output(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, photo: Path, painting: Path, weights_file: Path
) -> None:
    monkeypatch.chdir(photo.parent)
    ran = here(capsys, photo.name, painting.name, *tiny(weights_file))
    assert ran.out == f"{photo.parent / 'generated' / 'photo_painting.png'}\n"
    assert Path(ran.out.strip()).is_file()


def test_json_is_one_object(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    ran = here(capsys, photo, painting, "-o", out, "--json", *tiny(weights_file))
    told = json.loads(ran.out)
    assert set(told) == {
        *("output", "width", "height", "seconds", "evaluations", "losses"),
        *("network", "device", "peak_memory_bytes", "recipe", "notes"),
    }
    assert (told["output"], told["width"], told["height"]) == (str(out), 48, 32)
    assert (told["evaluations"], told["network"]) == (3, "vgg19")
    assert all(loss >= 0 for loss in told["losses"].values())
    assert told["peak_memory_bytes"] > 1e6
    assert recipes.recipe(told["recipe"]).steps == 3


def test_quiet_tells_nothing_on_stderr(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    ran = here(capsys, photo, painting, "-o", photo.with_name("out.png"), "--quiet", *tiny(weights_file))
    assert (ran.code, ran.err) == (0, "")


def test_verbose_tells_more(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    plain = here(capsys, photo, painting, "-o", out, *tiny(weights_file))
    more = here(capsys, photo, painting, "-o", out, "--force", "-v", *tiny(weights_file))
    assert len(more.err.splitlines()) > len(plain.err.splitlines())
    assert f"style {style_weight(Recipe()):g}" in more.err  # the weight that the dial set


def test_an_existing_output_needs_force(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    out.write_bytes(b"precious")
    ran = here(capsys, photo, painting, "-o", out, *tiny(weights_file))
    assert (ran.code, out.read_bytes()) == (2, b"precious")
    assert "--force" in ran.err
    assert here(capsys, photo, painting, "-o", out, "--force", *tiny(weights_file)).code == 0
    assert opened(out).size == (48, 32)


def test_the_photo_may_be_its_own_painting(capsys: Capture, photo: Path, weights_file: Path) -> None:
    assert here(capsys, photo, photo, "-o", photo.with_name("out.png"), *tiny(weights_file)).code == 0


def test_equal_weights_are_as_good_as_any(
    capsys: Capture, photo: Path, painting: Path, tmp_path: Path, weights_file: Path
) -> None:
    """Two paintings, without weights and at 2:2: the same picture; at 7:3, another."""
    other = picture_file(tmp_path / "other.png", 40, 30, seed=3)
    pixels = []
    for i, (a, b) in enumerate((("", ""), (":2", ":2"), (":0.7", ":0.3"))):
        out = tmp_path / f"{i}.png"
        assert here(capsys, photo, f"{painting}{a}", f"{other}{b}", "-o", out, *tiny(weights_file)).code == 0
        pixels.append(np.asarray(opened(out)).astype(int))
    assert np.abs(pixels[0] - pixels[1]).max() <= 1
    assert np.abs(pixels[0] - pixels[2]).max() > 1


def test_settings_lie_one_over_the_other(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("steps = 7\nhistory = 5\n")
    ran = here(capsys, "recipe", "--preset", "gatys2016", "--recipe", file, "--history", "6")
    settings = tomllib.loads(ran.out)
    assert settings["start"] == "noise"  # the preset's
    assert settings["steps"] == 7  # the file's, over the preset's 500
    assert settings["history"] == 6  # the flag's, over the file's
    assert settings["size"] == Recipe().size


def test_a_printed_recipe_can_be_painted_with(capsys: Capture, tmp_path: Path) -> None:
    for name in presets.PRESETS:
        file = tmp_path / f"{name}.toml"
        file.write_text(here(capsys, "recipe", "--preset", name).out, encoding="utf-8")
        assert here(capsys, "recipe", "--recipe", file).out == file.read_text(encoding="utf-8")


def test_every_knob_is_a_flag_with_its_words(capsys: Capture) -> None:
    flags = {parameter.name: parameter for parameter in paint.params if isinstance(parameter, click.Option)}
    shown = " ".join(here(capsys, "paint", "--help").out.split())
    for name, about in described().items():
        assert f"--{name.replace('_', '-')}" in flags[name].opts
        assert flags[name].help.startswith(about.description)  # type: ignore[union-attr, arg-type]
        assert f"{about.json_schema_extra['group']}:" in shown  # type: ignore[index]


VARIED = ("--variation-weight", "1", "--variation", "power")
TURNED = (
    (("--strength", "0.7"), {"strength": 0.7}),
    (("--size", "1024"), {"size": 1024}),
    (("--start", "noise", "--seed", "5"), {"start": "noise", "seed": 5}),
    (("--network", "vgg16"), {"network": "vgg16"}),
    (("--pooling", "average", "--pool-rescale"), {"pooling": "average", "pool_rescale": True}),
    (("--pooling", "average", "--no-pool-rescale"), {"pool_rescale": False}),
    (("--style-layers", "conv1_1,relu2_1:0.5"), {"style_layers": {"conv1_1": 1.0, "relu2_1": 0.5}}),
    (("--content-layers", " relu3_1:2 , pool4 "), {"content_layers": {"relu3_1": 2.0, "pool4": 1.0}}),
    (("--style-weight", "1e4"), {"style_weight": 1e4}),
    ((*VARIED, "--variation-power", "2"), {"variation_weight": 1.0, "variation": "power", "variation_power": 2.0}),
    (("--optimizer", "adam", "--beta2", "0.9"), {"optimizer": "adam", "beta2": 0.9}),
    (("--learning-rate", "0.5"), {"learning_rate": 0.5}),
    (("--polish-views", "4"), {"polish_views": 4}),
    (("--start", "noise"), {"start": "noise"}),
    (("--steps", "3", "--steps", "4"), {"steps": 4}),  # the last one counts
)


@pytest.mark.parametrize(("flags", "values"), TURNED, ids=lambda value: "")
def test_a_flag_turns_its_knob(capsys: Capture, flags: tuple[str, ...], values: dict[str, object]) -> None:
    ran = here(capsys, "recipe", "--network", "vgg19", *flags)
    assert ran.code == 0, ran.err
    settings = tomllib.loads(ran.out)
    assert {name: settings[name] for name in values} == values
    assert settings.get("momentum") == Recipe().momentum  # and no other


def test_what_can_be_chosen_is_told_whoever_chooses_something_else(capsys: Capture) -> None:
    """Also where nothing chosen is an answer."""
    for name in described():
        hint = hints()[name].__origin__
        for choices in (get_args(each) for each in (hint, *get_args(hint)) if get_origin(each) is Literal):
            ran = here(capsys, "recipe", f"--{name.replace('_', '-')}", "something else")
            assert ran.code == 2
            assert all(str(choice) in ran.err for choice in choices if choice != "picture")  # that is asked for by path


@pytest.mark.parametrize(
    ("argument", "path", "weight"),
    [
        ("a.jpg", "a.jpg", 1.0),
        ("a.jpg:0.7", "a.jpg", 0.7),
        ("a.jpg:0", "a.jpg", 0.0),
        ("a:b.jpg", "a:b.jpg", 1.0),
        ("C:\\pictures\\a.jpg", "C:\\pictures\\a.jpg", 1.0),
        ("C:\\pictures\\a.jpg:2", "C:\\pictures\\a.jpg", 2.0),
        (":0.5", ":0.5", 1.0),
        ("a.jpg:", "a.jpg:", 1.0),
        ("my photo (1).jpg:1e-1", "my photo (1).jpg", 0.1),
    ],
)
def test_paintings_with_weights(argument: str, path: str, weight: float) -> None:
    assert parsed_painting(argument) == StyleFile(Path(path), weight)


def test_a_file_whose_name_ends_like_a_weight(tmp_path: Path) -> None:
    file = tmp_path / "at 10:30"
    file.touch()
    assert parsed_painting(str(file)) == StyleFile(file, 1.0)
    assert parsed_painting(f"{file}:2") == StyleFile(file, 2.0)


@given(st.text())
@example("0@1")
@example("a:0.5@2")
def test_any_painting_is_a_path_or_refused(argument: str) -> None:
    try:
        style = parsed_painting(argument)
    except (RecipeError, UsageError):
        return
    assert style.weight >= 0
    assert style.scale > 0
    path = style.path
    scaled = re.fullmatch(r"(.+)@[0-9.]+", argument, re.DOTALL)
    named = scaled[1] if scaled else argument
    assert str(path) in (str(Path(named)), str(Path(named.rpartition(":")[0]))) or argument.startswith("~")


def test_a_picture_to_start_from(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    """The start is seen in the result, and in the record."""
    flags = (*tiny(weights_file), "--strength", "0")  # nothing is painted over it
    outs = [photo.with_name(name) for name in ("plain.png", "started.png")]
    here(capsys, photo, painting, "-o", outs[0], *flags)
    ran = here(capsys, photo, painting, "-o", outs[1], "--start", painting, *flags)
    assert ran.code == 0, ran.err
    assert outs[0].read_bytes() != outs[1].read_bytes()
    assert read_record(outs[1])["start"]["path"] == "painting.png"


def test_deep_color_by_request(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    out = photo.with_name("out.png")
    assert here(capsys, photo, painting, "-o", out, "--depth", "16", *tiny(weights_file)).code == 0
    assert out.read_bytes()[24] == 16  # the bit depth in a PNG's header


def test_transparency_comes_back(capsys: Capture, tmp_path: Path, painting: Path, weights_file: Path) -> None:
    cut_out = tmp_path / "cut.png"
    pixels = np.asarray(opened(painting).convert("RGBA")).copy()
    pixels[:, :25, 3] = 0
    Image.fromarray(pixels).save(cut_out)
    out = tmp_path / "out.png"
    assert here(capsys, cut_out, painting, "-o", out, *tiny(weights_file)).code == 0
    alpha = np.asarray(opened(out))[..., 3]
    assert alpha[:, :20].max() == 0
    assert alpha[:, 28:].min() == 255


def test_help_needs_no_torch_and_is_quick() -> None:
    """The quickest of a few runs, as the machine may be busy; a slow machine is one that imports click slowly."""
    code = (
        "import sys; from impasto.cli import main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'rich', 'numpy', 'PIL'} & set(sys.modules); sys.exit(code)"
    )
    for arguments in (["--help"], ["paint", "--help"], ["--version"], ["again", "--help"], ["recipe"]):
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
    unit = min(cpu_seconds("-c", "import click, inspect, json, tomllib") for _ in range(5))
    assert min(cpu_seconds("-m", "impasto", "--help") for _ in range(5)) < max(0.3, 10 * unit)


def cpu_seconds(*arguments: str) -> float:
    """Of a run in its own process: unlike the time on the clock, it is the same on a busy machine."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def test_help_tells_the_exit_codes(capsys: Capture) -> None:
    for arguments in (["--help"], [], ["paint", "--help"]):
        ran = here(capsys, *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert "130 stopped" in ran.out


def test_the_module_is_the_command() -> None:
    ran = process("--version")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("impasto 0.")


LEAVING = """
import atexit, sys, threading, time
atexit.register(lambda: print("tidied up"))
from impasto.cli import leave
if "at work" in sys.argv:
    threading.Thread(target=lambda: (time.sleep(0.2), print("done"))).start()
if "unread" in sys.argv:
    sys.stdout.close()
print("said", file=sys.stderr)
leave(7)
"""


@pytest.mark.parametrize(
    ("how", "said"), [("", "tidied up\n"), ("at work", "done\ntidied up\n"), ("unread", "")], ids=str
)
def test_a_process_that_leaves_has_said_all_and_left_nothing_undone(how: str, said: str) -> None:
    ran = subprocess.run([sys.executable, "-c", LEAVING, how], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (7, said)
    assert ran.stderr.startswith("said\n")


def test_doctor_tells_what_is_installed(capsys: Capture) -> None:
    ran = here(capsys, "doctor")
    assert (ran.code, ran.err) == (0, "")
    assert f"torch {torch.__version__}" in ran.out
    assert "cpu: CPU" in ran.out
    assert "vgg19:" in ran.out


def test_weights_are_listed_with_license_and_credit(capsys: Capture) -> None:
    ran = here(capsys, "weights", "list")
    assert ran.code == 0
    assert "CC BY 4.0" in ran.out
    assert "Simonyan" in ran.out


def test_weights_that_are_not_here(capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IMPASTO_CACHE_DIR", "IMPASTO_WEIGHTS_DIR", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert here(capsys, "weights", "path", "vgg19").code == 2
    ran = here(capsys, "weights", "fetch", "vgg19", "--offline")
    assert ran.code == 2
    assert "offline" in ran.err
    ran = here(capsys, "weights", "verify")
    assert (ran.code, ran.out) == (0, "")
    (tmp_path / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"<html>")
    ran = here(capsys, "weights", "verify", "vgg19")
    assert ran.code == 1
    assert "web page" in ran.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    ran = here(capfd, "completion", shell)
    assert ran.code == 0
    assert "_IMPASTO_COMPLETE" in ran.out


def test_a_shell_completes_the_flags_of_the_default_command() -> None:
    asked = {"_IMPASTO_COMPLETE": "bash_complete", "COMP_WORDS": "impasto a.jpg b.jpg --stren", "COMP_CWORD": "3"}
    assert process(environment=asked).out.split() == ["plain,--strength-map", "plain,--strength"]
    asked = {"_IMPASTO_COMPLETE": "bash_complete", "COMP_WORDS": "impasto doc", "COMP_CWORD": "1"}
    assert "plain,doctor" in process(environment=asked).out


def steps_of(fractions: list[float]) -> list[Step]:
    level = Level(1, 1, 48, 32, len(fractions))
    return [Step(level, i, 2.0, {"style": 2.0}, i, fraction) for i, fraction in enumerate(fractions, 1)]


def test_the_time_left_follows_the_pace() -> None:
    clock = itertools.count(0, 10)  # ten seconds a look
    pace = Pace(lambda: float(next(clock)))
    left = [pace.left(fraction) for fraction in (0.1, 0.2, 0.3)]
    assert left == ["", "1:20 min left", "1:10 min left"]


def test_lines_come_every_few_seconds(capsys: Capture) -> None:
    now = 0.0

    def clock() -> float:
        return now

    lines = Lines(clock)
    for step in steps_of([i / 100 for i in range(1, 101)]):
        now += 0.5
        lines.step(step)
    told = capsys.readouterr().err.splitlines()
    assert 8 <= len(told) <= 13  # fifty seconds
    assert "level 1/1 (48 x 32)  step 1/100  style 2" in told[0]
    assert told[1].endswith(("48 s left", "49 s left"))


def test_durations() -> None:
    assert [duration(s) for s in (0.4, 59.4, 65, 3600, 5000)] == ["0 s", "59 s", "1:05 min", "1:00 h", "1:23 h"]
    assert [counted(number, "step") for number in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


def interrupted(photo: Path, painting: Path, weights_file: Path, number: int, wait: float) -> tuple[Path, Ran]:
    """Send a signal some time after the first step."""
    out = photo.parent / "here" / "out.png"
    long = (*tiny(weights_file), "--steps", "100000", "--film", str(out.with_name("run.gif")))
    with started(photo, painting, "-o", out, *long) as running:
        assert running.stderr is not None
        line = next(line for line in running.stderr if "step 1/" in line)
        time.sleep(wait)
        running.send_signal(number)
        told, err = running.communicate(timeout=60)
    return out, Ran(running.returncode, told, line + err)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(("number", "wait"), [(signal.SIGINT, 0.0), (signal.SIGTERM, 0.7)])
def test_a_signal_keeps_the_best_so_far(
    photo: Path, painting: Path, weights_file: Path, number: int, wait: float
) -> None:
    out, ran = interrupted(photo, painting, weights_file, number, wait)
    assert (ran.code, ran.out) == (130, f"{out}\n")
    assert "Traceback" not in ran.err
    assert "best picture so far" in ran.err
    assert opened(out).size == (48, 32)
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.png", "run.gif"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_step_leaves_nothing(
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    photo: Path,
    painting: Path,
    weights_file: Path,
    number: signal.Signals,
) -> None:
    def interrupting(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(5)

    monkeypatch.setattr("impasto.cli.job.open_network", interrupting)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    out = photo.parent / "here" / "out.png"
    ran = here(capsys, photo, painting, "-o", out, *tiny(weights_file))
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.strip() == "impasto: Stopped; nothing was written."
    assert not list(out.parent.iterdir())
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="needs a folder that this user cannot write to")
def test_a_folder_that_cannot_be_written_to(capsys: Capture, photo: Path, painting: Path, weights_file: Path) -> None:
    folder = photo.parent / "locked"
    folder.mkdir(mode=0o500)
    ran = here(capsys, photo, painting, "-o", folder / "out.png", *tiny(weights_file))
    assert ran.code == 2
    assert "permission denied" in ran.err


def test_a_picture_that_cannot_be_saved_is_rescued(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, photo: Path, painting: Path, weights_file: Path
) -> None:
    """The disk was good when it was tried, and is full when the picture is done."""
    out = photo.with_name("out.png")

    def full(picture: Picture, path: Path, **options: Any) -> Written:  # noqa: ANN401 -- as they came
        if path == out:
            raise PictureError(f"{out} cannot be written: no space left on device")
        return write(picture, path, **options)

    monkeypatch.setattr("impasto.cli.result.write", full)
    monkeypatch.setattr(tempfile, "tempdir", str(photo.parent))
    ran = here(capsys, photo, painting, "-o", out, "-q", *tiny(weights_file))
    assert (ran.code, ran.out) == (1, "")
    kept = re.search(r"kept as (\S+\.png) instead", ran.err)
    assert kept is not None
    assert opened(kept[1]).size == (48, 32)


def test_memory_that_runs_out_is_told_with_a_smaller_size(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, photo: Path, painting: Path, weights_file: Path
) -> None:
    def greedy(self: VGG, image: torch.Tensor, layers: frozenset[str]) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory: 9 bytes")

    monkeypatch.setattr(VGG, "__call__", greedy)
    ran = here(capsys, photo, painting, "-o", photo.with_name("out.png"), "-q", *tiny(weights_file))
    assert (ran.code, ran.out) == (1, "")
    assert re.fullmatch(r"impasto: There is not enough memory [^\n]*; try --size \d+[^\n]*\n", ran.err)


def test_an_unexpected_error_is_one_line_unless_debugging(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, photo: Path, painting: Path, weights_file: Path
) -> None:
    def broken(self: VGG, image: torch.Tensor, layers: frozenset[str]) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(VGG, "__call__", broken)
    arguments: tuple[str | Path, ...] = (photo, painting, "-o", photo.with_name("out.png"), "-q", *tiny(weights_file))
    ran = here(capsys, *arguments)
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "--debug" in ran.err
    ran = here(capsys, *arguments, "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.err


def test_a_file_in_a_folder_that_may_not_be_entered_is_no_unexpected_error(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, photo: Path, painting: Path
) -> None:
    """Whoever runs the tests may enter any folder, so the system's answer is made."""

    def locked(self: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", locked)
    ran = here(capsys, photo, painting, "-o", photo.with_name("out.png"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"impasto: {painting} cannot be used: permission denied.\n"


def test_a_reader_that_goes_away_is_no_error_to_talk_about() -> None:
    with started("weights", "list") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert "Traceback" not in running.stderr.read()


def test_losses_add_up_by_kind() -> None:
    losses = {"content relu2_1": 1.0, "style relu1_1": 2.0, "style relu2_1": 3.0, "variation": 0.5}
    assert by_kind(losses) == {"content": 1.0, "style": 5.0, "variation": 0.5}
