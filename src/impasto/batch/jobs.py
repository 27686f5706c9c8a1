"""What is to be painted: pairs of photos and paintings, or the rows of a job file, CSV or TOML."""

from __future__ import annotations

import csv
import io
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from impasto.batch.masks import MASKS, listed, masks_of, seen_from
from impasto.errors import ImpastoError, RecipeError, UsageError, near, reason
from impasto.hand import NOTHING, Hand, StyleFile, parted
from impasto.layerwords import layers
from impasto.recipe import FIELDS, Recipe, hints, starts

LONGEST = 200  # bytes of a name; disks end at 255
DECIMAL_COMMA = re.compile(r"-?\d+,\d+")  # as spreadsheets write numbers in many countries
COLUMNS = ("content", "style", "weights", "output", "preset", *MASKS, *FIELDS)


@dataclass(frozen=True)
class Job:
    """One picture to be painted."""

    content: Path
    styles: tuple[StyleFile, ...]
    recipe: Recipe
    start: Path | None = None
    hand: Hand = NOTHING
    output: str = ""  # in the folder of the batch; empty as long as it has no name
    turned: Mapping[str, Any] = field(default_factory=dict)  # the knobs that are its own, for its name

    @property
    def files(self) -> tuple[Path, ...]:
        """Every picture that is read."""
        of_styles = [file for style in self.styles for file in style.files]
        return (self.content, *of_styles, *([self.start] if self.start else []), *self.hand.files)


def every(photos: Iterable[Path], paintings: Sequence[Path], recipe: Recipe, start: Path | None = None) -> list[Job]:
    """Every photo with every painting; where there is none, every photo for the paintings that all share."""
    styles: list[tuple[StyleFile, ...]] = [(StyleFile(painting),) for painting in paintings] or [()]
    return [Job(photo, each, recipe, start) for photo in photos for each in styles]


def matched(photos: Sequence[Path], paintings: Sequence[Path], recipe: Recipe, start: Path | None = None) -> list[Job]:
    """The first photo with the first painting, and so on."""
    if len(photos) != len(paintings):
        raise UsageError(f"--matched needs as many paintings as photos; there are {len(paintings)} for {len(photos)}.")
    return [
        Job(photo, (StyleFile(painting),), recipe, start) for photo, painting in zip(photos, paintings, strict=True)
    ]


def handled(jobs: Iterable[Job], hand: Hand, styles: Sequence[StyleFile], further: Sequence[StyleFile]) -> list[Job]:
    """Every job with these masks, where it has none of their kind; its paintings as in `styles`; and `further` ones."""
    used = {style.path: style for style in styles}
    return [
        replace(
            job, styles=(*(used.get(style.path, style) for style in job.styles), *further), hand=job.hand.over(hand)
        )
        for job in jobs
    ]


def is_job_file(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".tsv", ".toml") and path.is_file()


def read(path: Path, recipe: Recipe, start: Path | None = None) -> list[Job]:
    """The jobs of a file, each with its own settings laid over `recipe`; UsageError says which row is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The job file {path} cannot be read: {reason(error)}.") from None
    rows = list(_toml(text, path) if path.suffix.lower() == ".toml" else _csv(text, path))
    if not rows:
        raise UsageError(f"There is no job in {path}; it needs a row, or a [[job]], with content and style.")
    return [_checked(row, recipe, start, path.parent, f"{path}, {where}") for where, row in rows]


def _toml(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"The job file {path} is not TOML: {error}.") from None
    jobs = values.pop("job", [])
    if values or not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise UsageError(f"{path} must be a list of [[job]] and nothing else; settings for all go into a --recipe.")
    yield from ((f"job {number}", job) for number, job in enumerate(jobs, 1))


def _csv(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows under a head of names; cells are told apart by what the head uses most: comma, semicolon or tab."""
    head = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True, restval=""
    )
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        if twice := {name for name in names if name and names.count(name) > 1}:
            raise UsageError(f"{path}: the first line names {', '.join(sorted(twice))} twice.")
        for row in reader:
            if None in row:
                raise UsageError(f"{path}, line {reader.line_num}: there are more cells than names in the first line.")
            given = {name.strip(): cell.strip() for name, cell in row.items() if cell.strip()}
            if given:
                yield f"line {reader.line_num}", {name: _value(name, cell) for name, cell in given.items()}
    except (csv.Error, ValidationError, RecipeError) as error:
        words = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise UsageError(f"{path}, line {reader.line_num}: {words}".rstrip(".") + ".") from None


