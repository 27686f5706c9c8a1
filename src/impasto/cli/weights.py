"""`impasto weights`: which published weights there are, where they lie, and whether they are sound."""

from __future__ import annotations

import sys

import click

from impasto.cli.sections import SETTINGS, Flag, Sectioned

NAMES = click.Argument(["names"], nargs=-1, metavar="[NAME]...")
weights = click.Group(
    "weights",
    context_settings=SETTINGS,
    no_args_is_help=False,
    help="List, fetch, verify the published weights.",
)


def list_weights() -> None:
    """Every file, with its source, license and attribution, and where it lies on this machine."""
    from impasto.weights import entries, places

    for entry in entries():
        kept = [places.features_file(entry), *places.copies(entry)]
        here = [str(path) for path in kept if path.is_file()]
        print(f"{entry.name}: {entry.describe()}")
        for title, words in (
            ("network", entry.network),
            ("source", entry.source),
            ("license", entry.license),
            ("credit", entry.attribution),
            ("from", "\n               ".join(entry.urls)),
            ("here", "\n               ".join(here) or "not yet"),
        ):
            print(f"    {title + ':':11}{words}")


def fetch_weights(names: tuple[str, ...], offline: bool) -> None:
    """Download, verify and keep; a file that is here already is only verified."""
    from impasto.cli.progress import downloading, teller
    from impasto.weights import fetch, find

    chosen = [find(name).name for name in names or ("vgg19",)]
    for name in chosen:
        print(fetch(name, offline=offline, progress=downloading(teller(quiet=False))))


def verify_weights(names: tuple[str, ...]) -> int:
    """Check every copy on this machine against its published hash."""
    from impasto.weights import entries, verify

    checks = {name: verify(name) for name in names or [entry.name for entry in entries()]}
    for name, found in checks.items():
        for check in found:
            print(f"{name}: {check.path}: {check.problem or 'sound'}")
        if not found:
            print(f"{name}: not on this machine", file=sys.stderr)
    return int(any(check.problem for found in checks.values() for check in found))


def path_of_weights(name: str) -> int:
    """The file that painting would use."""
    from impasto.errors import WeightsError
    from impasto.weights import path

    found = path(name)
    if found is None:
        raise WeightsError(f"The weights {name} are not on this machine; impasto weights fetch {name} gets them.")
    print(found)
    return 0


OFFLINE = Flag(["--offline"], is_flag=True, help="never download anything")
DEBUG = Flag(["--debug"], is_flag=True, expose_value=False, help="show where in the program an error arose")
NAME = click.Argument(["name"])
for name, callback, params in (
    ("list", list_weights, []),
    ("fetch", fetch_weights, [NAMES, OFFLINE]),
    ("verify", verify_weights, [NAMES]),
    ("path", path_of_weights, [NAME]),
):
    weights.add_command(
        Sectioned(name, callback=callback, params=[*params, DEBUG], help=callback.__doc__, context_settings=SETTINGS)
    )
