"""What a picture is made of, as a key: the same for a job and for what the picture itself says of how it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from impasto.batch.jobs import Job
from impasto.hand import NOTHING, Hand, StyleFile
from impasto.record import HandRecord, Input, Record, RegionInput

Hashes = Mapping[Path, str]


def key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def ingredients(job: Job, hashes: Hashes) -> list[object]:
    """What a job is to be made of, by the hashes of its files."""
    styles = [style_of(style, hashes) for style in job.styles]
    made_of = (seen(job.content, hashes), seen(job.start, hashes), styles, hand_of(job.hand, hashes))
    return [job.recipe.as_dict(), *map(nameless, made_of)]


def ingredients_told(told: Record) -> list[object]:
    """What a picture says that it was made of."""
    return [told.recipe, *map(nameless, (told.content, told.start, told.styles, told.hand))]


def seen(file: Path | None, hashes: Hashes) -> Input | None:
    return None if file is None else Input("", hashes[file])


def style_of(style: StyleFile, hashes: Hashes) -> Input:
    return Input("", hashes[style.path], style.weight, style.scale, style.layers, seen(style.part, hashes))


def hand_of(hand: Hand, hashes: Hashes) -> HandRecord | None:
    if hand == NOTHING:
        return None
    return HandRecord(
        [RegionInput(Input("", hashes[r.mask]), style_of(r.style, hashes), r.strength) for r in hand.regions],
        [Input("", hashes[file]) for file in hand.labels or ()],
        seen(hand.strength_map, hashes),
        seen(hand.protect, hashes),
    )


def nameless(told: Any) -> Any:  # noqa: ANN401 -- whatever a record holds
    """Plain data, without where the files lie."""
    if isinstance(told, list):
        return [nameless(each) for each in told]
    if isinstance(told, dict):
        return {name: nameless(each) for name, each in told.items() if name != "path"}
    return told if told is None or isinstance(told, str | int | float) else nameless(asdict(told))
