"""For every test: seeded, and no internet. For some: a tiny network that the real command takes."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import command
import numpy as np
import pytest
import tiny_weights
import torch
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same numbers whatever ran before."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep from run to run is the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def no_internet() -> Iterator[None]:
    """A connection to another machine fails at once, and says so."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401 -- an address of any family
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise OSError(f"tests have no internet: {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG-19 cut after conv2_1, seeded: give it to the command with `tiny_weights.FLAGS`."""
    return tiny_weights.write(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return command.picture_file(tmp_path / "photo.png", 60, 40, seed=1)


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    return command.picture_file(tmp_path / "painting.png", 50, 50, seed=2)
