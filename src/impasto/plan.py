"""The plan of a run: how each level is cut, where all that is as large as it lies, the most that is held, the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import chain

import torch

from impasto import device as devices
from impasto import storage
from impasto.canvas import final_size, work
from impasto.costs import FORWARD_AND_BACK, Costs, Run, measure, shortest
from impasto.cutter import SMALLEST, Cutter
from impasto.errors import PlanError
from impasto.events import Forecast, Level, size
from impasto.findings import Trials
from impasto.footprint import Footprint
from impasto.inputs import enlargement
from impasto.likeness import Grid
from impasto.networks import stride
from impasto.networks.view import ways
from impasto.recipe import Recipe
from impasto.share import ALONE, Crew
from impasto.storage import BAND, MEMORY, Room
from impasto.tiles import BLOCK, Span

USABLE = 0.9  # of the memory that is free: others need some too
SLACK = 16e6  # what the allocator does not give back, and the threads' own
HOLES = 0.6  # of what is held, where the C library's heap keeps what is freed, and not all of it fits again ...
HOLES_GIVEN_BACK, FEW = 0.15, 50e6  # ... where large pieces are given back at once, small ones leave so much, or this
RETURNED = 1.5  # times as long takes what needs memory that has been given back: it comes page by page
PLENTY = 0.5  # of the budget: up to there it is enough to know what an earlier run of the same kind has cost
ROOMY = 0.8  # of the budget: up to there all may be kept, as the holes have been seen to grow to 0.85
RGB = 12  # bytes of a pixel of a picture or canvas
COMFORTABLE = 6  # times as wide as its halo: a tile then goes forward and back on less than three times its own pixels
LAID = 3 * RGB  # beside the optimizer's, where all lies in files: photo, canvas, gradient, at least
RESIZING = 6 * RGB * BAND  # what is made on the way from one level to the next


@dataclass(frozen=True)
class Layout:
    """How one level is painted; the tiles are as large as the memory allows."""

    level: Level
    side: int | None  # of the tiles; None: in one piece
    in_file: bool  # all that is as large as the picture lies in files
    keeps: bool  # what is freed is kept for what comes next, or else given back at once, which is slower
    tiles: int
    peak: float  # bytes beyond what is held before the run
    seconds: float


@dataclass(frozen=True)
class Planner:
    """Knows what everything costs at any size."""

    measured: Callable[[bool], Costs]  # in memory, or (True) in files
    run: Run
    recipe: Recipe
    cutter: Cutter
    beside: int  # bytes in the processor's library: kernels that were turned, in its own form, and room to work in

    @staticmethod
    def of(final: Level, run: Run, recipe: Recipe, crew: Crew, measured: Callable[[bool], Costs]) -> Planner:
        """What the trials leave behind is held from now on, and so are the kernels turned here."""
        measured(False)
        with Footprint() as turned:
            for view in chain(*ways(final.looks)):
                run.network.viewed(view)
        cutter = Cutter.of(run.network, run.layers, crew, recipe.wraps)
        planner = Planner(measured, run, recipe, cutter, turned.now + run.network.workspace)
        return planner if planner.cpu else replace(planner, beside=0)

    @property
    def cpu(self) -> bool:
        """Where there are files to lie in, and a heap."""
        return self.run.device.type == "cpu"

    def layout(self, level: Level, side: int | None, in_file: bool, *, keeps: bool = False) -> Layout:
        """What it takes to paint the level in tiles of this side.

        Of what lies in files, the rows are held that a tile sees, of canvas and gradient, or a band of everything.
        """
        axes = self.cutter.sized(side).spans(level.height, level.width)
        tiles, hands = math.prod(map(len, axes)), self.cutter.sharing(level.height).size
        before = seen(axes) if tiles > hands else 0
        alone = tiles == 1 or hands > 1  # hands add to each other's slopes
        grown = axes if alone else [[span.grown() for span in axis] for axis in axes]
        rows, columns = (max(span.length for span in axis) for axis in grown)
        costs, pixels = self.measured(in_file), level.width * level.height
        network = (seen(grown) + before / FORWARD_AND_BACK) * costs.seconds.looking
        looks = level.looked(level.steps)
        moving = (looks * network + level.steps * pixels * costs.seconds.stepping) / hands
        seconds = moving * (1 if keeps or not self.cpu else RETURNED) + looks * costs.seconds.fixed
        image = 0 if in_file else RGB * pixels
        tensors = self._most(costs, pixels, rows * columns, whole=side is None, image=image, looks=max(level.looks))
        peak = SLACK + tensors + self._holes(tensors, keeps) + self._tables(level) + self.beside
        if in_file:
            peak += max(2 * RGB * rows * level.width, self.measured(False).state.slope * min(pixels, BAND))
        return Layout(level, side, in_file, keeps, tiles, peak, seconds)

    def _holes(self, tensors: float, keeps: bool) -> float:
        holes = HOLES * tensors if self.cpu else 0.0
        return holes if keeps else min(holes, max(FEW, HOLES_GIVEN_BACK * tensors))

    def _most(self, costs: Costs, pixels: int, seen: int, *, whole: bool, image: int, looks: int) -> float:
        """Of tensors. Targets are made before there is a descent; then tiles and steps take turns. `image` is what the
        photo, the canvas or a gradient holds in memory. Who looks in several ways makes the targets of the others in
        the middle of a descent, of a picture that was kept for it, and adds gradients up."""
        scale, most = self.recipe.style_scale, enlargement(self.recipe)
        style = max(min(pixels * s**2, own * (most * max(1.0, s)) ** 2) for own, s in self.run.paintings)
        surveyed, made = max(seen, style) if whole else seen, min(seen, style / scale**2)
        paintings = (2 + (self.recipe.rotations > 1)) * RGB * style if image else 0
        looking = max(costs.looking(surveyed), costs.making(made))
        building = max(looking + paintings, min(RESIZING, 6 * RGB * pixels)) + image
        descending = costs.state(pixels) + image + max(costs.tile(seen), stepping(costs, pixels))
        if looks > 1:
            descending = image + max(descending + image, costs.state(pixels) + looking + paintings)
        return image + looks * costs.targets(pixels) + max(building, descending)

    def _tables(self, level: Level) -> int:
        """What self-similarity holds of all pairs of places: it grows with the square of the trial's, up to a limit."""
        layers = self.recipe.content_layers if self.recipe.content_measure == "self-similarity" else {}
        strides = [stride(self.run.network, layer) for layer, weight in layers.items() if weight]
        return sum(Grid.over(level.height // stride, level.width // stride).memory for stride in strides)

    def on_disk(self, layout: Layout) -> float:
        """The bytes that lie in files, at least."""
        pixels = layout.level.width * layout.level.height
        return self.measured(False).state(pixels) + LAID * pixels if layout.in_file else 0.0

    def at_ease(self, levels: Sequence[Level], budget: float) -> tuple[Layout, ...]:
        """All in one piece by what others have tried out, where that is far from the budget; or none."""
        later = replace(self, beside=self.beside + self.measured(False).left)
        layouts = tuple(later.layout(level, None, in_file=False, keeps=True) for level in levels)
        return layouts if max(layout.peak for layout in layouts) <= PLENTY * budget else ()

    def best(self, level: Level, budget: float) -> Layout | None:
        """In one piece if possible; else the largest tiles that fit; in files what would leave tiles mostly halo."""
        kept = self.layout(level, None, in_file=False, keeps=True)
        if kept.peak <= (ROOMY * budget if self.cpu else budget):
            return kept
        return next(self._thrifty(level, budget), None)

    def _thrifty(self, level: Level, budget: float) -> Iterator[Layout]:
        """Ways that fit and leave hardly any holes, the quicker ones first."""
        comfortable = max(COMFORTABLE * self.cutter.halo, SMALLEST)
        for least, in_file in ((comfortable, False), (SMALLEST, self.cpu), (SMALLEST, False)):
            sides = self._sides(level, least)
            ends = (self.layout(level, side, in_file) for side in {sides[0], sides[-1]})
            if any(end.peak <= budget for end in ends):  # or no side does: what is held grows from one end to the other
                layouts = (self.layout(level, side, in_file) for side in sides)
                yield from (layout for layout in layouts if layout.peak <= budget)

    def _sides(self, level: Level, least: int) -> list[int | None]:
        """None, then ever smaller sides, where tiles are of use."""
        if self.recipe.in_one_piece:
            return [None]
        unit, whole = max(self.cutter.stride, BLOCK), max(level.width, level.height)
        shares = (-(-whole // (n * unit)) * unit for n in range(2, whole // least + 1))
        return [None, *dict.fromkeys(side for side in shares if side >= max(least, unit))]

    def fitting(self, final: Level, budget: float) -> int:
        """The longest side, to ten pixels, at which the last level fits; zero if none does."""
        long = max(final.width, final.height)
        low, high = 0, long
        while high - low > 10:
            middle = (low + high) // 2
            width, height = final_size(final.width, final.height, middle)
            fits = self.best(replace(final, width=width, height=height), budget)
            low, high = (middle, high) if fits else (low, middle)
        return low // 10 * 10


@dataclass(frozen=True)
class Schedule:
    """How each level of a run is painted: as it was laid out, or, where nothing was tried, in one piece, in memory."""

    levels: tuple[Level, ...]
    layouts: tuple[Layout, ...] = ()

    @property
    def sides(self) -> list[int | None]:
        """Of each level's tiles; None: in one piece."""
        return [layout.side for layout in self.layouts] or [None] * len(self.levels)

    @cached_property
    def work(self) -> list[float]:
        """What each level takes of the whole."""
        return [layout.seconds for layout in self.layouts] or work(self.levels)

    @cached_property
    def files(self) -> Room:
        """For what is as large as the picture, where it is too large for the memory."""
        return Room(in_file=any(layout.in_file for layout in self.layouts))

    def room(self, level: Level) -> Room:
        """Where all that is as large as this level lies."""
        return self.files if self.layouts and self.layouts[level.index - 1].in_file else MEMORY

    def forecast(self, device: torch.device) -> Forecast | None:
        """The plan in numbers: the last level's tiles, the most memory of all levels, the time of all."""
        if not self.layouts:
            return None
        last = self.layouts[-1]
        memory = devices.held_memory(device) + round(max(layout.peak for layout in self.layouts))
        seconds, keeps = sum(layout.seconds for layout in self.layouts), all(layout.keeps for layout in self.layouts)
        final, in_file = last.level, self.files.in_file
        return Forecast(final.width, final.height, last.tiles, last.side, memory, seconds, in_file, keeps)


def lay_out(
    levels: tuple[Level, ...],
    run: Run,
    recipe: Recipe,
    *,
    memory: int | None = None,
    crew: Crew = ALONE,
    trials: Trials | None = None,
) -> Schedule:
    """A layout for each level, within `memory` bytes for the whole process, or within what is free; none where no limit
    is given and a trial would take no less than the run itself. What `trials` have told is enough where there is room.

    PlanError with the size that would fit, if this one does not.
    """
    if memory is None and not worth_a_trial(levels[-1], run):
        return Schedule(levels)
    planner = partial(Planner.of, levels[-1], run, recipe, crew)
    told = None if trials is None or crew.several else trials.told(run.kind)
    if told is not None and (roomy := planner(lambda _: told).at_ease(levels, allowed(run.device, memory))):
        return Schedule(levels, roomy)
    measured = cache(lambda in_file: measure(run, in_file=in_file))
    tried = planner(measured)
    if trials is not None:
        trials.tell(run.kind, measured(False))
    held = devices.held_memory(run.device)
    budget = crew.least(allowed(run.device, memory, crew.size), run.device)
    layouts = [tried.best(level, budget) for level in levels]
    found = tuple(layout for layout in layouts if layout is not None)
    if len(found) < len(levels):
        raise PlanError(refusal(tried, levels[-1], budget, held))
    if not crew.several:  # who would have to agree on it
        check_disk(levels[-1], max(map(tried.on_disk, found)))
    return Schedule(levels, found)


def check_disk(final: Level, needed: float) -> None:
    """A disk that fills up in the last level would cost all that was done before."""
    if needed and needed > (free := storage.free()):
        words = f"{final.width} x {final.height} needs {size(needed)} in files, and {size(free)} are free in"
        raise PlanError(f"{words} {storage.folder()}: set TMPDIR to a larger disk, or allow more memory.")


def worth_a_trial(final: Level, run: Run) -> bool:
    """Whether the pictures of the run are larger than those of the trials."""
    largest = max(1.0, *(scale for _, scale in run.paintings))
    return final.width * final.height * largest**2 > 2 * shortest(run) ** 2


def seen(axes: Iterable[Sequence[Span]]) -> int:
    """The pixels that all tiles of these rows and columns see, some of them several times."""
    return math.prod(sum(span.length for span in axis) for axis in axes)


def stepping(costs: Costs, pixels: int) -> float:
    """What is held while the optimizer takes a step: some of it grows with the picture, the rest with a band of it."""
    return costs.stepping.slope * pixels + costs.stepping.fixed * min(pixels, BAND) / costs.band


def allowed(device: torch.device, memory: int | None, shares: int = 1) -> float:
    """The bytes that this process may take beyond those it holds; as many processes share what is free."""
    free = USABLE * devices.free_memory(device) / shares
    return free if memory is None else min(free, memory - devices.held_memory(device))


def refusal(planner: Planner, final: Level, budget: float, held: int) -> str:
    """Why it cannot be, and what could."""
    whole, how = planner.recipe.in_one_piece, "even in the smallest tiles"
    if whole:
        how = f"in one piece, as style_statistic = {planner.recipe.style_statistic} asks for it"
    least = max(SMALLEST, planner.cutter.stride)
    smallest = planner.layout(final, None if whole else least, in_file=planner.cpu)
    fits = planner.fitting(final, budget)
    words = f"{final.width} x {final.height} needs {size(held + smallest.peak)} of memory {how}"
    advice = f"--size {fits} would fit" if fits >= SMALLEST else "no size would fit; allow more"
    return f"{words}, and {size(held + budget)} may be used: {advice}."
