"""Where to paint what: masks, strength maps, label maps, and how they reach the layers of a network.

A mask is a picture of any size and mode; it is laid over the whole photo, and counts where it is bright and opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import color
from impasto.dial import dialed
from impasto.errors import PictureError
from impasto.events import Level
from impasto.inputs import Painting, Styles, weighted
from impasto.picture import Picture

SNAP = 0.02  # what a JPEG leaves of black and white
GLANCE = 256  # pixels on the sides of a map when it is looked at as a whole
FADE = 0.25  # below this strength the photo itself shines through
FLAT = 0.15  # the most that the pixels around one of a label differ, in RGB
STAYS = "the photo stays as it is"
ALIKE = 0.25  # colors of two label maps that are this far apart, in RGB, are not the same label


@dataclass(frozen=True)
class Region:
    """Where `mask` is bright, the picture is painted after `painting`, as if the dial stood at `strength` times the
    recipe's."""

    mask: Picture
    painting: Painting
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise PictureError(f"The strength of a region is {self.strength}, but must lie between 0 and 1.")


@dataclass(frozen=True)
class Guidance:
    """The artist's hand. What no region claims is painted after the paintings of the whole picture."""

    regions: tuple[Region, ...] = ()
    strength: Picture | None = None  # white: as strong as the recipe says; black: the photo's own pixels
    protect: Picture | None = None  # white: the photo's own pixels

    @property
    def masks(self) -> tuple[Picture, ...]:
        every = (*(region.mask for region in self.regions), self.strength, self.protect)
        return tuple(mask for mask in every if mask is not None)


def repainted(guidance: Guidance, change: Callable[[Styles], Styles]) -> Guidance:
    """The same regions with changed paintings."""
    changed = (replace(r, painting=change(weighted([r.painting])).paintings[0]) for r in guidance.regions)
    return replace(guidance, regions=tuple(changed))


@dataclass(frozen=True)
class Passage:
    """Paintings, and how much each pixel of the picture counts for them; None: all pixels alike."""

    paintings: Styles
    where: Tensor | None = None
    name: str = "style"  # of its terms
    strength: float = 1.0  # of what the dial says

    def to(self, device: torch.device) -> Passage:
        return self if self.where is None else replace(self, where=self.where.to(device))

    @property
    def share(self) -> float:
        """How much of the picture this is."""
        return 1.0 if self.where is None else float(self.where.mean())


# ---- masks ---------------------------------------------------------------------------------------------------------


def brightness(mask: Picture, width: int, height: int) -> Tensor:
    """The mask at a size, (1, 1, H, W); what is nearly black or white is made black or white."""
    mask = mask.resized(width, height)
    values = color.luma(mask.rgb) if mask.alpha is None else color.luma(mask.rgb) * mask.alpha
    return ((values - SNAP) / (1 - 2 * SNAP)).clamp(0, 1)


def used(painting: Painting, picture: Picture) -> Tensor:
    """How much each pixel of a masked painting counts, given at any scale."""
    masks = [] if picture.alpha is None else [picture.alpha]
    masks += [] if painting.part is None else [brightness(painting.part, picture.width, picture.height)]
    return torch.stack(masks).prod(0)


def strengths(guidance: Guidance, width: int, height: int) -> Tensor | None:
    """How strongly each pixel is painted, 0 to 1; None: all of them fully."""
    found = [] if guidance.strength is None else [brightness(guidance.strength, width, height)]
    found += [] if guidance.protect is None else [1 - brightness(guidance.protect, width, height)]
    return torch.stack(found).prod(0) if found else None


def opened(guidance: Guidance, width: int, height: int) -> Tensor | None:
    """How much of each pixel is paint, the rest being the photo; None: everything is paint."""
    strength = strengths(guidance, width, height)
    return None if strength is None else (strength / FADE).clamp(0, 1)


# ---- passages ------------------------------------------------------------------------------------------------------


Manner = tuple[Styles, float]
"""Paintings, and with which strength they are followed."""


def passages(content: Picture, base: Styles, guidance: Guidance, width: int, height: int) -> tuple[Passage, ...]:
    """The picture at a size, divided among the paintings. Regions of the same painting and strength are one.

    The highest value of a map of strength lowers the dial; where it has less than that, less of the weight counts.
    """
    strength, highest = strengths(guidance, width, height), _highest(guidance)
    visible = None if content.alpha is None else content.resized(width, height).alpha
    counts = None if strength is None else (dialed(strength) / dialed(highest)).clamp_max(1)
    maps = _divided(base, guidance, width, height)
    for factor in (counts, visible):
        if factor is not None:
            maps = [(manner, where * factor) for manner, where in maps]
    merged: dict[object, tuple[Manner, Tensor]] = {}
    for (paintings, share), where in maps:
        key = paintings.identity, share
        _, before = merged.get(key, (None, torch.zeros_like(where)))
        merged[key] = (paintings, share * highest), before + where
    found = [(manner, where) for manner, where in merged.values() if where.any()]
    names = ["style", *(f"style {number}" for number in range(2, len(found) + 1))]
    return tuple(_passage(*each, name) for each, name in zip(found, names, strict=False))


def _highest(guidance: Guidance) -> float:
    """Of a map of strength, 1 without one; always at one size, so that it is the same at every level."""
    strength = strengths(guidance, GLANCE, GLANCE)
    return 1.0 if strength is None else float(strength.max()) or 1.0


def manners(base: Styles, guidance: Guidance) -> list[Manner]:
    """Of the whole picture, and of each region."""
    return [(base, 1.0), *((weighted([region.painting]), region.strength) for region in guidance.regions)]


