"""What a painted file says about itself: all that it takes to paint it again, to the same bytes.

No dates, no times, and no path of the machine beyond the way from the picture to its inputs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from impasto import __version__
from impasto.blank import Blank
from impasto.errors import PictureError, reason
from impasto.hand import Reads

FORMAT = 1
PACKAGES = ("torch", "numpy", "pillow")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Input:
    """A file that went into the picture: where it lies, seen from the picture's folder, and what it held."""

    path: str
    sha256: str
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    layers: Reads = "all"
    part: Input | None = None  # a mask on it


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RegionInput:
    """A part of the photo with a painting of its own."""

    mask: Input
    style: Input
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class HandRecord:
    """The masks that went into the picture."""

    regions: list[RegionInput]
    labels: Annotated[list[Input], Field(max_length=2)]  # the map of the photo, the map of the painting
    strength_map: Input | None
    protect: Input | None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Record:
    """Everything that the bytes of a painted file depend on."""

    recipe: dict[str, Any]
    content: Input | Blank
    styles: Annotated[list[Input], Field(min_length=1)]
    start: Input | None
    network: str
    weights: Input | None  # a file of the user's own
    weights_sha256: str  # of the numbers, whichever file they came in
    device: str
    threads: Annotated[int, Field(ge=1, le=4096)]
    versions: dict[str, str]
    depth: int = 8
    quality: int | None = None
    hand: HandRecord | None = None
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """Plain data for `impasto.files.write`."""
        return dataclasses.asdict(self)


def parsed(data: Mapping[str, Any], name: str) -> Record:
    """A record read from the file `name`, every part of it checked."""
    if data.get("format") != FORMAT:
        raise PictureError(
            f"{name} was painted by Impasto {_painter(data)}, whose records this version cannot read; "
            "paint it with that version."
        )
    try:
        return TypeAdapter(Record).validate_python(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PictureError(f"The record in {name} is damaged: {where}: {first['msg'].lower()}.") from None


def _painter(data: Mapping[str, Any]) -> str:
    versions = data.get("versions")
    return str(versions.get("impasto", "of another kind")) if isinstance(versions, dict) else "of another kind"


def versions() -> dict[str, str]:
    """What may change the bytes from one installation to the next."""
    return {"impasto": __version__, "python": platform.python_version()} | {
        name: metadata.version(name) for name in PACKAGES
    }


def described_input(file: Path, sha256: str, folder: Path, weight: float = 1.0) -> Input:
    """An input as the record of a picture in `folder` names it."""
    try:
        path = os.path.relpath(file, folder)
    except ValueError:  # another drive of a Windows machine
        path = file.name
    return Input(Path(path).as_posix(), sha256, weight)


OTHERWISE = "name the file to use with its flag, as --content, --style, --start, --weights, --region or --protect"


def found(wanted: Input, folder: Path) -> Path:
    """The file that a record names, looked for from the picture's folder and from here; never another one."""
    candidates = [path for path in (folder / wanted.path, Path(wanted.path)) if path.is_file()]
    for path in candidates:
        if sha256_of(path) == wanted.sha256:
            return path
    if candidates:
        raise PictureError(
            f"{candidates[0]} is not the file that the picture was painted from: it has changed since; {OTHERWISE}."
        )
    raise PictureError(
        f"{wanted.path}, which the picture was painted from, is found neither from {folder.absolute()} nor from here; "
        f"{OTHERWISE}."
    )


def sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {reason(error)}.") from None


def differences(then: Record, now: Record) -> list[str]:
    """Sentences about what is not as it was when the picture was painted, and may change its pixels."""
    sentences = [
        f"{name} was {version} when the picture was painted and is {now.versions.get(name, 'missing')} now."
        for name, version in then.versions.items()
        if now.versions.get(name) != version
    ]
    if _weights_hash(then) != _weights_hash(now):
        sentences.append("The network's weights are not those that the picture was painted with.")
    if then.device != now.device:
        sentences.append(f"The picture was painted on {then.device}, and is now painted on {now.device}.")
    return sentences


def _weights_hash(record: Record) -> str:
    """Of the numbers; where the network does not tell it, of a file of the user's own."""
    return record.weights_sha256 or (record.weights.sha256 if record.weights else "")


def renamed(now: Record, then: Record) -> Record:
    """`now`, with the names that `then` had for inputs that are the same: an unchanged repaint is a copy."""
    names = ("content", "styles", "start", "weights", "hand")
    return dataclasses.replace(now, **{name: _same_name(getattr(now, name), getattr(then, name)) for name in names})


def _same_name(now: object, then: object) -> Any:  # noqa: ANN401 -- whatever `now` is
    """`now`, all the files in it that `then` has at the same place by the names of then."""
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [_same_name(a, b) for a, b in zip(now, then, strict=True)]
    if isinstance(now, Input) and isinstance(then, Input):
        path = then.path if now.sha256 == then.sha256 else now.path
        return dataclasses.replace(now, path=path, part=_same_name(now.part, then.part))
    if isinstance(now, (HandRecord, RegionInput)) and type(now) is type(then):
        names = [field.name for field in dataclasses.fields(now)]
        return dataclasses.replace(now, **{name: _same_name(getattr(now, name), getattr(then, name)) for name in names})
    return now
