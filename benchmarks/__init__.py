"""Programs that measure: warm-up, interleaved, median and spread, a table for people and one JSON line last.

Their threads wait for each other as the command's do.
"""

from impasto.cli import yield_the_processor

yield_the_processor()
