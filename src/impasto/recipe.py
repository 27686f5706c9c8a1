"""The recipe: every knob that changes the pixels, each with its one default; nothing that does not change them.

Flags, TOML files and the documentation are derived from the fields below; a field's words are what a person
reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType, SimpleNamespace
from typing import Annotated, Any, Literal, get_args, get_type_hints

import tomli_w
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from impasto import palette as palettes
from impasto import presets
from impasto.clashes import Clash, clashes
from impasto.errors import RecipeError, near
from impasto.limits import SCALES, SIZES

Layers = dict[str, Annotated[float, Field(allow_inf_nan=False)]]


def knob(group: str, words: str, **limits: Any) -> Any:  # noqa: ANN401 -- pydantic's own signature
    """A field's group in the help, its words, and its range."""
    finite: dict[str, Any] = {"allow_inf_nan": False, **limits} if limits else {}
    return Field(description=words, json_schema_extra={"group": group}, **finite)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that changes the pixels. Change one with `dataclasses.replace`, or `recipe.changed(...)`."""

    # Look
    strength: Annotated[float, knob("Look", "how far to go from the photo (0) to the painting (1)", ge=0, le=1)] = 0.5
    size: Annotated[int, knob("Look", "long side of the result in pixels", ge=SIZES[0], le=SIZES[1])] = 512
    style_scale: Annotated[
        float, knob("Look", "size of the strokes: 2 doubles them, 0.5 halves them", ge=SCALES[0], le=SCALES[1])
    ] = 1.0
    seamless: Annotated[
        Literal["no", "horizontal", "both"],
        knob("Look", "let the picture go on beyond its edge at the opposite one: horizontal for panoramas of 360°"),
    ] = "no"
    seed: Annotated[int, knob("Look", "another number, another noise", ge=0, le=2**63 - 1)] = 0

    # Network
    network: Annotated[Literal["lite", "vgg19", "vgg16"], knob("Network", "the network that looks at the pictures")] = (
        "lite"
    )
    pooling: Annotated[
        Literal["own", "max", "average"],
        knob("Network", "how a VGG halves its features; average gives calmer pictures (own: as published, max)"),
    ] = "own"
    pool_rescale: Annotated[bool, knob("Network", "undo the loss of magnitude of average pooling")] = False
    padding: Annotated[
        Literal["own", "zero", "replicate", "reflect"],
        knob(
            "Network",
            "what the network sees beyond the edge (own: replicate; of a VGG it is the first layer that does)",
        ),
    ] = "own"
    precision: Annotated[Literal["auto", "float32", "bfloat16"], knob("Network", "number type of the convolutions")] = (
        "auto"
    )

    # Content
    content_layers: Annotated[Layers, knob("Content", "layers that keep the photo, with weights: relu4_2:1")] = field(
        default_factory=lambda: {"relu4_2": 1.0}
    )
    content_measure: Annotated[
        Literal["features", "self-similarity"],
        knob("Content", "what of the photo is kept: its features, or how alike its places are, which frees the colors"),
    ] = "features"
    content_scale: Annotated[
        Literal["relative", "half-sum", "mean", "size"],
        knob("Content", "unit of the content loss: relative to the photo, ½Σ, mean, or Σ/4CHW"),
    ] = "relative"
    content_weight: Annotated[float, knob("Content", "alpha, the weight of the content loss", ge=0)] = 1.0
    content_rim: Annotated[
        float | None,
        knob("Content", "how many times positions along the border count in it (own: 2 for lite, 1 for a VGG)", ge=0),
    ] = None
    detail: Annotated[
        float, knob("Content", "keep what is fine and sharp in the photo, letters and faces: 0 to 1", ge=0, le=1)
    ] = 0.0

    # Style
    style_layers: Annotated[Layers, knob("Style", "layers that take the painting's manner, with weights")] = field(
        default_factory=lambda: dict(presets.STYLE_LAYERS)
    )
    style_statistic: Annotated[
        Literal["mixed", "gram", "covariance", "moments", "wasserstein", "sliced", "histogram"],
        knob(
            "Style",
            "what is compared: Gram matrices, covariance and mean, Gram + mean + deviation, Wasserstein; mixed: "
            "Wasserstein, and Gram at relu5_1; in pictures that fit into memory in one piece also sliced Wasserstein, "
            "and histograms + Wasserstein",
        ),
    ] = "mixed"
    style_scaling: Annotated[
        Literal["relative", "gatys", "mean", "positions", "size"],
        knob(
            "Style",
            "unit of the style loss: relative to the painting, 1/4N²M², mean of raw, /HW or /CHW Gram matrices",
        ),
    ] = "relative"
    style_weight: Annotated[
        float | None, knob("Style", "beta, the weight of the style loss (not given: set by strength)", ge=0)
    ] = None
    style_reach: Annotated[
        float | None,
        knob(
            "Style",
            "aim so far on the way from the photo's manner to the painting's (not given: by strength)",
            ge=0,
            le=1,
        ),
    ] = None
    rotations: Annotated[
        Literal[1, 2, 4],
        knob(
            "Style",
            "see the painting upright, also turned by 90° (2), or by 90°, 180° and 270° (4): strokes run in "
            "every direction",
        ),
    ] = 1

    # Color
    color: Annotated[
        Literal["style", "photo", "luma", "luminance", "match", "palette", "gray"],
        knob(
            "Color",
            "the painting's colors as they come (style), the photo's (photo: in Oklab; luma: the classic swap; "
            "luminance: painted without color), exactly the painting's (match), those of a palette, or none (gray)",
        ),
    ] = "style"
    recolor: Annotated[
        Literal["none", "monge", "pca", "cholesky", "histogram"],
        knob("Color", "give the painting the photo's colors before painting, and how"),
    ] = "none"
    palette: Annotated[str | None, knob("Color", "hex colors for color = palette: #0b132b,#e07a5f,#f4f1de")] = None

    # Smoothness
    variation_weight: Annotated[float, knob("Smoothness", "weight of total variation; more is smoother", ge=0)] = 0.0
    variation: Annotated[
        Literal["l1", "l2", "power"], knob("Smoothness", "|d|, d² or (d²)^power of neighboring pixels")
    ] = "l2"
    variation_power: Annotated[float, knob("Smoothness", "the power of --variation power", ge=0.5, le=4)] = 1.25
    variation_scale: Annotated[
        Literal["mean", "sum"],
        knob("Smoothness", "mean over the pixels, or their sum as the classic programs have it"),
    ] = "mean"

    # Descent
    optimizer: Annotated[Literal["lbfgs", "adam", "sgd"], knob("Descent", "how to go downhill")] = "lbfgs"
    steps: Annotated[int, knob("Descent", "steps at the first, smallest level", ge=1, le=1_000_000)] = 64
    steps_decay: Annotated[float, knob("Descent", "share of the steps that each finer level gets", gt=0, le=10)] = 0.85
    steps_least: Annotated[int, knob("Descent", "but no level gets fewer than this", ge=1)] = 40
    polish: Annotated[
        int,
        knob(
            "Descent",
            "so many of the last steps, up to five sixths of the last level's (of 24 or fewer after coarser levels: "
            "all), polish: what is fine, color, texture and strokes, counts more (0: none)",
            ge=0,
        ),
    ] = 40
    polish_times: Annotated[
        float,
        knob(
            "Descent",
            "how many times what is finest counts while polishing; layers of stride 2 count half as many times, of "
            "stride 4 a quarter",
            ge=1,
        ),
    ] = 60.0
    polish_views: Annotated[
        Literal[1, 2, 4, 8] | None,
        knob(
            "Descent",
            "in how many ways at a time, at most, the network looks meanwhile: mirrored, on its side, as the picture "
            "is ...; costs up to as many times the time (own: 2 for lite, 1 for a VGG)",
        ),
    ] = None
    first_level: Annotated[
        int, knob("Descent", "long side of the first level; 0 paints at the full size at once", ge=0)
    ] = 181
    level_ratio: Annotated[
        float, knob("Descent", "how much larger each level is than the one before", ge=1.05, le=8)
    ] = 1.4142135623730951
    learning_rate: Annotated[
        float | None,
        knob("Descent", "length of a step (not given: 1 for lbfgs, 0.02 for adam, 0.01 for sgd)", gt=0),
    ] = None
    history: Annotated[int, knob("Descent", "moves that lbfgs remembers", ge=1, le=200)] = 5
    momentum: Annotated[float, knob("Descent", "momentum of sgd", ge=0, lt=1)] = 0.0
    beta1: Annotated[float, knob("Descent", "adam's memory of the slope", ge=0, lt=1)] = 0.9
    beta2: Annotated[float, knob("Descent", "adam's memory of its square", ge=0, lt=1)] = 0.99
    average: Annotated[
        float,
        knob("Descent", "average the iterates with this memory (0.99) to calm adam; 0 takes the last", ge=0, lt=1),
    ] = 0.0

    # Start
    start: Annotated[
        Literal["tinted", "photo", "noise", "speckles", "painting", "gray", "picture"],
        knob(
            "Start",
            "what the canvas shows at first; tinted: the photo in the painting's colors; speckles: noise in the "
            "painting's colors; 'picture' needs one to be given",
        ),
    ] = "tinted"
    start_noise: Annotated[float, knob("Start", "share of noise mixed into the start", ge=0, le=1)] = 0.0

    def __post_init__(self) -> None:
        """Types and ranges, options that exclude each other, options that would change nothing."""
        _check_each(vars(self))
        vars(self).update(plain(vars(self)))
        for clash in _clashes(vars(self)):
            raise RecipeError(clash.words)
        if self.palette is not None:
            palettes.parse(self.palette)

    def __hash__(self) -> int:
        """As equal as recipes are; the fields are plain data, but for the layers."""
        return hash(tuple(frozenset(v.items()) if isinstance(v, dict) else v for v in vars(self).values()))

    @property
    def keeps_photo(self) -> bool:
        """Whether anything of the photo's content is asked for; not so for a texture."""
        return any(self.content_layers.values())

    @property
    def wraps(self) -> tuple[bool, bool]:
        """Whether rows and columns go on at the opposite edge."""
        return self.seamless == "both", self.seamless != "no"

    @property
    def in_one_piece(self) -> bool:
        """Whether the style needs all values of the picture at once, so that tiles would be of no use."""
        return self.style_statistic in ("sliced", "histogram")

    def changed(self, *, preset: str = "default", **changes: Any) -> Recipe:  # noqa: ANN401 -- the types are the fields'
        """A copy with some knobs turned, those of a preset first; unknown names are refused with a suggestion.

        A knob that loses its effect by the change is at its default again: adam has no use for the history of lbfgs.
        """
        named = {f"the preset {preset}": presets.preset(preset)}
        return recipe(layered({"the recipe": self.as_dict(), **named, "the changes": changes}))

    def as_dict(self) -> dict[str, Any]:
        """Every knob by name, as plain data."""
        return dataclasses.asdict(self)

    def as_toml(self) -> str:
        """A recipe file: every knob that is set."""
        return tomli_w.dumps({k: v for k, v in self.as_dict().items() if v is not None})


