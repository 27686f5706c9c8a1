"""Paint with lite and with VGG-19 after the same recipe, side by side; needs the development stand-in for VGG-19.

python -m docs.make_lite
"""

from __future__ import annotations

from benchmarks.common import vgg19
from docs.make_readme import boxed, example, save, timed
from impasto.networks.choose import open_network
from impasto.recipe import Recipe

PAIRS = (("harbor", "swirls"), ("still_life", "mosaic"), ("street", "knife"))
RECIPE = Recipe(size=256)


def main() -> None:
    networks = {"lite": open_network(RECIPE), "vgg19": vgg19(RECIPE.changed(network="vgg19"))}
    rows = []
    for photo, painting in PAIRS:
        row = [example("content", photo).rgb, example("style", painting).rgb]
        for name, network in networks.items():
            row.append(timed(photo, painting, network, RECIPE.changed(network=name), name).rgb)
        rows.append([boxed(image, 256, 220) for image in row])
    save(rows, "lite-vgg19.jpg")


if __name__ == "__main__":
    main()
