"""What is still to do: a job is done when its picture is there, whole, and made of what it would be made of now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

from impasto.batch import unfinished
from impasto.batch.beside import names
from impasto.batch.jobs import Job
from impasto.batch.key import ingredients, ingredients_told, key
from impasto.batch.manifest import Entry, Manifest
from impasto.batch.names import folded, owner, relative
from impasto.batch.painter import Task, Tools
from impasto.decode import open_header, pillow
from impasto.errors import PictureError
from impasto.files import read_record
from impasto.filetype import open_file
from impasto.picture import MAX_PIXELS, read
from impasto.recipe import Recipe
from impasto.record import Record, parsed, sha256_of


@dataclass
class Desk:
    """Looks at files; every input once."""

    manifest: Manifest
    tools: Tools
    force: bool = False
    hashes: dict[Path, str] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)  # whose each film and each folder of snapshots is

    def __post_init__(self) -> None:
        self.known = self.manifest.entries()

    @property
    def owners(self) -> dict[str, tuple[str, ...]]:
        """Whose each of these is."""
        return {name: (each.content, *each.styles) for name, each in self.known.items() if each.key}

    @property
    def ours(self) -> frozenset[str]:
        """The names under which we have painted, or begun to."""
        return frozenset(name for name, each in self.known.items() if each.key)

    def examine(self, path: Path) -> None:
        """PictureError for an input that is no picture."""
        if path not in self.hashes:
            with open_file(path) as stream, pillow(str(path), MAX_PIXELS):
                open_header(stream, str(path))
            self.hashes[path] = sha256_of(path)

    def forget_seen(self, paths: Iterable[Path]) -> None:
        """These may have changed."""
        for path in paths:
            self.hashes.pop(path, None)

    def due(self, job: Job) -> Task | Entry:
        """The task, or what there is to say in its place: that it is done, or why it cannot be."""
        key = self.key(job)
        target = self.manifest.folder / job.output
        asked = names(job.output, self.tools.beside)
        before = self.known[job.output].beside if job.output in self.known else ()
        said = replace(entry(job, key, self.manifest.folder), made=self.tools.beside, beside=before)
        try:
            if not self.force and self._done(said, target):
                self.forget(target)  # as the plug may have been pulled between the two
                return replace(said, state="skipped")
            self._vacant(job, target)
            self._vacant_beside(job, asked, before)
            return Task(job, target, key, tuple(dict.fromkeys((*before, *asked))))
        except PictureError as error:
            return replace(said, state="failed", error=str(error), key="")  # what lies there is not ours

    def forget(self, target: Path) -> None:
        """The state that was kept of a picture which is finished now."""
        if self.tools.checkpoint_every is not None:
            unfinished.forget(target)

    def key(self, job: Job) -> str:
        """Equal for pictures that are made of the same."""
        weights = self._weights(job.recipe.network)
        return key(*ingredients(job, self.hashes), self.tools.depth, self.tools.quality, weights)

    def _weights(self, network: str) -> str:
        """Those of a VGG are published, and do not change."""
        shipped = Path(str(files("impasto.networks").joinpath(f"{network}.safetensors")))
        file = self.tools.weights or shipped
        if file not in self.hashes:
            self.hashes[file] = sha256_of(file) if file != shipped or file.is_file() else ""
        return self.hashes[file]

    def _done(self, said: Entry, target: Path) -> bool:
        kept = self.known.get(said.output)
        if not target.is_file():
            return False
        if kept is not None and kept.state == "done":
            whole = sha256_of(target) == kept.sha256
            if not whole and is_picture(target):
                raise PictureError(
                    f"{target} was changed by somebody since it was painted; rename it to keep it, or add --force."
                )
            return whole and kept.key == said.key and self._made(said, kept)
        return not said.made and self._adopted(said, target)

    def _made(self, said: Entry, kept: Entry) -> bool:
        """What is asked for beside the picture is there too."""
        asked = names(said.output, said.made)
        files = [self.manifest.folder / name for name in kept.beside if name in asked]
        return said.made.items() <= kept.made.items() and all(file.exists() for file in files)

    def _adopted(self, said: Entry, target: Path) -> bool:
        """A picture that was finished when the plug was pulled says so itself."""
        try:
            told, _ = parsed(read_record(target), str(target)), read(target)
        except PictureError:
            return False
        if self._key_of(told) != said.key:
            return False
        self.manifest.add(replace(said, state="done", sha256=sha256_of(target), recipe=told.recipe))
        return True

    def _key_of(self, told: Record) -> str:
        if "network" not in told.recipe:
            return ""
        return key(*ingredients_told(told), told.depth, told.quality, self._weights(str(told.recipe["network"])))

    def _vacant(self, job: Job, target: Path) -> None:
        """Nothing is painted over but what this batch has painted."""
        if not target.exists():
            return
        if any(target.samefile(file) for file in job.files if file.exists()):
            raise PictureError(f"{target} is one of the inputs; choose another --out.")
        if job.output not in self.ours and not self.force:
            raise PictureError(f"{target} exists already and was not painted here; rename it, or add --force.")

    def _vacant_beside(self, job: Job, asked: Iterable[str], before: Collection[str]) -> None:
        """The same for a film and for snapshots; each is one picture's."""
        for name in asked:
            target = self.manifest.folder / name
            whose = self.claims.setdefault(folded(name), job.output)
            if whose != job.output:
                raise PictureError(f"{target} would belong to {whose} too; give the pictures different names.")
            if any(target.exists() and target.samefile(file) for file in job.files if file.exists()):
                raise PictureError(f"{target} is one of the inputs; choose another --out.")
            if name not in before and target.exists() and not self.force:
                raise PictureError(f"{target} exists already and was not made here; rename it, or add --force.")


def entry(job: Job, key: str, folder: Path) -> Entry:
    """What the manifest says when a job is begun."""
    content, *styles = owner(job, folder)
    return Entry(job.output, "started", content, tuple(styles), key)


def unusable(path: Path, error: PictureError, folder: Path) -> Entry:
    """What it says of an input that is no picture."""
    return Entry("", "failed", relative(path, folder), error=str(error))


def is_picture(path: Path) -> bool:
    """Whether it can be read to its end."""
    try:
        read(path)
    except PictureError:
        return False
    return True


def recipes(tasks: list[Task]) -> list[Recipe]:
    """Each that is used, once."""
    return list(dict.fromkeys(task.job.recipe for task in tasks))