FIELDS = tuple(f.name for f in dataclasses.fields(Recipe))


@cache
def described() -> Mapping[str, FieldInfo]:
    """Name -> description, group (in `json_schema_extra`) and limits, for those who build forms and flags."""
    return MappingProxyType({name: hint.__metadata__[0] for name, hint in hints().items()})


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    """What pydantic makes of each field's type and range; built when the first recipe is."""
    return {name: TypeAdapter(hint) for name, hint in hints().items()}


@cache
def hints() -> Mapping[str, Any]:
    """Name -> type, annotated with what `knob` says of it; Python reads them from text, which takes a while."""
    return MappingProxyType(get_type_hints(Recipe, include_extras=True))


@cache
def starts() -> tuple[str, ...]:
    """What a canvas may show at first, by name; the last one is for a picture that is given."""
    kinds, _ = get_args(hints()["start"])
    return get_args(kinds)


def _check_each(values: Mapping[str, Any]) -> None:
    """Names, types and ranges, each for itself."""
    for name, value in values.items():
        if name not in FIELDS:
            raise RecipeError(f"There is no knob {name!r}{near(name, FIELDS)}.")
        try:
            _adapters()[name].validate_python(plain(value), strict=True)
        except ValidationError as error:
            raise RecipeError(_sentence(name, error)) from None


