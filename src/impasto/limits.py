"""Limits of what can be asked for, where more than one file must know them."""

from __future__ import annotations

SIZES = 16, 1_000_000  # pixels on the long side of a picture: the least and the most
SCALES = 0.05, 20  # of strokes
