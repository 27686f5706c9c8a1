"""How much memory a computation holds: every tensor that comes into being is counted until it is gone.

Counting works on every device and at every size; a run of 64 pixels tells what a run of 8192 will hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from impasto.storage import in_file

Heights = dict[Hashable, list[int]]


class Footprint(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own is untyped
    """While this is entered, `now` is what the tensors made inside still hold, and `heights` what was held each time
    that one was made since `mark()`, by operation and channels.

    What lies in files is not counted, nor kernels in the form of the processor's library.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._held: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self.now = 0
        self.heights: Heights = {None: [0]}

    @property
    def peak(self) -> int:
        """The most since `mark()`."""
        return highest(self.heights)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; to make sure of that, torch would import its compiler for a second."""
        return False

    def mark(self) -> int:
        """Begin anew; what is held now."""
        self.heights = {None: [self.now]}
        return self.now

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 -- whatever the operation returns
        result = func(*args, **(kwargs or {}))
        for leaf in (result,) if isinstance(result, Tensor) else tree_leaves(result):
            if isinstance(leaf, Tensor) and not leaf.is_mkldnn:
                self._count(leaf.untyped_storage(), (func, *leaf.shape[1 : len(leaf.shape) - 2]))
        return result

    def _count(self, storage: torch.UntypedStorage, moment: Hashable) -> None:
        """Views share a storage, which is counted once."""
        key = storage._cdata
        if key not in self._held and not in_file(storage):
            size = storage.nbytes()
            self._held[key] = weakref.ref(storage, lambda _: self._gone(key, size))
            self.now += size
            self.heights.setdefault(moment, []).append(self.now)

    def _gone(self, key: int, size: int) -> None:
        del self._held[key]
        self.now -= size

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 -- torch's own
        """What outlives the counting, as the network's kernels do, is watched no longer: they would keep us too."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]  # torch's own is untyped
        self._held.clear()


@dataclass(frozen=True)
class Line:
    """Bytes as a function of pixels: a line, as tensors are so many numbers per pixel or per layer. Seconds, too."""

    fixed: float
    slope: float

    def __call__(self, pixels: float) -> float:
        return self.fixed + self.slope * pixels

    @staticmethod
    def through(small: tuple[int, float], large: tuple[int, float]) -> Line:
        """The line through two (pixels, bytes)."""
        slope = (large[1] - small[1]) / (large[0] - small[0])
        return Line(max(0.0, small[1] - slope * small[0]), slope)


@dataclass(frozen=True)
class Highest:
    """The most that is held while something is done: each moment has a line of its own.

    A single line would be too flat: small pictures hold the most while small matrices are worked on, large ones not.
    """

    lines: frozenset[Line]

    def __call__(self, pixels: float) -> float:
        return max(line(pixels) for line in self.lines)

    @staticmethod
    def through(small: tuple[int, Heights], large: tuple[int, Heights]) -> Highest:
        """Through two (pixels, heights), moment by moment; where there were more of a kind, through the highest."""
        (few, below), (many, above) = small, large
        pairs = [(highest(below), highest(above))]
        for moment in below.keys() & above.keys():
            a, b = below[moment], above[moment]
            pairs += zip(a, b, strict=True) if len(a) == len(b) else [(max(a), max(b))]
        return Highest(frozenset(Line.through((few, a), (many, b)) for a, b in pairs))


def highest(heights: Heights) -> int:
    return max(map(max, heights.values()))
