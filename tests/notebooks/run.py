"""Run the notebooks of examples/ from top to bottom, and check or store what they show.

    python tests/notebooks/run.py [--write] [NOTEBOOK...]

Each one runs in an empty folder that has a copy of ``audit/``. Without ``--write``, a cell must show what is
stored. A cell with the tag ``varies`` depends on a training, which differs between processors; it must show
outputs of the same kinds. Pictures are never compared. Exit code 1 says that a cell failed, warned or
shows something else.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from difflib import unified_diff
from itertools import chain
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT = 600
"""Seconds that a cell may take."""
VARIES = "varies"
PICTURES = ("image/png", "image/svg+xml")


def execute(notebook: NotebookNode) -> None:
    """Run all cells in an empty folder, and keep what they show without facts about this machine or moment."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXAMPLES / "audit", Path(folder) / "audit")
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = NotebookNode(name="python")


def shown(cell: NotebookNode, *, kinds_only: bool) -> list[str]:
    """Return the lines that a cell shows; its pictures, and where told all outputs, by their kind alone."""
    lines = []
    for output in cell.outputs:
        texts = {output.name: output.text} if output.output_type == "stream" else dict(output.get("data", {}))
        for kind, text in sorted(texts.items()):
            lines.append(f"[{kind}]")
            if not kinds_only and kind not in PICTURES:
                lines += "".join(text).splitlines()
    return lines


def problems(stored: NotebookNode, made: NotebookNode) -> list[str]:
    """Return what is wrong with a run: warnings, escape codes, and outputs that differ from the stored ones."""
    found = []
    for old, new in zip(stored.cells, made.cells, strict=True):
        if new.cell_type != "code":
            continue
        now = shown(new, kinds_only=False)
        if "[stderr]" in now or any("\x1b" in line for line in now):
            found.append("\n".join([f"cell {new.id} warns, or prints escape codes:", *now]))
        kinds_only = VARIES in new.metadata.get("tags", [])
        before, after = (shown(cell, kinds_only=kinds_only) for cell in (old, new))
        if before != after:
            lines = unified_diff(before, after, "stored", "shown now", n=1, lineterm="")
            found.append("\n".join([f"cell {new.id} shows something else than is stored:", *lines]))
    return found


def run(path: Path, *, write: bool) -> list[str]:
    """Run one notebook, store its outputs if told to, and return its problems."""
    stored, made = (nbformat.read(path, as_version=4) for _ in range(2))
    started = perf_counter()
    try:
        execute(made)
    except CellExecutionError as error:
        return [str(error)]
    found = problems(made if write else stored, made)
    if write and not found:
        nbformat.write(made, path)
    say(f"{path.name}: {len(made.cells)} cells in {perf_counter() - started:.0f} s")
    return found


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the notebooks that are named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store what the cells show")
    parser.add_argument(
        "notebooks",
        nargs="*",
        type=Path,
        help="notebooks; all of examples/ by default",
    )
    given = parser.parse_args()
    paths = given.notebooks or sorted(EXAMPLES.glob("*.ipynb"))
    found = list(
        chain.from_iterable([f"{path.name}: {each}" for each in run(path, write=given.write)] for path in paths)
    )
    say("\n\n".join(found) or "no problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
