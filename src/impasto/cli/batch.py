"""`impasto batch`: many photos, many paintings; what is painted already is not painted again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import flags, options, order
from impasto.cli.handflags import hand_flags
from impasto.cli.options import FILE, Options
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.errors import UsageError
from impasto.filetype import open_file
from impasto.hand import NOTHING, Hand, StyleFile, expanded, layered, parted
from impasto.recipe import Recipe

if TYPE_CHECKING:
    from impasto.batch.jobs import Job

FORMATS = ("png", "jpg", "webp", "avif", "tif")
LOSSLESS = ("png", "tif")
EPILOG = """\b
PHOTOS and PAINTINGS are folders, files, quoted patterns ('holiday/*.jpg'), or lists (.txt, a file to a line).
JOBS is a .csv or .toml file: content, style and any setting for each picture.
OUT/jobs.jsonl remembers what is painted: the same command goes on where it was stopped.
Exit codes: 0 all is painted, 1 some could not be, 2 it cannot be done as asked, 130 stopped by Ctrl-C or SIGTERM."""


@dataclass(frozen=True)
class Asked:
    """What a person wants of all the pictures."""

    out: Path
    suffix: str
    recipe: Recipe
    start: Path | None
    options: Options
    hand: Hand = NOTHING
    further: tuple[StyleFile, ...] = ()  # beside each painting
    parts: tuple[str, ...] = ()
    workers: int | None = None
    cluster: str | None = None
    sheet: bool = True
    film: str = ""

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Asked:
        """From the values of a command's flags; slips are told."""
        chosen, kind = Options.taken_from(given), given["format"]
        if chosen.quiet and chosen.verbose:
            raise UsageError("Choose one of --quiet and --verbose.")
        if chosen.quality is not None and kind in LOSSLESS:
            raise UsageError(f"A .{kind} is kept without loss, so --quality would change nothing.")
        if chosen.depth == 16 and kind not in LOSSLESS:
            raise UsageError(f"A .{kind} cannot hold 16 bits per color; only png and tif can.")
        if chosen.weights is not None:
            order.check_weights(chosen.weights)
        if chosen.checkpoint_every is not None and (given["film_kind"] or chosen.snapshots):
            raise UsageError("--film and --snapshots show a run from its first step; leave out --checkpoint-every.")
        recipe = order.merged({}, given["preset"], given["recipe"], flags.recipe_values(given))
        start = given["start"] if isinstance(given["start"], Path) else None
        if (recipe.start == "picture") != (start is not None):
            raise UsageError("start = picture needs the picture: --start FILE.")
        out = Path(os.path.abspath(given["out"]))  # noqa: PTH100 -- keeps links
        special = {name: given[name] for name in ("workers", "cluster", "sheet") if given.get(name) is not None}
        film = f".{given['film_kind']}" if given["film_kind"] else ""
        hand, further = Hand.taken_from(given), tuple(layered(given))
        for file in (*hand.files, *(style.path for style in further), *map(expanded, given["part"])):
            with open_file(file):  # says what is wrong
                pass
        return cls(out, f".{kind}", recipe, start, chosen, hand, further, given["part"], film=film, **special)


def painted_all(arguments: tuple[str, ...], style: tuple[str, ...], matched: bool, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """The callback: all the jobs, carried out."""
    asked = Asked.taken_from(given)
    if asked.cluster and given["threads"]:
        raise UsageError("--threads is for this machine; a worker of a cluster has one core.")
    from impasto.cli.many import Session  # torch is imported here, once the flags are known to be right

    with Session.begun(asked) as session:
        session.paint(jobs_of(arguments, style, matched, asked, session.own_files))
        return session.ended()


def jobs_of(
    arguments: Sequence[str], styles: Sequence[str], matched: bool, asked: Asked, leave: frozenset[Path]
) -> list[Job]:
    """Photos and paintings, in pairs or each with each; or the jobs of a file."""
    from impasto.batch import jobs
    from impasto.batch.sources import pictures

    if len(arguments) == 1 and not styles and jobs.is_job_file(Path(arguments[0])):
        if matched:
            raise UsageError("A job file names its pairs, so --matched would change nothing.")
        if asked.parts:
            raise UsageError("A job file names parts of paintings itself, in its column part; leave out --part.")
        return jobs.handled(jobs.read(Path(arguments[0]), asked.recipe, asked.start), asked.hand, (), asked.further)
    alone = bool(asked.further) and len(arguments) == 1
    if not styles and not alone and len(arguments) != 2:
        raise UsageError(
            f"PHOTOS and PAINTINGS are two, but {len(arguments)} were given: put patterns in quotes, or name the "
            "paintings with --style, or --coarse and --fine."
        )
    photos, paintings = (arguments, styles) if styles else (arguments[:1], arguments[1:])
    used = parted([StyleFile(path) for path in pictures(paintings, leave=leave)], asked.parts)
    pair = jobs.matched if matched else jobs.every
    made = pair(pictures(photos, leave=leave), [style.path for style in used], asked.recipe, asked.start)
    return jobs.handled(made, asked.hand, used, asked.further)


def batch_flags() -> list[Flag]:
    """Flags about the files that are written, for many of them."""
    kept = {"--force", "--depth", "--quality", "--snapshots"}
    return [
        Flag(
            ["-o", "--out"],
            section="Output",
            metavar="FOLDER",
            type=FILE,
            default=Path("generated"),
            help="where the pictures go  [default: generated]",
        ),
        Flag(
            ["--format"],
            section="Output",
            type=click.Choice(FORMATS),
            default="png",
            help="of the pictures  [default: png]",
        ),
        *(flag for flag in options.output_flags("") if kept & set(flag.opts)),
        Flag(
            ["--film", "film_kind"],
            section="Output",
            type=click.Choice(["gif", "mp4"]),
            help="a film of each run, beside its picture; mp4 with the extra [video]",
        ),
        Flag(
            ["--checkpoint-every"],
            section="Output",
            type=flags.Number(0),
            metavar="SECONDS",
            help="keep the state of each unfinished picture beside it; the same command goes on from there",
        ),
    ]


def style_flag(words: str) -> Flag:
    return Flag(["--style"], section="Inputs", multiple=True, metavar="PAINTINGS", help=words)


batch = Sectioned(
    "batch",
    context_settings=SETTINGS,
    callback=painted_all,
    params=[
        click.Argument(["arguments"], nargs=-1, required=True, metavar="PHOTOS PAINTINGS | JOBS", type=click.Path()),
        style_flag("the paintings, where all else that is named are photos; multiple"),
        Flag(["--matched"], section="Inputs", is_flag=True, help="the first photo with the first painting, and so on"),
        *batch_flags(),
        Flag(["--sheet/--no-sheet"], section="Output", default=True, help="contact sheets in the end  [default: yes]"),
        *options.recipe_flags(),
        *hand_flags(),
        *flags.knobs(),
        Flag(
            ["--workers"],
            section="Machine",
            type=click.IntRange(1, 256),
            help="pictures painted at once, by as many processes; they share the cores  [default: 1]",
        ),
        Flag(
            ["--cluster"],
            section="Machine",
            metavar="ADDRESS",
            help="a Ray cluster: ray://host:10001, or auto; with the extra [cluster]",
        ),
        *options.machine_flags(),
        *options.talk_flags(),
    ],
    help="Paint every photo in the manner of every painting, or what a job file says.",
    short_help="Paint many photos; go on where it was stopped.",
    epilog=EPILOG,
)
