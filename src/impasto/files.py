"""Pictures to files, with the record of how they were made, and that record back from a file.

A file appears complete or not at all, and nothing is overwritten unless that was asked for. Equal pixels and an equal
record give equal bytes: no dates, no names.
"""

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin, features

from impasto import __version__, giant, lossless
from impasto.decode import open_header, pillow
from impasto.errors import PictureError, reason
from impasto.filetype import open_file
from impasto.hand import expanded
from impasto.icc import srgb_profile
from impasto.picture import Picture, PictureLike, read
from impasto.storage import MEMORY, finite
from impasto.whole import beside, probe, whole, write_through

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".dzi": "DeepZoom",
}
_DEEP = {"PNG", "TIFF"}  # can hold 16 bits per color
_LONGEST_SIDE = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65535}
_QUALITY = {"JPEG": 95, "WEBP": 95, "AVIF": 90}
_JPEG_EXIF_BYTES = 65533 - len(b"Exif\0\0")
_KEY = "impasto"
_PREFIX = f"{_KEY}:"  # in fields that other programs use as well
_ANY_SIZE = 1 << 62  # pixels; a header is read, or what is written is in memory already
_ASCII_COMMENT = b"ASCII\0\0\0"


Array = NDArray[Any]  # uint8 or uint16, (H, W, 3) or (H, W, 4)


class Written(NamedTuple):
    path: Path
    notes: tuple[str, ...]  # what the format could not keep


def check_writable(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    depth: int = 8,
    size: tuple[int, int] | None = None,
) -> Path:
    """The absolute path, once it is certain that a picture can be written there; PictureError otherwise.

    Creates the folder. Meant to be called before hours of painting, and quick.
    """
    target = Path(os.path.abspath(expanded(path)))  # noqa: PTH100  (Path.absolute keeps "..")
    kind = format_of(target)
    if giant.is_giant(target, size):
        giant.check(target, depth)
    if depth not in (8, 16):
        raise PictureError(f"a depth of {depth} bits was asked for; it must be 8 or 16")
    if depth == 16 and kind not in _DEEP:
        raise PictureError(f"{target.name} cannot hold 16 bits per color; only .png and .tif can")
    if size is not None and max(size) > _LONGEST_SIDE.get(kind, max(size)):
        raise PictureError(
            f"{target.name} cannot hold {size[0]} × {size[1]} pixels: {kind} ends at {_LONGEST_SIDE[kind]} a side; "
            "write .png or .tif"
        )
    with _disk_errors(target):
        _make_folder(target)
        _check_vacant(target, overwrite)
        probe(target)
    return target


def write(
    picture: PictureLike,
    path: str | os.PathLike[str],
    *,
    recipe_record: Mapping[str, object] | None = None,
    depth: int = 8,
    quality: int | None = None,
    overwrite: bool = False,
) -> Written:
    """Encode by the name's suffix, with an sRGB profile and the record as JSON; see `read_record`.

    `quality` is for JPEG, WebP (100: lossless), AVIF and the tiles of DeepZoom.
    """
    _check_quality(quality)
    picture = read(picture)
    target = check_writable(path, overwrite=overwrite, depth=depth, size=picture.size)
    if giant.is_giant(target, picture.size):
        return _giant(picture, target, recipe_record, depth, quality, overwrite)
    data, notes = encode(picture, target.name, recipe_record=recipe_record, depth=depth, quality=quality)
    place(data, target, overwrite=overwrite)
    return Written(target, notes)


def _giant(
    picture: Picture,
    target: Path,
    recipe_record: Mapping[str, object] | None,
    depth: int,
    quality: int | None,
    overwrite: bool,
) -> Written:
    """A file, or a tree of files, that is written a few rows at a time."""
    record = "" if recipe_record is None else _PREFIX + json.dumps(recipe_record, allow_nan=False)
    giant.write(
        picture.rgb.detach(),
        target,
        alpha=picture.alpha,
        depth=depth,
        quality=quality or giant.QUALITY,
        description=record,
        overwrite=overwrite,
    )
    tree = record and target.suffix.lower() == ".dzi"
    return Written(target, ("a DeepZoom tree carries no record of how it was painted",) if tree else ())


def encode(
    picture: Picture,
    name: str,
    *,
    recipe_record: Mapping[str, object] | None = None,
    depth: int = 8,
    quality: int | None = None,
) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of a file of that name, and what its format could not keep."""
    kind = format_of(Path(name))
    _check_quality(quality)
    if kind == "DeepZoom":
        raise PictureError(f"{name} would be a tree of files, where one file is wanted; end the name in .tif or .png")
    record = "" if recipe_record is None else json.dumps(recipe_record, allow_nan=False)
    samples, notes = _samples(picture, kind, depth)
    with pillow(name, _ANY_SIZE):
        data, more_notes = _encode(samples, kind, record, quality or _QUALITY.get(kind, 0))
    return data, notes + more_notes


def _check_quality(quality: object) -> None:
    if quality is None or (isinstance(quality, int) and not isinstance(quality, bool) and 1 <= quality <= 100):
        return
    raise PictureError(f"a quality of {quality!r} was asked for; it must be a whole number from 1 to 100")


def place(data: bytes, target: Path, *, overwrite: bool = False) -> None:
    """Give a file this content, all of it or none."""
    with _disk_errors(target), (whole if overwrite else _new)(target) as fresh:
        write_through(fresh, data)


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `write` was given as `recipe_record`; PictureError if the file carries none."""
    path = expanded(path)
    with open_file(path) as stream, pillow(str(path), _ANY_SIZE):
        text = _record_text(open_header(stream, str(path)))
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise PictureError(
            f"{path} carries no record of how it was painted; only files written by Impasto do, "
            "as long as no other program saved them again"
        )
    return record


