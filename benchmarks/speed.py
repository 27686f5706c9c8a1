"""How fast, against the textbook loop: everything in one interleaved run.

    python -m benchmarks.speed [--rounds 7] [--plain-iterations 300] [--save]

1. Steps: one evaluation and one move, lite and VGG-19, ours and the textbook's, at the same size, taking turns, and
   beside each step of VGG-19 a row of large matrix products, which tells what rate the machine reaches at that moment.
   Lite takes a row of steps at a turn, as it would in a run, each timed by itself, and again between the pictures of
   part 2: on a machine that is shared, the quickest tenth tells what its processors do while they are wholly ours.
2. The default picture, from file to file in a process of its own: wall time, peak memory; the same at 512, 1024
   and 2048 px for the cost per pixel, and with the presets fast and fine. Start of the process to the first step, where
   pictures of the kind were painted before and where none was, and to torch imported.
3. The textbook loop painting the same pair; its picture and ours before the same judges, as they are, and at equal
   content (`benchmarks.rival`). It is run for `--plain-iterations`, and the time of its 1000 is reckoned
   from them, or from its steps in part 1 if these were quicker.
4. VGG-19, the same objective, in turns with the textbook loop: our time to its last loss (`benchmarks.race`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks import plain
from benchmarks.common import interleaved, median, pair, report, seconds, spread, table, vgg19
from benchmarks.quality import JUDGES
from benchmarks.race import CONTENT, STYLE, process, race, textbook
from benchmarks.rival import matched, scored, side_by_side
from benchmarks.split import split
from impasto import files, judge, tiles
from impasto.allocator import keep_what_is_freed
from impasto.canvas import at_level, levels
from impasto.cutter import Cutter
from impasto.descent import Descent
from impasto.inputs import weighted
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.objective import Objective
from impasto.optimizers import optimizer
from impasto.paint import terms
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.regions import Passage
from impasto.scene import Scene

PLAIN_ITERATIONS = 1000  # what the contract counts
AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # compiled once
IN_A_ROW = 20  # steps of the small network at a turn: as in a run, what a step finds in the cache was left by another
WARM_UP = 2  # turns
STARTS = ("first step", "of a new kind", "only torch")


def stepper(recipe: Recipe, network: Network) -> Callable[[], object]:
    """One step of our loop at the final size, again and again."""
    photo, painting = pair(CONTENT, STYLE)
    level = levels(recipe, photo.width, photo.height)[-1]
    image = at_level(photo, level, torch.device("cpu"))
    scene = Scene(image, (Passage(weighted([painting])),))
    objective = Objective(network, tuple(terms(network, scene, recipe, Cutter(0, 1), image)))
    descent, pieces = Descent(image, optimizer(recipe)), tiles.cut(level.height, level.width)

    def step() -> None:
        evaluation = objective.evaluate(descent.canvas, pieces)
        descent.advance(evaluation.loss, evaluation.gradient)

    return step


@dataclass
class Row:
    """Some steps, each timed by itself."""

    step: Callable[[], object]
    times: list[float] = field(default_factory=list)

    @property
    def measured(self) -> list[float]:
        """Without the first turns, which warm up."""
        return self.times[WARM_UP * IN_A_ROW :]

    def __call__(self) -> None:
        self.times += [seconds(self.step) for _ in range(IN_A_ROW)]


def products() -> tuple[Callable[[], object], float]:
    """Large matrix products in float32, about as many as take the time of a step, and their arithmetic operations."""
    n, count = 2048, 16
    a, b, c = torch.rand(3, n, n)

    def work() -> None:
        for _ in range(count):
            torch.mm(a, b, out=c)

    return work, count * 2.0 * n**3


def vgg_operations(width: int, height: int) -> float:
    """Forward and backward to the input of VGG-19 to relu5_1: 2 operations per multiplication, both ways."""
    channels = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}
    total, before = 0.0, 3
    for name in (each for each in plain.LAYERS if each != "P"):
        block = name[0]
        positions = (width >> int(block) - 1) * (height >> int(block) - 1)
        total += 2 * 9 * before * channels[block] * positions
        before = channels[block]
    return 2 * total


def row_of(recipe: Recipe) -> Row:
    return Row(stepper(recipe, open_network(recipe)))


def steps(rounds: int, recipe: Recipe, lite: Row) -> dict[str, Any]:
    """Part 1."""
    big, size = recipe.changed(network="vgg19", precision="float32"), recipe.size
    small = {"lite": lite, "lite in float32": row_of(recipe.changed(precision="float32"))}
    works: dict[str, Callable[[], object]] = {**small}
    works["products"], operations = products()
    works["vgg19 in float32"] = stepper(big, vgg19(big))
    with process(textbook(size)) as ask:
        works["plain"] = lambda: ask("")
        times = interleaved(works, rounds, WARM_UP)
    times |= {name: row.measured for name, row in small.items()}
    photo = pair(CONTENT, STYLE)[0].fitted(size)
    needed = vgg_operations(photo.width, photo.height)
    bounds = [operations / spent for spent in times.pop("products")]
    rates = [needed / spent for spent in times["vgg19 in float32"]]
    shares = [rate / bound for rate, bound in zip(rates, bounds, strict=True)]
    rows = [[name, 1000 * median(t), spread(t), median(times["plain"]) / median(t)] for name, t in times.items()]
    print(table(rows, ("step at 512 px", "ms", "spread", "x plain")))
    print(table(split(lite.step), ("lite step, by operation", "ms", "share")))
    print(
        f"VGG-19 step: {median(rates) / 1e9:.0f} G operations a second, {median(shares):.2f} of what products reach at "
        f"that moment (spread {spread(shares):.2f}), {max(rates) / max(bounds):.2f} of the best by the best"
    )
    return {
        "step_seconds": {n: median(t) for n, t in times.items()},
        "vgg19_rates": rates,
        "product_rates": bounds,
        "vgg19_share": median(shares),
    }


def command(size: int, folder: Path, preset: str = "default") -> dict[str, Any]:
    """A picture as a user makes it, in a process of its own."""
    photo, painting = (folder / f"{name}.png" for name in ("photo", "painting"))
    start = time.perf_counter()
    output = folder / f"{preset}{size}.png"
    words = ["paint", photo, painting, "--size", size, "--preset", preset, "-o", output, "--json", "--force"]
    code = "import sys, time; from impasto.cli import main; main(sys.argv[1:])"
    line = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, env=at_home(folder))
    return {"wall": time.perf_counter() - start, **json.loads(done.stdout)}


def at_home(folder: Path) -> dict[str, str]:
    """What is kept from picture to picture is kept here, so that the user's own is left alone."""
    return {**AS_INSTALLED, "IMPASTO_CACHE_DIR": str(folder / "cache")}


