"""Settings with a name: what a preset turns, plain data. Everything else is at the recipe's defaults."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from impasto.errors import RecipeError, near

STYLE_LAYERS = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0}

# What both papers of Gatys, Ecker and Bethge have in common: noise, one scale, average pooling.
GATYS: Mapping[str, Any] = {
    "network": "vgg19",
    "pooling": "average",
    "padding": "zero",
    "content_scale": "half-sum",
    "style_statistic": "gram",
    "style_scaling": "gatys",
    "style_layers": dict.fromkeys(STYLE_LAYERS, 0.2),
    "first_level": 0,
    "steps": 500,
    "polish": 0,
    "start": "noise",
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    # A draft, and patience: the same picture with fewer steps, or with more of them and more ways of looking.
    "fast": {"steps": 16, "steps_decay": 0.75, "steps_least": 12, "level_ratio": 2.83, "polish_views": 1},
    "fine": {"steps": 100, "polish_views": 4},
    # Gatys, Ecker, Bethge: A Neural Algorithm of Artistic Style (arXiv:1508.06576): alpha / beta = 1e-4, the larger of
    # the two ratios of the paper's figure 3 in use.
    "gatys2015": {**GATYS, "style_weight": 1e4},
    # Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks (CVPR 2016): alpha / beta = 1e-3.
    "gatys2016": {**GATYS, "style_weight": 1e3},
    # J. Johnson's neural-style: content 5 x mean, style 100 x mean of (Gram / CHW), 1000 L-BFGS iterations. Its total
    # variation weighs 1e-3 on pixels of 0..255, which is 0.255 on ours, summed.
    "neural-style": {
        "network": "vgg19",
        "pooling": "max",
        "padding": "zero",
        "content_scale": "mean",
        "content_weight": 5.0,
        "style_statistic": "gram",
        "style_scaling": "size",
        "style_weight": 100.0,
        "variation_weight": 0.255,
        "variation": "l1",
        "variation_scale": "sum",
        "history": 100,
        "first_level": 0,
        "steps": 1000,
        "polish": 0,
        "start": "noise",
    },
}


def without_presets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the knobs of every preset that they hold whole."""
    held = [knobs for knobs in PRESETS.values() if all(settings.get(name) == value for name, value in knobs.items())]
    return {name: value for name, value in settings.items() if not any(name in knobs for knobs in held)}


def preset(name: str) -> dict[str, Any]:
    """The knobs that a preset turns."""
    if not isinstance(name, str) or name not in PRESETS:  # a file may say anything
        raise RecipeError(f"There is no preset {name!r}{near(str(name), PRESETS)}; there are {', '.join(PRESETS)}.")
    return copy.deepcopy(dict(PRESETS[name]))
