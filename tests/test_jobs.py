"""What a batch is to paint: files, pairs, job files, names; and its memory."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impasto.batch import jobs
from impasto.batch.jobs import Job, every, matched
from impasto.batch.manifest import Entry, Manifest
from impasto.batch.names import folded, named, owner
from impasto.batch.sources import pictures
from impasto.errors import RunError, UsageError
from impasto.hand import Hand, RegionFile, StyleFile
from impasto.recipe import Recipe

TYPICAL = Recipe()


def files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"something")
    return [folder / name for name in names]


# ---- sources -------------------------------------------------------------------------------------------------------


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    b, a, c = files(tmp_path, "b.JPG", "A.png", "c")
    files(tmp_path, ".hidden.png", "Thumbs.db", "inner/d.png")
    assert pictures([tmp_path]) == (a, b, c)
    assert pictures([tmp_path], leave={b}) == (a, c)


@pytest.mark.parametrize("pattern", ["*.jpg", "*.JPG", "i*g", "[ij]mg*.jpg", "./*.jpg", "**/img*"])
def test_a_pattern_that_no_shell_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    wanted = files(tmp_path, "IMG 1.JPG", "img2.jpg")
    files(tmp_path, "other.png")
    monkeypatch.chdir(tmp_path)
    assert pictures([pattern]) == tuple(wanted)
    assert pictures([f"{tmp_path}/{pattern}"]) == tuple(wanted)


def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path) -> None:
    (odd, _) = files(tmp_path, "a[1].png", "a1.png")
    assert pictures([odd]) == (odd,)


def test_a_list_is_read_from_where_it_lies(tmp_path: Path) -> None:
    one, two = files(tmp_path, "in ner/one.png", "two 'ü\".png")
    listing = tmp_path / "list.txt"
    listing.write_text("in ner/one.png\r\n\r\n  two 'ü\".png\nin ner/one.png\nmissing.png\n", encoding="utf-8-sig")
    assert pictures([listing]) == (one, two, tmp_path / "missing.png")  # the missing one is told when its turn comes


@pytest.mark.parametrize(
    ("argument", "words"),
    [("nowhere/", "does not exist"), ("*.gif", "No file matches"), ("empty", "no file in"), ("e.txt", "is empty")],
)
def test_an_argument_that_means_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "e.txt").write_text("\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        pictures([argument])


# ---- pairs and job files -------------------------------------------------------------------------------------------


def test_every_photo_with_every_painting_or_one_with_one() -> None:
    a, b, p, q = map(Path, "abpq")
    assert [(j.content, j.styles) for j in every([a, b], [p, q], TYPICAL)] == [
        (a, (StyleFile(p),)),
        (a, (StyleFile(q),)),
        (b, (StyleFile(p),)),
        (b, (StyleFile(q),)),
    ]
    assert [(j.content, j.styles) for j in matched([a, b], [p, q], TYPICAL)] == [
        (a, (StyleFile(p),)),
        (b, (StyleFile(q),)),
    ]
    with pytest.raises(UsageError, match="2 for 1"):
        matched([a], [p, q], TYPICAL)


def job_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_jobs(tmp_path: Path, delimiter: str) -> None:
    rows = ["content,style,strength,output,size", "a.jpg,p.jpg,0.3,,", '"b ""2"".jpg",p.jpg,,x.png,64', ",,,,"]
    found = jobs.read(job_file(tmp_path, "jobs.CSV", "\n".join(rows).replace(",", delimiter)), TYPICAL)
    assert [job.content for job in found] == [tmp_path / "a.jpg", tmp_path / 'b "2".jpg']
    assert [job.styles for job in found] == [(StyleFile(tmp_path / "p.jpg"),)] * 2
    assert [(job.recipe.strength, job.recipe.size, job.output) for job in found] == [(0.3, 512, ""), (0.5, 64, "x.png")]


def test_numbers_in_a_table_that_are_chosen_from_a_few(tmp_path: Path) -> None:
    rows = "content,style,rotations,polish_views\na.jpg,p.jpg,2,\na.jpg,p.jpg,,4\n"
    found = jobs.read(job_file(tmp_path, "jobs.csv", rows), TYPICAL)
    assert [(job.recipe.rotations, job.recipe.polish_views) for job in found] == [(2, None), (1, 4)]


def test_a_preset_in_a_job_file(tmp_path: Path) -> None:
    table = "content,style,preset,steps\na.jpg,p.jpg,fast,7\nb.jpg,p.jpg,,\n"
    first, second = jobs.read(job_file(tmp_path, "jobs.csv", table), TYPICAL)
    assert first.recipe == TYPICAL.changed(preset="fast", steps=7) != TYPICAL.changed(steps=7)
    assert second.recipe == TYPICAL
    for wrong in ('"fasst"', "3", '["fast"]'):
        text = f'[[job]]\ncontent = "a.jpg"\nstyle = "p.jpg"\npreset = {wrong}'
        with pytest.raises(UsageError, match="There is no preset"):
            jobs.read(job_file(tmp_path, "jobs.toml", text), TYPICAL)


def test_a_document_of_jobs(tmp_path: Path) -> None:
    text = """
    [[job]]
    content = "a.jpg"
    style = ["p.jpg", "q.jpg"]
    weights = [0.7, 0.3]
    output = "inner/x.png"
    style_layers = { relu1_1 = 1.0 }
    [[job]]
    content = "b.jpg"
    style = "p.jpg"
    start = "a.jpg"
    """
    first, second = jobs.read(job_file(tmp_path, "jobs.toml", text), TYPICAL.changed(size=99))
    assert first.styles == (StyleFile(tmp_path / "p.jpg", 0.7), StyleFile(tmp_path / "q.jpg", 0.3))
    assert (first.output, first.recipe.style_layers, first.recipe.size) == ("inner/x.png", {"relu1_1": 1.0}, 99)
    assert (second.start, second.recipe.start) == (tmp_path / "a.jpg", "picture")
    assert set(second.files) == {tmp_path / name for name in ("a.jpg", "b.jpg", "p.jpg")}


def test_masks_in_job_files_lie_beside_them_and_take_the_place_of_their_kind(tmp_path: Path) -> None:
    """In the words of the command line; what is given for all jobs counts where a row says nothing of its kind."""
    masks = "m.png=q.jpg:0.5,n.png,o.png,x.png=y.png"
    rows = f"content,style,region,protect,part,labels\na.jpg,p.jpg,{masks}\na.jpg,p.jpg,,,,\n"
    own, plain = jobs.read(job_file(tmp_path, "jobs.csv", rows), TYPICAL)
    there = {name: tmp_path / f"{name}.png" for name in "mnoxy"}
    region = RegionFile(there["m"], StyleFile(tmp_path / "q.jpg"), 0.5)
    assert own.hand == Hand((region,), (there["x"], there["y"]), None, there["n"])
    assert own.styles == (StyleFile(tmp_path / "p.jpg", part=there["o"]),)
    assert set(there.values()) < set(own.files)
    text = "[[job]]\ncontent = 'a.jpg'\nstyle = 'p.jpg'\nregion = ['m.png=q.jpg:0.5', 'n.png=q.jpg']\n"
    (job,) = jobs.read(job_file(tmp_path, "jobs.toml", text), TYPICAL)
    assert job.hand.regions == (region, RegionFile(there["n"], StyleFile(tmp_path / "q.jpg")))
    shield, fine = Path("/shield.png"), StyleFile(Path("/f.jpg"), layers="fine")
    first, second = jobs.handled([own, plain], Hand(protect=shield), (), [fine])
    assert (first.hand, first.styles) == (own.hand, (*own.styles, fine))
    assert (second.hand, second.styles) == (Hand(protect=shield), (*plain.styles, fine))
    assert named_here([own, plain])[0] != named_here([plain])[0]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("j.csv", "", "no job"),
        ("j.csv", "content,style,region\na.jpg,p.jpg,m.png", "line 2: --region 'm.png' lacks its second file"),
        ("j.csv", "content,style,region\na.jpg,p.jpg,m.png=q.jpg:3", "line 2: The strength of the region"),
        ("j.toml", "[[job]]\ncontent = 'a.jpg'\nstyle = 'p'\nprotect = 3", "job 1: protect must name a file"),
        ("j.toml", "[[job]]\ncontent = 'a.jpg'\nstyle = ['p', 'q']\npart = 'm'", "1 --part for 2 paintings"),
        ("j.csv", "content,style\na.jpg,", "line 2: style must name a file"),
        ("j.csv", "content,style,content\na.jpg,p.jpg,b.jpg", "names content twice"),
        ("j.csv", "content,stile\na.jpg,p.jpg", "did you mean 'style'"),
        ("j.csv", "photo,painting\na.jpg,p.jpg", "the photo is called content here"),
        ("j.csv", f"content,style,output\na.jpg,p.jpg,{'x' * 201}", "more than 200 letters"),
        ("j.csv", "content,style,strength\na.jpg,p.jpg,2", "line 2: strength"),
        ("j.csv", "content,style,strength\na.jpg,p.jpg,much", "line 2: strength"),
        (
            "j.csv",
            "content,style,rotations\na.jpg,p.jpg,3",
            "line 2: rotations = '3' is not possible: input should be 1",
        ),
        ("j.csv", "content,style\na.jpg,p.jpg,0.5", "more cells than names"),
        ("j.csv", 'content,style\n"a.jpg,p.jpg', "unexpected end"),
        ("j.csv", "content,style,weights\na.jpg,p.jpg,1 2", "list of 1 numbers"),
        ("j.csv", "content,style,weights\na.jpg,p.jpg,x", "line 2"),
        ("j.toml", "[[job]]\ncontent = 'a.jpg'\nstyle = ['p', 'q']\nweights = [0, 0]", "above zero"),
        ("j.toml", "[[job]]\ncontent = 'a.jpg'\nstyle = 'p'\noutput = '../x.png'", "must be a name"),
        ("j.toml", "[[job]]\ncontent = 'a.jpg'\nstyle = 'p'\noutput = '.hidden.png'", "must be a name"),
        ("j.toml", "[[job]]\nstyle = 'p'", "job 1: content"),
        ("j.toml", "[[job]]\ncontent = 'a.jpg'\nstyle = []", "job 1: style names no painting"),
        ("j.toml", "strength = 0.5", "--recipe"),
        ("j.toml", "job = 3", "list of"),
        ("j.toml", "[[job", "not TOML"),
        ("j.toml", "[[job]]\ncontent = 'a'\nstyle = 'p'\nmomentum = 0.5", "job 1: momentum is for"),
    ],
)
def test_slips_in_job_files_are_told_with_their_place(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        jobs.read(job_file(tmp_path, name, text), TYPICAL)


fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = [
    *"content,styl\n\"';=[]{}\t01.é\0",
    "[[job]]\n",
    "content",
    "style = ",
    "weights",
    "a,b\n",
    "region",
    "labels",
    "part",
    "m=n",
]
LIKELY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@fuzzed
@given(content=st.binary(max_size=60) | LIKELY.map(str.encode), suffix=st.sampled_from([".csv", ".toml"]))
def test_no_job_file_is_met_with_a_traceback(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"jobs{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(UsageError):
        assert jobs.read(path, TYPICAL)


# ---- names ---------------------------------------------------------------------------------------------------------


def names(found: list[Job]) -> list[str]:
    return [job.output for job in found]


def named_here(found: list[Job], **taken: tuple[str, ...]) -> list[str]:
    return names(named(found, Path("/out"), ".png", taken))


def test_names_say_what_the_pictures_are() -> None:
    photos = [Path("/in/a.b.jpg"), Path("/in/c d.png")]
    assert named_here(every(photos, [Path("/s/p.jpg")], TYPICAL)) == ["a.b_p.png", "c d_p.png"]


def test_clashes_are_told_apart_by_what_differs() -> None:
    same_stem = every([Path("/in/a.jpg"), Path("/in/A.png"), Path("/in/b.jpg")], [Path("/s/p.jpg")], TYPICAL)
    assert named_here(same_stem) == ["a-jpg_p-jpg.png", "A-png_p-jpg.png", "b_p.png"]
    same_name = every([Path("/x/1/a.jpg"), Path("/x/2/a.jpg")], [Path("/s/p.jpg")], TYPICAL)
    assert named_here(same_name) == ["1-a-jpg_s-p-jpg.png", "2-a-jpg_s-p-jpg.png"]
    joined = [
        Job(Path("/a_b.png"), (StyleFile(Path("/c.png")),), TYPICAL),
        Job(Path("/a.png"), (StyleFile(Path("/b_c.png")),), TYPICAL),
    ]
    assert named_here(joined) == ["a_b-png_c-png.png", "a-png_b_c-png.png"]


def test_settings_of_their_own_tell_jobs_apart() -> None:
    (job,) = every([Path("/a.jpg")], [Path("/p.jpg")], TYPICAL)
    both = [replace(job, recipe=TYPICAL.changed(strength=s), turned={"strength": s}) for s in (0.2, 0.8)]
    assert named_here(both) == ["a_p_strength-0.2.png", "a_p_strength-0.8.png"]
    assert len(named_here([*both, *both])) == 2  # what is asked for twice is painted once


def test_a_name_that_stands_for_another_picture_is_not_taken() -> None:
    (job,) = every([Path("/in/a.png")], [Path("/s/p.jpg")], TYPICAL)
    assert named_here([job], **{"A_p.png": ("../in/a.jpg", "../s/p.jpg")}) == ["a-png_p-jpg.png"]
    assert named_here([job], **{"a_p.png": owner(job, Path("/out"))}) == ["a_p.png"]


def test_given_names_are_kept_and_must_differ() -> None:
    (job,) = every([Path("/a.jpg")], [Path("/p.jpg")], TYPICAL)
    other = replace(job, content=Path("/b.jpg"))
    assert named_here([replace(job, output="x"), other]) == ["x.png", "b_p.png"]
    with pytest.raises(UsageError, match="Two jobs"):
        named_here([replace(job, output="x.png"), replace(other, output="X.png")])
    with pytest.raises(UsageError, match="Two jobs"):
        named_here([replace(job, output="bold"), replace(other, output="bold.png")])
    with pytest.raises(UsageError, match=r"x.png is the name of another picture there, ../b.jpg after ../p.jpg"):
        named_here([replace(job, output="x")], **{"x.png": owner(other, Path("/out"))})


def test_by_force_a_given_name_is_taken_and_no_other() -> None:
    (job,) = every([Path("/in/a.png")], [Path("/s/p.jpg")], TYPICAL)
    for output, found in (("a_p.png", "a_p.png"), ("", "a-png_p-jpg.png")):
        taken = {"a_p.png": ("../in/a.jpg", "../s/p.jpg")}
        assert names(named([replace(job, output=output)], Path("/out"), ".png", taken, force=True)) == [found]


def test_cells_are_written_as_people_write_them(tmp_path: Path) -> None:
    """Layers as for the command, numbers with a decimal comma."""
    path = tmp_path / "jobs.csv"
    path.write_text('content;style;style_layers;strength\na.jpg;p.jpg;"relu1_1:1,relu2_1:0.5";0,3\n')
    (job,) = jobs.read(path, TYPICAL)
    assert (job.recipe.style_layers, job.recipe.strength) == ({"relu1_1": 1.0, "relu2_1": 0.5}, 0.3)
    for name in ("a.gif", "mr.monet"):
        path.write_text(f"content,style,output\na.jpg,p.jpg,{name}\n")
        with pytest.raises(UsageError, match=f"line 2: {name} does not say in which format"):
            jobs.read(path, TYPICAL)


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=90).filter(
    lambda name: name not in (".", "..")
)


@given(photos=st.lists(NAMES, min_size=1, max_size=6), paintings=st.lists(NAMES, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_names_always_differ_and_fit_every_disk(photos: list[str], paintings: list[str]) -> None:
    pairs = every([Path("/in", p) for p in photos], [Path("/s", p) for p in paintings], TYPICAL)
    found = named_here(pairs)
    assert len({folded(name) for name in found}) == len(found) == len(set(photos)) * len(set(paintings))
    for name in found:
        assert len(name.encode()) < 255
        assert not set(name) & set('/\\:*?"<>|\n\t')


# ---- manifest ------------------------------------------------------------------------------------------------------

ENTRY = Entry("x.png", "done", "../a é🎨.png", ("../p.png",), "k", "s", 1.5, notes=("n",), recipe={"size": 3})


def test_the_last_line_counts(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "new")
    assert manifest.entries() == {}
    for entry in (replace(ENTRY, state="started"), ENTRY, replace(ENTRY, output="y.png"), Entry("", "failed")):
        manifest.add(entry)
    assert manifest.entries() == {"x.png": ENTRY, "y.png": replace(ENTRY, output="y.png")}
    assert [json.loads(line)["state"] for line in manifest.path.read_text().splitlines()] == [
        *("started", "done", "done", "failed"),
    ]


@given(garbage=st.binary(max_size=50), cut=st.integers(0, 60))
@fuzzed
def test_what_was_cut_short_is_passed_over(tmp_path: Path, garbage: bytes, cut: int) -> None:
    manifest = Manifest(tmp_path)
    manifest.path.unlink(missing_ok=True)
    manifest.add(ENTRY)
    with manifest.path.open("ab") as file:
        file.write(garbage + b"\n" + json.dumps({"output": "y.png", "state": "done"}).encode()[: min(cut, 30)])
    manifest.add(replace(ENTRY, output="z.png"))
    found = manifest.entries()
    assert found["x.png"] == ENTRY
    assert found["z.png"].state == "done"


def test_a_full_disk_leaves_no_part_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, write = Manifest(tmp_path), os.write
    manifest.add(ENTRY)
    before = manifest.path.read_bytes()

    def full(handle: int, data: bytes) -> int:
        return write(handle, data[:7])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RunError, match="full"):
        manifest.add(ENTRY)
    assert manifest.path.read_bytes() == before

    def fuller(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fuller)
    with pytest.raises(RunError, match="No space left"):
        manifest.add(ENTRY)
    assert manifest.path.read_bytes() == before


def test_one_batch_at_a_time_in_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows has no such locks")
    with Manifest(tmp_path).held(), pytest.raises(UsageError, match="Another batch"), Manifest(tmp_path).held():
        pass
    with Manifest(tmp_path).held():
        pass


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    old, young, deep = files(tmp_path, ".impasto-1.part", ".impasto-2.part", "deeper/.impasto-3.part")
    for file in (old, deep):
        os.utime(file, (0, 0))
    with Manifest(tmp_path).held():
        assert (old.exists(), young.exists(), deep.exists()) == (False, True, False)


def test_an_unusable_folder_is_told(tmp_path: Path) -> None:
    (blocked,) = files(tmp_path, "file")
    with pytest.raises(UsageError, match="cannot be written"), Manifest(blocked).held():
        pass
