"""The same work on many machines, with Ray: `pip install 'impasto[cluster]'`.

Each worker is an actor that keeps its network. Files travel both ways as bytes, so that the machines need no disk in
common; the manifest and the pictures are written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from impasto.allocator import as_planned, keep_what_is_freed
from impasto.batch.crew import PATIENCE, Result
from impasto.batch.painter import Failed, Painter, Stopped, Task, Tools
from impasto.errors import RunError, UsageError
from impasto.findings import Kept
from impasto.recipe import Recipe

STORE = 200 * 2**20  # bytes of a local cluster's shared memory: a few photos
PAINTINGS = 4  # kept in the cluster's memory


class Hand:
    """What becomes an actor."""

    def __init__(self, tools: Tools) -> None:
        keep_what_is_freed()  # the actor has a process of its own
        self._painter = Painter(tools)

    def paint(self, task: Task, files: dict[Path, Any]) -> Result:
        """`files` are references to bytes."""
        import ray

        sources = dict(zip(files, ray.get(list(files.values())), strict=True))
        return self._painter.paint(task, sources, as_planned)


class Cluster:
    """Actors; one that is lost is replaced. `address` is "auto", for the cluster that is there or one of our own."""

    def __init__(
        self,
        address: str,
        tools: Tools,
        count: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ray = connected(address, count)
        self._tools, self._stop = tools, stop
        have = self._ray.cluster_resources()
        self._gpus = 1 if have.get("GPU", 0) >= 1 and tools.device != "cpu" else 0
        self._count = count or int(max(1, have["GPU"] if self._gpus else have.get("CPU", 1)))
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._sent: Kept[Any] = Kept(PAINTINGS)

    @property
    def free(self) -> bool:
        return len(self._busy) < self._count

    def check(self, recipes: Iterable[Recipe]) -> None:
        """The machines that paint may have weights that this one lacks; they will tell."""

    def give(self, task: Task) -> None:
        try:
            files = {path: self._reference(path) for path in task.job.files}
        except OSError as error:
            self._busy[self._ray.put(Failed(f"{error.filename} cannot be read: {error.strerror}."))] = None, task
            return
        actor = self._idle.pop() if self._idle else self._hire()
        self._busy[actor.paint.remote(task, files)] = actor, task

    def next(self) -> tuple[Task, Result]:
        while not self._stop():
            ready, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=PATIENCE)
            if ready:
                actor, task = self._busy.pop(ready[0])
                return task, self._result(ready[0], actor)
        raise Stopped

    def _result(self, reference: Any, actor: Any) -> Result:  # noqa: ANN401 -- Ray has no types
        try:
            result: Result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            result = Failed(f"The worker failed: {error.cause}.")
        except self._ray.exceptions.RayError:
            return None  # the actor, or its machine, is lost
        if actor is not None:
            self._idle.append(actor)
        return result

    def close(self) -> None:
        for actor in (*self._idle, *(actor for actor, _ in self._busy.values() if actor is not None)):
            self._ray.kill(actor)
        self._ray.shutdown()

    def _hire(self) -> Any:  # noqa: ANN401 -- Ray has no types
        return self._ray.remote(num_cpus=1, num_gpus=self._gpus)(Hand).remote(self._tools)

    def _reference(self, path: Path) -> Any:  # noqa: ANN401 -- Ray has no types
        """The file in the cluster's memory; the last few are kept there, as paintings are used again."""
        return self._sent.recall(path, lambda: self._ray.put(path.read_bytes()))


def connected(address: str, count: int | None) -> Any:  # noqa: ANN401 -- Ray has no types
    """Ray, connected; "auto" starts a cluster on this machine where there is none."""
    try:
        import ray
    except ImportError:
        raise UsageError("A cluster needs Ray: pip install 'impasto[cluster]'.") from None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        ray.init(address, **quiet)
    except ConnectionError as error:
        if address != "auto":
            raise RunError(f"There is no cluster at {address}: {error}.") from None
        ray.init(num_cpus=count, include_dashboard=False, object_store_memory=STORE, **quiet)
    except ValueError as error:
        raise UsageError(f"{address!r} is no address of a cluster, as ray://host:10001 is: {error}.") from None
    return ray
