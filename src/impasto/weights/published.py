"""The weight files that others have published: where, how large, which hash, whose license, for which input.

This is the only list of addresses in the program, and it needs neither torch nor the network.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Preprocessing:
    """What a file's network expects, told as steps from RGB in [0, 1].

    Put the channels in `order`, multiply by `scale`, subtract `mean`, divide by `std`. `mean` and `std` are in
    the file's own channel order and in the units after scaling.
    """

    order: Literal["rgb", "bgr"]
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CAFFE = Preprocessing("bgr", 255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))
TORCHVISION = Preprocessing("rgb", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# torchvision's VGG16_Weights.IMAGENET1K_FEATURES: the original weights with the channels turned round. A std
# of 1/255 makes the input 0..255 again.
TORCHVISION_FEATURES = Preprocessing("rgb", 1.0, (0.48235, 0.45882, 0.40784), (1 / 255, 1 / 255, 1 / 255))


@dataclass(frozen=True)
class Digest:
    """A published hash; `sha256` may be the first eight digits only, where no more is published."""

    algorithm: Literal["md5", "sha256"]
    digits: str


@dataclass(frozen=True)
class Entry:
    """One published file."""

    name: str
    network: str
    filename: str
    urls: tuple[str, ...]
    size: int | None
    digest: Digest
    preprocessing: Preprocessing
    source: str
    license: str
    attribution: str

    def describe(self) -> str:
        """The file's name and, where it is published, its size."""
        return self.filename if self.size is None else f"{self.filename} ({self.size / 1e6:.0f} MB)"


_OXFORD = (
    "CC BY 4.0",
    "Karen Simonyan and Andrew Zisserman, "
    "Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv:1409.1556",
)
_TORCHVISION = ("BSD-3-Clause", "torchvision; architecture by Simonyan and Zisserman, arXiv:1409.1556")
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERAS_MIRROR = "https://github.com/fchollet/deep-learning-models/releases/download/v0.1"
_MICHIGAN = "https://web.eecs.umich.edu/~justincj/models"
_MICHIGAN_MIRROR = "https://s3-us-west-2.amazonaws.com/jcjohns-models"


def _keras(network: str, size: int, md5: str) -> Entry:
    filename = f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    urls = (f"{_KERAS}/{network}/{filename}", f"{_KERAS_MIRROR}/{filename}")
    source = "the original Oxford weights, features only, as published by Keras"
    return Entry(network, network, filename, urls, size, Digest("md5", md5), CAFFE, source, *_OXFORD)


def _michigan(network: str, digits: str) -> Entry:
    filename = f"{network}-{digits}.pth"
    urls = (f"{_MICHIGAN}/{filename}", f"{_MICHIGAN_MIRROR}/{filename}")
    digest = Digest("sha256", digits)
    source = "the original Oxford weights, converted by Justin Johnson"
    return Entry(f"{network}-jcjohnson", network, filename, urls, None, digest, CAFFE, source, *_OXFORD)


def _pystiche(network: str, digits: str) -> Entry:
    filename = f"{network}-{digits}.pth"
    urls = (f"https://download.pystiche.org/models/{filename}",)
    digest = Digest("sha256", digits)
    source = "the original Oxford weights, converted by pystiche"
    return Entry(f"{network}-pystiche", network, filename, urls, None, digest, CAFFE, source, *_OXFORD)


def _torchvision(network: str, digits: str, size: int | None, sha256: str) -> Entry:
    filename = f"{network}-{digits}.pth"
    urls = (f"https://download.pytorch.org/models/{filename}",)
    digest = Digest("sha256", sha256)
    source = "torchvision, IMAGENET1K_V1"
    name = f"{network}-torchvision"
    return Entry(name, network, filename, urls, size, digest, TORCHVISION, source, *_TORCHVISION)


def _timm(network: str, sha256: str) -> Entry:
    urls = (f"https://huggingface.co/timm/{network}.tv_in1k/resolve/main/model.safetensors",)
    digest = Digest("sha256", sha256)
    source = "torchvision, IMAGENET1K_V1, as published by timm"
    filename = f"{network}.tv_in1k.safetensors"
    return Entry(f"{network}-timm", network, filename, urls, None, digest, TORCHVISION, source, *_TORCHVISION)


# In order of preference within each network: first the weights that the papers used, smallest file first.
ENTRIES: tuple[Entry, ...] = (
    _keras("vgg19", 80_134_624, "253f8cb515780f3b799900260a226db6"),
    _michigan("vgg19", "d01eb7cb"),
    _pystiche("vgg19", "74e45263"),
    _torchvision("vgg19", "dcbb9e9d", 574_673_361, "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"),
    _timm("vgg19", "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669"),
    _keras("vgg16", 58_889_256, "6d6bbae143d832006294945121d1f1fc"),
    _michigan("vgg16", "00b39a1b"),
    _pystiche("vgg16", "781be684"),
    Entry(
        name="vgg16-torchvision-features",
        network="vgg16",
        filename="vgg16_features-amdegroot-88682ab5.pth",
        urls=("https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth",),
        size=None,
        digest=Digest("sha256", "88682ab5"),
        preprocessing=TORCHVISION_FEATURES,
        source="the original Oxford weights, from amdegroot/ssd.pytorch, torchvision's IMAGENET1K_FEATURES",
        license=_OXFORD[0],
        attribution=_OXFORD[1],
    ),
    _torchvision("vgg16", "397923af", None, "397923af"),
    _timm("vgg16", "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"),
)
