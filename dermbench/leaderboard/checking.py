"""One entry against its hashes and its recomputed report: what building and verifying both rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dermbench.artifacts.entry import ENTRY, Entry, read_entry
from dermbench.artifacts.report import Report
from dermbench.errors import DermbenchError
from dermbench.leaderboard.adding import PREDICTIONS, REPORT, REPORT_MD, entry_hashes
from dermbench.leaderboard.board import ENTRIES
from dermbench.leaderboard.index import entry_digest, read_index
from dermbench.leaderboard.recompute import difference, recompute
from dermbench.leaderboard.slug import slugify
from dermbench.reporting import to_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dermbench.artifacts.truth import Truth
    from dermbench.leaderboard.board import Board

REQUIRED = (PREDICTIONS, REPORT, REPORT_MD)


@dataclass
class Checked:
    """An entry and what is wrong with it.

    Attributes
    ----------
    folder
        Its folder.
    entry, report, again
        ``entry.toml``, ``report.json`` and the recomputed report, as far as they could be had.
    problems
        One sentence for everything that does not agree.
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


def check_index(board: Path, folders: Sequence[Path]) -> list[str]:
    """Compare ``SHA256SUMS`` with the entry folders that are there."""
    index = read_index(board)
    problems = [
        f"{ENTRIES}/{slug}: removed; SHA256SUMS lists it but there is no such folder"
        for slug in sorted(index.keys() - {folder.name for folder in folders})
    ]
    for folder in folders:
        where = f"{ENTRIES}/{folder.name}"
        if folder.name not in index:
            problems.append(
                f"{where}: not listed in SHA256SUMS (an interrupted add? `leaderboard build` lists it)"
            )
        elif (folder / ENTRY).is_file() and entry_digest(folder) != index[folder.name]:
            problems.append(f"{where}/{ENTRY}: edited; its content hash is not the one in SHA256SUMS")
    return problems


def check_entry(folder: Path, board: Board, truth: Truth | None, owners: Mapping[str, str]) -> Checked:
    """Check the files of an entry and, where the truth is at hand, recompute its report.

    Parameters
    ----------
    folder
        Entry folder.
    board, truth
        Settings, and canonical truth or None.
    owners
        ``<slug>/<file>`` of the other entries by digest, to recognise an exchanged file.
    """
    done = Checked(folder)
    where = f"{ENTRIES}/{folder.name}"
    if folder.is_symlink() or any(path.is_symlink() for path in folder.iterdir()):
        done.problems.append(f"{where}: holds a link; an entry holds plain files only")
        return done
    try:
        done.entry = read_entry(folder / ENTRY)
    except DermbenchError as error:
        done.problems.append(str(error))
        return done
    done.problems += _facts(where, folder, done.entry, board)
    broken = _files(where, folder, done.entry, owners)
    done.problems += broken
    if (folder / REPORT).is_file():
        _reports(done, board, truth)
    return done


def file_owners(folders: Sequence[Path]) -> dict[str, str]:
    """Return {digest: ``<slug>/<file>``} as the entries themselves declare it."""
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
    return problems


def _files(where: str, folder: Path, entry: Entry, owners: Mapping[str, str]) -> list[str]:
    there = entry_hashes(folder)
    problems = [f"{where}/{name}: missing" for name in sorted(entry.hashes.keys() - there.keys())]
    problems += [f"{where}/{name}: not listed in {ENTRY}" for name in sorted(there.keys() - entry.hashes.keys())]
    for name in sorted(there.keys() & entry.hashes.keys()):
        if there[name] != entry.hashes[name]:
            owner = owners.get(there[name], f"{folder.name}/{name}")
            swapped = owner != f"{folder.name}/{name}"
            kind = f"exchanged; it is the file {owner}" if swapped else "changed; its bytes are not those hashed"
            problems.append(f"{where}/{name}: {kind}")
    return problems


def _reports(done: Checked, board: Board, truth: Truth | None) -> None:
    where = f"{ENTRIES}/{done.slug}"
    try:
        done.report = Report.read(done.folder / REPORT)
        if truth is not None and (done.folder / PREDICTIONS).is_file():
            done.again = recompute(done.folder / PREDICTIONS, truth, board)
    except DermbenchError as error:
        done.problems.append(str(error))
        return
    apart = None if done.again is None else difference(done.report, done.again)
    if apart is not None:
        done.problems.append(f"{where}/{REPORT}: not what the predictions give: {apart}")
    markdown = done.folder / REPORT_MD
    if markdown.is_file() and markdown.read_text(encoding="utf-8", errors="replace") != to_markdown(done.report):
        done.problems.append(f"{where}/{REPORT_MD}: not what {REPORT} gives")
