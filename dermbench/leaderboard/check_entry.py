"""Check one entry against its hashes and its recomputed report; ``build`` and ``verify`` both use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY, Entry, read_entry
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.report import Report
from dermbench.errors import DermbenchError
from dermbench.leaderboard.board import ENTRIES
from dermbench.leaderboard.check_sums import check_sums
from dermbench.leaderboard.check_without_truth import check_without_truth
from dermbench.leaderboard.contents import ALLOWED, PREDICTIONS, REPORT, REPORT_MD, REQUIRED, entry_names
from dermbench.leaderboard.ranking import Ranked, Standings
from dermbench.leaderboard.recompute import difference, other_settings, other_versions, recompute
from dermbench.leaderboard.render import render
from dermbench.leaderboard.slug import slugify
from dermbench.reporting import to_markdown
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.board import Board


MAX_UNLISTED = 20
"""Number of unexpected files that are named before the rest is counted."""


@dataclass
class Checked:
    """An entry and its problems.

    Attributes
    ----------
    folder
        Folder of the entry.
    entry, report, again
        Content of ``entry.toml`` and ``report.json``, and the recomputed report; None if not available.
    problems
        One sentence per disagreement, files first.
    """

    folder: Path
    entry: Entry | None = None
    report: Report | None = None
    again: Report | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """Name of the folder."""
        return self.folder.name


@dataclass(frozen=True)
class Against:
    """What entries are checked against.

    Attributes
    ----------
    board, truth
        Settings, and the canonical truth or None.
    owners
        {digest: ``<slug>/<file>``} of all entries, to recognise an exchanged file.
    quick
        Recompute only what does not depend on resampling.
    """

    board: Board
    truth: Truth | None
    owners: Mapping[str, str]
    quick: bool = False


def check_entry(folder: Path, against: Against) -> Checked:
    """Check the files of an entry and, if the truth is available, recompute its report."""
    done = Checked(folder)
    try:
        _check(done, against)
    except OSError as error:
        name = plain(Path(error.filename or "").name)
        done.problems.append(f"{ENTRIES}/{folder.name}/{name}: cannot be read ({error.strerror or error})")
    return done


def _check(done: Checked, against: Against) -> None:
    folder, where = done.folder, f"{ENTRIES}/{done.slug}"
    try:
        done.entry = read_entry(folder / ENTRY)
    except DermbenchError as error:
        done.problems.append(str(error))
        return
    done.problems += _facts(where, folder, done.entry, against.board)
    broken = _files(where, folder, done.entry, against.owners)
    if (folder / REPORT).is_file():
        _reports(done, against, broken)
    done.problems += broken.values()


def file_owners(folders: Sequence[Path]) -> dict[str, str]:
    """Return {digest: ``<slug>/<file>``} as declared in the ``entry.toml`` files."""
    owners: dict[str, str] = {}
    for folder in folders:
        try:
            entry = read_entry(folder / ENTRY)
        except DermbenchError:
            continue  # reported where the entry itself is checked
        owners |= {digest: f"{folder.name}/{name}" for name, digest in entry.hashes.items()}
    return owners


def _facts(where: str, folder: Path, entry: Entry, board: Board) -> list[str]:
    problems = []
    if slugify(entry.name) != folder.name:
        problems.append(f"{where}: the folder of {entry.name!r} is {slugify(entry.name)!r}")
    if entry.truth_digest != board.truth_digest:
        problems.append(f"{where}/{ENTRY}: truth_digest is not that of board.toml; it was scored on other images")
    problems += [f"{where}/{ENTRY}: no hash for {name}" for name in REQUIRED if name not in entry.hashes]
    extra = sorted(entry.hashes.keys() - ALLOWED)
    return problems + [f"{where}/{ENTRY}: lists {name!r}, which is no part of an entry" for name in extra]


def _files(where: str, folder: Path, entry: Entry, owners: Mapping[str, str]) -> dict[str, str]:
    """Return {file: its problem}."""
    there = entry_names(folder)
    broken = {name: f"{where}/{plain(name)}: missing" for name in sorted(entry.hashes.keys() - there)}
    broken |= _unlisted(where, there - entry.hashes.keys())
    for name in sorted(there & entry.hashes.keys() & ALLOWED):
        digest = file_digest(folder / name)
        if digest != entry.hashes[name]:
            owner = owners.get(digest, f"{folder.name}/{name}")
            swapped = owner != f"{folder.name}/{name}"
            kind = f"exchanged; it is the file {owner}" if swapped else "changed; its bytes are not those hashed"
            broken[name] = f"{where}/{name}: {kind}"
    return broken


def _unlisted(where: str, names: set[str]) -> dict[str, str]:
    named = sorted(names)[:MAX_UNLISTED]
    found = {name: f"{where}/{plain(name)}: not listed in {ENTRY}" for name in named}
    rest = len(names) - len(named)
    return found | ({"": f"{where}: {rest:,} more files are not listed in {ENTRY}"} if rest else {})


def _reports(done: Checked, against: Against, broken: dict[str, str]) -> None:
    """Read report and predictions, and compare them if both can be read."""
    where, source = f"{ENTRIES}/{done.slug}", done.folder / PREDICTIONS
    try:
        if against.truth is not None and source.is_file() and PREDICTIONS not in broken:
            done.again = recompute(source, against.truth, against.board, quick=against.quick)
        done.report = Report.read(done.folder / REPORT)
    except DermbenchError as error:
        done.problems.append(str(error))
        return
    try:
        _compare(done, against, broken)
    except DermbenchError as error:
        done.problems.append(str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # parts that contradict each other
        done.report = None
        why = f"{type(error).__name__}: {plain(error)}"
        broken[REPORT] = f"{where}/{REPORT}: malformed: its parts do not fit together ({why})"


def _compare(done: Checked, against: Against, broken: dict[str, str]) -> None:
    """Compare predictions, report and its markdown; a more specific finding replaces the one about bytes."""
    where = f"{ENTRIES}/{done.slug}"
    if done.entry is None or done.report is None:
        return
    if "exchanged" not in broken.get(REPORT, "") and (found := _apart(done, against, edited=REPORT in broken)):
        broken[REPORT] = f"{where}/{REPORT}: {found}"
        if done.again is not None and not against.quick:
            done.report = done.again  # compare the board with the recomputed numbers
    render(against.board, Standings((Ranked(done.slug, done.entry, done.report),)), ())
    markdown = done.folder / REPORT_MD
    if not broken.keys() & {REPORT, REPORT_MD} and markdown.read_bytes() != to_markdown(done.report).encode():
        broken[REPORT_MD] = f"{where}/{REPORT_MD}: not what {REPORT} gives"


def _apart(done: Checked, against: Against, *, edited: bool) -> str:
    if done.report is None:
        return ""
    if done.again is None:
        return _without_truth(done, against)
    if versions := other_versions(done.report, done.again):
        return f"made with other metric versions: {versions} (`leaderboard build --refresh` evaluates it again)"
    if settings := other_settings(done.report, against.board):
        return f"made with other settings: {settings}"
    found = difference(done.report, done.again, quick=against.quick)
    if found is None:
        return check_sums(done.report) or ""
    return f"edited: {found}" if edited else f"its hash is right, but the predictions give other numbers: {found}"


def _without_truth(done: Checked, against: Against) -> str:
    source = done.folder / PREDICTIONS
    if done.report is None or against.truth is not None or not source.is_file():
        return ""
    if settings := other_settings(done.report, against.board):
        return f"made with other settings: {settings}"
    return check_without_truth(done.report, source, against.board) or ""
