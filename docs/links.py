"""For mkdocs: links out of docs, which work where the repository is browsed, are plain words on the site."""

from __future__ import annotations

import re

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Called by mkdocs for each page."""
    return OUTSIDE.sub(r"\1", markdown)
