"""`weights.load` finds, fetches, converts and keeps; it asks nobody twice."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_download import Server
from test_download import server as server  # the fixture
from weight_files import entry_for, numbered, tensors, write_keras, write_torch

from impasto import weights
from impasto.errors import DownloadError, WeightsError
from impasto.weights import Entry, places

VARIABLES = ("IMPASTO_OFFLINE", "HF_HUB_OFFLINE", "IMPASTO_WEIGHTS_DIR", "IMPASTO_WEIGHTS_URL", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a torch folder of our own; no variable of the person who runs the tests."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.fixture
def published(tmp_path: Path) -> Path:
    (tmp_path / "published").mkdir()
    return write_keras(tmp_path / "published" / "vgg.h5", tensors())


@pytest.fixture
def entry(published: Path) -> Entry:
    return entry_for(published, ("http://127.0.0.1:1/vgg.h5",))


@pytest.fixture
def serve(server: Server, monkeypatch: pytest.MonkeyPatch, published: Path, entry: Entry) -> Entry:
    """The entry as published by the loopback server."""
    monkeypatch.setattr("test_download.CONTENT", published.read_bytes())
    return replace(entry, urls=(server.url("good"),))


def test_the_first_load_downloads_the_second_asks_nobody(serve: Entry, server: Server, home: Path) -> None:
    seen: list[int] = []
    first = weights.load("vgg19", registry=[serve], progress=lambda done, total: seen.append(total - done))
    assert seen[-1] == 0
    shutil.rmtree(home / "published")
    second = weights.load("vgg19", registry=[serve])
    offline = weights.load("vgg19", registry=[serve], offline=True)
    assert len(server.requests) == 1
    assert first.sha256 == second.sha256 == offline.sha256
    assert (first.source, first.license, first.attribution) == (serve.source, serve.license, serve.attribution)
    assert replace(second, tensors={}) == replace(first, tensors={})
    assert list(second.tensors) == list(first.tensors)
    assert all(torch.equal(first.tensors[key], second.tensors[key]) for key in first.tensors)


def test_converted_weights_do_without_the_original(serve: Entry, home: Path) -> None:
    weights.load("vgg19", registry=[serve])
    places.download_target(serve).unlink()
    assert weights.path("vgg19", [serve]) == places.features_file(serve)
    assert weights.load("vgg19", registry=[serve], offline=True).network == "vgg19"


def test_a_damaged_conversion_is_noticed_and_rebuilt(serve: Entry, server: Server) -> None:
    sound = weights.load("vgg19", registry=[serve])
    kept = places.features_file(serve)
    whole = kept.read_bytes()
    for damaged in (whole[:-1000], whole[:-1] + bytes([whole[-1] ^ 1]), b"", b"<html>"):
        kept.write_bytes(damaged)
        assert [bool(check.problem) for check in weights.verify("vgg19", [serve])] == [True, False]
        assert weights.load("vgg19", registry=[serve]).sha256 == sound.sha256
        assert weights.verify("vgg19", [serve])[0].problem == ""
    assert len(server.requests) == 1


def test_a_damaged_original_is_downloaded_again(serve: Entry, server: Server) -> None:
    original = places.download_target(serve)
    original.parent.mkdir(parents=True)
    original.write_bytes(b"x" * (serve.size or 0))
    assert weights.load("vgg19", registry=[serve]).network == "vgg19"
    assert weights.verify("vgg19", [serve])[1].problem == ""
    assert len(server.requests) == 1


@pytest.mark.parametrize("folder", ["IMPASTO_WEIGHTS_DIR", "TORCH_HOME"])
def test_files_that_are_there_are_reused(
    folder: str, entry: Entry, published: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = home / "there" if folder == "IMPASTO_WEIGHTS_DIR" else home / "there" / "hub" / "checkpoints"
    monkeypatch.setenv(folder, str(home / "there"))
    there.mkdir(parents=True)
    shutil.copy(published, there)
    assert weights.path("vgg19", [entry]) == there / "vgg.h5"
    assert weights.load("vgg19", registry=[entry], offline=True).sha256
    assert weights.path("vgg19", [entry]) == places.features_file(entry)


def test_a_wrong_file_of_the_right_name_is_passed_over_and_left_alone(
    serve: Entry, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(home))
    wrong = home / "vgg.h5"
    wrong.write_text("<html>")
    assert weights.load("vgg19", registry=[serve]).network == "vgg19"
    assert wrong.read_text() == "<html>"
    assert "web page" in caplog.text


def test_another_publication_on_this_machine_is_taken_before_a_download(home: Path, entry: Entry) -> None:
    """As torchvision's file is, where it lies in torch's folder: and the weights say so."""
    checkpoints = home / "torch" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    file = write_torch(checkpoints / "vgg19-0.pth", numbered("vgg19", tensors(seed=1)))
    second = replace(entry_for(file, name="vgg19-torchvision"), source="torchvision")
    assert weights.load("vgg19", registry=[entry, second]).source == "torchvision"


@pytest.mark.parametrize("variable", [None, "IMPASTO_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_and_nothing_there(
    variable: str | None, serve: Entry, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, "1")
    with pytest.raises(WeightsError) as caught:
        weights.load("vgg19", registry=[serve], offline=variable is None)
    message = str(caught.value)
    expected = ("VGG-19", "vgg.h5 (", "offline", serve.urls[0], "--weights", str(home / "torch"))
    assert all(part in message for part in (*expected, str(places.download_target(serve))))
    assert server.requests == []


def test_a_failed_download_says_how_to_do_it_by_hand(serve: Entry, server: Server) -> None:
    broken = replace(serve, urls=(server.url("missing"), server.url("forbidden")))
    with pytest.raises(DownloadError) as caught:
        weights.load("vgg19", registry=[broken])
    message = str(caught.value)
    expected = ("404", "403", *broken.urls, "--weights", str(places.download_target(serve)))
    assert all(part in message for part in expected)


def test_a_mirror_of_ones_own_comes_first_and_is_checked_too(
    serve: Entry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_WEIGHTS_URL", server.url("wrong").removesuffix("/vgg.h5"))
    assert weights.load("vgg19", registry=[serve]).network == "vgg19"
    assert [behavior for behavior, _ in server.requests] == ["wrong", "good"]


def _chmod(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o500)


def _occupy(cache: Path) -> None:
    cache.write_text("a file where the folder should be")


@pytest.fixture(params=[_chmod, _occupy], ids=["read-only", "a file"])
def sealed(request: pytest.FixtureRequest, home: Path) -> Iterator[Path]:
    if request.param is _chmod and hasattr(os, "geteuid") and os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    make: Callable[[Path], None] = request.param
    make(home / "cache")
    yield home / "cache"
    (home / "cache").chmod(0o700)


def test_a_cache_that_cannot_be_written_is_named(sealed: Path, serve: Entry, server: Server) -> None:
    with pytest.raises(DownloadError, match=f"{sealed}.* cannot be written to"):
        weights.load("vgg19", registry=[serve])
    assert server.requests == []


def test_a_file_from_elsewhere_needs_no_cache(
    sealed: Path, entry: Entry, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(published.parent))
    assert weights.load("vgg19", registry=[entry]).network == "vgg19"


def test_a_kept_file_can_be_given_by_hand(serve: Entry) -> None:
    sound = weights.load("vgg19", registry=[serve])
    given = weights.load("vgg19", file=places.features_file(serve))
    assert (given.sha256, given.license) == (sound.sha256, sound.license)
    with pytest.raises(WeightsError, match="holds VGG-19, but VGG-16"):
        weights.load("vgg16", file=places.features_file(serve))


def test_fetch_verify_path_and_unknown_names(serve: Entry, server: Server, entry: Entry) -> None:
    assert weights.path("vgg19", [serve]) is None
    assert weights.verify("vgg19", [serve]) == ()
    fetched = weights.fetch("vgg19", registry=[serve])
    assert fetched == weights.fetch("vgg19", registry=[serve], offline=True) == places.download_target(serve)
    assert weights.verify("vgg19", [serve]) == (weights.Check(fetched, ""),)
    with pytest.raises(WeightsError, match="'vgg11': choose one of vgg19"):
        weights.find("vgg11", [serve])


def test_nothing_is_opened_before_it_is_verified(serve: Entry, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("impasto.weights.formats.read", opened.append)
    wrong = replace(serve, urls=(server.url("wrong"),))
    with pytest.raises(DownloadError):
        weights.load("vgg19", registry=[wrong])
    assert opened == []
