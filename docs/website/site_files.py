"""Which files of the repository are on the site, where, and in which order; found, not listed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

SECTIONS = {
    "tutorials": ("Tutorials", ("student", "auditor", "researcher", "leaderboard-keeper")),
    "how-to": (
        "How-to guides",
        ("own-dataset", "dataset-source", "metric", "predictor", "report-section", "board"),
    ),
    "concepts": ("Concepts", ("gaps", "methods", "evidence", "glossary")),
    "reference": ("Reference", ("cli", "python", "results", "plug-ins", "formats", "json-schema")),
    "decisions": ("Decisions", ()),
}
"""Folders of docs/ in the order of the site: title, and the pages that come first."""
OUTSIDE = (
    "[!R]*.md",
    "benchmarks/README.md",
    "benchmarks/results/*.*",
    "examples/README.md",
    "leaderboards/*/README.md",
    "leaderboards/*/entries/*/report.md",
)
"""Files outside of docs/ that are on the site under the path they have in the repository."""
HOMES = {
    "README.md": "index.md",
    "docs": "index.md",
    "leaderboards": "results/index.md",
    "benchmarks/results": "results/index.md",
}
"""Pages of the site that stand for a path of the repository."""
BEHIND = ("benchmarks/README.md", "examples/README.md")
"""Pages that say how results were made."""
ELSEWHERE = {"benchmarks", "examples", "leaderboards", "results"}
"""Folders whose pages are under Results."""
SHOWN = {".md", ".csv", ".jpg", ".json", ".png", ".svg"}
HEADING = re.compile(r"^# +(.+?) *#*$", re.MULTILINE)
RESULTS = "benchmarks/results/"
KINDS = ("Models on real images", "Simulations", "Speed and memory")


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes
    ----------
    path
        Where it lies on the site.
    title
        Its first heading; the name of the file where it has none.
    text
        Its Markdown.
    """

    path: str
    title: str
    text: str

    @property
    def folder(self) -> str:
        """First part of the path."""
        return PurePosixPath(self.path).parts[0]


def find_files(root: Path) -> dict[str, str]:
    """Return {path in the repository: path on the site} of every page, picture and table that is on the site."""
    inside = [file for file in (root / "docs").rglob("*") if (root / "docs" / "website") not in file.parents]
    outside = [file for pattern in OUTSIDE for file in root.glob(pattern)]
    shown = {file.relative_to(root).as_posix() for file in [*inside, *outside] if file.suffix in SHOWN}
    return {path: path.removeprefix("docs/") for path in sorted(shown)}


def read_page(path: str, text: str) -> Page:
    """Return a page with the title that its first heading gives."""
    heading = HEADING.search(text)
    title = heading.group(1) if heading else PurePosixPath(path).stem.replace("-", " ").capitalize()
    return Page(path, re.sub(r"`|\[([^\]]*)\]\([^)]*\)", r"\1", title), text)


def is_page(path: str) -> bool:
    """Return whether a file is a page."""
    return path.endswith(".md")


def is_entry(path: str) -> bool:
    """Return whether a page is the report of one entry: reached from its board, not from the menu."""
    return path.startswith("leaderboards/") and "/entries/" in path


def boards(pages: list[Page]) -> list[Page]:
    """Return the pages of the leaderboards."""
    return [page for page in pages if page.folder == "leaderboards" and not is_entry(page.path)]


def results(pages: list[Page]) -> dict[str, list[Page]]:
    """Return the pages of benchmarks/results by what they are about."""
    found: dict[str, list[Page]] = {kind: [] for kind in KINDS}
    for page in pages:
        if page.path.startswith(RESULTS):
            found[_kind(page)].append(page)
    return found


def _kind(page: Page) -> str:
    if page.path.removeprefix(RESULTS).startswith(("candidates", "twins")):
        return KINDS[0]
    script = re.search(r"benchmarks/(\w+)\.py", page.text)
    return KINDS[2] if script is None or script.group(1).startswith(("bench_", "speed_")) else KINDS[1]


def make_menu(pages: list[Page]) -> list[Any]:
    """Return the menu of the site, as ``nav`` of mkdocs.yml would list it."""
    folders = sorted({page.folder for page in pages if "/" in page.path} - ELSEWHERE)
    sections = {folder: SECTIONS.get(folder, (folder.capitalize(), ())) for folder in [*SECTIONS, *folders]}
    menu: list[Any] = [{"Home": "index.md"}]
    for folder, (title, first) in sections.items():
        inside = [page for page in pages if page.folder == folder and "/" in page.path]
        if inside:
            menu.append({title: [{page.title: page.path} for page in _sorted(inside, first)]})
    menu.append({"Results": _results_menu(pages)})
    project = [page for page in pages if "/" not in page.path and page.path != "index.md"]
    menu.append({"Project": [{page.title: page.path} for page in _sorted(project, ("CHANGELOG", "CONTRIBUTING"))]})
    return menu


def _results_menu(pages: list[Page]) -> list[Any]:
    own = [page for page in pages if page.folder == "results"]
    groups = {"Leaderboards": boards(pages)} | results(pages)
    groups["How they were made"] = [page for page in pages if page.path in BEHIND]
    return [
        {"All results": "results/index.md"},
        *({name: [{page.title: page.path} for page in group]} for name, group in groups.items() if group),
        *({page.title: page.path} for page in own if page.path != "results/index.md"),
    ]


def _sorted(pages: list[Page], first: tuple[str, ...]) -> list[Page]:
    stems = {page.path: PurePosixPath(page.path).stem for page in pages}
    place = {name: index for index, name in enumerate(first)}
    return sorted(pages, key=lambda page: (place.get(stems[page.path], len(place)), page.title.casefold()))