def _record_text(image: Image.Image) -> str:
    if image.format == "PNG":
        return str(image.info.get(_KEY, ""))
    if image.format == "TIFF":
        text = str(image.getexif().get(ExifTags.Base.ImageDescription, ""))
    else:
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
        text = bytes(comment).removeprefix(_ASCII_COMMENT).decode("ascii") if comment else ""
    return text.removeprefix(_PREFIX) if text.startswith(_PREFIX) else ""


def format_of(target: PurePath) -> str:
    """What a name says of the format to write in; PictureError if it is none that can be written."""
    kind = _FORMATS.get(target.suffix.lower())
    if kind is None:
        folder = "" if target.suffix else ", or make it first, if it is to be a folder"
        raise PictureError(
            f"{target.name} does not say in which format to write; end the name in .png, .jpg, .webp, .avif or .tif"
            f"{folder}"
        )
    if kind in ("WEBP", "AVIF") and not features.check(kind.lower()):
        raise PictureError(f"this Pillow was built without {kind}; write .png, .jpg or .tif")
    return kind


def _samples(picture: Picture, kind: str, depth: int) -> tuple[Array, tuple[str, ...]]:
    """(H, W, 3 or 4) of the asked depth."""
    planes = picture.rgb.detach().cpu()
    notes: tuple[str, ...] = ()
    if picture.alpha is not None:
        alpha = picture.alpha.detach().cpu()
        if kind == "JPEG":
            planes = planes * alpha + (1 - alpha)
            notes = ("JPEG holds no transparency; the picture was laid on white",)
        else:
            planes = torch.cat([planes, alpha], 1)
    if not finite(planes):
        raise PictureError("the picture has pixels that are not finite numbers, so it was not written")
    levels = (1 << depth) - 1
    height, width = planes.shape[-2:]
    samples = np.empty((height, width, planes.shape[1]), np.uint16 if depth == 16 else np.uint8)
    for rows in MEMORY.bands(planes):
        samples[rows] = planes[0, :, rows].clamp(0, 1).mul_(levels).round_().permute(1, 2, 0).numpy()
    return samples, notes


def _encode(samples: Array, kind: str, record: str, quality: int) -> tuple[bytes, tuple[str, ...]]:
    software, profile = f"Impasto {__version__}", srgb_profile()
    if kind == "TIFF":
        texts = {ExifTags.Base.Software.value: software}
        if record:
            texts[ExifTags.Base.ImageDescription.value] = _PREFIX + record
        return lossless.tiff(samples, profile, texts), ()
    if kind == "PNG":
        return _png(samples, profile, {"Software": software} | ({_KEY: record} if record else {})), ()
    exif = _exif(software, record)
    notes: tuple[str, ...] = ()
    if kind == "JPEG" and len(exif) > _JPEG_EXIF_BYTES:
        exif = _exif(software, "")
        notes = ("the record of how it was painted is longer than the 64 kB a JPEG can carry, and was left out",)
    options: dict[str, Any] = {"quality": quality, "icc_profile": profile, "exif": exif}
    if kind != "WEBP":
        options["subsampling"] = "4:4:4"  # color edges matter in a painting
    elif quality == 100:
        options["lossless"] = True
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, kind, **options)
    return stream.getvalue(), notes


def _png(samples: Array, profile: bytes, texts: dict[str, str]) -> bytes:
    if samples.dtype == np.uint16:
        return lossless.png16(samples, profile, texts)
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "PNG", pnginfo=info, icc_profile=profile)
    return stream.getvalue()


def _exif(software: str, record: str) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = software
    if record:
        comment = _ASCII_COMMENT + (_PREFIX + record).encode("ascii")
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()


def _make_folder(target: Path) -> None:
    for above in target.parents:
        if above.is_file():
            raise PictureError(f"{target} cannot be written: {above} is a file, not a folder")
    target.parent.mkdir(parents=True, exist_ok=True)


def _check_vacant(target: Path, overwrite: bool) -> None:
    try:
        target.lstat()  # also finds names that the disk cannot have
    except FileNotFoundError:
        return
    if target.is_dir():
        raise PictureError(f"{target} is a folder; name the file to write in it")
    if target.exists() and not target.is_file():
        raise PictureError(f"{target} is a pipe or a device, not a file; choose another name")
    if not overwrite:
        raise PictureError(f"{target} exists already; choose another name, or allow it to be overwritten")


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise PictureError(f"{target} cannot be written: {reason(error).lower()}") from error


@contextlib.contextmanager
def _new(target: Path) -> Iterator[Path]:
    """As `whole`, where nothing is yet; of two who write there at once, only one succeeds."""
    with beside(target) as part:
        yield part
        try:
            target.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:  # a disk without hard links, such as a memory stick's: the check is then not atomic
            _check_vacant(target, overwrite=False)
            part.replace(target)
