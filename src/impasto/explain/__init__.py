"""Show how it works: reconstructions, sweeps, feature maps, loss curves, films with a curve, comparisons.

Nothing here paints: `grids` says what is to be painted, `paint` does it, and the rest makes pictures of what it told.
"""
