"""A run of which only the story is kept: its loss curves, and a film with them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from impasto import film
from impasto.batch.painter import Stopped
from impasto.chart import svg
from impasto.cli.interrupt import current
from impasto.cli.job import seen
from impasto.cli.options import Options
from impasto.cli.order import Order, check_order
from impasto.cli.progress import Teller, teller
from impasto.cli.run import heard
from impasto.cli.workshop import Workshop
from impasto.events import Event, Note, Step
from impasto.explain.documents import check_document, write_document
from impasto.explain.grids import Cell
from impasto.explain.story import Story, every
from impasto.files import write
from impasto.hand_files import opened
from impasto.picture import Picture, read
from impasto.sheet import raster

SIZE = (760, 400)  # pixels
SHARPER = 2  # the .png, for screens with small pixels


def draw(asked: Order, options: Options, target: Path) -> dict[str, Any]:
    """Paint, and write what the run tells; all that is known of it."""
    check_order(asked, options, target)
    target = check_document(target, (".svg", ".png"), overwrite=options.force)
    if options.film is not None:
        film.check_film(options.film)
        film.check_folder(options.film)
    tell, story = teller(options.quiet), Story()
    with closing(tell), heard(tell, options.verbose):
        shop = Workshop.opened(options, tell, current())
        start = None if asked.start is None else read(asked.start)
        cell = Cell(seen(asked.content), tuple(map(opened, asked.styles)), asked.recipe, start)
        shop.check([cell])
        painted = run(shop, cell, story, tell)
    if options.film is not None:
        film.write_film(*story.film(painted.rgb), options.film)
    write_chart(story, target, overwrite=options.force)
    losses = {curve.name: curve.values for curve in story.curves()}
    return {"output": str(target), "recipe": asked.recipe.as_dict(), "losses": losses}


def run(shop: Workshop, cell: Cell, story: Story, tell: Teller) -> Picture:
    """The whole run, or nothing."""

    def hear(event: Event) -> None:
        story.read(event)
        if isinstance(event, Step):
            tell.step(event)
        elif isinstance(event, Note):
            tell.say(f"note: {event.text}")

    try:
        return shop.run(cell, hear, every(cell.recipe.steps) if shop.options.film else 0)
    except Stopped:
        raise KeyboardInterrupt from None  # half a curve is none


def write_chart(story: Story, target: Path, *, overwrite: bool) -> None:
    """As the file's name says."""
    marks = story.chart(*SIZE)
    if target.suffix.lower() == ".svg":
        write_document(svg(marks, *SIZE), target, overwrite=overwrite)
    else:
        write(Picture(raster(marks, *SIZE, SHARPER)), target, overwrite=overwrite)
