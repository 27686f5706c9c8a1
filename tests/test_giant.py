"""Giant files: what is written is read back, whole and in regions, without holding it all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from networks import image

from impasto import giant
from impasto.errors import PictureError
from impasto.files import check_writable, read_record, write
from impasto.footprint import Footprint
from impasto.picture import Picture, read
from impasto.storage import Room

pytest.importorskip("pyvips")


@pytest.mark.parametrize("depth", [8, 16])
def test_a_tiff_comes_back_in_regions(depth: int, tmp_path: Path) -> None:
    picture = image(700, 900)
    file = giant.write(picture, tmp_path / "a.tif", depth=depth, description="how it was made")
    assert giant.size(file) == (900, 700)
    part = giant.region(file, 300, 400, 200, 100)
    assert part.shape == (1, 3, 100, 200)
    assert float((part - picture[..., 400:500, 300:500]).abs().max()) <= 0.51 / (2**depth - 1)
    assert b"how it was made" in file.read_bytes()
    assert file.read_bytes()[:4] in (b"II+\0", b"MM\0+")  # BigTIFF
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_tree_of_tiles(tmp_path: Path) -> None:
    file = giant.write(image(600, 500), tmp_path / "a.dzi")
    assert file.exists()
    assert len(list((tmp_path / "a_files").rglob("*.jpeg"))) > 9
    with pytest.raises(PictureError, match="cannot hold 16 bits"):
        giant.write(image(60, 50), tmp_path / "b.dzi", depth=16)
    giant.write(image(60, 50), file, overwrite=True)
    assert len(list((tmp_path / "a_files").rglob("*.jpeg"))) == 7  # 60 x 50, halved down to one pixel
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dzi", "a_files"]


def test_a_canvas_in_a_file_is_written_in_bands(tmp_path: Path) -> None:
    canvas = Room(in_file=True).empty(1, 3, 1500, 600, like=torch.zeros(1))
    canvas[..., 700:, :] = 1.0
    with Footprint() as count:
        file = giant.write(canvas, tmp_path / "a.tif")
    assert count.peak - canvas.nbytes < canvas.nbytes / 2  # the canvas itself is counted when it is looked at
    assert float(giant.region(file, 0, 0, 600, 700).max()) == 0.0
    assert float(giant.region(file, 0, 700, 600, 800).min()) == 1.0


def test_the_command_s_own_way_to_files_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giant, "LARGE", 1000)
    picture = Picture(image(60, 50), torch.rand(1, 1, 60, 50))
    written = write(picture, tmp_path / "a.tif", recipe_record={"size": 60}, depth=16)
    assert read_record(written.path) == {"size": 60}
    assert written.path.read_bytes()[:4] in (b"II+\0", b"MM\0+")
    back = read(written.path)
    assert back.alpha is not None
    assert float((back.rgb - picture.rgb).abs().max()) < 2e-2  # hidden pixels aside, of which there are none
    tree = write(picture, tmp_path / "a.dzi", recipe_record={"size": 60})
    assert tree.notes == ("a DeepZoom tree carries no record of how it was painted",)
    assert list((tmp_path / "a_files").rglob("*.png"))
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(PictureError, match=r"impasto\[giant\]"):
        check_writable(tmp_path / "b.dzi")


def test_slips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = image(32, 32)
    with pytest.raises(PictureError, match="a giant is"):
        giant.write(small, tmp_path / "a.jpg")
    file = giant.write(small, tmp_path / "a.tif")
    with pytest.raises(PictureError, match="exists already"):
        giant.write(small, file)
    with pytest.raises(PictureError, match="cannot be read"):
        giant.region(file, 20, 20, 20, 20)
    with pytest.raises(PictureError, match="cannot be read"):
        giant.region(tmp_path / "none.tif", 0, 0, 1, 1)
    with pytest.raises(PictureError, match="cannot be written"):
        giant.write(small, tmp_path / "none" / "a.tif")
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(PictureError, match=r"impasto\[giant\]"):
        giant.write(small, tmp_path / "b.tif")
