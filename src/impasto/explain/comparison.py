"""Pictures side by side on a page that stands alone: one file, nothing fetched, nothing sent."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from impasto.errors import UsageError
from impasto.files import encode
from impasto.picture import Picture

LONGEST = 1600  # pixels
QUALITY = 90


@dataclass(frozen=True)
class Shown:
    """A picture with its name and some lines about it."""

    name: str
    picture: Picture
    lines: tuple[str, ...] = ()


def page(shown: Sequence[Shown], legend: Sequence[str] = ()) -> str:
    """The HTML: a slider between any two of the pictures, all of them below, and what their lines mean."""
    if len(shown) < 2:
        raise UsageError(f"A comparison needs at least two pictures, and {len(shown)} came.")
    template = Template(files("impasto.explain").joinpath("comparison.html").read_text(encoding="utf-8"))
    width, height = shown[0].picture.size
    return template.substitute(
        title=escape(" / ".join(each.name for each in shown)),
        aspect=f"{width} / {height}",
        options="\n".join(f'<option value="{i}">{escape(each.name)}</option>' for i, each in enumerate(shown)),
        figures="\n".join(figure(each) for each in shown),
        legend=listed(legend) if legend else "",
    )


def figure(shown: Shown) -> str:
    name = escape(shown.name, quote=True)
    about = "".join(f"<br>{escape(line)}" for line in shown.lines)
    image = f'<img src="{data_uri(shown.picture)}" alt="{name}">'
    return f"<figure>{image}<figcaption><b>{name}</b>{about}</figcaption></figure>"


def listed(lines: Sequence[str]) -> str:
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul id="legend">\n{items}\n</ul>'


def data_uri(picture: Picture) -> str:
    """The picture inside of the page, no larger than a screen."""
    kind = "jpeg" if picture.alpha is None else "png"
    data, _ = encode(picture.fitted(LONGEST), f"picture.{kind}", quality=QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
