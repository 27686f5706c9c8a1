"""Two small commands: `recipe` prints settings as a file, `completion` prints what a shell needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from impasto.cli import flags, options, order
from impasto.cli.sections import SETTINGS, Sectioned
from impasto.cli.weights import DEBUG

SHELLS = {
    "bash": 'eval "$(impasto completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(impasto completion zsh)" in ~/.zshrc',
    "fish": "impasto completion fish > ~/.config/fish/completions/impasto.fish",
}


def print_recipe(preset: str | None, recipe: Path | None, **given: Any) -> None:  # noqa: ANN401 -- the flags' values
    """Print the settings that come out of preset, file and flags."""
    print(order.merged({}, preset, recipe, flags.recipe_values(given)).as_toml(), end="")


def print_completion(shell: str) -> None:
    """Print the script that lets a shell complete words."""
    from impasto.cli.commands import impasto

    kind = get_completion_class(shell)
    assert kind is not None  # click knows each of the three
    print(f"# {SHELLS[shell]}")
    print(kind(impasto, {}, "impasto", "_IMPASTO_COMPLETE").source())


recipe = Sectioned(
    "recipe",
    context_settings=SETTINGS,
    callback=print_recipe,
    params=[*options.recipe_flags(), *flags.knobs(), DEBUG],
    help=print_recipe.__doc__,
)
completion = Sectioned(
    "completion",
    context_settings=SETTINGS,
    callback=print_completion,
    params=[click.Argument(["shell"], type=click.Choice(list(SHELLS))), DEBUG],
    help=print_completion.__doc__,
    epilog="\b\n" + "\n".join(SHELLS.values()),
)
