"""The page that leads to all results: leaderboards, studies, simulations, times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from site_files import boards, results

if TYPE_CHECKING:
    from site_files import Page

ENTRY = re.compile(r"^\| [^|]+ \| \[", re.MULTILINE)
METRIC = re.compile(r"Ranked by ([^.]+)\.")
TASK = re.compile(r"^Task \S+, split \S+, (?P<images>[\d,]+) images, (?P<classes>\d+) classes", re.MULTILINE)
BOARDS = """\
Every number of a board is recomputed from the predictions that are stored with it. One entry stands above another
only where a paired test of the two says so."""
ABOUT = {
    "Models on real images": "What networks and methods reach, and what each difference rests on.",
    "Simulations": "Whether intervals, tests and verdicts hold where the truth is known.",
    "Speed and memory": "What commands and trainings cost.",
}


def results_page(pages: list[Page]) -> str:
    """Return the page of all results."""
    rows = "\n".join(map(_board, boards(pages)))
    parts = [
        "# Results",
        "This page leads to the leaderboards, and to the studies behind the methods. Not for clinical use.",
        "## Leaderboards",
        BOARDS,
        "| board | test images | classes | ranked by | entries |\n|:--|--:|--:|:--|--:|\n" + rows,
    ]
    for kind, group in results(pages).items():
        parts += [f"## {kind}", ABOUT[kind], "\n".join(f"* [{page.title}](../{page.path})" for page in group)]
    return "\n\n".join(parts) + "\n"


def _board(page: Page) -> str:
    """Return the row of a board, read from its page."""
    task, metric = TASK.search(page.text), METRIC.search(page.text)
    entries = ENTRY.findall(page.text.partition("## Ranking")[2].partition("\n## ")[0])
    if task is None or metric is None or not entries:
        raise ValueError(f"{page.path}: no such page of a board as `leaderboard build` writes")
    return (
        f"| [{page.title}](../{page.path}) | {task['images']} | {task['classes']} | {metric[1]} | {len(entries)} |"
    )
