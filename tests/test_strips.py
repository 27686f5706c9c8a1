"""Large pictures are read some rows at a time: the same as by the ordinary way, and never in memory as a whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from color_profiles import ADOBE_RGB, DISPLAY_P3, cmyk_profile, gray_profile, rgb_profile
from picture_files import MODES, in_mode, noise, saved
from PIL import Image

from impasto import giant, strips
from impasto.errors import PictureError, ShortageError
from impasto.footprint import Footprint
from impasto.lossless import png16, tiff
from impasto.picture import Picture, read
from impasto.storage import MEMORY, in_file

SRGB = b""


@pytest.fixture(params=["libvips", "Pillow"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the extra, and without it."""
    if request.param == "Pillow":
        monkeypatch.setattr(giant, "available", lambda: False)
    else:
        pytest.importorskip("pyvips")
    return str(request.param)


def both(file: Path) -> tuple[Picture, Picture]:
    """Read the ordinary way, and as if it were large, in several strips."""
    ordinary = read(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "LARGE", 10)
        patch.setattr(MEMORY, "band", 100)
        return ordinary, read(file)


def same(file: Path, levels: float = 0.0) -> Picture:
    """The picture, once both ways agree to so many levels of 255."""
    ordinary, large = both(file)
    assert large.size == ordinary.size
    assert (large.notes, large.sha256, large.name) == (ordinary.notes, ordinary.sha256, ordinary.name)
    assert float((large.rgb - ordinary.rgb).abs().max()) <= levels / 255 + 1e-6
    assert (large.alpha is None) == (ordinary.alpha is None)
    if large.alpha is not None and ordinary.alpha is not None:
        assert torch.equal(large.alpha, ordinary.alpha)
    return large


def test_a_full_disk_is_not_the_picture_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(saved(in_mode("RGB"), "PNG"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(strips, "LARGE", 10)
    monkeypatch.setattr("impasto.storage._reserve", full)
    with pytest.raises(ShortageError, match="No space left"):
        read(file)


def pictures() -> Iterator[tuple[str, bytes]]:
    """Every mode, and what is special."""
    for mode in MODES:
        for kind in ("PNG", "TIFF", "JPEG", "WEBP"):
            if mode not in ("1", "F", "I"):
                try:
                    yield f"{mode} {kind}", saved(in_mode(mode, (30, 20)), kind)
                except (OSError, KeyError, ValueError):  # which Pillow cannot write
                    continue
    color = Image.fromarray(noise(40, 30, 3))
    for name, profile in (("P3", rgb_profile("P3", DISPLAY_P3)), ("Adobe", rgb_profile("A", ADOBE_RGB, 2.2))):
        for kind in ("PNG", "TIFF", "JPEG"):
            yield f"{name} {kind}", saved(color, kind, icc_profile=profile)
    yield "gray profile", saved(color.convert("L"), "PNG", icc_profile=gray_profile("g", 1.8))
    yield "CMYK profile", saved(color.convert("CMYK"), "TIFF", icc_profile=cmyk_profile("press"))
    yield "alpha", saved(Image.fromarray(noise(40, 30, 4)), "PNG")
    yield "alpha TIFF", saved(Image.fromarray(noise(40, 30, 4)), "TIFF")
    yield "interlaced key", saved(Image.fromarray(noise(40, 30, 1)[..., 0]).convert("P"), "PNG", transparency=3)
    for channels in (3, 4):
        yield f"16 bits x {channels} PNG", png16(noise(40, 30, channels, np.uint16), SRGB, {})
        yield f"16 bits x {channels} TIFF", tiff(noise(40, 30, channels, np.uint16), SRGB, {})
    deep = png16(noise(40, 30, 3, np.uint16), rgb_profile("P3", DISPLAY_P3), {})
    yield "16 bits, P3", deep
    yield "gray, 16 bits", saved(Image.fromarray(noise(40, 30, 1, np.uint16)[..., 0]), "PNG")
    yield "gray, 16 bits, TIFF", saved(Image.fromarray(noise(40, 30, 1, np.uint16)[..., 0]), "TIFF")


FILES = dict(pictures())


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", FILES)
def test_in_strips_as_in_one(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(FILES[kind])
    same(file, 1 if "JPEG" in kind else 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "picture"
    file.write_bytes(saved(Image.fromarray(noise(40, 30, 3)), kind, exif=exif))
    assert same(file, 1).size == ((30, 40) if orientation < 5 else (40, 30))


def test_what_was_read_lies_in_a_file(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory there are bytes at most, and of a strip, floats."""
    monkeypatch.setattr(strips, "LARGE", 1_000_000)
    file = tmp_path / "large.png"
    Image.effect_mandelbrot((1500, 1000), (-2, -1, 1, 1), 20).convert("RGB").save(file)
    used = [giant.strips] if way == "libvips" else []
    monkeypatch.setattr(giant, "strips", lambda *given: used.pop()(*given))
    with Footprint() as count:
        picture = read(file)
    assert not used
    assert in_file(picture.rgb.untyped_storage())
    assert count.peak < 1_000_000
    small = picture.resized(150, 100)
    assert not in_file(small.rgb.untyped_storage())
    assert float((small.rgb - read(Image.open(file)).resized(150, 100).rgb).abs().max()) < 1e-5


def test_from_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "LARGE", 10)
    data = saved(Image.fromarray(noise(40, 30, 3)), "PNG")
    picture = read(data)
    assert in_file(picture.rgb.untyped_storage())
    assert torch.equal(picture.rgb, torch.from_numpy(noise(40, 30, 3)).permute(2, 0, 1)[None] / 255)


@pytest.mark.usefixtures("way")
def test_what_is_damaged_or_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "LARGE", 10)
    file = tmp_path / "cut.jpg"
    stream = io.BytesIO()
    Image.fromarray(noise(400, 300, 3)).save(stream, "JPEG")
    file.write_bytes(stream.getvalue()[:20_000])
    with pytest.raises(PictureError, match="damaged or cut short"):
        read(file)
    with pytest.raises(PictureError, match="more pixels than the limit"):
        read(file, max_pixels=1000)
