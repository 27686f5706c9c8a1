"""The commands by name. `impasto PHOTO PAINTING` is `impasto paint PHOTO PAINTING`."""

from __future__ import annotations

import difflib
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from impasto import __version__
from impasto.cli.again import again
from impasto.cli.batch import batch
from impasto.cli.doctor import doctor
from impasto.cli.explain import explain
from impasto.cli.paint import EPILOG, paint
from impasto.cli.resume import ARGUMENTS, resume
from impasto.cli.score import compare, score
from impasto.cli.sections import SETTINGS, write_sections
from impasto.cli.small import completion, recipe
from impasto.cli.sweep import sweep
from impasto.cli.texture import texture
from impasto.cli.watch import watch
from impasto.cli.weights import weights

SHOWN = ("Output", "Recipe", "Look")  # the sections of `paint` that a newcomer needs
OWN_FLAGS = ("-h", "--help", "--version")


class Impasto(click.Group):
    """A group whose default command is `paint`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            args = ["--help"]
        elif args[0] not in (*self.commands, *OWN_FLAGS):
            if not ctx.resilient_parsing:  # it is while a shell completes a word
                self._refuse_misspelled(args, ctx)
            args = ["paint", *args]
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def _refuse_misspelled(self, args: list[str], ctx: click.Context) -> None:
        """A lone word that is nearly a command's name, and no file."""
        near = difflib.get_close_matches(args[0], self.commands, 1, 0.7)
        if near and not Path(args[0]).exists():
            raise click.UsageError(f"There is no command {args[0]!r}; did you mean {near[0]!r}?", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order in which a newcomer needs them

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
for command in (
    paint,
    texture,
    again,
    batch,
    watch,
    resume,
    explain,
    sweep,
    compare,
    score,
    weights,
    recipe,
    doctor,
    completion,
):
    impasto.add_command(command)
