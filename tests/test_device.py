"""Devices: what is asked for works or is refused, and a run on the CPU never touches an accelerator."""

from __future__ import annotations

import types
from typing import Any

import pytest
import torch
from networks import one_thread, picture, recipe, tiny

from impasto import device
from impasto.errors import DeviceError
from impasto.stylize import stylize

__all__ = ["one_thread"]


def nothing(*_: object, **__: object) -> bool:
    return False


def untouchable(*_: object, **__: object) -> Any:  # noqa: ANN401 -- never returns
    raise AssertionError("an accelerator was touched")


def broken(*_: object, **__: object) -> Any:  # noqa: ANN401 -- never returns
    raise RuntimeError("CUDA driver initialization failed\nand much more")


@pytest.fixture
def no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.cuda fails on every use; torch itself asks two questions of it, which are left."""
    for name, value in vars(torch.cuda).items():
        asked_by_torch = name in ("is_initialized", "_is_in_bad_fork", "is_current_stream_capturing")
        if isinstance(value, types.FunctionType) and not asked_by_torch:
            monkeypatch.setattr(torch.cuda, name, untouchable)
    monkeypatch.setattr(torch.backends.mps, "is_available", untouchable)


@pytest.mark.usefixtures("no_accelerator")
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_a_run_on_the_cpu_touches_no_accelerator(optimizer: str) -> None:
    with pytest.raises(AssertionError, match="touched"):
        torch.cuda.is_available()
    result = stylize(
        picture(40, 40, 1), picture(40, 40, 2), recipe(optimizer=optimizer, steps=2), network=tiny(), device="cpu"
    )
    assert result.size == (40, 40)
    assert device.free_memory(torch.device("cpu")) > 0
    assert device.peak_memory(torch.device("cpu")) > 0
    assert "CPU" in device.describe(torch.device("cpu"))


def test_what_is_found_is_described_in_a_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(device, "_available_ram", lambda: 3 * 2**29)
    monkeypatch.setattr(device, "_cgroup_headroom", list)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A card")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**32, 2**34))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 5 * 2**30)  # torch's own pool ...
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 2**30)  # ... of which so much is in use
    told = {kind: device.describe(torch.device(kind)) for kind in ("cpu", "cuda", "mps")}
    assert told == {"cpu": "CPU, 7 threads, 1.5 GiB free", "cuda": "A card, 8.0 GiB free", "mps": "Apple GPU"}


def test_auto_takes_what_really_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", nothing)
    monkeypatch.setattr(torch.cuda, "is_available", nothing)
    assert device.choose() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "_trial", lambda _: None)
    assert device.choose() == torch.device("cuda")
    monkeypatch.setattr(device, "_trial", lambda _: "it does not start")
    assert device.choose() == torch.device("cpu")


def test_a_driver_that_fails_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.Tensor, "to", broken)
    monkeypatch.setattr(torch.backends.mps, "is_available", nothing)
    assert device.choose("auto") == torch.device("cpu")
    with pytest.raises(
        DeviceError, match=r"'cuda' does not work here \(CUDA driver initialization failed\); try"
    ) as told:
        device.choose("cuda")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cuda:", "auto:1", "cuda:-1", "CUDA", "cpu:one", ":0"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="There is no device"):
        device.choose(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps"])
def test_a_device_asked_for_by_name_is_never_replaced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", nothing)
    monkeypatch.setattr(torch.backends.mps, "is_available", nothing)
    with pytest.raises(DeviceError, match="try --device cpu"):
        device.choose(name)


@pytest.mark.parametrize("able", [False, True])
def test_precision_is_bfloat16_where_it_pays_or_is_asked_for(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True, "avx512_bf16": able})
    cpu, cuda, mps = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
    on_cpu = torch.bfloat16 if able else torch.float32
    assert [device.precision("auto", d) for d in (cpu, cuda, mps)] == [on_cpu, torch.bfloat16, torch.float32]
    assert [device.imitates_bfloat16(d) for d in (cpu, cuda, mps)] == [not able, False, False]
    assert device.precision("float32", cuda) == torch.float32
    assert device.precision("bfloat16", cpu) == torch.bfloat16


def test_free_memory_obeys_the_limit_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_available_ram", lambda: 100)
    monkeypatch.setattr(device, "_cgroup_headroom", lambda: [70])
    assert device.free_memory(torch.device("cpu")) == 70
    monkeypatch.setattr(device, "_cgroup_headroom", list)
    assert device.free_memory(torch.device("cpu")) == 100
