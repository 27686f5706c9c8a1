"""The exception tree, and what its messages suggest and quote; imports nothing of ours.

ImpastoError                    everything this library raises on purpose; the message is one sentence for people
├── UsageError                  what was asked cannot be done as asked; the command exits with 2
│   ├── RecipeError             an unknown key, a value out of range, options that exclude each other
│   ├── PictureError            a file that cannot be read or written as a picture, a picture that does not fit
│   ├── LayerError              a layer that the network does not have, a picture too small for it
│   ├── WeightsError            weights that are missing, damaged or of another network
│   ├── DeviceError             a device or a precision that is not there
│   ├── PlanError               a picture that does not fit into the memory, however it is cut
│   └── CheckpointError         a checkpoint that cannot be read or written, or belongs to another run
└── RunError                    the work was begun and failed; the command exits with 1
    ├── DownloadError           no mirror gave the file
    ├── ShareError              another process of a shared run is gone
    ├── ShortageError           memory ran out, and smaller tiles did not help
    └── DescentError            the optimizer could not improve the picture
"""

import difflib
from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> str:
    """A suggestion to put behind "there is no ...", or nothing."""
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def reason(error: Exception) -> str:
    """What the system says of it, without its number; of another error, its own words."""
    return getattr(error, "strerror", None) or str(error)


class ImpastoError(Exception):
    """Everything this library raises on purpose. The message is one sentence for people."""

    exit_code = 1


class UsageError(ImpastoError):
    """What was asked cannot be done as asked."""

    exit_code = 2


class RecipeError(UsageError):
    """An unknown key, a value out of range, options that exclude each other."""


class PictureError(UsageError):
    """A file that cannot be read or written as a picture, or a picture that does not fit."""


class LayerError(UsageError):
    """A layer that the network does not have, or a picture too small to reach it."""


class WeightsError(UsageError):
    """Weights that are missing, damaged or made for another network."""


class DeviceError(UsageError):
    """A device or a precision that is not there."""


class PlanError(UsageError):
    """A picture that does not fit into the memory that may be used, however it is cut."""


class CheckpointError(UsageError):
    """A checkpoint that cannot be read or written, or belongs to another run."""


class RunError(ImpastoError):
    """The work was begun and failed."""


class DownloadError(RunError):
    """No mirror gave the file."""


class DescentError(RunError):
    """The optimizer could not improve the picture."""


class ShareError(RunError):
    """Another process of a shared run is gone."""


class ShortageError(RunError):
    """Memory ran out, and smaller tiles did not help."""
