"""How much memory a computation holds: every tensor that comes into being is counted until it is gone.

Counting works on every device and at every size; a run of 64 pixels tells what a run of 8192 will hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from impasto.storage import MEMORY, Room


class Footprint(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own is untyped
    """While this is entered, `now` is what the tensors made inside still hold, `peak` the most since `mark()`.

    What lies in the files of `room` is not counted.
    """

    def __init__(self, room: Room = MEMORY) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._room = room
        self._held: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self.now = self.peak = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; to make sure of that, torch would import its compiler for a second."""
        return False

    def mark(self) -> int:
        """Begin a new peak; what is held now."""
        self.peak = self.now
        return self.now

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 -- whatever the operation returns
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        """Views share a storage, which is counted once."""
        key = storage._cdata
        if key not in self._held and not self._room.holds(storage):
            size = storage.nbytes()
            self._held[key] = weakref.ref(storage, lambda _: self._gone(key, size))
            self.now += size
            self.peak = max(self.peak, self.now)

    def _gone(self, key: int, size: int) -> None:
        del self._held[key]
        self.now -= size

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 -- torch's own
        """What outlives the counting, as the network's kernels do, is watched no longer: they would keep us too."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]  # torch's own is untyped
        self._held.clear()


@dataclass(frozen=True)
class Line:
    """Bytes as a function of pixels: a line, as tensors are so many numbers per pixel or per layer."""

    fixed: float
    slope: float

    def __call__(self, pixels: float) -> float:
        return self.fixed + self.slope * pixels

    @staticmethod
    def through(small: tuple[int, int], large: tuple[int, int]) -> Line:
        """The line through two (pixels, bytes)."""
        slope = (large[1] - small[1]) / (large[0] - small[0])
        return Line(max(0.0, small[1] - slope * small[0]), slope)
