"""`impasto score` and `impasto compare`: how pictures turned out, in numbers and side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import options
from impasto.cli.options import FILE, Options
from impasto.cli.sections import SETTINGS, Flag, Sectioned
from impasto.cli.sheetflags import look_flags, output_flags
from impasto.errors import DownloadError, ImpastoError, UsageError, WeightsError
from impasto.recipe import Recipe

if TYPE_CHECKING:
    from impasto.judge import Score

USUAL = "vgg19"
JUDGES_ITSELF = "The small network judged here; pictures that it has painted, it has judged itself."
MEANINGS = {
    "style_shallow": "0 has the painting's strokes and colors, 1 is as far away as the photo",
    "style_deep": "the same for its forms",
    "color": "0 has the painting's palette, 1 the photo's",
    "content": "0 is the photo, 1 has nothing of it left",
    "grain": "above about 1.3, look for noise",
}


def scored(content: Path, style: Path, outputs: tuple[Path, ...], network: str | None, **given: Any) -> int:  # noqa: ANN401 -- the flags' values
    """Let a network that did not paint judge how much of STYLE and of CONTENT is in each OUTPUT."""
    made, judge = Options.taken_from({**given, "device": "cpu"}), network or USUAL
    scores = judged(content, style, outputs, judge, made)
    if made.json:
        print(json.dumps(numbers(judge, outputs, scores)))
        return 0
    width = max(len(str(file)) for file in outputs)
    print("  ".join((" " * width, *MEANINGS)))
    for file, score in zip(outputs, scores, strict=True):
        cells = (f"{value:{len(name)}.3f}" for name, value in asdict(score).items())
        print("  ".join((f"{file!s:{width}}", *cells)))
    if not made.quiet:
        print("\n".join(f"{name}: {words}" for name, words in MEANINGS.items()), file=sys.stderr)
    return 0


def numbers(judge: str, files: Sequence[Path], scores: Sequence[Score]) -> dict[str, Any]:
    """Who judged, and the scores of each file."""
    return {
        "judge": judge,
        "scores": [{"file": str(file), **asdict(score)} for file, score in zip(files, scores, strict=True)],
    }


def judged(content: Path, style: Path, outputs: Sequence[Path], network: str, made: Options) -> list[Score]:
    """The scores, by the network that is asked to judge."""
    from impasto.cli.interrupt import current
    from impasto.cli.progress import teller
    from impasto.cli.run import heard
    from impasto.cli.workshop import Workshop
    from impasto.judge import score
    from impasto.picture import read

    photo, painting, pictures = read(content), read(style), [read(file) for file in outputs]
    if photo.sha256 == painting.sha256:
        raise UsageError(f"{content} and {style} are the same picture; scores tell where between two a third one is.")
    tell = teller(made.quiet)
    with closing(tell), heard(tell, made.verbose):
        for file, picture in zip(outputs, pictures, strict=True):
            if picture.stretched_over(photo):
                tell.say(f"note: {file} has another shape than {content} and is judged stretched: is it that photo's?")
        if network == "lite":
            tell.say(f"note: {JUDGES_ITSELF}")
        judge = Recipe(network="lite" if network == "lite" else "vgg19", padding="reflect")
        try:
            opened = Workshop.opened(made, tell, current()).network(judge)
        except (WeightsError, DownloadError) as error:
            raise type(error)(f"{error} The small network judges without a file: --network lite.") from error
        return score(opened, photo, painting, pictures)


def compared(
    pictures: tuple[Path, ...],
    content: Path | None,
    style: Path | None,
    network: str | None,
    **given: Any,  # noqa: ANN401 -- the flags' values
) -> int:
    """Put pictures side by side on a page that stands alone, with a slider between any two of them."""
    from impasto.explain.comparison import Shown, page
    from impasto.explain.documents import check_document, write_document
    from impasto.picture import read

    made = Options.taken_from({**given, "device": "cpu"})
    target = check_document(made.output or Path("generated", "compare.html"), (".html",), overwrite=made.force)
    if (content is None) != (style is None):
        raise UsageError("Scores need both --content and --style.")
    if network is not None and content is None:
        raise UsageError("Nobody judges without --content and --style, so --network would change nothing.")
    lines, legend, told = [settings(file) for file in pictures], list[str](), dict[str, Any]()
    if content is not None and style is not None:
        judge = network or USUAL
        scores = judged(content, style, pictures, judge, made)
        told = numbers(judge, pictures, scores)
        lines = [(*line, *spoken(score)) for line, score in zip(lines, scores, strict=True)]
        legend = [f"Judged by {judge}.", *(f"{spaced(name)}: {words}" for name, words in MEANINGS.items())]
    shown = [Shown(file.name, read(file), line) for file, line in zip(pictures, lines, strict=True)]
    written = str(write_document(page(shown, legend), target, overwrite=made.force))
    print(json.dumps({"output": written, "pictures": list(map(str, pictures)), **told}) if made.json else written)
    return 0


def settings(file: Path) -> tuple[str, ...]:
    """The knobs that were turned for a picture, where it says so itself."""
    from impasto.files import read_record

    try:
        recipe = read_record(file).get("recipe")
    except ImpastoError:
        return ()
    usual = Recipe().as_dict()
    turned = {name: value for name, value in recipe.items() if usual.get(name) != value} if recipe else {}
    return (", ".join(f"{name} = {value}" for name, value in turned.items()) or "default settings",)


def spoken(score: Score) -> tuple[str, ...]:
    """The numbers: what is the painting's, and the rest."""
    told = [f"{spaced(name)} {value:.3f}" for name, value in asdict(score).items()]
    return ", ".join(told[:3]), ", ".join(told[3:])


def spaced(name: str) -> str:
    return name.replace("_", " ")


JUDGE = Flag(
    ["--network"],
    section="Judge",
    type=click.Choice(["vgg19", "lite"]),
    help=f"who judges: vgg19, which is fetched at the first use, or the small network  [default: {USUAL}]",
)
score = Sectioned(
    "score",
    context_settings=SETTINGS,
    callback=scored,
    params=[
        click.Argument(["content"], type=FILE),
        click.Argument(["style"], type=FILE),
        click.Argument(["outputs"], type=FILE, nargs=-1, required=True, metavar="OUTPUT..."),
        JUDGE,
        *look_flags(),
        *options.talk_flags(),
    ],
    help=scored.__doc__,
    short_help="Judge painted pictures by numbers.",
)
compare = Sectioned(
    "compare",
    context_settings=SETTINGS,
    callback=compared,
    params=[
        click.Argument(["pictures"], type=FILE, nargs=-1, required=True, metavar="PICTURE..."),
        *output_flags("the page", "generated/compare.html"),
        Flag(
            ["--content"],
            section="Judge",
            metavar="FILE",
            type=FILE,
            help="the photo; with --style, pictures are judged",
        ),
        Flag(["--style"], section="Judge", metavar="FILE", type=FILE, help="the painting"),
        JUDGE,
        *look_flags(),
        *options.talk_flags(),
    ],
    help=compared.__doc__,
    short_help="Put pictures side by side on a page of their own.",
)
