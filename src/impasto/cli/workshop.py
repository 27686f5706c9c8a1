"""Networks by what recipes ask for, cells painted once, films of them: what sheets are made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from impasto import device as devices
from impasto.allocator import as_planned
from impasto.batch.painter import Stopped
from impasto.cli.interrupt import Interrupt
from impasto.cli.options import Options
from impasto.cli.order import check_weights
from impasto.cli.progress import Teller, downloading
from impasto.cli.provenance import Files, cell_record
from impasto.commission import Commission
from impasto.events import Event, Finished, Note, Step
from impasto.explain.cells import Cells
from impasto.explain.grids import Cell
from impasto.explain.story import Story, every
from impasto.film import write_film
from impasto.findings import Findings
from impasto.inputs import weighted
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.paint import paint
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import Guidance
from impasto.stylize import finished


@dataclass
class Workshop:
    """Opened once for all the cells of a command."""

    options: Options
    tell: Teller
    interrupt: Interrupt
    device: torch.device
    networks: dict[tuple[str, ...], Network] = field(default_factory=dict)
    findings: dict[Network, Findings] = field(default_factory=dict)

    @classmethod
    def opened(cls, options: Options, tell: Teller, interrupt: Interrupt) -> Workshop:
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        if options.weights is not None:
            check_weights(options.weights)
        return cls(options, tell, interrupt, devices.choose(options.device or "auto"))

    def network(self, recipe: Recipe) -> Network:
        """One for all recipes that ask for the same."""
        key = (recipe.network, recipe.pooling, str(recipe.pool_rescale), recipe.padding, recipe.precision)
        if key not in self.networks:
            self.networks[key] = open_network(
                recipe,
                device=self.device,
                weights_file=self.options.weights,
                offline=self.options.offline,
                progress=downloading(self.tell),
            )
        return self.networks[key]

    def check(self, cells: Iterable[Cell]) -> None:
        """Whatever makes a cell impossible is told before the first is painted."""
        for cell in cells:
            network, paintings = self.network(cell.recipe), weighted(cell.styles)
            Commission(cell.content, paintings, Guidance(), cell.recipe, network, cell.start, ()).plan()

    def run(self, cell: Cell, hear: Callable[[Event], None], preview_every: int = 0) -> Picture:
        """Paint one cell to its end, or raise Stopped."""
        network = self.network(cell.recipe)
        self.interrupt.painting = True  # from now on an interruption only sets a flag
        for event in paint(
            cell.content,
            cell.styles,
            cell.recipe,
            network=network,
            device=self.device,
            start=cell.start,
            preview_every=preview_every,
            stop=lambda: self.interrupt.asked,
            memory=self.options.memory,
            findings=self.findings.setdefault(network, Findings()),
        ):
            if self.interrupt.asked:
                raise Stopped
            as_planned(event)
            hear(event)
            if isinstance(event, Finished):
                return finished(cell.content, event.image)
        raise AssertionError("a run ends with Finished")


@dataclass
class Shelf:
    """Finished cells by file, and how far the whole work has come."""

    shop: Workshop
    cells: Cells
    files: Files
    count: int
    films: Path | None = None
    painted: dict[str, str] = field(default_factory=dict)  # name -> file
    told: set[str] = field(default_factory=set)

    def picture(self, name: str, cell: Cell) -> Picture:
        """From its file, or painted now."""
        network = self.shop.network(cell.recipe)
        file = self.cells.file(cell, network, self.shop.device)
        film = self.films and self.films / f"{file_name(name)}_{file.stem[:8]}.gif"  # never over another's
        kept = self.cells.found(file) if film is None or film.is_file() else None
        where = f"{len(self.painted) + 1} of {self.count}: {name}"
        self.shop.tell.say(f"{where} (is there already)" if kept else where)
        if kept is None:
            record = cell_record(cell, self.files, self.shop.options, network, self.shop.device, file)
            kept = self.cells.keep(self._paint(cell, film), file, record)
        self.painted[name] = str(file)
        return kept

    def _paint(self, cell: Cell, film: Path | None) -> Picture:
        story = Story()

        def hear(event: Event) -> None:
            story.read(event)
            if isinstance(event, Step):
                overall = (len(self.painted) + event.fraction) / self.count
                self.shop.tell.step(replace(event, fraction=overall))
            elif isinstance(event, Note) and self.shop.options.verbose and event.text not in self.told:
                self.told.add(event.text)
                self.shop.tell.say(f"note: {event.text}")

        picture = self.shop.run(cell, hear, every(cell.recipe.steps) if film else 0)
        if film is not None:
            write_film(*story.film(picture.rgb), film)
        return picture


def file_name(words: str) -> str:
    """Words as the name of a file on any disk."""
    return "".join(c if c.isalnum() or c in "-_.=" else "-" for c in words.replace(", ", "__").replace(" ", "-"))
