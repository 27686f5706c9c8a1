"""Impasto: repaint a photograph in the manner of a painting.

    import impasto
    impasto.write(impasto.stylize("photo.jpg", "painting.jpg", strength=0.6), "out.png")

Importing this package imports nothing heavy and changes nothing; the names below are loaded when they are first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.files import write as write
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
    from impasto.texture import texture as texture

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
    "texture": "texture",
    "write": "files",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    return getattr(import_module(f"impasto.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """Where a module and what it is known for have one name, as `paint` and `texture` have, the name means the latter.

    Importing such a module would otherwise put the module itself in its place.
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, getattr(value, name) if isinstance(value, ModuleType) and name in _HOMES else value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted(__all__)
