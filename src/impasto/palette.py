"""A palette in words: hex colors, as in "#0b132b, #e07a5f, fff". Plain numbers; knows nothing of torch."""

from __future__ import annotations

import re

from impasto.errors import RecipeError

Color = tuple[float, float, float]

HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


def parse(words: str) -> tuple[Color, ...]:
    """Hex colors, set apart by commas or blanks -> RGB in [0, 1]; each once, two at least."""
    colors = tuple(dict.fromkeys(_color(word) for word in re.split(r"[\s,]+", words.strip())))
    if len(colors) < 2:
        raise RecipeError(f"The palette {words!r} has one color only; give two or more, as in #0b132b,#e07a5f.")
    return colors


def _color(word: str) -> Color:
    if not HEX.fullmatch(word):
        raise RecipeError(f"{word!r} is no color of a palette; write hex colors, as in #0b132b,#e07a5f.")
    digits = word.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue
