"""What a program has told torch for its own sake does not reach a run: inference mode, autocast, a default device.

Servers and node editors call everything under `torch.inference_mode()`, in which nothing can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from impasto import forked
from impasto.device import CHOICES

Given = ParamSpec("Given")
Event = TypeVar("Event")


@contextmanager
def undisturbed() -> Iterator[None]:
    """As if nobody had told torch anything; what costs something is undone only where it was said."""
    forked.look_out()
    with ExitStack() as undone:
        undone.enter_context(torch.inference_mode(mode=False))
        for kind in CHOICES[1:]:
            if torch.is_autocast_enabled(kind):
                undone.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            undone.enter_context(torch.device("cpu"))
        yield


def shielded(run: Callable[Given, Iterator[Event]]) -> Callable[Given, Iterator[Event]]:
    """A run that goes on undisturbed, and leaves the caller's world as it is whenever it tells of something."""

    @wraps(run)
    def told(*arguments: Given.args, **named: Given.kwargs) -> Iterator[Event]:
        events = run(*arguments, **named)
        while True:
            with undisturbed():
                event = next(events, None)
            if event is None:
                return
            yield event

    return told
