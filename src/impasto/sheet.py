"""Pictures in rows and columns with their names, and charts as pixels: all that is drawn with words in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from impasto.chart import TEXT, Label, Mark
from impasto.lettering import OWN, font, lettered

WHITE, INK, GRAY = (255, 255, 255), (34, 34, 34), (110, 110, 110)
SMALLEST, LARGEST = 13, 40  # pixels of text
SHOWN = 56  # a sheet as wide as a page has about twice as many characters to a line
NARROWEST = 88  # pixels: a column that can carry a name
ANCHORS = {"start": "lm", "middle": "mm", "end": "rm"}


@dataclass(frozen=True)
class Words:
    """Lines of text that fit into a width."""

    lines: tuple[str, ...]
    size: int
    face: str = OWN

    @property
    def height(self) -> int:
        return round(1.3 * self.size) * len(self.lines)

    @property
    def width(self) -> int:
        return max((round(font(self.size, self.face).getlength(line)) for line in self.lines), default=0)

    def draw(self, pen: ImageDraw.ImageDraw, x: int, y: int, anchor: str = "la", ink: tuple[int, ...] = INK) -> None:
        letters = font(self.size, self.face)
        for i, line in enumerate(self.lines):
            pen.text((x, y + i * round(1.3 * self.size)), line, font=letters, fill=ink, anchor=anchor)


def wrapped(text: str, width: int, size: int) -> Words:
    """Words as lines no wider than `width`; what is longer than a line is cut into pieces."""
    shown, face = lettered(text)
    lines: list[str] = []
    for word in shown.split():
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and fits(candidate, width, size, face):
            lines[-1] = candidate
        else:
            lines += pieces(word, width, size, face)
    return Words(tuple(lines), size, face)


def pieces(word: str, width: int, size: int, face: str = OWN) -> list[str]:
    """The word, or parts of it that fit, cut after a sign where there is one; a single character always fits."""
    found = [""]
    for part in re.findall(r"[^+,/_-]*[+,/_-]|[^+,/_-]+", word):
        whole = fits(part, width, size, face)
        for some in [part] if whole else part:
            if found[-1] and not fits(found[-1] + some, width, size, face):
                found.append("")
            found[-1] += some
    return found


def fits(text: str, width: int, size: int, face: str = OWN) -> bool:
    return font(size, face).getlength(text) <= width


def contact_sheet(
    pictures: Sequence[Sequence[Tensor]],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    names: Sequence[Sequence[str]] = (),
    title: str = "",
    caption: str = "",
) -> Tensor:
    """One picture (1, 3, H, W) of many, each at its own size in a box of the largest.

    Columns are named above, rows to the left, and each picture above itself where it has a name of its own.
    """
    shown = [columns] if columns else names
    layout = Layout.of(pictures, shown, rows, title, caption)
    canvas = Image.new("RGB", (layout.width, layout.height), WHITE)
    pen = ImageDraw.Draw(canvas)
    layout.title.draw(pen, layout.gap, layout.gap)
    layout.caption.draw(pen, layout.gap, layout.height - layout.gap - layout.caption.height, ink=GRAY)
    for i, row in enumerate(pictures):
        if i < len(layout.sides):
            layout.sides[i].draw(pen, layout.gap, layout.middle(i))
        for j, image in enumerate(row):
            x, y = layout.corner(i, j)
            if i < len(shown):
                layout.head(shown[i][j]).draw(pen, x + layout.cell_width // 2, y - layout.head_height, "ma")
            height, width = image.shape[-2:]
            canvas.paste(pixels(image), (x + (layout.cell_width - width) // 2, y + (layout.cell_height - height) // 2))
    return planes(canvas)


@dataclass(frozen=True)
class Layout:
    """Where things are on a sheet, so that nothing overlaps."""

    count: tuple[int, int]  # rows, columns
    cell_width: int
    cell_height: int
    size: int  # of the text
    heads: int  # how many rows have names above them
    head_height: int
    sides: tuple[Words, ...]
    title: Words
    caption: Words

    @classmethod
    def of(
        cls,
        pictures: Sequence[Sequence[Tensor]],
        heads: Sequence[Sequence[str]],
        rows: Sequence[str],
        title: str,
        caption: str,
    ) -> Layout:
        wide = max(NARROWEST, *(image.shape[-1] for row in pictures for image in row))
        columns = max(map(len, pictures))
        size = round(min(max(columns * wide / SHOWN, SMALLEST), LARGEST, max(SMALLEST, wide / 6)))
        above = max((wrapped(name, wide, size).height for row in heads for name in row), default=0)
        sides = tuple(wrapped(name, max(NARROWEST, wide // 2), size) for name in rows)
        high = max(*(image.shape[-2] for row in pictures for image in row), *(side.height for side in sides), 1)
        room = columns * wide
        words = wrapped(title, room, round(1.25 * size)), wrapped(caption, room, size)
        return cls((len(pictures), columns), wide, high, size, len(heads), above + size // 3, sides, *words)

    @property
    def gap(self) -> int:
        return max(6, self.size // 2)

    @property
    def left(self) -> int:
        gutter = max((side.width for side in self.sides), default=0)
        return self.gap + (gutter + self.gap if gutter else 0)

    @property
    def top(self) -> int:
        return self.gap + (self.title.height + self.gap if self.title.lines else 0)

    @property
    def width(self) -> int:
        return self.left + self.count[1] * (self.cell_width + self.gap)

    @property
    def height(self) -> int:
        below = self.caption.height + self.gap if self.caption.lines else 0
        return self.corner(self.count[0] - 1, 0)[1] + self.cell_height + self.gap + below

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Of a cell: its left and its top."""
        x = self.left + column * (self.cell_width + self.gap)
        y = self.top + row * (self.cell_height + self.gap) + min(row + 1, self.heads) * self.head_height
        return x, y

    def middle(self, row: int) -> int:
        """Where the name of a row begins."""
        return self.corner(row, 0)[1] + (self.cell_height - self.sides[row].height) // 2

    def head(self, name: str) -> Words:
        return wrapped(name, self.cell_width, self.size)


def raster(marks: Sequence[Mark], width: int, height: int, scale: int = 1) -> Tensor:
    """A chart as pixels, `scale` times as large."""
    sharp = 2  # drawn larger, so that lines are smooth
    canvas = Image.new("RGB", (width * scale * sharp, height * scale * sharp), WHITE)
    pen, zoom = ImageDraw.Draw(canvas), scale * sharp
    for mark in marks:
        if isinstance(mark, Label):
            at, (words, face) = (mark.x * zoom, mark.y * zoom), lettered(mark.words)
            pen.text(at, words, font=font(TEXT * zoom, face), fill=mark.color, anchor=ANCHORS[mark.anchor])
        else:
            points = [(x * zoom, y * zoom) for x, y in mark.points]
            if len(points) > 1:  # which Pillow asks for
                pen.line(points, fill=mark.color, width=round(mark.width * zoom), joint="curve")
    return planes(canvas.resize((width * scale, height * scale), Image.Resampling.BOX))


def pixels(image: Tensor) -> Image.Image:
    """(1, 3, H, W) in [0, 1] for Pillow."""
    array = image[0].clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(array))


def planes(image: Image.Image) -> Tensor:
    """The other way."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
