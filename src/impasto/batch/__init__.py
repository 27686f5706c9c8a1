"""Many pictures: what is to be painted, what is painted already, and who paints the rest.

`sources` finds the files, `jobs` pairs them, `names` says what the pictures are called, `manifest` remembers, `desk`
tells what is still to do, `crew` and `cluster` have it painted, `work` brings them together.
"""
