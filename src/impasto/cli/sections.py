"""Help in sections: every option says in which it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Flag(click.Option):
    """An option with the section of the help that it is listed in; its words tell its default and range."""

    def __init__(self, *args: Any, section: str = "Help", **settings: Any) -> None:  # noqa: ANN401 -- click's own
        super().__init__(*args, **settings)
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own
        return {}

    def make_metavar(self, ctx: click.Context) -> str:
        if self.metavar is None and isinstance(self.type, (click.IntRange, click.FloatRange)):
            return "NUMBER"
        return super().make_metavar(ctx)


class Sectioned(click.Command):
    """A command whose help has a section for each kind of option, in the order in which they come."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(self.get_params(ctx), ctx, formatter)


def write_sections(parameters: Sequence[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
        if record is not None:
            sections.setdefault(getattr(parameter, "section", "Help"), []).append(record)
    for title, records in sections.items():
        with formatter.section(title):
            formatter.write_dl(records, col_max=34)