def first_step(folder: Path, home: Path) -> None:
    """Start of the process until the first step of a default picture is told."""
    words = ["paint", folder / "photo.png", folder / "painting.png", "-o", folder / "first.png", "--force"]
    line = [sys.executable, "-m", "impasto", *map(str, words)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=at_home(home)) as painter:
        assert painter.stderr is not None
        next(told for told in painter.stderr if told.startswith("level 1"))
        painter.kill()


def only_torch() -> None:
    """What no program with torch can be sooner than."""
    subprocess.run([sys.executable, "-c", "import os, torch; os._exit(0)"], check=True, env=AS_INSTALLED)


def pictures(sizes: Sequence[int], rounds: int, folder: Path, lite: Row) -> dict[str, Any]:
    """Part 2."""

    def painted(size: int, preset: str = "default") -> dict[str, Any]:
        lite()
        return command(size, folder, preset)

    works: dict[str, Callable[[], object]] = {
        "first step": lambda: first_step(folder, folder),
        "of a new kind": lambda: first_step(folder, Path(tempfile.mkdtemp(dir=folder))),
        "only torch": only_torch,
        "lite": lite,
    }
    starts = interleaved(works, rounds)
    several = max(1, rounds // 2)
    runs = {size: [painted(size) for _ in range(several if size <= 512 else 1)] for size in sizes}
    per_size = {}
    for size, done in runs.items():
        wall, pixels = median([d["wall"] for d in done]), done[0]["width"] * done[0]["height"]
        per_size[size] = {"wall": wall, "per_megapixel": wall / pixels * 1e6, "peak": done[0]["peak_memory_bytes"]}
    rows = [[f"{s} px", v["wall"], v["per_megapixel"], v["peak"] / 1e9] for s, v in per_size.items()]
    print(table(rows, ("default picture", "seconds", "s per megapixel", "peak GB")))
    presets = {name: median([painted(512, name)["wall"] for _ in range(several)]) for name in ("fast", "fine")}
    print(table([*presets.items()], ("preset at 512 px", "seconds")))
    first, new, torch_alone = (median(starts[name]) for name in STARTS)
    tenths = statistics.quantiles(lite.measured, n=10)
    print(f"lite step, all turns: {', '.join(f'{1000 * each:.0f}' for each in tenths)} ms, by tenths")
    print(f"start of the process to its first step: {first:.2f} s, to torch imported: {torch_alone:.2f} s")
    print(f"to the first step of a kind that was not painted before: {new:.2f} s")
    print(
        f"at best {', '.join(f'{min(starts[name]):.2f}' for name in STARTS)} s ({', '.join(STARTS)}), of {rounds} each"
    )
    return {
        "pictures": per_size,
        "presets": presets,
        "first_step_seconds": first,
        "torch_import_seconds": torch_alone,
        "first_step_of_a_new_kind_seconds": new,
        "starts": {name: starts[name] for name in STARTS},
        "lite_step_tenths": tenths,
    }


def both(iterations: int, size: int, ours: Path) -> dict[str, Any]:
    """Parts 3 and 4: the race, and both pictures before two judges."""
    written = ours.with_name("plain.png")
    result = race(iterations, size, written)
    theirs = read(written)
    scores = {name: judged(network(), ours, theirs) for name, network in JUDGES.items()}
    level = matched(scored(f"{CONTENT}+{STYLE}", theirs, size), size)
    print(side_by_side([level]))
    each = result["plain"]["seconds_per_iteration"]
    print(f"plain: {each:.2f} s an iteration, so {each * PLAIN_ITERATIONS:.0f} s for {PLAIN_ITERATIONS}")
    return {**result, "scores": scores, "at_equal_content": level}


def judged(network: Network, ours: Path, theirs: Picture) -> dict[str, Any]:
    """Scores of both pictures."""
    photo, painting = pair(CONTENT, STYLE)
    scores = judge.score(network, photo, painting, [read(ours), theirs])
    rows = [[name, *asdict(s).values()] for name, s in zip(("impasto", "plain"), scores, strict=True)]
    halves = judge.between_halves(network, photo, painting)
    rows.append(["the painting's left half, against its right", *halves, "", "", ""])
    print(table(rows, (f"picture, judged by {network.name}", "shallow", "deep", "color", "content", "grain")))
    return {"impasto": asdict(scores[0]), "plain": asdict(scores[1]), "halves": halves}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--sizes", default="512,1024,2048")
    parser.add_argument("--plain-iterations", type=int, default=300)
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results")
    a = parser.parse_args()
    keep_what_is_freed()  # as the command does
    recipe = Recipe(network="lite", first_level=0, size=a.size)
    lite = row_of(recipe)
    result: dict[str, Any] = {"size": a.size, **steps(a.rounds, recipe, lite)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, picture in zip(("photo", "painting"), pair(CONTENT, STYLE), strict=True):
            files.write(picture, folder / f"{kind}.png")
        result |= pictures([int(s) for s in a.sizes.split(",")], a.rounds, folder, lite)
        result |= both(a.plain_iterations, a.size, folder / f"default{a.size}.png")
    default = result["pictures"][a.size]["wall"]
    each = min(result["step_seconds"]["plain"], result["plain"]["seconds_per_iteration"])  # where it was the quicker
    result["default_over_plain"] = each * PLAIN_ITERATIONS / default
    print(
        f"default picture: {default:.1f} s, plain's 1000 iterations take {result['default_over_plain']:.0f} times that"
    )
    report("speed", result, save=a.save)


if __name__ == "__main__":
    main()