def _value(name: str, cell: str) -> Any:  # noqa: ANN401 -- any knob's
    """A cell as the knob's type."""
    if name == "weights":
        return [TypeAdapter(float).validate_strings(number) for number in cell.split()]
    if name not in FIELDS or name == "start":
        return cell
    if get_origin(get_args(hints()[name])[0]) is dict and not cell.startswith("{"):
        return layers(cell)
    if DECIMAL_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    try:
        return _plain(name).validate_strings(cell)
    except ValidationError as error:
        with suppress(ValidationError):
            return _plain(name).validate_json(cell)  # one of some numbers: as a string it is none of them to pydantic
        raise RecipeError(f"{name} = {cell!r} is not possible: {error.errors()[0]['msg'].lower()}.") from None


@cache
def _plain(name: str) -> TypeAdapter[Any]:
    """A knob's type without its limits: of these the recipe tells in its own words."""
    return TypeAdapter(get_args(hints()[name])[0])


def _checked(row: Mapping[str, Any], recipe: Recipe, start: Path | None, folder: Path, where: str) -> Job:
    try:
        return _job(dict(row), recipe, start, folder)
    except ImpastoError as error:
        raise UsageError(f"{where}: {error}") from None


def _job(row: dict[str, Any], recipe: Recipe, start: Path | None, folder: Path) -> Job:
    for name in row:
        if name not in COLUMNS:
            lacks = "" if "content" in row else "; the photo is called content here, the painting style"
            raise RecipeError(f"there is no setting {name!r}{near(name, COLUMNS)}{lacks}.")
    content, output, weights = (row.pop(name, None) for name in ("content", "output", "weights"))
    styles = row.pop("style", None)
    paintings = [seen_from(folder, style, "style") for style in listed(styles)]
    if not paintings:
        raise UsageError("style names no painting.")
    masks = {name: row.pop(name) for name in MASKS if name in row}
    parts = [str(seen_from(folder, part, "part")) for part in listed(masks.get("part", []))]
    own = row.get("start")
    if isinstance(own, str) and own not in starts()[:-1]:
        row["start"], start = "picture", seen_from(folder, own, "start")
    changed = recipe.changed(**row)
    return Job(
        seen_from(folder, content, "content"),
        parted(list(map(StyleFile, paintings, _weights(weights, len(paintings)))), parts),
        changed,
        start if changed.start == "picture" else None,
        masks_of(masks, folder),
        "" if output is None else _output(output),
        {**row, **masks},
    )


def _weights(given: object, count: int) -> list[float]:
    if given is None:
        return [1.0] * count
    good = isinstance(given, list) and len(given) == count
    if not isinstance(given, list) or not good or not all(_is_weight(number) for number in given):
        raise UsageError(f"weights must be a list of {count} numbers, zero or more: one for each painting.")
    if not any(given):
        raise UsageError("there is no painting with a weight above zero.")
    return [float(number) for number in given]


def _is_weight(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < 1e100


def _output(value: object) -> str:
    """A name in the folder of the batch."""
    path = PurePath(value) if isinstance(value, str) and "\0" not in value else PurePath()
    if not path.name or path.is_absolute() or ".." in path.parts or path.name.startswith("."):
        raise UsageError(f"output = {value!r} must be a name, or a way down, in the folder of the batch.")
    if any(len(os.fsencode(part)) > LONGEST for part in path.parts):
        raise UsageError(f"output = {path.name[:20]}... has more than {LONGEST} letters, too many for some disks.")
    if path.suffix:
        from impasto.files import format_of  # which takes torch along: jobs are read before that is there

        format_of(path)
    return path.as_posix()
