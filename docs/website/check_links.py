"""Check the links of the built site: ``python docs/website/check_links.py build/site``.

Every link to a page, picture or section must lead somewhere; an address elsewhere must have the form of one.
Exit 1 when one does not.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SCHEMES = {"http", "https", "mailto"}
ASKED = ("script", "link", "img", "iframe", "source")
"""Elements whose address the browser opens without being asked."""


@dataclass
class Found(HTMLParser):
    """Anchors and addresses of one page.

    Attributes
    ----------
    anchors
        Names that a link can lead to.
    links
        Every address, with whether the browser opens it by itself.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what this element offers and asks for."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.links += [(values[name], tag in ASKED) for name in ("href", "src") if name in values]


def read(path: Path) -> Found:
    """Return anchors and addresses of a page."""
    found = Found()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def problems(site: Path) -> tuple[list[str], int, int]:
    """Return a sentence for each broken link of a site, and how many links inside and to elsewhere there are."""
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    broken, inside, outside = [], 0, 0
    for path, page in pages.items():
        for address, asked in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                outside += 1
                problem = _elsewhere(address, asked=asked)
            else:
                inside += 1
                problem = _here(address, path, site, pages)
            if problem:
                broken.append(f"{path.relative_to(site.resolve())}: {address} {problem}")
    return broken, inside, outside


def _elsewhere(address: str, *, asked: bool) -> str:
    parts = urlsplit(address)
    if asked:
        return "is opened by the page itself, which must ask for nothing elsewhere"
    named = "@" in parts.path if parts.scheme == "mailto" else "." in (parts.hostname or "")
    return "" if parts.scheme in SCHEMES and named and " " not in address else "is no address"


def _here(address: str, path: Path, site: Path, pages: dict[Path, Found]) -> str:
    parts = urlsplit(address)
    base = site if parts.path.startswith("/") else path.parent
    target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "leads to no file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "leads to no section"
    return ""


def main(folder: str) -> int:
    """Print what is broken and how much was checked; return the exit code."""
    site = Path(folder)
    broken, inside, outside = problems(site)
    sys.stdout.write("".join(f"{line}\n" for line in broken))
    pages = len(list(site.rglob("*.html")))
    sys.stdout.write(
        f"{pages} pages, {inside:,} links inside the site, {outside:,} to elsewhere, {len(broken)} broken\n"
    )
    return 1 if broken or not inside else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
