"""The example pictures are there, are worth painting with, and their scripts draw the same bytes every time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SIZES = {
    "content/harbor.jpg": (1200, 800),
    "content/still_life.jpg": (1100, 900),
    "content/street.jpg": (900, 1100),
    "style/swirls.jpg": (1000, 800),
    "style/waves.jpg": (1000, 760),
    "style/mosaic.jpg": (800, 960),
    "style/ink.jpg": (1000, 800),
    "style/dots.jpg": (1000, 760),
    "style/knife.jpg": (1000, 800),
}


def pixels(name: str) -> np.ndarray:
    with Image.open(EXAMPLES / name) as picture:
        return np.asarray(picture.convert("RGB"), np.float32) / 255


def test_the_list_is_complete_and_shown_in_the_readme() -> None:
    found = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("*/*.jpg")}
    assert found == set(SIZES)
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"]({name})" in readme for name in SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_picture_has_its_size_and_is_light_to_carry(name: str) -> None:
    with Image.open(EXAMPLES / name) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", SIZES[name])
    assert (EXAMPLES / name).stat().st_size <= (350_000 if name.startswith("content") else 400_000)


@pytest.mark.parametrize("name", SIZES)
def test_picture_has_contrast_and_detail_everywhere(name: str) -> None:
    gray = pixels(name).mean(-1)
    assert gray.std() > 0.12
    low, high = np.quantile(gray, (0.01, 0.99))
    assert high - low > 0.55
    steps = np.abs(np.diff(gray, axis=1))
    assert steps.mean() > 0.01
    blocks = steps[: len(steps) // 8 * 8, : steps.shape[1] // 8 * 8].reshape(8, len(steps) // 8, 8, -1).mean((1, 3))
    assert blocks.min() > 0.002, "a part of the picture is empty"


@pytest.mark.parametrize("name", [name for name in SIZES if "ink" not in name])
def test_picture_has_a_palette_not_one_hue(name: str) -> None:
    image = pixels(name)
    opponent = np.stack([image[..., 0] - image[..., 1], image[..., 1] - image[..., 2]], -1).reshape(-1, 2)
    assert opponent.std(0).max() > 0.06
    assert len(np.unique((image[::4, ::4] * 7).astype(int).reshape(-1, 3), axis=0)) > 60


def test_ink_is_nearly_gray() -> None:
    image = pixels("style/ink.jpg")
    assert (image.max(-1) - image.min(-1)).mean() < 0.15


def test_styles_differ_in_palette() -> None:
    means = {name: pixels(name).mean((0, 1)) for name in SIZES if name.startswith("style")}
    names = list(means)
    apart = [np.abs(means[a] - means[b]).max() for i, a in enumerate(names) for b in names[:i]]
    assert min(apart) > 0.02


def draw(out: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "examples.draw", "waves", "mosaic", "dots", "--scale", "0.12", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return {path.name: path.read_bytes() for path in (out / "style").iterdir()}


def test_drawing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = draw(tmp_path / "first"), draw(tmp_path / "second")
    assert sorted(first) == ["dots.jpg", "mosaic.jpg", "waves.jpg"]
    assert first == second