def plain(value: Any) -> Any:  # noqa: ANN401 -- any knob's
    """Numbers of numpy and torch as Python's own."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _clashes(values: Mapping[str, Any]) -> list[Clash]:
    """What is wrong with these knobs together, the others being at their defaults."""
    defaults = {
        f.name: f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
        for f in dataclasses.fields(Recipe)
    }
    return clashes(SimpleNamespace(**{**defaults, **values}), {n for n, v in values.items() if v != defaults[n]})


def recipe(values: Mapping[str, Any]) -> Recipe:
    """Plain data -> Recipe, or a RecipeError of one sentence."""
    _check_each(values)
    return Recipe(**values)


def layered(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Settings laid over each other, the lowest first, each by the words for where it comes from; valid together.

    What a lower layer turned is left out where a higher one robs it of its effect. A knob that would have no effect
    on its own layer is refused, and so is what excludes each other, with a word on where it comes from.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers.items():
        _check_each(layer)
        values |= layer
        origins |= dict.fromkeys(layer, origin)
        while idle := {name for clash in _clashes(values) for name in clash.idle} - layer.keys():
            values = {name: value for name, value in values.items() if name not in idle}
    for clash in _clashes(values):
        below = [name for name in clash.reasons if origins.get(name, origin) != origin]
        told = ", ".join(f"{name} = {values[name]} comes from {origins[name]}" for name in below if name in values)
        raise RecipeError(f"{clash.words[:-1]} ({told})." if told else clash.words)
    recipe(values)
    return values


def _sentence(name: str, error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{name} = {first['input']!r} is not possible: {first['msg'][0].lower()}{first['msg'][1:]}."
