"""What a run leaves behind beside its picture: numbered snapshots, and a film of how it came about."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from impasto.errors import PictureError
from impasto.events import Planned, Preview
from impasto.files import check_writable, place
from impasto.resample import resize

Frame = NDArray[np.uint8]  # (H, W, 3)

LONGEST = 720  # pixels: a film is for the screen
MOST_FRAMES = 240  # more are thinned out as they come, so that a long run does not fill the memory
FRAMES = 50  # at the first level
PER_SECOND = 12
LAST_SECONDS = 2.0  # the finished picture stays


def check_film(path: Path) -> None:
    """PictureError where such a film could not be written in the end."""
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise PictureError(f"{path.name} does not say which kind of film to write; end the name in .gif or .mp4.")
    if suffix == ".mp4" and importlib.util.find_spec("av") is None:
        raise PictureError("An .mp4 film needs PyAV: pip install 'impasto[video]', or write a .gif.")


def check_folder(path: Path) -> None:
    """PictureError where nothing can be written beside `path`; makes the folder."""
    check_writable(path.with_name(f"{path.name}.png"), overwrite=True)


class Film:
    """Frames of one size, thinned evenly when they become too many."""

    def __init__(self, width: int, height: int) -> None:
        scale = min(1.0, LONGEST / max(width, height))
        # Video codecs want even sides.
        self.width, self.height = (max(2, round(side * scale / 2) * 2) for side in (width, height))
        self._frames: list[Frame] = []
        self._every, self._seen = 1, 0

    def add(self, image: Tensor) -> None:
        """Another frame, (1, 3, H, W) in [0, 1] of any size."""
        self._seen += 1
        if self._seen % self._every:
            return
        if len(self._frames) == MOST_FRAMES:
            del self._frames[::2]
            self._every *= 2
        self._frames.append(self._frame(image))

    def encoded(self, kind: str, last: Tensor) -> bytes:
        """The film as ".gif" or ".mp4", ending with `last`."""
        frames = [*self._frames, *[self._frame(last)] * round(LAST_SECONDS * PER_SECOND)]
        return _gif(frames) if kind == ".gif" else _mp4(frames)

    def _frame(self, image: Tensor) -> Frame:
        pixels = resize(image, self.width, self.height).clamp(0, 1).mul(255).round().to(torch.uint8)
        return np.ascontiguousarray(pixels[0].permute(1, 2, 0).numpy())


class Reel:
    """Reads the previews of a run: which of them are snapshots, and a film of all."""

    def __init__(self, steps: int, *, film: bool, snapshots: int = 0) -> None:
        self.film: Film | None = None
        self._filmed, self._snapshots = film, snapshots
        self._before: dict[int, int] = {}  # level -> steps of the levels before it
        often = max(1, steps // FRAMES)
        divisors = (often for often in range(min(often, snapshots), 0, -1) if snapshots % often == 0)
        self.every = next(divisors, often) if film else snapshots  # steps from one preview to the next

    def planned(self, event: Planned) -> None:
        """Now the sizes and the numbers are known."""
        steps = 0
        for level in event.levels:
            self._before[level.index] = steps
            steps += level.steps
        if self._filmed:
            self.film = Film(event.levels[-1].width, event.levels[-1].height)

    def preview(self, event: Preview) -> int | None:
        """The number of the step where this is a snapshot."""
        if self.film is not None:
            self.film.add(event.image)
        step = self._before[event.level.index] + event.step
        return step if self._snapshots and step % self._snapshots == 0 else None


def _gif(frames: list[Frame]) -> bytes:
    first, *others = (Image.fromarray(frame).quantize(256, Image.Quantize.FASTOCTREE) for frame in frames)
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=others, duration=round(1000 / PER_SECOND), loop=0)
    return stream.getvalue()


def _mp4(frames: list[Frame]) -> bytes:
    import av  # an extra: see check_film

    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video: Any = container.add_stream("libx264", rate=PER_SECOND)
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode())
    return stream.getvalue()


def write_film(film: Film, last: Tensor, path: Path) -> None:
    """The finished film at its place, complete or not at all."""
    place(film.encoded(path.suffix.lower(), last), path, overwrite=True)


class Snapshots:
    """step_00010.png, step_00020.png, ... in a folder beside the output that has its name."""

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(f"{output.stem}_steps")

    def check(self, *, overwrite: bool) -> None:
        """PictureError where the folder holds something already, or cannot be made."""
        if not overwrite and self.folder.is_dir() and any(self.folder.iterdir()):
            raise PictureError(f"The folder for snapshots, {self.folder}, holds files already; empty it first.")
        check_writable(self.file(1), overwrite=overwrite)

    def clear(self, but: Collection[Path] = ()) -> None:
        """Those of a run before go."""
        for old in {*self.folder.glob("step_*.png")}.difference(but):
            old.unlink()

    def file(self, step: int) -> Path:
        return self.folder / f"step_{step:05}.png"
