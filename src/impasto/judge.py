"""Scores for a painted picture, by a network that took no part in painting it.

The judge pads by reflection and pools by maximum, whatever the painter did, and sees all pictures at one size; and the
painting at the scale at which the painter saw it: strokes enlarged by a tenth are strokes of another painting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import measures
from impasto.errors import PictureError
from impasto.inputs import ENLARGED
from impasto.limits import SIZES
from impasto.networks import Features, Network
from impasto.picture import Picture
from impasto.style import at_scale

SHALLOW = ("relu1_1", "relu2_1", "relu3_1")
DEEP = ("relu4_1", "relu5_1")
CONTENT = "relu4_2"
SIDE, LEAST = 512, 32  # pixels on the long side, and on any
NOTHING = 1e-20  # as good as no distance
ALIKE = 1e-4  # squared distance of colors, the whole range being one: photo and painting that have less have the same


@dataclass(frozen=True)
class Score:
    """What the judge says of one picture.

    style_shallow, style_deep   distance of the Gram matrices from the painting's, as a share of the photo's own:
                                0 has the painting's statistics, 1 is as far away as the untouched photo
    color                       squared Wasserstein distance of the pixels' colors, by mean and covariance, from the
                                painting's, as a share of the photo's own: Gram matrices hear loud colors, this faint
                                ones too
    content                     squared distance of the deep features from the photo's, as a share of that of the
                                painting itself: 0 is the photo, 1 has nothing of it left
    grain                       energy of the finest details over that of the photo or the painting, whichever has
                                more: above about 1.3, look for noise
    """

    style_shallow: float
    style_deep: float
    color: float
    content: float
    grain: float


def score(
    network: Network, content: Picture, style: Picture, outputs: Sequence[Picture], *, side: int = SIDE
) -> list[Score]:
    """Judge each of `outputs`, which repaint `content` in the manner of `style`; all are seen `side` pixels long."""
    for output in outputs:
        if min(output.size) < SIZES[0]:
            raise PictureError(
                f"{output.name or 'A picture'} is {output.width} x {output.height}: too small to be judged, "
                f"for which both sides must have {SIZES[0]} pixels at least."
            )
    photo = seen(content, side)
    height, width = photo.shape[-2:]
    of_photo = features(network, photo)
    unrelated = features(network, seen(style.resized(width, height), side))[CONTENT]
    far = (unrelated - of_photo[CONTENT]).square().sum()
    shown = {size: as_painted(style, size, side) for size in {output.size for output in outputs}}
    paintings = {size: (painting, features(network, painting)) for size, painting in shown.items()}
    scores = []
    for output in outputs:
        image, (painting, of_painting) = seen(output.resized(width, height), side), paintings[output.size]
        of_output = features(network, image)
        detail = max(finest(photo), finest(painting))
        scores.append(
            Score(
                *apart(of_output, of_painting, unit=(of_photo, of_painting)),
                color=recolored(image, painting) / max(recolored(photo, painting), ALIKE),
                content=float((of_output[CONTENT] - of_photo[CONTENT]).square().sum() / far.clamp_min(NOTHING)),
                grain=finest(image) / max(detail, 1e-12),
            )
        )
    return scores


def seen(picture: Picture, side: int = SIDE) -> Tensor:
    """The picture as the judge looks at it: long side `side`, no side below 32."""
    scale = side / max(picture.size)
    width, height = (max(LEAST, round(length * scale)) for length in picture.size)
    return picture.resized(width, height).rgb


def as_painted(style: Picture, canvas: tuple[int, int], side: int = SIDE) -> Tensor:
    """The painting as the judge looks at it beside a canvas of this width and height: larger or smaller than it by as
    much as it was for whom painted there."""
    at_canvas = at_scale(style, *canvas, 1.0, ENLARGED, LEAST)
    return seen(at_canvas, round(side * max(at_canvas.size) / max(canvas)))


@torch.no_grad()
def features(network: Network, image: Tensor) -> Features:
    """All layers that are judged by."""
    return network(image.to(network.device), frozenset((*SHALLOW, *DEEP, CONTENT)))


def between_halves(network: Network, content: Picture, style: Picture, *, side: int = SIDE) -> tuple[float, float]:
    """The style scores, shallow and deep, of the painting's left half against its right one: what comes nearer to the
    painting than its halves to each other is as like it as one part of it is like another."""
    photo, painting = (features(network, each) for each in (seen(content, side), as_painted(style, content.size, side)))
    left, right = ({name: half(f) for name, f in painting.items()} for half in (_left, _right))
    return apart(left, right, unit=(photo, painting))


def _left(features: Tensor) -> Tensor:
    return features[..., : features.shape[-1] // 2]


def _right(features: Tensor) -> Tensor:
    return features[..., features.shape[-1] // 2 :]


def apart(a: Features, b: Features, unit: tuple[Features, Features]) -> tuple[float, float]:
    """Squared distances of Gram matrices, over those of two others, on average over the shallow and the deep layers."""
    layers = (*SHALLOW, *DEEP)
    shares = {name: _gram_distance(a, b, name) / max(_gram_distance(*unit, name), NOTHING) for name in layers}
    shallow, deep = (sum(shares[name] for name in names) / len(names) for names in (SHALLOW, DEEP))
    return shallow, deep


def _gram_distance(a: Features, b: Features, layer: str) -> float:
    return float(measures.gram_distance(*(measures.gaussian(measures.moments(f[layer])) for f in (a, b))))


def recolored(a: Tensor, b: Tensor) -> float:
    """How far colors would have to be moved, squared and on average, for two pictures to have the same."""
    apart = measures.wasserstein_distance(*(measures.gaussian(measures.moments(image)) for image in (a, b)))
    return max(0.0, float(apart))  # what rounding leaves of nothing may be negative


def finest(image: Tensor) -> float:
    """Mean energy of what a 3 x 3 blur takes away."""
    blurred = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), "replicate"), 3, 1)
    return float((image - blurred).square().mean())
