"""A panel: networks that look at the same canvas in different ways, and agree on the mean of what they want of it.

What one network overlooks or mistakes in a picture, a descent finds and paints. The same network mistakes something
else in the mirrored picture: what is left of the mean is rather what a better network would want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from torch import Tensor

from impasto.diary import Diary
from impasto.errors import RecipeError
from impasto.events import Level
from impasto.networks import Network
from impasto.networks.view import PLAIN, View, ways
from impasto.objective import Evaluation, Objective, Term
from impasto.recipe import Recipe
from impasto.tiles import Tile


@dataclass(frozen=True)
class Panel:
    """One or several objectives of the same terms, and the steps of a level of which they judge."""

    members: tuple[Objective, ...]
    steps: range = range(0)

    @property
    def first(self) -> Objective:
        """One for all, where they are alike."""
        return self.members[0]

    def evaluate(self, canvas: Tensor, tiles: Sequence[Tile]) -> Evaluation:
        """The mean; one after another, so that no more is held than for one, but for a gradient."""
        mean = self.first.evaluate(canvas, tiles)
        if len(self.members) == 1:
            return mean
        loss, losses, gradient, room = mean.loss, mean.losses, mean.gradient, self.first.room
        bands = room.divided(self.first.crew).bands
        for member in self.members[1:]:
            seen = member.evaluate(canvas, tiles)
            loss, losses = loss + seen.loss, losses + seen.losses
            for rows in bands(canvas):
                gradient[..., rows, :].add_(seen.gradient[..., rows, :])
        for rows in bands(canvas):
            gradient[..., rows, :].div_(len(self.members))
        return Evaluation(loss / len(self.members), losses / len(self.members), gradient)


def upright(plan: tuple[Level, ...], recipe: Recipe, extra_terms: Sequence[Term]) -> tuple[Level, ...]:
    """The plan, in which the network looks in no other way where a term of one's own may know features as they are."""
    if all(term.layer == "image" for term in extra_terms):
        return plan
    if recipe.polish_views not in (None, 1):
        raise RecipeError(
            f"With polish_views = {recipe.polish_views} the network looks at mirrored pictures, too, and what a term "
            "of your own knows of its layers would be wrong; leave polish_views out."
        )
    return tuple(replace(level, looks=(1,)) for level in plan)


def panels(
    aim: Callable[[Network], Objective],
    network: Network,
    level: Level,
    times: float,
    diary: Diary,
    stop: Callable[[], bool],
) -> Iterator[Panel]:
    """Who is still to judge the canvas: the network as it is while a level is composed, and in several ways while it is
    polished, when what is finest counts so many `times`; in others part after part, as it overlooks something else."""
    composed, members = level.steps - level.polish, dict[View, Objective]()
    polishing = ((views, times, steps) for views, steps in zip(ways(level.looks), level.parts(), strict=True))
    spans = ((PLAIN,), 1.0, range(composed)), *polishing
    for n, (views, polish, steps) in enumerate(spans):
        if diary.step < steps.stop and not stop():
            to_come = set(chain(*(later for later, _, _ in spans[n:])))
            members = {view: member for view, member in members.items() if view in to_come}  # the others need the room
            members |= {view: aim(network.viewed(view)) for view in views if view not in members}
            yield Panel(tuple(replace(members[view], polish=polish) for view in views), steps)
