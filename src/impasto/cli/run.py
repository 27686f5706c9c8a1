"""Paint, tell how it goes, save, and say where."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from impasto import device as devices
from impasto import record
from impasto.cli.interrupt import Interrupt, listening
from impasto.cli.job import Job, prepare, recorded
from impasto.cli.keep import Keeper, dressed
from impasto.cli.order import Options, Order
from impasto.cli.progress import Teller, duration, named, teller
from impasto.errors import RunError
from impasto.events import Event, Finished, Note, Planned, Preview, Step
from impasto.files import write
from impasto.paint import paint
from impasto.record import Record

STOPPED = 130  # what shells call a program that Ctrl-C ended


@dataclass
class Outcome:
    """What is known of a run so far."""

    finished: Finished | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def run(order: Order, options: Options, then: Record | None = None) -> int:
    """Carry out an order; `then` is the record of the picture that is painted again."""
    tell, outcome = teller(options.quiet), Outcome()
    with listening() as interrupt:
        try:
            job = prepare(order, options, tell)
            said = recorded(job, order, options)
            if then is not None:
                outcome.notes += record.differences(then, said)
                said = record.renamed(said, then)
            paint_with(job, options, tell, interrupt, outcome)
        finally:
            tell.close()
        if outcome.finished is None or (interrupt.asked and not outcome.finished.evaluations):
            raise KeyboardInterrupt  # nothing is painted yet, so there is nothing to keep
        save(job, options, said, outcome, outcome.finished)
        return STOPPED if interrupt.asked else 0


def paint_with(job: Job, options: Options, tell: Teller, interrupt: Interrupt, outcome: Outcome) -> None:
    """Read the events of the run; from now on an interruption keeps what there is."""
    keeper, began = Keeper(job, options), time.monotonic()
    interrupt.painting = True
    with explained(job):
        for event in events(job, keeper, interrupt):
            read_event(event, job, options, tell, keeper, outcome)
    outcome.seconds = time.monotonic() - began


def events(job: Job, keeper: Keeper, interrupt: Interrupt) -> Iterator[Event]:
    return paint(
        job.content,
        job.styles,
        job.recipe,
        network=job.network,
        device=job.device,
        start=job.start,
        preview_every=keeper.every,
        stop=lambda: interrupt.asked,
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
            keeper.preview(event)
        case Note():
            outcome.notes.append(event.text)
            tell.say(f"note: {event.text}")
        case Finished():
            keeper.finished(event)
            outcome.finished = event


def opening(job: Job, options: Options, plan: Planned) -> Iterator[str]:
    """The first lines: what paints, with what, from what size to what size, in which steps."""
    final = plan.levels[-1]
    yield f"device:  {devices.describe(job.device)}"
    yield f"network: {job.network.name}" + (f", weights of {options.weights}" if options.weights else "")
    yield f"size:    {job.content.width} x {job.content.height} -> {final.width} x {final.height}"
    yield "plan:    " + ", ".join(f"{level.steps} steps at {level.width} x {level.height}" for level in plan.levels)
    if options.verbose:
        yield "weights: " + named(plan.weights)
        yield "layers:  " + ", ".join((*job.recipe.content_layers, *job.recipe.style_layers))
        yield f"output:  {job.output}"


@contextmanager
def explained(job: Job) -> Iterator[None]:
    """Memory that runs out in the middle is told in one sentence, with a size that asks for half as much."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "not enough memory" in str(error)):
            raise
        smaller = int(job.recipe.size * 0.7)
        raise RunError(f"There is not enough memory for --size {job.recipe.size}; try --size {smaller}.") from error


def save(job: Job, options: Options, said: Record, outcome: Outcome, last: Finished) -> None:
    """Write the picture; its path, or all that is known about it, is the only thing on stdout."""
    picture = dressed(job.content, last.image)
    written = write(
        picture,
        job.output,
        recipe_record=said.as_dict(),
        depth=options.depth,
        quality=options.quality,
        overwrite=options.force,
    )
    outcome.notes += written.notes
    if not options.quiet:
        for note in written.notes:
            print(f"note: {note}", file=sys.stderr)
        print(f"{last.evaluations} steps in {duration(outcome.seconds)}", file=sys.stderr)
    if not options.json:
        print(written.path)
        return
    told = {
        "output": str(written.path),
        "width": picture.width,
        "height": picture.height,
        "seconds": round(outcome.seconds, 3),
        "evaluations": last.evaluations,
        "losses": dict(last.losses),
        "network": job.network.name,
        "device": str(job.device),
        "peak_memory_bytes": devices.peak_memory(job.device),
        "recipe": said.recipe,
        "notes": outcome.notes,
    }
    print(json.dumps(told))
