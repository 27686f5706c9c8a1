"""Find, download, verify and convert the weights of VGG-19 and VGG-16.

`load` gives the weights. `entries`, `find`, `path`, `fetch` and `verify` are for whoever looks after the files.
Searched, in order: our cache of converted weights, $IMPASTO_WEIGHTS_DIR, our downloads, torch's checkpoints; what
is found nowhere is downloaded. A published file is used once its hash has been checked, and never before.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import DownloadError, WeightsError
from impasto.weights import conventions, features, formats, places
from impasto.weights.conventions import Convention
from impasto.weights.download import Progress, Wanted, download
from impasto.weights.features import Weights
from impasto.weights.identify import TITLES, identify
from impasto.weights.published import ENTRIES, Entry, Preprocessing
from impasto.weights.verification import problem_with, published_as

__all__ = ["Check", "Entry", "Preprocessing", "Weights", "entries", "fetch", "find", "load", "path", "verify"]

_log = logging.getLogger(__name__)


def load(
    network: str,
    *,
    file: Path | None = None,
    preprocessing: Convention | None = None,
    offline: bool = False,
    progress: Progress | None = None,
    registry: Sequence[Entry] = ENTRIES,
) -> Weights:
    """The weights of "vgg19" or "vgg16": those in `file`, else published ones from this machine or a mirror.

    `preprocessing` overrides what `file` is recognized to expect.
    """
    if network not in TITLES:
        raise WeightsError(f"There are no weights for {network!r}: the networks are {', '.join(TITLES)}.")
    if file is not None:
        return _load_file(network, Path(file), preprocessing, registry)
    if preprocessing is not None:
        raise WeightsError("The preprocessing of published weights is known: give it only together with a file.")
    choices = entries(network, registry)
    for entry in choices:
        weights = _load_kept(entry)
        if weights is not None:
            _log.info("%s: %s.", TITLES[network], weights.source)
            return weights
    return _convert(choices[0], fetch(choices[0].name, offline=offline, progress=progress, registry=registry))


def entries(network: str | None = None, registry: Sequence[Entry] = ENTRIES) -> tuple[Entry, ...]:
    """The published files, in order of preference; those of one network if it is named."""
    return tuple(entry for entry in registry if network in (None, entry.network))


def find(name: str, registry: Sequence[Entry] = ENTRIES) -> Entry:
    """The entry of that name; a network's name is the name of its preferred entry."""
    for entry in registry:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in registry)
    raise WeightsError(f"There are no published weights {name!r}: choose one of {known}.")


def path(name: str, registry: Sequence[Entry] = ENTRIES) -> Path | None:
    """The file on this machine that `load` would take for this entry; None where there is none."""
    entry = find(name, registry)
    kept = places.features_file(entry)
    return kept if kept.is_file() else _verified_copy(entry)


def fetch(
    name: str, *, offline: bool = False, progress: Progress | None = None, registry: Sequence[Entry] = ENTRIES
) -> Path:
    """The published file, verified: a copy on this machine, else downloaded."""
    entry = find(name, registry)
    copy = _verified_copy(entry)
    if copy is not None:
        return copy
    if places.is_offline(offline):
        raise WeightsError(f"{_title(entry)} are not on this machine, and Impasto is offline: {_way_out(entry)}")
    wanted = Wanted(places.addresses(entry), places.download_target(entry), entry.size, entry.digest, progress)
    try:
        return download(wanted)
    except DownloadError as error:
        raise DownloadError(f"{_title(entry)} could not be downloaded ({error}): {_way_out(entry)}") from error


@dataclass(frozen=True)
class Check:
    """One file on this machine, and what is wrong with it; `problem` is empty where it is sound."""

    path: Path
    problem: str


def verify(name: str, registry: Sequence[Entry] = ENTRIES) -> tuple[Check, ...]:
    """Every copy of an entry on this machine, its numbers or its hash checked; empty where there is none."""
    entry = find(name, registry)
    checks = [Check(copy, problem_with(copy, entry.size, entry.digest)) for copy in places.copies(entry)]
    kept = places.features_file(entry)
    if kept.is_file():
        try:
            features.restore(formats.read(kept), entry.network, kept)
            checks.insert(0, Check(kept, ""))
        except WeightsError as error:
            checks.insert(0, Check(kept, str(error)))
    return tuple(checks)


def _load_file(network: str, file: Path, asked: Convention | None, registry: Sequence[Entry]) -> Weights:
    contents = formats.read(file)
    if features.is_features(contents) and asked is None:
        return features.restore(contents, network, file)
    tensors = identify(contents, network, file)
    entry = published_as(file, registry)
    if asked is not None:
        preprocessing = conventions.named(asked)
    elif entry is not None:
        preprocessing = entry.preprocessing
    else:
        preprocessing = conventions.recognize(contents, tensors, file)
    return Weights(
        network,
        tensors,
        preprocessing,
        features.fingerprint(tensors, preprocessing),
        source=file.name if entry is None else entry.source,
        license="not stated in the file" if entry is None else entry.license,
        attribution="not stated in the file" if entry is None else entry.attribution,
        stand_in="; ".join(f"{key}: {text}" for key, text in contents.metadata.items() if "stand-in" in text),
    )


def _load_kept(entry: Entry) -> Weights | None:
    """The entry's weights from this machine: our converted file, else a published one, which is then converted."""
    kept = places.features_file(entry)
    if kept.is_file():
        try:
            return features.restore(formats.read(kept), entry.network, kept)
        except WeightsError as error:
            _log.warning("The kept weights are built anew: %s", error)
    copy = _verified_copy(entry)
    return None if copy is None else _convert(entry, copy)


def _verified_copy(entry: Entry) -> Path | None:
    """The first copy on this machine that is the published file, byte for byte."""
    for copy in places.copies(entry):
        problem = problem_with(copy, entry.size, entry.digest)
        if not problem:
            return copy
        _log.warning("%s is passed over: %s.", copy, problem)
    return None


def _convert(entry: Entry, file: Path) -> Weights:
    """The weights in a verified published file, kept in the cache for the next time where it can be written."""
    tensors = identify(formats.read(file), entry.network, file)
    sha256 = features.fingerprint(tensors, entry.preprocessing)
    weights = Weights(
        entry.network, tensors, entry.preprocessing, sha256, entry.source, entry.license, entry.attribution
    )
    try:
        features.write(weights, places.features_file(entry))
    except OSError as error:
        _log.warning("The converted weights cannot be kept in %s (%s).", places.cache(), error)
    return weights


def _title(entry: Entry) -> str:
    return f"The weights of {TITLES[entry.network]}, {entry.describe()},"


def _way_out(entry: Entry) -> str:
    looked = ", ".join(str(folder) for folder in places.folders())
    sources = " or ".join(places.addresses(entry))
    return (
        f"Impasto looked in {looked}; get the file from {sources} by other means and put it at "
        f"{places.download_target(entry)}, or give a file of your own with --weights."
    )
