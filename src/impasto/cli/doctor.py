"""`impasto doctor`: all that one would ask about an installation, fit to be pasted into a bug report."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from impasto.cli.sections import SETTINGS, Sectioned
from impasto.cli.weights import DEBUG

PACKAGES = ("torch", "numpy", "pillow", "safetensors", "h5py", "platformdirs", "pydantic", "click", "rich", "tomli-w")
EXTRAS = {
    "heif": ("pillow_heif", "reads HEIC photos"),
    "video": ("av", "writes .mp4 films"),
    "giant": ("pyvips", "writes BigTIFF and DeepZoom, reads large files in rows"),
    "cluster": ("ray", "paints batches on many machines"),
}
VARIABLES = (
    *("IMPASTO_CACHE_DIR", "IMPASTO_WEIGHTS_DIR", "IMPASTO_WEIGHTS_URL", "IMPASTO_OFFLINE", "HF_HUB_OFFLINE"),
    *("TORCH_HOME", "XDG_CACHE_HOME", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "NO_COLOR"),
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "GOMP_SPINCOUNT"),
)


def examine() -> None:
    """Tell all about this installation: versions, devices, weights, extras."""
    for title, lines in (
        ("System", system()),
        ("Packages", packages()),
        ("Devices", devices()),
        ("Formats and extras", extras()),
        ("Weights", weights()),
        ("Environment", (f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ)),
    ):
        print(title)
        for line in lines:
            print(f"    {line}")


def system() -> Iterator[str]:
    yield f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores"
    yield f"Python {platform.python_version()}"


def packages() -> Iterator[str]:
    from impasto import __version__

    yield f"impasto {__version__}"
    for name in PACKAGES:
        yield f"{name} {metadata.version(name)}"


def devices() -> Iterator[str]:
    """Each kind of device, tried out; the one that painting takes is marked."""
    import torch

    from impasto import device
    from impasto.errors import DeviceError
    from impasto.networks import winograd

    chosen = device.choose()
    for kind in device.CHOICES[1:]:
        try:
            words = device.describe(device.choose(kind))
        except DeviceError:
            words = "not here"
        yield f"{kind}: {words}{' (the default)' if kind == chosen.type else ''}"
    kind = str(device.precision("auto", chosen)).removeprefix("torch.")
    by_winograd = ", VGG's in float32 by Winograd's way" if chosen.type == "cpu" and winograd.pays() else ""
    yield f"convolutions in {kind} by default (processor: {torch.backends.cpu.get_cpu_capability()}){by_winograd}"
    yield f"torch was built for {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'no CUDA'}"


def extras() -> Iterator[str]:
    from PIL import features

    for name in ("jpg", "webp", "avif", "libtiff"):
        yield f"{name}: {'yes' if features.check(name) else 'no'}"
    for extra, (module, use) in EXTRAS.items():
        present = util.find_spec(module) is not None
        yield f"[{extra}] {use}: {'yes' if present else f'''no; pip install 'impasto[{extra}]' '''.rstrip()}"


def weights() -> Iterator[str]:
    from impasto.weights import entries, places

    cache = places.cache()
    yield f"folder: {cache} ({writable(cache)})"
    for entry in entries():
        kept = [path for path in (places.features_file(entry), *places.copies(entry)) if path.is_file()]
        yield f"{entry.name}: {kept[0] if kept else 'not here'}"


def writable(folder: Path) -> str:
    """Whether files can be put into a folder (or the nearest one above it that exists), and how much room is left."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    return f"{'writable' if os.access(existing, os.W_OK) else 'NOT writable'}, {free:.1f} GB free"


doctor = Sectioned("doctor", callback=examine, params=[DEBUG], help=examine.__doc__, context_settings=SETTINGS)
