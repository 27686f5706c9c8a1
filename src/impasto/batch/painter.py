"""Whoever paints: keeps its networks, and what they saw in the paintings; gives the bytes of a file for each task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from impasto import device as devices
from impasto import record
from impasto.batch import unfinished
from impasto.batch.beside import Asked, Beside
from impasto.batch.jobs import Job
from impasto.errors import ImpastoError, RunError
from impasto.events import Event, Finished, Note, Planned
from impasto.files import encode
from impasto.findings import Findings
from impasto.hand_files import described_hand, described_style, guided, opened
from impasto.inputs import Painting
from impasto.networks import Network
from impasto.networks.choose import open_network
from impasto.paint import paint
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.record import HandRecord, Record, described_input, sha256_of
from impasto.stylize import finished


@dataclass(frozen=True)
class Tools:
    """What a painter works with: nothing that changes from job to job."""

    device: str = "auto"
    weights: Path | None = None
    offline: bool = False
    memory: int | None = None
    depth: int = 8
    quality: int | None = None
    film: str = ""  # .gif or .mp4, of every run
    snapshots: int = 0  # after so many steps
    checkpoint_every: float | None = None  # seconds; None: no state is kept

    @property
    def beside(self) -> Asked:
        """What is made beside each picture."""
        film: Asked = {"film": self.film} if self.film else {}
        return {**film, "snapshots": self.snapshots} if self.snapshots else film


@dataclass(frozen=True)
class Task:
    """A job that is to be done now."""

    job: Job
    target: Path
    key: str  # of everything that the picture is made of
    beside: tuple[str, ...] = ()  # what else in the folder is this picture's


@dataclass(frozen=True)
class Painted:
    """A picture as the bytes of its file."""

    data: bytes
    seconds: float
    notes: tuple[str, ...]
    beside: Mapping[str, bytes] = field(default_factory=dict)  # other files, by their names in the folder


@dataclass(frozen=True)
class Failed:
    """A task that cannot be done, in a sentence."""

    error: str


class Stopped(Exception):  # noqa: N818 -- no error
    """A person has asked for the end."""


Progress = Callable[[int, int], None]
"""Told how many bytes of the weights have been downloaded, of how many."""

Sources = Mapping[Path, bytes]
"""Files that this machine may not have."""


class Painter:
    """Paints one task after the other."""

    def __init__(self, tools: Tools, progress: Progress | None = None) -> None:
        self._tools, self._progress = tools, progress
        self._device = devices.choose(tools.device)
        self._networks: dict[tuple[object, ...], tuple[Network, Findings]] = {}
        self._paintings: dict[Path, Picture] = {}

    def network(self, recipe: Recipe) -> tuple[Network, Findings]:
        """One for all recipes that ask for the same."""
        key = (recipe.network, recipe.pooling, recipe.pool_rescale, recipe.padding, recipe.precision)
        if key not in self._networks:
            opened = open_network(
                recipe,
                device=self._device,
                weights_file=self._tools.weights,
                offline=self._tools.offline,
                progress=self._progress,
            )
            self._networks[key] = opened, Findings()
        return self._networks[key]

    def check(self, recipes: Iterable[Recipe]) -> None:
        """Networks that cannot be had, and layers that they lack, are no matter of a single job."""
        for recipe in recipes:
            self.network(recipe)[0].minimum(frozenset({*recipe.content_layers, *recipe.style_layers}))

    def paint(
        self,
        task: Task,
        sources: Sources | None = None,
        hear: Callable[[Event], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Painted | Failed:
        """The picture, or why there is none; one bad job does not end the others."""
        try:
            return self._painted(task, sources or {}, hear, stop)
        except ImpastoError as error:
            return Failed(str(error))
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is this job's
            if devices.out_of_memory(error):
                return Failed(f"There is not enough memory for size {task.job.recipe.size}; a smaller one may fit.")
            return Failed(f"An unexpected error, {type(error).__name__}: {error}.")

    def _painted(
        self, task: Task, sources: Sources, hear: Callable[[Event], None], stop: Callable[[], bool]
    ) -> Painted:
        began, job, tools = time.monotonic(), task.job, self._tools
        network, findings = self.network(job.recipe)
        content = self._read(job.content, sources)
        styles = [opened(style, partial(self._painting, sources=sources)) for style in job.styles]
        guidance = guided(job.hand, styles[0], partial(self._read, sources=sources))
        hand = described_hand(job.hand, guidance, task.target.parent, lambda path: self._read(path, sources).sha256)
        start = None if job.start is None else self._read(job.start, sources)
        notes: list[str] = []
        beside, checkpoint = Beside(job, tools.beside), unfinished.kept(task.target, tools.checkpoint_every)
        for event in paint(
            content,
            styles,
            job.recipe,
            network=network,
            device=self._device,
            start=start,
            guidance=guidance,
            preview_every=beside.every,
            stop=stop,
            memory=tools.memory,
            checkpoint=checkpoint,
            findings=findings,
        ):
            if stop() and (checkpoint is None or isinstance(event, Finished)):  # the state is kept before the end
                raise Stopped
            if isinstance(event, Planned) and checkpoint is not None and checkpoint.before:
                notes.append(unfinished.remark(checkpoint))
            hear(event)
            beside.read(event, content)
            if isinstance(event, Note):
                notes.append(event.text)
            if isinstance(event, Finished):
                said = self._record(task, content, styles, start, hand, network).as_dict()
                painted, name = finished(content, event.image), task.target.name
                data, more = encode(painted, name, recipe_record=said, depth=tools.depth, quality=tools.quality)
                files = beside.files(event.image)
                return Painted(data, round(time.monotonic() - began, 3), (*notes, *more), files)
        raise RunError("The run ended without a picture.")

    def _read(self, path: Path, sources: Sources) -> Picture:
        return replace(read(sources.get(path, path)), name=path.name)

    def _painting(self, path: Path, sources: Sources) -> Picture:
        """Read once for all photos; those of the job before are let go when another is wanted."""
        if path not in self._paintings:
            while len(self._paintings) > 1:
                self._paintings.pop(next(iter(self._paintings)))
            self._paintings[path] = self._read(path, sources)
        return self._paintings[path]

    def _record(
        self,
        task: Task,
        content: Picture,
        styles: Iterable[Painting],
        start: Picture | None,
        hand: HandRecord | None,
        network: Network,
    ) -> Record:
        """What the painted file says about itself."""
        job, folder, weights = task.job, task.target.parent, self._tools.weights
        return Record(
            recipe=job.recipe.as_dict(),
            content=described_input(job.content, content.sha256, folder),
            styles=[
                described_style(style, painting, folder) for style, painting in zip(job.styles, styles, strict=True)
            ],
            start=None if start is None or job.start is None else described_input(job.start, start.sha256, folder),
            network=network.name,
            weights=None if weights is None else described_input(weights, sha256_of(weights), folder),
            weights_sha256=network.sha256,
            device=self._device.type,
            threads=torch.get_num_threads(),
            versions=record.versions(),
            depth=self._tools.depth,
            quality=self._tools.quality,
            hand=hand,
        )
