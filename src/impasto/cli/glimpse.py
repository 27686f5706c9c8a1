"""Looks into a run and into the network: loss curves, feature maps, Gram matrices."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto import hand
from impasto.cli import flags, options, order
from impasto.cli.options import FILE, Options
from impasto.cli.order import Order
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.cli.sheetflags import LAYERS, knobs, look_flags, output_flags

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.networks import Network
    from impasto.picture import Picture

PER_ROW = 8
SMALL: dict[str, Any] = {"size": 256}


def show_features(picture: Path, layer: str, count: int, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Show what the channels of a layer see in PICTURE: the liveliest ones, bright where they are active."""
    from impasto.explain import insight
    from impasto.sheet import contact_sheet

    def drawn(network: Network, seen: Picture, caption: str) -> Tensor:
        maps = insight.features(network, seen, layer)
        chosen = insight.liveliest(maps, count)
        shown = [insight.feature_picture(maps[i]) for i in chosen]
        names = [f"channel {i}" for i in chosen]
        return contact_sheet(
            [shown[i : i + PER_ROW] for i in range(0, len(shown), PER_ROW)],
            names=[names[i : i + PER_ROW] for i in range(0, len(names), PER_ROW)],
            title=f"{layer}: {len(shown)} of {len(maps)} channels",
            caption=caption,
        )

    return look(picture, (layer,), drawn, f"features_{layer}", given)


def show_gram(picture: Path, layers: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Show the Gram matrices of PICTURE, which hold its manner: which channels are active together."""
    from impasto.explain import insight
    from impasto.sheet import contact_sheet

    def drawn(network: Network, seen: Picture, caption: str) -> Tensor:
        matrices = [insight.gram(insight.features(network, seen, name)) for name in layers]
        names = [f"{name}: {len(g)} x {len(g)}" for name, g in zip(layers, matrices, strict=True)]
        words = f"{caption}. Brightness: root of the entry."
        return contact_sheet([list(map(insight.gram_picture, matrices))], columns=names, caption=words)

    return look(picture, layers, drawn, "gram", given)


def look(
    source: Path,
    layers: tuple[str, ...],
    drawn: Callable[[Network, Picture, str], Tensor],
    kind: str,
    given: dict[str, Any],
) -> int:
    """Open the network, let it look, write what is drawn of it."""
    from impasto.canvas import final_size
    from impasto.cli.interrupt import current
    from impasto.cli.progress import teller
    from impasto.cli.run import heard
    from impasto.cli.workshop import Workshop
    from impasto.files import check_writable, write
    from impasto.picture import Picture, read

    made, recipe = (
        Options.taken_from({**given, "device": "cpu"}),
        order.merged(SMALL, None, None, flags.recipe_values(given)),
    )
    target = made.output or Path("generated", f"{source.stem}_{kind}.png")
    order.check_target(target, Order(source, (), recipe), made.force)
    seen, tell = read(source), teller(made.quiet)
    check_writable(target, overwrite=made.force)
    with closing(tell), heard(tell, made.verbose):
        network = Workshop.opened(made, tell, current()).network(recipe)
        network.minimum(frozenset(layers))  # which refuses a layer that there is not
        seen = seen.resized(*final_size(seen.width, seen.height, recipe.size))
        sheet = drawn(network, seen, f"{source.name}: {recipe.network}, {seen.width} x {seen.height}")
    report({"output": str(write(Picture(sheet), target, overwrite=made.force).path), "layers": layers}, made)
    return 0


def show_losses(content: Path, styles: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Paint, and draw how each loss went down, level by level."""
    from impasto.cli.curves import draw

    asked = Order(
        content,
        tuple(style for argument in styles for style in hand.opened(argument)),
        order.merged(SMALL, given["preset"], given["recipe"], flags.recipe_values(given)),
        given["start"] if isinstance(given["start"], Path) else None,
    )
    made = Options.taken_from(given)
    report(draw(asked, made, made.output or Path("generated", f"{content.stem}_losses.svg")), made)
    return 0


def report(told: dict[str, Any], made: Options) -> None:
    """The file on stdout, or all that is known."""
    print(json.dumps(told) if made.json else told["output"])


def command(name: str, callback: Callable[..., int], parameters: list[click.Parameter]) -> Sectioned:
    params = [*parameters, *options.talk_flags()]
    return Sectioned(name, context_settings=SETTINGS, callback=callback, params=params, help=callback.__doc__)


def network_flags() -> list[click.Option]:
    """Which network looks, at which size."""
    sections = {str(flag.name): getattr(flag, "section", "") for flag in flags.knobs()}
    return knobs(*(name for name, section in sections.items() if section != "Network" and name != "size"))


FILM = Flag(
    ["--film"],
    section="Output",
    metavar="FILE",
    type=FILE,
    help="a film of the run, its loss curve beside it: .gif, or .mp4 with the extra [video]",
)
PICTURE = click.Argument(["picture"], type=FILE)
COMMANDS = (
    command(
        "features",
        show_features,
        [
            PICTURE,
            *output_flags("the sheet", "generated/PICTURE_features_LAYER.png"),
            Flag(["--layer"], section="Sheet", required=True, metavar="LAYER", help="whose channels, as in relu2_1"),
            Flag(["--count"], section="Sheet", type=click.IntRange(1), default=24, help="at most  [default: 24]"),
            *network_flags(),
            *look_flags(),
        ],
    ),
    command(
        "gram",
        show_gram,
        [
            PICTURE,
            *output_flags("the sheet", "generated/PICTURE_gram.png"),
            Flag(
                ["--layer", "layers"],
                section="Sheet",
                type=LAYERS,
                default="relu1_1,relu2_1,relu3_1",
                help="one or more  [default: relu1_1,relu2_1,relu3_1]",
            ),
            *network_flags(),
            *look_flags(),
        ],
    ),
    command(
        "losses",
        show_losses,
        [
            click.Argument(["content"], type=FILE),
            click.Argument(["styles"], nargs=-1, required=True, metavar="STYLE...", type=click.Path()),
            *output_flags("the curves, .svg or .png", "generated/CONTENT_losses.svg"),
            FILM,
            *options.recipe_flags(),
            *flags.knobs(defaults=False),
            *options.machine_flags(),
        ],
    ),
)
