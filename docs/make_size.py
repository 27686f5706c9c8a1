"""The pictures of size.md, from a large run:  python -m docs.make_size FOLDER

FOLDER holds the painted file (.tif) and trace.txt: a line of names, then a line for every second with the seconds since
the start and what the process held, in kB, of its own (RssAnon) and of mapped files (RssFile).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from impasto import giant
from impasto.chart import Label, Mark, Stroke, svg
from impasto.files import write
from impasto.picture import Picture
from impasto.resample import resize

PICTURES = Path(__file__).resolve().parent / "pictures"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 260, 64, 24, 216
CROP = (480, 360)
PLACES = ((0.30, 0.42), (0.55, 0.50), (0.45, 0.78))  # of the crops' middles: roofs, boats, water
COLORS = {"RssAnon": "#d55e00", "RssFile": "#0072b2"}
NAMES = {"RssAnon": "its own", "RssFile": "mapped files"}


def traced(file: Path) -> dict[str, list[float]]:
    """The columns by name."""
    names, *rows = (line.split() for line in file.read_text().splitlines())
    numbers = [[float(word) for word in row] for row in rows if len(row) == len(names)]
    return {name: list(column) for name, column in zip(names, zip(*numbers, strict=True), strict=True)}


def memory(trace: dict[str, list[float]], limit: float) -> Iterator[Mark]:
    """Gigabytes over minutes, up to a little more than the limit."""
    last, high = max(trace["seconds"][-1], 60.0), 1.1 * limit

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * seconds / last

    def y(gigabytes: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * gigabytes / high

    for gigabytes in range(int(high) + 1):
        yield Stroke(((LEFT, y(gigabytes)), (x(last), y(gigabytes))), "#d0d0d0")
        yield Label(LEFT - 8, y(gigabytes), f"{gigabytes} GB", "end")
    for minutes in range(0, int(last / 60) + 1, max(1, int(last / 480))):
        yield Label(x(60 * minutes), BOTTOM + 16, f"{minutes} min", "middle")
    yield Stroke(((LEFT, y(limit)), (x(last), y(limit))), "#222222", 1.5)
    yield Label(x(last) - 4, y(limit) - 9, f"--memory {limit:.1f} GB", "end")
    for i, (name, color) in enumerate(COLORS.items()):
        values = thinned(list(zip(trace["seconds"], trace[name], strict=True)))
        yield Stroke(tuple((x(second), y(kilobytes * 1024 / 1e9)) for second, kilobytes in values), color, 1.5)
        yield Label(LEFT + 10 + 120 * i, HEIGHT - 10, NAMES[name], color=color)


def thinned(points: Sequence[tuple[float, float]], most: int = 600) -> list[tuple[float, float]]:
    """The highest of each few."""
    share = -(-len(points) // most)
    return [max(points[i : i + share], key=lambda point: point[1]) for i in range(0, len(points), share)]


def crops(file: Path, width: int, height: int) -> Picture:
    """Pieces of the picture, pixel by pixel, side by side."""
    across, down = CROP
    corners = [(int(u * width) - across // 2, int(v * height) - down // 2) for u, v in PLACES]
    return Picture(torch.cat([giant.region(file, left, top, across, down) for left, top in corners], 3))


def whole(file: Path, width: int, height: int, wide: int = 1440) -> Picture:
    """All of it, small, read in bands."""
    tall, rows = wide * height // width, []
    for top in range(0, height, 512):
        band = giant.region(file, 0, top, width, min(512, height - top))
        rows.append(resize(band, wide, max(1, round(band.shape[-2] * tall / height))))
    return Picture(torch.cat(rows, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=float, default=4 * 2**30 / 1e9, help="GB that were allowed")
    given = parser.parse_args()
    trace = traced(given.folder / "trace.txt")
    (PICTURES / "size_trace.svg").write_text(svg(list(memory(trace, given.limit)), WIDTH, HEIGHT))
    most = {name: max(trace[name]) * 1024 / 1e9 for name in (*COLORS, "VmRSS")}
    print(", ".join(f"{name} at most {value:.2f} GB" for name, value in most.items()))
    for file in sorted(given.folder.glob("*.tif")):
        width, height = giant.size(file)
        write(crops(file, width, height), PICTURES / "size_crops.jpg", quality=88, overwrite=True)
        write(whole(file, width, height), PICTURES / "size_whole.jpg", quality=88, overwrite=True)
        print(f"{file.name}: {width} x {height}")


if __name__ == "__main__":
    main()
