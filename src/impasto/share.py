"""Several processes paint one picture: each has some rows, sums are added up, what lies along the borders is traded.

A process looks at its own rows and steps with them; of the rows beyond it knows a halo. What travels in a step is the
sums (some hundred kB), a halo of the canvas and of the slopes, and a picture of a sixteenth of the pixels, from which
everyone learns what is broad in the gradient (`broad`). The rows come together where a level ends, and for checkpoints.

    torchrun --nproc-per-node 4 -m impasto photo.jpg painting.jpg --size 4096
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from impasto.device import collective, out_of_memory
from impasto.errors import ShareError

Result = TypeVar("Result")

PATIENCE = timedelta(minutes=10)  # a process that is silent for longer counts as lost


@dataclass(frozen=True)
class Crew:
    """The processes that share a picture, as one of them sees it."""

    rank: int = 0
    size: int = 1
    unit: int = 32  # rows: where strips begin, a pooled layer has a position, too

    @property
    def several(self) -> bool:
        """Whether there is anyone else."""
        return self.size > 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and talks."""
        return self.rank == 0

    def strips(self, height: int) -> list[slice]:
        """The rows of each process."""
        units = height // self.unit
        edges = [round(units * rank / self.size) * self.unit for rank in range(self.size)] + [height]
        return [slice(start, stop) for start, stop in itertools.pairwise(edges)]

    def rows(self, height: int) -> slice:
        """The rows of this process."""
        return self.strips(height)[self.rank]

    def worth(self, height: int, reach: int) -> Crew:
        """This crew, if strips of a picture this high are thicker than what is seen beyond them on both sides; else
        one that is alone: everyone then does everything."""
        return self if min(rows.stop - rows.start for rows in self.strips(height)) >= 2 * reach else ALONE

    def halved(self) -> Crew:
        """The same for a picture of half the height, whose strips are half as thick."""
        return replace(self, unit=self.unit // 2)

    def add(self, tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
        """Each tensor, added up over all processes, with the very same result everywhere; it travels on `device`."""
        if not self.several:
            return list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).to(device)
        with _explained():
            dist.all_reduce(flat)
        parts = torch.split(flat.to(tensors[0].device), [tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def whole(self, image: Tensor) -> Tensor:
        """The image, to which every process has given its own rows, in place."""
        for rank, rows in enumerate(self.strips(image.shape[-2]) if self.several else ()):
            part = image[..., rows, :]
            sent = part.permute(0, 2, 3, 1).contiguous()
            with _explained():
                dist.broadcast(sent, src=rank)
            if rank != self.rank:
                part.copy_(sent.permute(0, 3, 1, 2))
        return image

    def look_beyond(self, image: Tensor, reach: int, *, around: bool = False) -> None:
        """The next rows on both sides, from the processes whose own they are, in place."""
        if self.several:
            own = borders(image, self.rows(image.shape[-2]), reach)
            self.trade(own, self._beyond(image, reach), Tensor.copy_, around)

    def settle(self, slopes: Tensor, reach: int, *, around: bool = False) -> None:
        """What was found for rows beyond one's own is added there, by the processes whose own they are, in place."""
        if self.several:
            own = borders(slopes, self.rows(slopes.shape[-2]), reach)
            self.trade(self._beyond(slopes, reach), own, Tensor.add_, around)

    def trade(
        self,
        given: tuple[Tensor, Tensor],
        mine: tuple[Tensor, Tensor],
        take: Callable[[Tensor, Tensor], Tensor],
        around: bool,
    ) -> None:
        """Rows go to the processes before and after this one, and theirs are taken."""
        there = around or self.rank > 0, around or self.rank < self.size - 1
        for neighbor, own, theirs in zip(there, mine, self._exchanged(*given), strict=True):
            if neighbor:
                take(own, theirs)

    def _beyond(self, image: Tensor, reach: int) -> tuple[Tensor, Tensor]:
        """The rows before and after one's own, or at the other end of the picture."""
        height, own = image.shape[-2], self.rows(image.shape[-2])
        starts = (own.start - reach) % height, own.stop % height
        return image.narrow(-2, starts[0], reach), image.narrow(-2, starts[1], reach)

    def _exchanged(self, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """What the process before gives as its last, and the one after as its first."""
        sent = torch.stack([first, last]).contiguous()
        heard = [torch.empty_like(sent) for _ in range(self.size)]
        with _explained():
            dist.all_gather(heard, sent)
        return heard[self.rank - 1][1], heard[(self.rank + 1) % self.size][0]

    def least(self, number: float, device: torch.device) -> float:
        """The smallest that any process has."""
        if not self.several:
            return number
        shared = torch.tensor(number, dtype=torch.float64, device=device)
        with _explained():
            dist.all_reduce(shared, dist.ReduceOp.MIN)
        return float(shared)

    def agreed(self, asked: Callable[[], bool], device: torch.device) -> Callable[[], bool]:
        """Whether any process says so, which all must ask at the same moments."""
        return (lambda: self.least(-float(asked()), device) < 0) if self.several else asked

    def wait_for_all(self, device: torch.device) -> None:
        """Before a message within a task that is done `together`: a process that has failed sends none."""
        if self.agreed(lambda: False, device)():
            raise LeftError("Memory ran out in another process.")


class LeftError(MemoryError):
    """Another process has left a task, and all know."""


ALONE = Crew()


def borders(image: Tensor, own: slice, reach: int) -> tuple[Tensor, Tensor]:
    """The first and the last of one's own rows."""
    return image[..., own.start : own.start + reach, :], image[..., own.stop - reach : own.stop, :]


def together(task: Callable[[], Result], crew: Crew, device: torch.device) -> Result:
    """The result of a task; if memory runs out for one process of the crew, it has for all of them.

    So all can begin again in smaller tiles, and none waits for what another will never send: before each message within
    the task, all of them `wait_for_all`.
    """
    if not crew.several:
        return task()
    failure, result = None, None
    try:
        result = task()
    except LeftError as error:
        raise MemoryError(*error.args) from None  # whoever called this asks all of them anew
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        failure = str(error)
    if crew.agreed(lambda: failure is not None, device)():
        del result
        raise MemoryError(failure or "Memory ran out in another process.")
    return cast(Result, result)


@contextmanager
def joined(device: torch.device) -> Iterator[Crew]:
    """The crew that torchrun made this process part of; without torchrun, it is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    with _explained():
        dist.init_process_group(collective(device), timeout=PATIENCE)
    try:
        yield Crew(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()  # so that no warning is left behind


def seated(device: torch.device) -> torch.device:
    """Of several accelerators, the one that is this process' own."""
    if device.type == "cpu" or device.index is not None or "LOCAL_RANK" not in os.environ:
        return device
    return torch.device(device.type, int(os.environ["LOCAL_RANK"]))


@contextmanager
def _explained() -> Iterator[None]:
    """What torch says when another process is gone, in one sentence."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ShareError(f"Another process of this run is gone, so it ends here ({reason}).") from error