def _divided(base: Styles, guidance: Guidance, width: int, height: int) -> list[tuple[Manner, Tensor]]:
    """Every pixel is shared among the regions that claim it, and the paintings of the whole picture."""
    claims = [brightness(region.mask, width, height) for region in guidance.regions]
    claimed = torch.zeros(1, 1, height, width, dtype=torch.float32)
    for claim in claims:
        claimed += claim
    crowded = claimed.clamp_min(1)
    shares = [(1 - claimed).clamp_min(0), *(claim / crowded for claim in claims)]
    return list(zip(manners(base, guidance), shares, strict=True))


def _passage(manner: Manner, where: Tensor, name: str) -> Passage:
    """A map of ones is no map."""
    paintings, strength = manner
    return Passage(paintings, None if bool((where > 1 - 1e-4).all()) else where, name, strength)


# ---- layers --------------------------------------------------------------------------------------------------------


def worn(where: Tensor, stride: int) -> Tensor:
    """A map carried to a layer of this stride, its borders worn off by what a position sees beyond its own pixels.

    Each halving takes the least of the neighbors first: after it, a position counts only as far as all around it does,
    so that statistics do not leak over borders. The edges of the picture are no borders.
    """
    while stride > 1:
        where, stride = F.avg_pool2d(-F.max_pool2d(-where, 3, 1, 1), 2), stride // 2
    return where


def carried(where: Tensor, stride: int) -> Tensor | None:
    """A map for a layer: worn, or as it is where little would be left; None where not even that is one position."""
    eroded = worn(where, stride)
    if float(eroded.sum()) >= 1 or stride == 1:
        return eroded if eroded.any() else None
    plain = F.avg_pool2d(where, stride)
    return plain if float(plain.sum()) >= 1 else None


def remarks(
    content: Picture, guidance: Guidance, final: Level, base: Styles, strides: Mapping[str, int]
) -> Iterator[str]:
    """What a person should know about the masks: stretched, empty, or too small for a layer."""
    for mask in guidance.masks:
        yield from mask.remarks
        if mask.stretched_over(content):
            yield (
                f"{mask.name or 'A mask'} is {mask.width} x {mask.height}, of another shape than the picture "
                f"({final.width} x {final.height}): it is stretched over it."
            )
    yield from _even(guidance)
    if guidance.masks:
        for passage in passages(content, base, guidance, final.width, final.height):
            yield from _blind(passage, strides)


def _even(guidance: Guidance) -> Iterator[str]:
    """Masks that tell no place from another."""
    told = [(region.mask, "its region is empty", "") for region in guidance.regions]
    told += [] if guidance.protect is None else [(guidance.protect, "nothing is protected", STAYS)]
    told += [] if guidance.strength is None else [(guidance.strength, STAYS, "it changes nothing")]
    for mask, dark, bright in told:
        values = brightness(mask, *mask.size)
        if not values.any():
            yield f"{mask.name or 'A mask'} is dark everywhere: {dark}."
        elif bright and bool((values == 1).all()):
            yield f"{mask.name or 'A mask'} is bright everywhere: {bright}."


def _blind(passage: Passage, strides: Mapping[str, int]) -> Iterator[str]:
    where = passage.where
    missed = [layer for layer, stride in strides.items() if where is not None and carried(where, stride) is None]
    if missed:
        yield (
            f"The region of {passage.paintings.names} is too small for {', '.join(missed)}: "
            "what these layers would paint is left out there."
        )


# ---- label maps ----------------------------------------------------------------------------------------------------


def labeled(photo_map: Picture, painting_map: Picture, painting: Painting) -> tuple[Region, ...]:
    """A region for each color of the painting's map: where the photo's map shows it, only that part is used."""
    regions = []
    palette = labels(painting_map)
    for label in labels(photo_map):
        if float((palette - label).norm(dim=1).min()) > ALIKE:
            words = "#" + "".join(f"{round(255 * float(value)):02x}" for value in label)
            raise PictureError(
                f"{photo_map.name or 'The map of the photo'} has the color {words}; the map of the painting lacks it."
            )
    nearest = [_nearest(drawn, palette) for drawn in (photo_map, painting_map)]
    for index in range(len(palette)):
        mask, part = (_mask(labels == index) for labels in nearest)
        if mask.rgb.any():
            regions.append(Region(mask, replace(painting, part=part)))
    return tuple(regions)


def labels(drawn: Picture) -> Tensor:
    """The colors of a map, (n, 3): those that cover a five hundredth of it; edges and noise are no colors."""
    uneven = F.max_pool2d(drawn.rgb, 3, 1, 1) + F.max_pool2d(-drawn.rgb, 3, 1, 1)
    flat = uneven.amax((0, 1)) < FLAT
    pixels = drawn.rgb[0].permute(1, 2, 0)[flat if flat.any() else flat.logical_not()]
    coarse, counts = torch.unique((pixels * 7).round(), dim=0, return_counts=True)
    kept = coarse[counts >= max(1, len(pixels) / 500)] / 7
    means = [pixels[(pixels - center).abs().amax(1) <= 0.5 / 7 + 1e-6].mean(0) for center in kept]
    found: list[Tensor] = []
    for mean in means:
        if all(float((mean - other).norm()) > ALIKE / 2 for other in found):
            found.append(mean)
    return torch.stack(found)


def _nearest(drawn: Picture, palette: Tensor) -> Tensor:
    """Which color of the palette each pixel is: (1, 1, H, W)."""
    apart = [(drawn.rgb - label.view(1, 3, 1, 1)).square().sum(1, keepdim=True) for label in palette]
    return torch.cat(apart, 1).argmin(1, keepdim=True)


def _mask(chosen: Tensor) -> Picture:
    return Picture(chosen.float().repeat(1, 3, 1, 1))
