"""Ctrl-C and SIGTERM: the first asks for the best picture so far, the second ends the program at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = 130  # what shells call a program that Ctrl-C ended


class Interrupt:
    """While `painting`, a signal only sets `asked`; before and after, it raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False
        self.painting = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:  # the next one ends the program
            signal.signal(each, signal.SIG_DFL)
        self.asked = True
        if not self.painting:
            raise KeyboardInterrupt


def current() -> Interrupt:
    """The one that `main` listens with."""
    import click  # here, so that the listening can begin before anything large is imported

    interrupt = click.get_current_context().obj
    assert isinstance(interrupt, Interrupt)
    return interrupt


@contextmanager
def listening() -> Iterator[Interrupt]:
    """Take the signals over, and give them back. Python leaves signals to the main thread."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
