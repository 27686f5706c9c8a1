"""A commission: what a run is asked to paint, what can be told of it beforehand, and what is to be said at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from impasto import inputs, regions, style
from impasto.device import imitates_bfloat16
from impasto.diagnosis import diagnosis
from impasto.dial import style_reach, style_weight
from impasto.diary import Diary
from impasto.errors import PictureError
from impasto.events import Level
from impasto.inputs import Painting, Styles
from impasto.networks import Network, stride
from impasto.objective import Term
from impasto.panel import upright
from impasto.picture import Picture
from impasto.recipe import Recipe
from impasto.regions import Guidance


@dataclass(frozen=True)
class Commission:
    """The photo, the paintings, where what is painted, and how; terms of one's own that join the objective."""

    content: Picture
    paintings: Styles
    guidance: Guidance
    recipe: Recipe
    network: Network
    start: Picture | None
    extra_terms: tuple[Term, ...]

    @property
    def layers(self) -> frozenset[str]:
        """All that the network is asked for."""
        own = (term.layer for term in self.extra_terms)
        return frozenset({*self.recipe.content_layers, *self.recipe.style_layers, *own})

    @property
    def idle(self) -> bool:
        """Whether nothing pulls away from the photo, and the canvas starts there."""
        recipe = self.recipe
        pulled = (style_weight(recipe) and style_reach(recipe)) or recipe.variation_weight or self.extra_terms
        return not pulled and recipe.start in ("tinted", "photo") and not recipe.start_noise

    @property
    def every_painting(self) -> tuple[Painting, ...]:
        """Those of regions, too."""
        return *self.paintings.paintings, *(region.painting for region in self.guidance.regions)

    @property
    def identity(self) -> dict[str, object]:
        """What a checkpoint must have been made with, if this run is to go on from it."""
        pictures = {"photo": self.content, "paintings": self.paintings, "start": self.start, "guidance": self.guidance}
        network = self.network.name, self.network.sha256
        own = [(term.name, term.weight) for term in self.extra_terms]
        return {**pictures, "recipe": self.recipe, "network": network, "terms": own}

    def plan(self) -> tuple[Level, ...]:
        """The levels that will be painted; whatever is wrong with the commission is told now."""
        recipe, network = self.recipe, self.network
        levels = inputs.check(self.content, self.every_painting, recipe, network, self.start, self.layers)
        for painting in self.every_painting:
            if painting.masked and not regions.used(painting, painting.picture).any():
                name = painting.picture.name or "a painting"
                raise PictureError(f"Nothing of {name} is used: its part is dark, or it is transparent, everywhere.")
        return upright(levels[-1:] if self.idle else levels, recipe, self.extra_terms)

    def remarks(self, plan: Sequence[Level]) -> Iterator[str]:
        """Sentences worth telling before the start: about sizes, about masks, about parts of paintings."""
        final, strides = plan[-1], {layer: stride(self.network, layer) for layer in self.recipe.style_layers}
        yield from inputs.remarks(self.content, self.every_painting, plan, self.recipe)
        yield from regions.remarks(self.content, self.guidance, final, self.paintings, strides)
        yield from style.remarks(self.network, self.every_painting, final, self.recipe)
        if self.recipe.precision == "bfloat16" and imitates_bfloat16(self.network.device):
            yield "This processor only imitates bfloat16, which takes longer and more memory than float32."

    def conclusion(self, photo: Tensor, result: Tensor, diary: Diary) -> Iterator[str]:
        """Sentences worth telling at the end: that it came early, or what is visibly off."""
        yield from diary.told()
        if diary.halted:
            best = "this is the best picture so far" if diary.evaluations else "nothing is painted yet"
            yield f"Stopped early; {best}."
        elif not self.idle:
            story = diary.first, diary.losses, diary.evaluations, diary.repairs
            regional = bool(self.guidance.regions)
            yield from diagnosis(photo, result, self.every_painting, self.recipe, *story, regional=regional)
