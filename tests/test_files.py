"""Writing: what comes back is what was written, the record with it; every failure comes early and leaves nothing."""

import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto import files
from impasto.errors import PictureError
from impasto.files import check_writable, read_record, write
from impasto.icc import srgb_profile
from impasto.picture import Picture, PictureLike, read

SUFFIXES = [".png", ".jpg", ".webp", ".avif", ".tif"]
RECORD = {"strength": 0.5, "styles": ["Größe (1).jpg", "日本 😀"], "nested": {"none": None, "yes": True}}


def smooth(width: int = 61, height: int = 40, *, alpha: bool = False) -> Picture:
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    rgb = torch.stack([x, y, (x + y) / 2])[None]
    return Picture(rgb, (1 - 0.9 * x * y)[None, None].contiguous() if alpha else None)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".impasto")]


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_alpha_record_and_profile_come_back(tmp_path: Path, suffix: str, alpha: bool) -> None:
    picture = smooth(alpha=alpha)
    written = write(picture, tmp_path / f"out{suffix}", recipe_record=RECORD)
    back = read(written.path)
    assert read_record(written.path) == RECORD
    with Image.open(written.path) as image:
        assert image.info["icc_profile"] == srgb_profile()
    shown = picture.rgb
    if picture.alpha is not None and suffix == ".jpg":
        assert "white" in written.notes[0]
        shown = picture.rgb * picture.alpha + 1 - picture.alpha
    assert (back.rgb - shown).abs().max() < (0.51 / 255 if suffix in (".png", ".tif") else 0.04)
    assert (back.alpha is None) == (not alpha or suffix == ".jpg")
    if back.alpha is not None and picture.alpha is not None and suffix != ".avif":
        assert (back.alpha - picture.alpha).abs().max() < 0.51 / 255


def test_pixels_of_any_kind_can_be_written(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    kinds: list[PictureLike] = [pixels, torch.from_numpy(pixels).permute(2, 0, 1), read(pixels)]
    made = [write(each, tmp_path / f"{number}.png").path.read_bytes() for number, each in enumerate(kinds)]
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits(tmp_path: Path, suffix: str, alpha: bool) -> None:
    picture = smooth(300, 250, alpha=alpha)  # more than one strip of TIFF
    back = read(write(picture, tmp_path / f"out{suffix}", recipe_record=RECORD, depth=16).path)
    assert (back.rgb - picture.rgb).abs().max() < 0.51 / 65535
    assert (back.alpha is not None) == alpha
    if back.alpha is not None and picture.alpha is not None:
        assert (back.alpha - picture.alpha).abs().max() < 0.51 / 65535
    assert back.notes == ()
    assert read_record(tmp_path / f"out{suffix}") == RECORD


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from(SUFFIXES), st.booleans())
def test_every_size(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, suffix: str, alpha: bool
) -> None:
    path = tmp_path_factory.mktemp("sizes") / f"a{suffix}"
    assert read(write(smooth(width, height, alpha=alpha), path).path).size == (width, height)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("depth", [8, 16])
