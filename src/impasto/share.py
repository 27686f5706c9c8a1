"""Several processes paint one picture: tiles are dealt out, sums are added up, slopes are handed around.

Every process holds the whole canvas and the whole optimizer, and all take the same steps. What travels in a step is the
sums (some hundred kB) and the gradient (12 bytes per pixel, sent once by whoever has it); what is divided is the
network, which takes nearly all time.

    torchrun --nproc-per-node 4 -m impasto photo.jpg painting.jpg --size 4096
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from impasto.device import collective, out_of_memory
from impasto.errors import ShareError

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = timedelta(minutes=10)  # a process that is silent for longer counts as lost


@dataclass(frozen=True)
class Crew:
    """The processes that share a picture, as one of them sees it."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and talks."""
        return self.rank == 0

    def own(self, items: Sequence[Item]) -> Sequence[Item]:
        """The share of this process: every n-th."""
        return items[self.rank :: self.size]

    def add(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Each tensor, added up over all processes, with the very same result everywhere."""
        if self.size == 1:
            return list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _explained():
            dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def trade(self, parts: Sequence[Tensor]) -> None:
        """Parts of an image (1, C, h, w), each with the numbers of the process whose share it is, in place."""
        if self.size == 1:
            return
        for i, part in enumerate(parts):
            rows = part.permute(0, 2, 3, 1).contiguous()
            with _explained():
                dist.broadcast(rows, src=i % self.size)
            if i % self.size != self.rank:
                part.copy_(rows.permute(0, 3, 1, 2))

    def least(self, number: float, device: torch.device) -> float:
        """The smallest that any process has."""
        if self.size == 1:
            return number
        shared = torch.tensor(number, dtype=torch.float64, device=device)
        with _explained():
            dist.all_reduce(shared, dist.ReduceOp.MIN)
        return float(shared)

    def agreed(self, asked: Callable[[], bool], device: torch.device) -> Callable[[], bool]:
        """Whether any process says so, which all must ask at the same moments."""
        return asked if self.size == 1 else lambda: self.least(-float(asked()), device) < 0


ALONE = Crew()


def together(task: Callable[[], Result], crew: Crew, device: torch.device) -> Result:
    """The result of a task without messages; if memory runs out for one process of the crew, it has for all of them.

    So all can begin again in smaller tiles, and none waits for sums that another will never send.
    """
    if crew.size == 1:
        return task()
    failure, result = None, None
    try:
        result = task()
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
