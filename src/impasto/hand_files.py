"""The files of the artist's hand: opened for a run, described in its record, and found again from that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from impasto.hand import NOTHING, Hand, RegionFile, StyleFile
from impasto.inputs import Painting
from impasto.picture import Picture, read
from impasto.record import HandRecord, Input, RegionInput, described_input, found, sha256_of
from impasto.regions import Guidance, Region, labeled

Reader = Callable[[Path], Picture]

# ---- opened --------------------------------------------------------------------------------------------------------


def opened(style: StyleFile, read: Reader = read) -> Painting:
    """A painting, read."""
    part = None if style.part is None else read(style.part)
    return Painting(read(style.path), style.weight, style.scale, style.layers, part)


def guided(hand: Hand, first: Painting, read: Reader = read) -> Guidance:
    """Masks and the paintings for them, read; label maps are about the first painting."""
    regions = [Region(read(each.mask), opened(each.style, read), each.strength) for each in hand.regions]
    if hand.labels is not None:
        photo_map, painting_map = (read(file) for file in hand.labels)
        regions += labeled(photo_map, painting_map, first)
    strength, protect = (None if file is None else read(file) for file in (hand.strength_map, hand.protect))
    return Guidance(tuple(regions), strength, protect)


# ---- described -----------------------------------------------------------------------------------------------------


def described_style(style: StyleFile, painting: Painting, folder: Path) -> Input:
    """A painting as the record of a picture in `folder` names it."""
    told = described_input(style.path, painting.picture.sha256, folder, style.weight)
    return replace(told, scale=style.scale, layers=style.layers, part=described_mask(style.part, painting.part, folder))


def described_mask(file: Path | None, mask: Picture | None, folder: Path) -> Input | None:
    return None if file is None or mask is None else described_input(file, mask.sha256, folder)


def described_hand(
    hand: Hand, guidance: Guidance, folder: Path, digest: Callable[[Path], str] = sha256_of
) -> HandRecord | None:
    """The masks as the record names them; None if there are none."""
    if hand == NOTHING:
        return None
    regions = [
        RegionInput(
            described_input(each.mask, region.mask.sha256, folder),
            described_style(each.style, region.painting, folder),
            each.strength,
        )
        for each, region in zip(hand.regions, guidance.regions, strict=False)  # label maps add further regions
    ]
    labels = [described_input(file, digest(file), folder) for file in hand.labels or ()]
    strength = described_mask(hand.strength_map, guidance.strength, folder)
    return HandRecord(regions, labels, strength, described_mask(hand.protect, guidance.protect, folder))


# ---- found again ---------------------------------------------------------------------------------------------------


def style_again(then: Input, folder: Path) -> StyleFile:
    """A painting of then, used as it was."""
    part = None if then.part is None else found(then.part, folder)
    return StyleFile(found(then, folder), then.weight, then.scale, then.layers, part)


def hand_again(then: HandRecord | None, given: Hand, folder: Path) -> Hand:
    """The masks of then, found, but for those of a kind that is given now."""
    if then is None:
        return given
    labels = tuple(found(each, folder) for each in then.labels) if given.labels is None else ()
    strength, protect = (
        found(was, folder) if now is None and was is not None else now
        for was, now in ((then.strength_map, given.strength_map), (then.protect, given.protect))
    )
    return Hand(
        given.regions or tuple(region_again(each, folder) for each in then.regions),
        (labels[0], labels[1]) if labels else given.labels,
        strength,
        protect,
    )


def region_again(then: RegionInput, folder: Path) -> RegionFile:
    return RegionFile(found(then.mask, folder), style_again(then.style, folder), then.strength)
