"""Make the split that a packaged task fixes, from the published table of its release.

``python benchmarks/freeze_splits.py TASK --root RAW`` prints ``split_digest`` of the task. With ``--list`` it also
writes the list of the images of val and test to ``dermbench/tasks/splits/TASK.csv``, for releases whose licence
allows publishing ids. No image files are needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dermbench.artifacts.column_types import standardise
from dermbench.cli.output import say
from dermbench.data.counts import differences
from dermbench.data.source import Request
from dermbench.data.sources import load_source
from dermbench.data.splits import assign_splits, split_digest
from dermbench.errors import UsageError
from dermbench.tasks import load_task

LISTS = Path(__file__).resolve().parents[1] / "dermbench" / "tasks" / "splits"


def main() -> None:
    """Make the split and print its sizes and digest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    task = load_task(options.task)
    release = load_source(task.source)(Request(task, options.root, Path("unused"), task.settings))
    table = standardise(release.table)
    if said := differences(table, task, release):
        raise UsageError(f"{options.root}: {said[0]}")
    table["split"] = assign_splits(table)
    say(f"{len(table):,} images: {dict(table['split'].value_counts())}")
    say(f'split_digest = "{split_digest(table)}"')
    if options.list:
        rows = table[table["split"] != "train"].sort_values("image_id")
        LISTS.mkdir(exist_ok=True)
        rows[["image_id", "split"]].to_csv(LISTS / f"{task.name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
