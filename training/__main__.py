"""All of it in a row:  python -m training [--data ../shared]

What has been finished is not done again: delete `runs/` to begin from the beginning.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

RUNS, SHIPPED = Path("runs"), Path("src/impasto/networks/lite.safetensors")
FIRST, PAINTED = RUNS / "first.safetensors", RUNS / "painted.safetensors"
SECOND, REPAINTED = RUNS / "second.safetensors", RUNS / "repainted.safetensors"
MORE = ("--batches", "1200", "--steps", "4000", "--rate", "0.006", "--bias-rate", "0.001")
REFINED = ("--start", str(SECOND), "--repainted", str(REPAINTED), "--pool", str(RUNS / "pool2"), *MORE)

STAGES: tuple[tuple[Path | None, tuple[str, ...]], ...] = (
    (FIRST, ("training.loop", "--steps", "400", "--out", str(RUNS / "first"))),
    (FIRST, ("training.export", str(RUNS / "first"), "--out", str(FIRST), "--pictures", "10")),
    (PAINTED, ("training.painted", "--network", str(FIRST), "--out", str(PAINTED))),
    (SECOND, ("training.loop", "--out", str(RUNS / "second"), "--painted", str(PAINTED), "--batches", "1200")),
    (SECOND, ("training.export", str(RUNS / "second"), "--out", str(SECOND))),
    (REPAINTED, ("training.repainted", "--network", str(SECOND), "--out", str(REPAINTED))),
    (None, ("training.loop", "--out", str(RUNS / "lite"), *REFINED)),
    (None, ("training.export", str(RUNS / "lite"), "--out", str(SHIPPED), "--pool", str(RUNS / "pool2"))),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared", help="folder of pictures/train and weights, see README.md")
    data = parser.parse_args().data
    for result, command in STAGES:
        if result is None or not result.exists():
            subprocess.run([sys.executable, "-m", *command, "--data", data], check=True)


if __name__ == "__main__":
    main()
