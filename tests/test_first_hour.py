"""What a newcomer does in the first hour, with nothing prepared: one command, a phone's photo, a transparent PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import opened, process, tiny
from PIL import ExifTags, Image

HOME = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TORCH_HOME", "IMPASTO_CACHE_DIR")


@pytest.fixture
def phone_photo(tmp_path: Path) -> Path:
    """4000 x 3000 as the sensor saw it, to be turned: upright it is 3000 x 4000, blue above, green below."""
    upright = np.zeros((4000, 3000, 3), np.uint8)
    upright[:2000] = (60, 90, 220)
    upright[2000:] = (40, 160, 40)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # turn clockwise to see it upright
    path = tmp_path / "IMG_0001 (1).JPG"
    Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90).save(path, "JPEG", exif=exif)
    assert opened(path).size == (4000, 3000)
    return path


@pytest.fixture
def cut_out(tmp_path: Path) -> Path:
    """An RGBA PNG, as programs for drawing save them."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (90, 120, 4), np.uint8)
    pixels[:40, :, 3] = 0
    path = tmp_path / "painting.png"
    Image.fromarray(pixels).save(path)
    return path


def test_one_command(tmp_path: Path, phone_photo: Path, cut_out: Path, weights_file: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = dict.fromkeys(HOME, str(home))
    out = tmp_path / "a folder" / "that is not there" / "bild.png"
    gentle = [*tiny(weights_file), "--strength", "0.05"]  # a network of noise paints noise: a little of it
    ran = process(phone_photo, cut_out, "-o", out, *gentle, cwd=tmp_path, environment=environment)
    assert ran.code == 0, ran.err
    assert ran.out == f"{out}\n"
    assert "Traceback" not in ran.err
    assert "3000 x 4000 -> 36 x 48" in ran.err
    assert "--size 4000" in ran.err
    picture = opened(out)
    assert (picture.size, picture.mode) == ((36, 48), "RGB")
    assert picture.getexif().get(ExifTags.Base.Orientation, 1) == 1
    top, bottom = (np.asarray(picture)[rows].reshape(-1, 3).mean(0) for rows in (slice(0, 20), slice(28, 48)))
    assert top[2] - bottom[2] > 20  # the sky is above
    assert np.asarray(picture).std() > 5
