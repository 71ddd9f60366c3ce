"""Find rows of stored reports that contradict themselves; exit code 1 if there are any.

    python benchmarks/check_rows.py                       # all reports of leaderboards/
    python benchmarks/check_rows.py REPORT.json ...       # these reports
    python benchmarks/check_rows.py --at ffcc4e4          # those of leaderboards/ at a commit

A row is one metric by one sensitive feature. In reports of schema 1, the verdict is compared with the interval,
and the gap with the 95th percentile of chance. Numbers are compared as they are stored.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PLACE = "leaderboards/*/entries/*/report.json"
LEVEL = 0.05
EVIDENCE = "evidence of a disparity"
NEVER = ("fair", "unbiased", "no disparity", "debiased")
"""Words that no verdict uses."""
NULLABLE = ("low", "high", "chance", "p_value", "overlap", "contrast", "raw", "verdict")

Row = dict[str, Any]


def contradictions(row: Row) -> Iterator[str]:
    """Yield the contradictions of a row of schema 2."""
    p, low, high, gap = (row[name] for name in ("p_value", "low", "high", "gap"))
    if low and (p is None or p > LEVEL):
        yield "at least above 0 with p > .05"
    if low is not None and low > gap:
        yield "at least above the gap"
    if high is not None and high < gap:
        yield "at most below the gap"
    if low is not None and high is not None and low > high:
        yield "at least above at most"
    yield from about_verdict(row)
    yield from about_contrast(row)
    yield from (
        f"no {name} and no reason"
        for name in NULLABLE
        if row.get(name) is None and not row.get("reasons", {}).get(name)
    )


def about_verdict(row: Row) -> Iterator[str]:
    """Yield the contradictions between verdict and numbers."""
    verdict = row["verdict"]
    if verdict is None:
        return
    p, low, high, margin = row["p_value"], row["low"], row["high"], verdict["margin"]
    if margin is not None and row["role"] != "primary":
        yield "a margin in a secondary row"
    differs = p is not None and p <= LEVEL and bool(low)
    within = margin is not None and high is not None and high < margin
    kind = ("disparity_within_margin" if within else "disparity") if differs else "undecided"
    kind = "within_margin" if within and not differs else kind
    withheld = "disparity" if differs else "undecided"
    if verdict["kind"] not in {kind, withheld}:
        yield "a verdict that does not follow from the numbers"
    yield from about_words(row, verdict["text"])


def about_words(row: Row, text: str) -> Iterator[str]:
    """Yield the errors in the words of a verdict."""
    if any(word in text.lower() for word in NEVER):
        yield "a verdict in forbidden words"
    differs = row["verdict"]["kind"].startswith("disparity")
    if not differs and row["p_value"] is not None and row["p_value"] <= LEVEL and "not bounded" not in text:
        yield "p <= .05 without a bound, and the words do not say so"
    if "not settled" in text and row["p_value"] is not None and row["p_value"] <= LEVEL:
        yield "'not settled' with p <= .05"
    for start, value in (("at least ", row["low"]), ("0 to ", row["high"])):
        if start in text and value is not None:
            shown = text.split(start, 1)[1].split(maxsplit=1)[0].rstrip(";,").lstrip("<")
            if abs(float(shown) - value) > 0.0051:
                yield "a number in the words that is not the row's"


def about_contrast(row: Row) -> Iterator[str]:
    """Yield the contradictions between the printed contrast and the row."""
    contrast, p = row["contrast"], row["p_value"]
    if contrast is None:
        return
    if abs(contrast["value"]) > row["gap"] + 1e-6:
        yield "a contrast larger than the gap"
    if set(contrast["first"]) & set(contrast["second"]):
        yield "a contrast with a group on both sides"
    if contrast["low"] is None or contrast["high"] is None or p is None:
        return
    excludes = contrast["low"] > 0 or contrast["high"] < 0
    if excludes and p > LEVEL:
        yield "a contrast interval without 0 and p > .05"
    if not excludes and row["low"]:
        yield "a contrast interval with 0 and at least above 0"


def contradictions_1(row: Row) -> Iterator[str]:
    """Yield the contradictions of a row of schema 1."""
    evidence, low, bound = row["verdict"] == EVIDENCE, row.get("low"), row.get("null_q95")
    if low is not None and low > 0 and not evidence:
        yield "no evidence beside an interval without 0"
    if low is not None and low <= 0 and evidence:
        yield "evidence beside an interval with 0"
    if bound is not None and evidence and row["difference"] < bound:
        yield "evidence with a gap below the 95th percentile of chance"
    if bound is not None and not evidence and row["difference"] > bound:
        yield "no evidence with a gap above the 95th percentile of chance"


def rows_of(report: dict[str, Any]) -> Iterator[tuple[str, Row]]:
    """Yield the rows with a gap (in schema 1 with a verdict), with their names."""
    for feature, about in report["features"].items():
        for metric, row in about["disparities"].items():
            if row.get("gap") is not None or row.get("verdict") is not None:
                yield f"{metric} by {feature}", row


def stored(paths: list[Path], commit: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reports with their names."""
    if commit is None:
        for path in paths or sorted(ROOT.glob(PLACE)):
            yield str(path), json.loads(path.read_text(encoding="utf-8"))
        return
    listed = git("ls-tree", "-r", "--name-only", commit, "leaderboards").splitlines()
    for name in listed:
        if Path(name).match(PLACE):
            yield f"{commit}:{name}", json.loads(git("show", f"{commit}:{name}"))


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Print the number of contradictions of each kind, and of rows with at least one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--at", metavar="COMMIT", help="read the reports of leaderboards/ at this commit")
    parser.add_argument("--names", action="store_true", help="name every row that contradicts itself")
    chosen = parser.parse_args()
    reports: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    n_rows = n_wrong = 0
    for name, report in stored(chosen.reports, chosen.at):
        reports[report["schema"]] += 1
        judge = contradictions if report["schema"].endswith("/2") else contradictions_1
        for title, row in rows_of(report):
            found = list(judge(row))
            n_rows, n_wrong = n_rows + 1, n_wrong + bool(found)
            kinds.update(found)
            if found and chosen.names:
                print(f"{name}: {title}: {'; '.join(found)}")
    print(
        f"{', '.join(f'{n} reports of {schema}' for schema, n in reports.items()) or 'no reports'}, {n_rows} rows"
    )
    for kind, count in kinds.most_common():
        print(f"{count:6d}  {kind}")
    print(f"{n_wrong:6d}  rows that contradict themselves")
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
