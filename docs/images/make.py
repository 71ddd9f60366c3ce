"""Draw the pictures of README and docs from predictions in this repository; ``--check`` says whether they changed.

They show EfficientNet-Lite0 on the board synthderm-faded: the darker the skin, the paler the lesion is drawn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOARD = HERE.parents[1] / "leaderboards" / "synthderm-faded"
PREDICTIONS = BOARD / "entries" / "efficientnet-lite0-fine-tuned-seed-0" / "predictions.parquet"
PICTURES = {"gap.svg": "gap.svg", "accuracy.svg": "forest-accuracy.svg"}
"""Each picture, and the figure of the report that it is."""


def draw(folder: Path) -> dict[str, bytes]:
    """Evaluate the predictions by skin type into ``folder``; return the pictures by name."""
    arguments = ["eval", str(PREDICTIONS), "--truth", str(BOARD / "truth.csv"), "--sensitive", "fst"]
    command = [sys.executable, "-m", "dermbench", *arguments, "--export", "figures", "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return {name: (folder / "figures" / figure).read_bytes() for name, figure in PICTURES.items()}


def main() -> int:
    """Write the pictures, or with ``--check`` name those that differ; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        made = draw(Path(folder) / "report")
    changed = [name for name, drawn in made.items() if not _same(HERE / name, drawn)]
    for name in changed:
        if "--check" in sys.argv[1:]:
            print(f"docs/images/{name} is not what docs/images/make.py draws", file=sys.stderr)
        else:
            (HERE / name).write_bytes(made[name])
    return int(bool(changed) and "--check" in sys.argv[1:])


def _same(path: Path, drawn: bytes) -> bool:
    return path.is_file() and path.read_bytes() == drawn


if __name__ == "__main__":
    sys.exit(main())
