"""What a recipe leaves to the network that looks at the pictures, and where it asks for another network than that.

Two knobs are `own` by default: what suits a network best was found by painting with it. Networks are known by name, so
that one of a program's own has what suits a VGG.
"""

from __future__ import annotations

from impasto.errors import RecipeError
from impasto.networks import Network
from impasto.recipe import Recipe

RIM = {"lite": 2.0}  # its windows are small, and along the border few: colors would gather there; see docs/log.md
VIEWS = {"lite": 2}  # a small network has more blind spots; see docs/log.md
GRAIN = 4  # pixels: noise of single ones satisfies the finest layer, and much of it would stay; see docs/log.md
MADE = {"network": "name", "pooling": "pooling", "pool_rescale": "rescale", "padding": "padding"}  # knob -> attribute


def grain(recipe: Recipe, network: Network) -> int:
    """How many pixels wide the grains of noise are that a canvas begins with; a VGG at one size begins as the papers
    do."""
    return GRAIN if network.name == "lite" or recipe.first_level else 1


def rim(recipe: Recipe, network: Network) -> float:
    """How many times the positions along the border count in the content loss."""
    return RIM.get(network.name, 1.0) if recipe.content_rim is None else recipe.content_rim


def views(recipe: Recipe, network: Network) -> int:
    """In how many ways at a time, at most, the network looks at a picture that is polished."""
    return VIEWS.get(network.name, 1) if recipe.polish_views is None else recipe.polish_views


def agree(recipe: Recipe, network: Network) -> None:
    """A knob that was turned must not ask for another network than the one that was opened already."""
    for knob, attribute in MADE.items():
        asked, made = getattr(recipe, knob), getattr(network, attribute, None)
        if asked not in (getattr(Recipe, knob), made):
            raise RecipeError(
                f"The recipe asks for {knob} = {asked}, and the network that was opened, {network.name}, has "
                f"{'none' if made is None else made}: leave the knob out, or open the network with this recipe."
            )
