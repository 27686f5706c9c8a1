"""The commands by name. `impasto PHOTO PAINTING` is `impasto paint PHOTO PAINTING`."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from impasto import __version__
from impasto.cli.paint import EPILOG, paint
from impasto.cli.resume import ARGUMENTS
from impasto.cli.sections import SETTINGS, write_sections

HOMES = {  # of each command, the file; in the order in which a newcomer needs them
    "paint": "paint",
    "texture": "texture",
    "again": "again",
    "batch": "batch",
    "watch": "watch",
    "resume": "resume",
    "explain": "explain",
    "sweep": "sweep",
    "compare": "score",
    "score": "score",
    "weights": "weights",
    "recipe": "small",
    "doctor": "doctor",
    "completion": "small",
}
SHOWN = ("Output", "Recipe", "Look")  # the sections of `paint` that a newcomer needs
OWN_FLAGS = ("-h", "--help", "--version")


class Impasto(click.Group):
    """A group whose default command is `paint`; a command is imported when it is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            args = ["--help"]
        elif args[0] not in (*HOMES, *OWN_FLAGS):
            if not ctx.resilient_parsing:  # it is while a shell completes a word
                self._refuse_misspelled(args, ctx)
            args = ["paint", *args]
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def _refuse_misspelled(self, args: list[str], ctx: click.Context) -> None:
        """A lone word that is nearly a command's name, and no file."""
        near = difflib.get_close_matches(args[0], HOMES, 1, 0.7)
        if near and not Path(args[0]).exists():
            raise click.UsageError(f"There is no command {args[0]!r}; did you mean {near[0]!r}?", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in HOMES:
            return None
        found: click.Command = getattr(import_module(f"impasto.cli.{HOMES[cmd_name]}"), cmd_name)
        return found

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "CONTENT STYLE... [-o OUT] [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND ...", " " * 7)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = [p for p in paint.params if getattr(p, "section", "") in SHOWN]
        write_sections([*shown, *self.get_params(ctx)], ctx, formatter)
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, or what `paint` takes."""
        first = click.Context(paint, parent=ctx, resilient_parsing=True)
        files = paint.params[0].shell_complete(first, incomplete)
        return [*super().shell_complete(ctx, incomplete), *paint.shell_complete(first, incomplete), *files]


impasto = Impasto(
    "impasto",
    context_settings=SETTINGS,
    help="Repaint a photograph in the manner of a painting.\n\n"
    "\b\n"
    "impasto photo.jpg painting.jpg -o out.png\n"
    "impasto photo.jpg painting.jpg --strength 0.7 --size 1024\n\n"
    "The most important options are below; impasto paint --help lists them all.",
    epilog=EPILOG,
)
impasto = click.version_option(__version__, prog_name="impasto", message="%(prog)s %(version)s")(impasto)
