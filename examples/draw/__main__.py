"""Redraw the example pictures: `python -m examples.draw [names] [--scale 0.25] [--out folder]`."""

import argparse
import importlib
import io
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent.parent
CONTENT = ("harbor", "still_life", "street")
STYLE = ("swirls", "waves", "mosaic", "ink", "dots", "knife")
MOST_BYTES = {"content": 350_000, "style": 400_000}


def encode(picture: Image.Image, most: int) -> bytes:
    """The best JPEG that is not larger than `most` bytes."""
    for quality in range(93, 40, -3):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= most:
            break
    return file.getvalue()


def redraw(name: str, scale: float, out: Path) -> Path:
    """Draw one picture and write it below `out`."""
    module = importlib.import_module(f"{__package__}.{name}")
    kind = "content" if name in CONTENT else "style"
    path = out / kind / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Image.fromarray(module.draw(scale)), MOST_BYTES[kind]))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.draw", description="Redraw the example pictures.")
    parser.add_argument("names", nargs="*", choices=[*CONTENT, *STYLE, []], help="which (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sides (default: 1)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder that gets content/ and style/")
    chosen = parser.parse_args()
    for name in chosen.names or [*CONTENT, *STYLE]:
        start = time.perf_counter()
        path = redraw(name, chosen.scale, chosen.out)
        print(f"{path.name:16} {path.stat().st_size // 1000:4d} kB  {time.perf_counter() - start:5.1f} s")


if __name__ == "__main__":
    main()
