"""Build the wheel, install it in an environment of its own, and paint with it as a stranger would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALLOWED_WEIGHTS = {"impasto/networks/lite.safetensors"}


def run(*command: str | Path, cwd: Path) -> str:
    """Run, or stop with what the command printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def build(folder: Path) -> Path:
    """The wheel, and nobody else's weights in it."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    weights = {name for name in names if name.endswith((".safetensors", ".pth", ".h5", ".npz"))}
    if weights != ALLOWED_WEIGHTS or "impasto/py.typed" not in names:
        sys.exit(f"The wheel holds {weights or 'no weights'}, expected {ALLOWED_WEIGHTS} and py.typed.")
    return wheel


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
        version = run(folder / "env" / "bin" / "impasto", "--version", cwd=folder)
        photo, painting = ROOT / "examples/content/harbor.jpg", ROOT / "examples/style/waves.jpg"
        quick = ["--size", "64", "--steps", "5", "--first-level", "0", "-o", "tiny.png"]
        painted = run(python, "-m", "impasto", photo, painting, *quick, "--quiet", cwd=folder)
        if not (folder / painted).is_file():
            sys.exit(f"The installed command printed {painted!r}, which is no file.")
        print(f"wheel: {version}, {wheel.stat().st_size / 1e6:.1f} MB, paints in a clean environment")


if __name__ == "__main__":
    main()
