"""Files of weights: every published container is read, everything else is refused with a reason."""

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from weight_files import classifier, entry_for, numbered, tensors, write_keras, write_safetensors, write_torch

from impasto import weights
from impasto.errors import WeightsError
from impasto.weights.published import CAFFE, ENTRIES, TORCHVISION, TORCHVISION_FEATURES, Preprocessing

STAND_IN = Path(__file__).parents[2] / "shared" / "weights" / "vgg19-standin.safetensors"
WRITERS = {
    "keras.h5": lambda path, named: write_keras(path, named),
    "caffe.pth": lambda path, named: write_torch(path, {**numbered("vgg19", named), **classifier()}),
    "old.pth": lambda path, named: write_torch(path, numbered("vgg19", named), zipped=False),
    "bare.pth": lambda path, named: write_torch(path, numbered("vgg19", named, prefix="")),
    "gatys.pth": lambda path, named: write_torch(path, named),
    "timm.safetensors": lambda path, named: write_safetensors(path, numbered("vgg19", named)),
    "half.safetensors": lambda path, named: write_safetensors(path, {k: v.half() for k, v in named.items()}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_container_gives_the_same_network(name: str, tmp_path: Path) -> None:
    expected = tensors()
    loaded = weights.load("vgg19", file=WRITERS[name](tmp_path / name, expected))
    assert list(loaded.tensors) == list(expected)
    assert loaded.preprocessing == CAFFE
    for key, value in loaded.tensors.items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, expected[key], atol=1e-3 if "half" in name else 0)


def test_the_hash_tells_the_numbers_not_the_file(tmp_path: Path) -> None:
    files = [WRITERS[name](tmp_path / name, tensors()) for name in ("keras.h5", "old.pth", "timm.safetensors")]
    assert len({weights.load("vgg19", file=file).sha256 for file in files}) == 1
    other = write_keras(tmp_path / "other.h5", tensors(seed=1))
    assert weights.load("vgg19", file=other).sha256 != weights.load("vgg19", file=files[0]).sha256
    overridden = weights.load("vgg19", file=files[0], preprocessing="torchvision")
    assert overridden.sha256 != weights.load("vgg19", file=files[0]).sha256


def test_keras_kernels_are_turned_round(tmp_path: Path) -> None:
    named = tensors(last="conv1_1")
    named["conv1_1.weight"].zero_()[5, 2, 0, 1] = 7.0  # output 5 sees input 2, one row up
    loaded = weights.load("vgg19", file=write_keras(tmp_path / "x.h5", named))
    assert loaded.tensors["conv1_1.weight"][5, 2, 0, 1] == 7.0


def test_loaded_weights_do_not_depend_on_the_file(tmp_path: Path) -> None:
    file = write_safetensors(tmp_path / "x.safetensors", tensors())
    loaded = weights.load("vgg19", file=file)
    before = loaded.tensors["conv1_1.weight"].clone()
    os.truncate(file, 8)
    assert torch.equal(loaded.tensors["conv1_1.weight"], before)


@pytest.mark.parametrize(
    ("manner", "expected"), [("caffe", CAFFE), ("torchvision", TORCHVISION)], ids=["caffe", "torchvision"]
)
def test_preprocessing_is_told_from_the_biases(manner: str, expected: Preprocessing, tmp_path: Path) -> None:
    named = numbered("vgg19", tensors(bias=manner))
    loaded = weights.load("vgg19", file=write_torch(tmp_path / "renamed.pth", named))
    assert loaded.preprocessing == expected


def test_unclear_preprocessing_is_asked_for_and_can_be_given(tmp_path: Path) -> None:
    named = tensors()
    named["conv1_1.bias"] = torch.linspace(-0.1, 1.0, 64) ** 2 - 0.1
    file = write_torch(tmp_path / "unclear.pth", numbered("vgg19", named))
    with pytest.raises(WeightsError, match="with one of caffe, torchvision"):
        weights.load("vgg19", file=file)
    assert weights.load("vgg19", file=file, preprocessing="torchvision").preprocessing == TORCHVISION
    with pytest.raises(WeightsError, match="no preprocessing 'matlab'"):
        weights.load("vgg19", file=file, preprocessing="matlab")  # type: ignore[arg-type]


def test_a_published_hash_decides_before_the_statistics(tmp_path: Path) -> None:
    file = write_torch(tmp_path / "whatever.pth", numbered("vgg19", tensors(bias="torchvision")))
    loaded = weights.load("vgg19", file=file, registry=[entry_for(file)])
    assert (loaded.preprocessing, loaded.license) == (CAFFE, "none")


def test_scaled_255_variant_is_the_original_with_channels_turned_round() -> None:
    """255 and a unit std, or 1 and a std of 1/255: the same input, about the same mean."""
    for mean, original in zip(TORCHVISION_FEATURES.mean, reversed(CAFFE.mean), strict=True):
        assert 255 * mean == pytest.approx(original, abs=0.8)


@pytest.mark.parametrize(("asked", "given"), [("vgg16", "vgg19"), ("vgg19", "vgg16")])
def test_the_other_network_is_named(asked: str, given: str, tmp_path: Path) -> None:
    last = "conv3_4" if given == "vgg19" else "conv4_1"
    named = tensors(given, last)
    for file in (
        write_torch(tmp_path / "x.pth", numbered(given, named)),
        write_keras(tmp_path / "x.h5", named),
    ):
        title = {"vgg16": "VGG-16", "vgg19": "VGG-19"}
        with pytest.raises(WeightsError, match=f"holds {title[given]}, but {title[asked]} was asked for"):
            weights.load(asked, file=file)
        assert weights.load(given, file=file).network == given


def without(key: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in tensors().items() if name != key}


NOT_VGG = {
    "some other model": ({"layer1.0.conv1.weight": torch.zeros(3)}, "no VGG convolutions"),
    "numbered model": ({"features.0.weight": torch.zeros(64, 3, 11, 11)}, "expected \\(64, 3, 3, 3\\)"),
    "nothing": ({}, "it holds nothing"),
    "batch-normalized": ({**tensors(), "features.1.running_mean": torch.zeros(64)}, "batch-normalized"),
    "AdaIN": ({"0.weight": torch.zeros(3, 3, 1, 1), "0.bias": torch.zeros(3)}, "1x1 convolution"),
    "a bias less": (without("conv1_2.bias"), "lacks conv1_2.bias"),
    "a layer less": (
        {name: value for name, value in tensors().items() if not name.startswith("conv1_2")},
        "lacks conv1_2.weight",
    ),
    "a wrong shape": ({**tensors(), "conv1_1.bias": torch.zeros(32)}, "is \\(32,\\), expected \\(64,\\)"),
    "integers": ({**tensors(), "conv1_1.bias": torch.zeros(64, dtype=torch.int64)}, "floating-point"),
    "not finite": ({**tensors(), "conv1_1.bias": torch.full((64,), torch.nan)}, "not finite"),
}


@pytest.mark.parametrize("case", NOT_VGG)
def test_other_contents_are_refused_with_the_reason(case: str, tmp_path: Path) -> None:
    content, reason = NOT_VGG[case]
    with pytest.raises(WeightsError, match=reason):
        weights.load("vgg19", file=write_torch(tmp_path / "x.pth", content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>Not found</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git-lfs pointer"),
        (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
        (b"hello, world", "no file of weights"),
    ],
)
def test_other_files_are_named(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "vgg19.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        weights.load("vgg19", file=file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no weights file"):
        weights.load("vgg19", file=tmp_path / "absent.pth")
    with pytest.raises(WeightsError, match="is not a file"):
        weights.load("vgg19", file=tmp_path)
    with pytest.raises(WeightsError, match="networks are vgg19, vgg16"):
        weights.load("vgg11", file=tmp_path)
    with pytest.raises(WeightsError, match="only together with a file"):
        weights.load("vgg19", preprocessing="caffe")


class _Trap:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("container", ["zip", "old", "pickle"])
def test_code_in_a_pickle_never_runs(container: str, tmp_path: Path) -> None:
    witness, file = tmp_path / "ran", tmp_path / "trap.pth"
    if container == "pickle":
        file.write_bytes(pickle.dumps({"features.0.weight": _Trap(witness)}, protocol=2))
    else:
        content = {"features.0.weight": _Trap(witness)}
        torch.save(content, file, _use_new_zipfile_serialization=container == "zip")
    with pytest.raises(WeightsError, match=r"would run code|damaged"):
        weights.load("vgg19", file=file)
    assert not witness.exists()


def test_a_whole_pickled_model_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    torch.save(torch.nn.Conv2d(3, 64, 3), file)
    with pytest.raises(WeightsError, match=r"would run code \(torch.nn.modules.conv.Conv2d\)"):
        weights.load("vgg19", file=file)


def test_a_checkpoint_with_a_state_dict_inside_is_read(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pth"
    torch.save({"epoch": 3, "state_dict": numbered("vgg19", tensors())}, file)
    assert "conv2_1.weight" in weights.load("vgg19", file=file).tensors


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    file = WRITERS[name](tmp_path / name, tensors(last="conv1_2"))
    whole = file.read_bytes()
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(WeightsError):
            weights.load("vgg19", file=file)


MAGIC = (b"", b"PK\x03\x04", b"\x80\x02", b"\x89HDF\r\n\x1a\n", struct.pack("<Q", 40) + b'{"')


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(magic=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_weights_errors(magic: bytes, rest: bytes, tmp_path: Path) -> None:
    file = tmp_path / "random"
    file.write_bytes(magic + rest)
    with pytest.raises(WeightsError):
        weights.load("vgg19", file=file)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(WRITERS)), place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=8))
def test_damaged_files_load_or_raise_weights_errors(name: str, place: float, junk: bytes, tmp_path: Path) -> None:
    """A changed number inside a file without a checksum cannot be seen; anything else must be a WeightsError."""
    file = tmp_path / name
    if not file.with_suffix(".whole").exists():
        file.with_suffix(".whole").write_bytes(WRITERS[name](file, tensors(last="conv1_1")).read_bytes())
    whole = bytearray(file.with_suffix(".whole").read_bytes())
    start = int(place**3 * (len(whole) - len(junk)))  # most of the structure is at the front
    whole[start : start + len(junk)] = junk
    file.write_bytes(whole)
    try:
        loaded = weights.load("vgg19", file=file)
    except WeightsError:
        return
    assert loaded.tensors["conv1_1.weight"].shape == (64, 3, 3, 3)


def test_our_own_file_refuses_to_lie(tmp_path: Path) -> None:
    """The features file is checked to the last bit, and wherever it is given."""
    named = tensors()
    about = {"format": "impasto-features-1", "network": "vgg19", "preprocessing": "{}", "sha256": "0"}
    file = tmp_path / "x.safetensors"
    save_file(named, file, about)
    with pytest.raises(WeightsError, match="lacks what it should tell"):
        weights.load("vgg19", file=file)


def test_the_registry_is_complete() -> None:
    for entry in ENTRIES:
        assert entry.network in ("vgg19", "vgg16")
        assert entry.urls
        assert all(url.startswith("https://") for url in entry.urls)
        assert len(entry.digest.digits) in (8, 32, 64)
        assert entry.source
        assert entry.license in ("CC BY 4.0", "BSD-3-Clause")
        assert "1409.1556" in entry.attribution
    assert len({entry.name for entry in ENTRIES}) == len({entry.filename for entry in ENTRIES}) == len(ENTRIES)
    for network in ("vgg19", "vgg16"):
        assert weights.find(network).filename.endswith("notop.h5")
        assert weights.entries(network)[0] is weights.find(network)


@pytest.mark.shared
@pytest.mark.skipif(not STAND_IN.exists(), reason="the development weights of ../shared are not here")
def test_the_stand_in_is_recognized_and_says_what_it_is() -> None:
    loaded = weights.load("vgg19", file=STAND_IN)
    assert loaded.preprocessing == CAFFE  # told from the published conv1_1 that it holds
    assert list(loaded.tensors)[-1] == "conv5_1.bias"
    assert "stand-in" in loaded.stand_in
    with pytest.raises(WeightsError, match="holds VGG-19, but VGG-16"):
        weights.load("vgg16", file=STAND_IN)
    with pytest.raises(WeightsError, match="no VGG convolutions"):
        weights.load("vgg19", file=STAND_IN.with_name("vgg19-16x-teacher.safetensors"))
