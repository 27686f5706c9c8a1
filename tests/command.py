"""Run the command as a person would: in this process for speed, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tiny_weights
from PIL import Image

from impasto.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def here(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    """In this process."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return Ran(code, told.out, told.err)


def started(
    *arguments: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """In a process of its own, one thread, nothing from this machine's caches."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "IMPASTO_OFFLINE": "1", **(environment or {})}
    return subprocess.Popen(
        [sys.executable, "-m", "impasto", *map(str, arguments)],
        cwd=cwd,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def process(*arguments: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Ran:
    """In a process of its own, to its end."""
    running = started(*arguments, cwd=cwd, environment=environment)
    out, err = running.communicate(timeout=120)
    return Ran(running.returncode, out, err)


def tiny(weights_file: Path) -> tuple[str, ...]:
    """The flags of a run that takes a fraction of a second."""
    return (*tiny_weights.FLAGS, "--weights", str(weights_file))


def picture_file(path: Path, width: int, height: int, *, seed: int = 0, mode: str = "RGB") -> Path:
    """Smooth colors with a little grain."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), np.uint8)).resize((width, height))
    grain = random.integers(-20, 21, (height, width, 3))
    pixels = np.clip(np.asarray(coarse).astype(int) + grain, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def opened(path: Path | str) -> Image.Image:
    """A picture, read whole, its file closed."""
    with Image.open(path) as image:
        image.load()
        return image
