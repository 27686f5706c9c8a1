"""Which knobs exclude each other, and which have no effect beside others: an option has an effect or is refused."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple

STYLE_KNOBS = {
    "strength",
    "style_scale",
    "style_statistic",
    "style_scaling",
    "style_weight",
    "style_reach",
    "rotations",
}


class Clash(NamedTuple):
    """A sentence for people, the knobs that were turned in vain, and the knobs that are the reason."""

    words: str
    idle: Set[str] = frozenset()
    reasons: tuple[str, ...] = ()


def clashes(r: Any, turned: Set[str]) -> list[Clash]:  # noqa: ANN401 -- anything that has the knobs of a Recipe
    """What is wrong with these knobs together; `turned` are the names of those that differ from their defaults."""
    layers = [*r.content_layers.values(), *r.style_layers.values()]
    raw = r.style_scaling != "relative"
    rules = [
        ("Layer weights must not be negative.", min(layers, default=0) < 0, "", ""),
        ("content_layers and style_layers are both empty or weightless: there is nothing to paint.",
         not any(layers), "", "content_layers style_layers"),
        ("The small network was trained with its own pooling; pooling is for vgg19 and vgg16.",
         r.network == "lite", "pooling", "network"),
        ("pool_rescale needs pooling = average.", r.pooling != "average", "pool_rescale", "pooling"),
        ("variation_weight is 0, so the kind, power and scale of the variation would change nothing.",
         r.variation_weight == 0, "variation variation_power variation_scale", "variation_weight"),
        ("variation_power needs variation = power.", r.variation != "power", "variation_power", "variation"),
        ("momentum is for the optimizer sgd.", r.optimizer != "sgd", "momentum", "optimizer"),
        ("beta1 and beta2 are for the optimizer adam.", r.optimizer != "adam", "beta1 beta2", "optimizer"),
        ("history is for the optimizer lbfgs.", r.optimizer != "lbfgs", "history", "optimizer"),
        ("A style_scaling other than relative measures Gram matrices: it needs style_statistic = gram.",
         raw and r.style_statistic != "gram", "", "style_scaling style_statistic"),
        ("A style_scaling other than relative needs a style_weight.",
         raw and r.style_weight is None, "", "style_scaling"),
        ("strength has no effect where style_weight is given; turn style_weight instead, or leave one of them out.",
         r.style_weight is not None, "strength", "style_weight"),
        ("content_weight, content_measure, content_rim, content_scale and style_reach "
         "need content_layers with a weight.",
         not any(r.content_layers.values()), "content_weight content_measure content_rim content_scale style_reach",
         "content_layers"),
        ("content_layers, content_measure, content_rim and content_scale have no effect where content_weight is 0.",
         r.content_weight == 0, "content_layers content_measure content_rim content_scale", "content_weight"),
        ("Self-similarity has one unit: content_rim and content_scale go with content_measure = features.",
         r.content_measure == "self-similarity", "content_rim content_scale", "content_measure"),
        ("A picture that continues in itself has no border, and content_rim nothing to count.",
         r.seamless == "both", "content_rim", "seamless"),
        ("strength and the style knobs need style_layers with a weight.",
         not any(r.style_layers.values()), " ".join(sorted(STYLE_KNOBS)), "style_layers"),
        ("detail is weighed against relative losses: it needs content_scale and style_scaling = relative.",
         raw or r.content_scale != "relative", "detail", "content_scale style_scaling"),
        ("start_noise has no effect where start = noise.", r.start == "noise", "start_noise", "start"),
        ("seed has no effect without noise; give start = noise, start = speckles or a start_noise.",
         r.start not in ("noise", "speckles") and not r.start_noise, "seed", "start"),
        ("There is no palette, and color = palette needs one.",
         r.color == "palette" and r.palette is None, "", "color"),
        ("palette goes with color = palette.", r.color != "palette", "palette", "color"),
        ("recolor has no effect where color = luminance: the painting is seen without its colors.",
         r.color == "luminance", "recolor", "color"),
        ("polish, polish_times and polish_views are for the optimizers lbfgs and adam.",
         r.optimizer == "sgd", "polish polish_times polish_views", "optimizer"),
        ("polish_times and polish_views have no effect where polish is 0.",
         r.polish == 0, "polish_times polish_views", "polish"),
        ("steps_decay, steps_least and level_ratio have no effect where first_level is 0.",
         r.first_level == 0, "steps_decay steps_least level_ratio", "first_level"),
    ]  # fmt: skip
    return [
        Clash(words, turned & set(idle.split()), tuple(reasons.split()))
        for words, applies, idle, reasons in rules
        if applies and (not idle or turned & set(idle.split()))
    ]
