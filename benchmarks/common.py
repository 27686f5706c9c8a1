"""What every benchmark needs: the machine, fair repetition, a table, one JSON line."""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from impasto import __version__
from impasto.device import describe
from impasto.judge import as_painted
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.picture import Picture, read
from impasto.recipe import Recipe

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
PLACES = SHARED / "pictures", HERE.parent / "examples"
STAND_IN = SHARED / "weights" / "vgg19-standin.safetensors"


def vgg19(recipe: Recipe | None = None) -> Network:
    """VGG-19 with the development stand-in weights, or a sentence that says what is missing."""
    if not STAND_IN.is_file():
        sys.exit(f"This benchmark needs VGG-19 weights at {STAND_IN}.")
    return open_network(recipe or Recipe(network="vgg19", precision="float32"), weights_file=STAND_IN)


def pair(content: str, style: str) -> tuple[Picture, Picture]:
    """A photo and a painting by name, of the development data or our own examples: both of one, if it has both."""
    mixed = [(a, b) for a in PLACES for b in PLACES]
    for photos, paintings in sorted(mixed, key=lambda places: places[0] != places[1]):
        photo, painting = photos / "content" / f"{content}.jpg", paintings / "style" / f"{style}.jpg"
        if photo.is_file() and painting.is_file():
            return read(photo), read(painting)
    sys.exit(f"There is no photo {content!r} or no painting {style!r} in the development data and the examples.")


def fitted(photo: Picture, painting: Picture, size: int) -> tuple[Picture, Picture]:
    """Both at the size of a painted picture, the painting as large as our own painter sees it."""
    photo = photo.fitted(size)
    return photo, Picture(as_painted(painting, photo.size, max(photo.size)))


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call; an accelerator is waited for."""
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def wait() -> None:
    """Until the accelerator, if there is one, has done what it was given."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


def interleaved(works: Mapping[str, Callable[[], object]], rounds: int, warmup: int = 1) -> dict[str, list[float]]:
    """Seconds of each, in rounds, so that a slow moment of the machine meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(warmup + rounds):
        for name, work in works.items():
            spent = seconds(work)
            if round_ >= warmup:
                times[name].append(spent)
    return times


def median(times: Sequence[float]) -> float:
    return statistics.median(times)


def spread(times: Sequence[float]) -> float:
    """Half the distance between the quartiles, as a share of the median."""
    if len(times) < 4:
        return (max(times) - min(times)) / 2 / median(times)
    low, _, high = statistics.quantiles(times, n=4)
    return (high - low) / 2 / median(times)


def machine() -> dict[str, Any]:
    """Where and when this was measured."""
    where = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "impasto": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": describe(where or torch.device("cpu")),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Columns for people."""
    cells = [[f"{c:.3g}" if isinstance(c, float) else str(c) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
    return "\n".join("  ".join(line) for line in lines)


def report(name: str, result: Mapping[str, Any], *, save: bool) -> None:
    """The JSON line that comes last; `save` keeps it under benchmarks/results."""
    whole = {"benchmark": name, **machine(), **result}
    if save:
        folder = HERE / "results"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}-{whole['date']}.json").write_text(json.dumps(whole, indent=1) + "\n")
    print(json.dumps(whole))
