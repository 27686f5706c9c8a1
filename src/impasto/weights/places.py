"""Where weights may lie on this machine, and whether the network may be asked for more."""

import os
from pathlib import Path

import platformdirs

from impasto.weights.published import Entry

_YES = {"1", "true", "yes", "on"}


def home() -> Path:
    """Our own folder: $IMPASTO_CACHE_DIR or the system's cache."""
    chosen = os.environ.get("IMPASTO_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("impasto", appauthor=False)


def cache() -> Path:
    """What was downloaded, and what was made of it."""
    return home() / "weights"


def download_target(entry: Entry) -> Path:
    """Where a download is put."""
    return cache() / entry.filename


def features_file(entry: Entry) -> Path:
    """Where the converted weights are kept."""
    return cache() / f"{entry.name}.features.safetensors"


def folders() -> tuple[Path, ...]:
    """Every folder that is searched for published files, in order."""
    chosen = os.environ.get("IMPASTO_WEIGHTS_DIR")
    return (*([Path(chosen).expanduser()] if chosen else []), cache(), _torch_checkpoints())


def copies(entry: Entry) -> tuple[Path, ...]:
    """The files on this machine that carry the entry's name, unverified."""
    found = (folder / entry.filename for folder in folders())
    return tuple(path for path in found if path.is_file())


def _torch_checkpoints() -> Path:
    """Where torch.hub and torchvision keep what they have downloaded."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch_home = os.environ.get("TORCH_HOME") or str(Path(cache_home) / "torch")
    return Path(torch_home).expanduser() / "hub" / "checkpoints"


def is_offline(asked: bool) -> bool:
    """Whether a person or the environment forbids the network."""
    names = ("IMPASTO_OFFLINE", "HF_HUB_OFFLINE")
    return asked or any(os.environ.get(name, "").strip().lower() in _YES for name in names)


def addresses(entry: Entry) -> tuple[str, ...]:
    """Where to ask for the file, in order: a mirror of one's own ($IMPASTO_WEIGHTS_URL) comes first."""
    mirror = os.environ.get("IMPASTO_WEIGHTS_URL", "").rstrip("/")
    return (f"{mirror}/{entry.filename}", *entry.urls) if mirror else entry.urls
