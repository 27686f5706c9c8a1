"""Everything a run needs, opened and checked: what can fail fails here, before the first forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from impasto import device as devices
from impasto import film, record, share
from impasto.blank import Blank
from impasto.canvas import final_size
from impasto.cli.options import Options
from impasto.cli.order import Order, check_order, place
from impasto.cli.progress import Teller, downloading
from impasto.files import check_writable
from impasto.hand_files import described_hand, described_style, guided, opened
from impasto.inputs import Painting
from impasto.networks import Network, missing
from impasto.networks.choose import open_network
from impasto.networks.vgg import taps
from impasto.picture import Picture, read
from impasto.recipe import Recipe
from impasto.record import Input, Record, described_input, sha256_of
from impasto.regions import Guidance
from impasto.texture import ground
from impasto.weights.identify import BLOCKS


@dataclass(frozen=True)
class Job:
    """Pictures in memory, a network on its device, a place to write to."""

    recipe: Recipe
    content: Picture
    styles: tuple[Painting, ...]
    start: Picture | None
    guidance: Guidance
    network: Network
    device: torch.device
    output: Path


def prepare(order: Order, options: Options, tell: Teller) -> Job:
    """Names first, then pictures, then places, then the network: the cheap before the dear."""
    output = place(order, options.output)
    check_order(order, options, output)
    if options.film is not None:
        film.check_film(options.film)
    check_layers(order.recipe)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = share.seated(devices.choose(options.device or "auto"))
    content, styles = seen(order.content), tuple(opened(style) for style in order.styles)
    start = None if order.start is None else read(order.start)
    output = check_places(options, output, final_size(content.width, content.height, order.recipe.size))
    network = open_network(
        order.recipe,
        device=device,
        weights_file=options.weights,
        offline=options.offline,
        progress=downloading(tell),
    )
    return Job(order.recipe, content, styles, start, guided(order.hand, styles[0]), network, device, output)


def seen(content: Path | Blank) -> Picture:
    """The photo, or what stands in its place."""
    return ground(content) if isinstance(content, Blank) else read(content)


def check_layers(recipe: Recipe) -> None:
    """A slip in a layer's name is found before 80 MB are downloaded for it."""
    if recipe.network not in BLOCKS:
        return
    known = tuple(taps(BLOCKS[recipe.network]))
    for name in (*recipe.content_layers, *recipe.style_layers):
        if name not in (*known, "image"):
            raise missing(recipe.network, name, known)


def check_places(options: Options, output: Path, size: tuple[int, int]) -> Path:
    """The absolute path of the output, once every file of the run is certain to find its place."""
    target = check_writable(output, overwrite=options.force, depth=options.depth, size=size)
    if options.snapshots:
        goes_on = options.checkpoint is not None and options.checkpoint.exists()  # with snapshots of its own
        film.Snapshots(target).check(overwrite=options.force or goes_on)
    if options.film is not None:
        film.check_folder(options.film)
    return target


def recorded(job: Job, order: Order, options: Options) -> Record:
    """What the painted file will say about itself."""
    folder = job.output.parent
    start = None if order.start is None or job.start is None else (order.start, job.start.sha256)
    weights = None if options.weights is None else (options.weights, sha256_of(options.weights))
    return Record(
        recipe=job.recipe.as_dict(),
        content=described_content(order.content, job.content, folder),
        styles=[
            described_style(style, painting, folder) for style, painting in zip(order.styles, job.styles, strict=True)
        ],
        start=start and described_input(*start, folder),
        network=job.network.name,
        weights=weights and described_input(*weights, folder),
        weights_sha256=job.network.sha256,
        device=job.device.type,
        threads=torch.get_num_threads(),
        versions=record.versions(),
        depth=options.depth,
        quality=options.quality,
        hand=described_hand(order.hand, job.guidance, folder),
    )


def described_content(content: Path | Blank, photo: Picture, folder: Path) -> Input | Blank:
    """The photo as the record names it."""
    return content if isinstance(content, Blank) else described_input(content, photo.sha256, folder)