def test_equal_pixels_and_record_give_equal_bytes(tmp_path: Path, suffix: str, depth: int) -> None:
    if depth == 16 and suffix not in (".png", ".tif"):
        return
    first = write(smooth(alpha=True), tmp_path / f"1{suffix}", recipe_record=RECORD, depth=depth).path.read_bytes()
    again = write(smooth(alpha=True), tmp_path / f"2{suffix}", recipe_record=RECORD, depth=depth).path.read_bytes()
    other = write(smooth(alpha=True), tmp_path / f"3{suffix}", recipe_record={}, depth=depth).path.read_bytes()
    assert first == again != other


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=5), st.sampled_from(SUFFIXES))
def test_any_record_comes_back(
    tmp_path_factory: pytest.TempPathFactory, record: dict[str, object], suffix: str
) -> None:
    path = tmp_path_factory.mktemp("records") / f"a{suffix}"
    assert read_record(write(smooth(4, 3), path, recipe_record=record).path) == record


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_large_record(tmp_path: Path, suffix: str) -> None:
    record = {"regions": "0123456789" * 40_000}
    written = write(smooth(4, 3), tmp_path / f"a{suffix}", recipe_record=record)
    if suffix != ".jpg":
        assert read_record(written.path) == record
        return
    assert "64 kB" in written.notes[0]
    with pytest.raises(PictureError, match="no record"):
        read_record(written.path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_foreign_file_has_no_record(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x010E] = '{"workflow": "of another program"}'
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0{}"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    with pytest.raises(PictureError, match="no record"):
        read_record(path)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(SUFFIXES), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8), st.data()
)
def test_records_of_damaged_files(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"a{suffix}"
    content = bytearray(write(smooth(4, 3), path, recipe_record=RECORD).path.read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(PictureError):
        assert isinstance(read_record(path), dict)


def test_lossless_webp(tmp_path: Path) -> None:
    back = read(write(smooth(), tmp_path / "a.webp", quality=100).path)
    assert (back.rgb - smooth().rgb).abs().max() < 0.51 / 255


def test_quality_is_used(tmp_path: Path) -> None:
    noise = Picture(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    for suffix in (".jpg", ".webp", ".avif"):
        small, large = (write(noise, tmp_path / f"{q}{suffix}", quality=q).path.stat().st_size for q in (30, 90))
        assert small < large
    wrong: Any
    for name, wrong in (("a.jpg", 0), ("a.dzi", 0), ("a.jpg", 95.5), ("a.webp", "95"), ("a.jpg", True)):
        with pytest.raises(PictureError, match="1 to 100"):
            write(noise, tmp_path / name, quality=wrong)


def test_the_folder_is_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "ünï (1)" / "out.PNG"
    assert check_writable(path) == path
    assert list(path.parent.iterdir()) == []
    assert write(smooth(), path).path == path
    assert [entry.name for entry in path.parent.iterdir()] == ["out.PNG"]


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_writable("sub/../out.png") == tmp_path / "out.png"


def test_the_usual_permissions_are_given(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.write_bytes(b"")
    assert write(smooth(), tmp_path / "out.png").path.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("name", ["out", "out.", "out.gif", "out.psd", ".png", "out.png.bak"])
def test_an_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PictureError, match=r"\.png, \.jpg, \.webp, \.avif or \.tif"):
        check_writable(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_sixteen_bits_need_a_format_for_them(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(PictureError, match="16 bits"):
        write(smooth(), tmp_path / f"a{suffix}", depth=16)
    with pytest.raises(PictureError, match="8 or 16"):
        check_writable(tmp_path / "a.png", depth=12)


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65535), (".webp", 16383)])
def test_too_long_a_side_is_known_beforehand(tmp_path: Path, suffix: str, side: int) -> None:
    check_writable(tmp_path / f"a{suffix}", size=(side, 1))
    with pytest.raises(PictureError, match=f"ends at {side}"):
        check_writable(tmp_path / f"a{suffix}", size=(1, side + 1))
    check_writable(tmp_path / "a.png", size=(1, side + 1))


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    for refuse in (lambda: check_writable(path), lambda: write(smooth(), path)):
        with pytest.raises(PictureError, match="exists already"):
            refuse()
    assert path.read_bytes() == b"precious"
    assert read(write(smooth(), path, overwrite=True).path).size == (61, 40)
    assert leftovers(tmp_path) == []


def test_folders_and_files_in_the_wrong_place(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PictureError, match="is a folder"):
        check_writable(tmp_path / "folder.png", overwrite=True)
    with pytest.raises(PictureError, match="cannot be written"):
        check_writable(tmp_path / "file" / "out.png")
    with pytest.raises(PictureError, match="cannot be written"):
        check_writable(tmp_path / ("x" * 300 + ".png") / "out.png")
    with pytest.raises(PictureError, match="too long"):
        check_writable(tmp_path / "new" / ("x" * 300 + ".png"))
    with pytest.raises(PictureError, match="null"):
        check_writable(tmp_path / "zero\0byte.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "out.png"
    os.mkfifo(pipe)
    with pytest.raises(PictureError, match="is a pipe or a device"):
        check_writable(pipe, overwrite=True)
    assert pipe.is_fifo()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PictureError, match="permission denied"):
        check_writable(tmp_path / "out.png")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    for attempt in (lambda: check_writable(tmp_path / "a.png"), lambda: write(smooth(), tmp_path / "a.png")):
        with pytest.raises(PictureError, match=os.strerror(number).lower()):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_at_the_very_end_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(PictureError, match="input/output"):
        write(smooth(), path, overwrite=True)
    assert path.read_bytes() == b"precious"
    assert leftovers(tmp_path) == []


def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    assert read(write(smooth(), tmp_path / "out.png").path).size == (61, 40)
    assert leftovers(tmp_path) == []


def test_of_many_writers_one_wins_and_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    outcomes: list[float | None] = []

    def attempt(value: float) -> None:
        try:
            write(Picture(torch.full((1, 3, 50, 50), value)), path)
            outcomes.append(value)
        except PictureError:
            outcomes.append(None)

    threads = [threading.Thread(target=attempt, args=(i / 8,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [value for value in outcomes if value is not None]
    assert torch.allclose(read(path).rgb, torch.tensor(winner), atol=0.51 / 255)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_pixels_that_are_no_numbers_are_never_written(tmp_path: Path, value: float) -> None:
    rgb = smooth().rgb.clone()
    rgb[0, 1, 5, 5] = value
    with pytest.raises(PictureError, match="not finite"):
        write(Picture(rgb), tmp_path / "out.png")
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nowhere_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(PictureError, match="exists already"):
        check_writable(tmp_path / "link.png")


def test_a_link_stays_and_the_file_that_it_leads_to_is_overwritten(tmp_path: Path) -> None:
    far, link = tmp_path / "far.png", tmp_path / "link.png"
    write(smooth(), far)
    link.symlink_to(far)
    other = Picture(torch.full((1, 3, 20, 30), 0.5))
    with pytest.raises(PictureError, match="exists already"):
        write(other, link)
    write(other, link, overwrite=True)
    assert link.is_symlink()
    assert read(far).size == (30, 20)


def test_a_link_that_leads_back_to_itself_is_overwritten(tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    one.symlink_to(two)
    two.symlink_to(one)
    with pytest.raises(PictureError, match="exists already"):
        write(smooth(), one)
    assert read(write(smooth(), one, overwrite=True).path).size == smooth().size


def test_every_format_named_can_be_written(tmp_path: Path) -> None:
    for suffix in files._FORMATS.keys() - {".dzi"}:  # which is a tree: test_giant
        pixels = np.asarray(Image.open(write(smooth(), tmp_path / f"a{suffix}").path))
        assert pixels.shape == (40, 61, 3)
