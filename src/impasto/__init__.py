"""Impasto: repaint a photograph in the manner of a painting.

    import impasto
    impasto.stylize("photo.jpg", "painting.jpg", strength=0.6).save("out.png")

Importing this package imports nothing heavy and changes nothing; the names below are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.inputs import Painting as Painting
    from impasto.networks import Features as Features
    from impasto.networks import Network as Network
    from impasto.networks.choose import open_network as open_network
    from impasto.objective import Objective as Objective
    from impasto.objective import Term as Term
    from impasto.paint import paint as paint
    from impasto.picture import Picture as Picture
    from impasto.picture import read as read
    from impasto.recipe import Recipe as Recipe
    from impasto.stylize import stylize as stylize

_HOMES = {
    "Features": "networks",
    "ImpastoError": "errors",
    "Network": "networks",
    "Objective": "objective",
    "Painting": "inputs",
    "Picture": "picture",
    "Recipe": "recipe",
    "Term": "objective",
    "open_network": "networks.choose",
    "paint": "paint",
    "read": "picture",
    "stylize": "stylize",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    return getattr(import_module(f"impasto.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
