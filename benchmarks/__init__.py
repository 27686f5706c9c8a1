"""Programs that measure: warm-up, interleaved, median and spread, a table for people and one JSON line last."""
