"""Paint, tell how it goes, save, and say where."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from impasto import allocator
from impasto import device as devices
from impasto import record as records
from impasto.checkpoint import Checkpoint
from impasto.cli.interrupt import STOPPED, Interrupt, current
from impasto.cli.job import Job, prepare, recorded
from impasto.cli.keep import Keeper
from impasto.cli.options import Options
from impasto.cli.order import Order
from impasto.cli.progress import Teller, counted, named, teller
from impasto.cli.result import Outcome, save
from impasto.cli.resume import checkpoint
from impasto.cli.trials import of_this_user
from impasto.errors import RunError
from impasto.events import Event, Finished, Note, Planned, Preview, Step
from impasto.findings import Findings
from impasto.hand import Reads
from impasto.inputs import Painting
from impasto.paint import paint
from impasto.record import Record
from impasto.share import Crew, joined


def run(order: Order, options: Options, then: Record | None = None) -> int:
    """Carry out an order; `then` is the record of the picture that is painted again."""
    tell, outcome, interrupt = teller(options.quiet), Outcome(), current()
    with closing(tell), heard(tell, options.verbose):
        job = prepare(order, options, tell)
        allocator.give_back_now()  # the plan takes what reading has freed for held
        said = recorded(job, order, options)
        if then is not None:
            outcome.notes += records.differences(then, said)
            said = records.renamed(said, then)
        kept = checkpoint(options)
        keeper = Keeper(job, options, resumed=kept is not None and kept.path.exists())
        with joined(job.device) as crew:
            last = paint_with(job, options, tell, keeper, kept, crew, interrupt, outcome)
    if not crew.leads:
        return 0  # another process writes the picture
    if interrupt.asked and not last.evaluations:
        raise KeyboardInterrupt  # nothing is painted yet, so there is nothing to keep
    save(job, options, said, outcome, last, keeper)
    if kept is not None and interrupt.asked:
        tell.say(f"impasto resume --force {shlex.quote(str(kept.path))} goes on from here.")
    elif kept is not None:
        kept.finished()
    return STOPPED if interrupt.asked else 0


def paint_with(
    job: Job,
    options: Options,
    tell: Teller,
    keeper: Keeper,
    kept: Checkpoint | None,
    crew: Crew,
    interrupt: Interrupt,
    outcome: Outcome,
) -> Finished:
    """Read the events of the run; from now on an interruption keeps what there is."""
    began = time.monotonic()
    interrupt.painting = True
    with explained(job):
        for event in events(job, options, keeper, kept, crew, interrupt):
            allocator.as_planned(event)
            if crew.leads:
                read_event(event, job, options, tell, keeper, outcome)
            if isinstance(event, Finished):
                outcome.seconds = time.monotonic() - began
                return event
    raise AssertionError("a run ends with Finished")


class Telling(logging.Handler):
    """A log that is told to a person."""

    def __init__(self, tell: Teller) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell.say(f"note: {record.getMessage()}")


@contextmanager
def heard(tell: Teller, verbose: bool) -> Iterator[None]:
    """What the library logs is told too."""
    log, handler = logging.getLogger("impasto"), Telling(tell)
    before = log.level
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def events(
    job: Job, options: Options, keeper: Keeper, kept: Checkpoint | None, crew: Crew, interrupt: Interrupt
) -> Iterator[Event]:
    return paint(
        job.content,
        job.styles,
        job.recipe,
        network=job.network,
        device=job.device,
        start=job.start,
        guidance=job.guidance,
        preview_every=keeper.every,
        stop=lambda: interrupt.asked,
        memory=options.memory,
        checkpoint=kept,
        crew=crew,
        findings=Findings(None, of_this_user()),
    )


def read_event(event: Event, job: Job, options: Options, tell: Teller, keeper: Keeper, outcome: Outcome) -> None:
    match event:
        case Planned():
            keeper.planned(event)
            for line in (*opening(job, options, event), *(f"note: {note}" for note in outcome.notes)):
                tell.say(line)
        case Step():
            tell.step(event)
        case Preview():
            if trouble := keeper.preview(event):
                read_event(Note(trouble), job, options, tell, keeper, outcome)
        case Note():
            outcome.notes.append(event.text)
            tell.say(f"note: {event.text}")


def opening(job: Job, options: Options, plan: Planned) -> Iterator[str]:
    """The first lines: what paints, with what, from what size to what size, in which steps."""
    final = plan.levels[-1]
    yield f"device:  {devices.describe(job.device)}"
    yield f"network: {job.network.name}" + (f", weights of {options.weights}" if options.weights else "")
    yield f"size:    {job.content.width} x {job.content.height} -> {final.width} x {final.height}"
    yield from shares(job.styles)
    yield "plan:    " + ", ".join(
        f"{counted(level.steps, 'step')} at {level.width} x {level.height}" for level in plan.levels
    )
    if plan.forecast is not None:
        yield f"needs:   {plan.forecast}"
    if options.verbose:
        yield "weights: " + named(plan.weights)
        yield "layers:  " + ", ".join((*job.recipe.content_layers, *job.recipe.style_layers))
        yield f"output:  {job.output}"


def shares(paintings: Sequence[Painting]) -> Iterator[str]:
    """How much each of several paintings counts; for coarse and for fine layers, where it is not the same."""
    if len(paintings) < 2:
        return
    groups: tuple[Reads, ...] = ("all",) if all(each.layers == "all" for each in paintings) else ("coarse", "fine")
    told = []
    for group in groups:
        read = [each for each in paintings if each.layers in ("all", group)]
        total = sum(each.weight for each in read)
        words = ", ".join(f"{each.picture.name} {each.weight / total:.0%}" for each in read) if total else "none"
        told.append(words if group == "all" else f"{group}: {words}")
    yield "styles:  " + "; ".join(told)


@contextmanager
def explained(job: Job) -> Iterator[None]:
    """Memory that runs out in the middle is told in one sentence, with a size that asks for half as much."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not devices.out_of_memory(error):
            raise
        smaller = int(job.recipe.size * 0.7)
        raise RunError(f"There is not enough memory for --size {job.recipe.size}; try --size {smaller}.") from error
