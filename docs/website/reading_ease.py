"""Print how easy each page is to read: ``python docs/website/reading_ease.py [--longest] [PAGE ...]``.

The score is Flesch's reading ease of the prose: 60 to 70 is plain English, below 30 an academic paper. Code,
tables, headings and addresses do not count. Exit 1 when a page has less than 45.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEAST = 45
SHOWN = 5
"""Longest sentences that ``--longest`` prints of each page."""
VOWELS = re.compile(r"[aeiouy]+")
SILENT = re.compile(r"[^aeiouylr]e$|[aeiouy][lr]e$|[^aeiouytd]ed$|[^aeiouyszxcgh]es$")
"""Ends of words whose last e is not spoken."""
SHORT = 30
"""Words below which a page has no score: one long word would decide it."""


def prose(text: str) -> str:
    """Return the sentences of a Markdown page, one paragraph or item a line; code counts as a short word."""
    for pattern, words in (
        (r"^---\n.*?^---\n|^ *```.*?^ *```|<!--.*?-->", ""),
        (r"^ *(?:\||#|<).*$", ""),
        (r"!?\[([^\]]*)\]\([^)]*\)", r"\1"),
        (r"`[^`]*`", "it"),
        (r"<[^>]*>", ""),
    ):
        text = re.sub(pattern, words, text, flags=re.MULTILINE | re.DOTALL if "---" in pattern else re.MULTILINE)
    items = re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.) )", text)
    parts = (" ".join(re.sub(r"^\s*(?:[-+]|\d+\.) |[*_>]", "", item).split()) for item in items)
    return "\n".join(part if part[-1] in ".!?" else f"{part}." for part in parts if part)


def sentences(text: str) -> list[str]:
    """Return the sentences of prose."""
    return [sentence for sentence in re.split(r"(?<=[.!?])\s+", text) if sentence]


def syllables(word: str) -> int:
    """Return about how many syllables a word has: its groups of vowels but for a silent e.

    On the words of docs/ that the CMU dictionary knows, this counts 1.39 syllables a word, the dictionary 1.40.
    """
    bare = word.lower()
    return max(1, len(VOWELS.findall(bare)) - (SILENT.search(bare) is not None))


def reading_ease(text: str) -> float:
    """Return Flesch's reading ease of prose."""
    words = re.findall(r"[A-Za-z0-9](?:[\w'.,-]*\w)?", text)
    length, weight = len(words) / len(sentences(text)), sum(map(syllables, words)) / len(words)
    return 206.835 - 1.015 * length - 84.6 * weight


def pages(root: Path) -> list[Path]:
    """Return the pages that a person wrote: docs, README and the files for contributors; not the licence."""
    folders = (root / "docs", root / ".github")
    return [*sorted(root.glob("[!L]*.md")), *(page for folder in folders for page in sorted(folder.rglob("*.md")))]


def main() -> int:
    """Print score, number of words and words a sentence of each page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path, help="Markdown files; by default all pages.")
    parser.add_argument("--longest", action="store_true", help="Also print the longest sentences of each page.")
    options = parser.parse_args()
    if missing := [str(page) for page in options.pages if not page.is_file()]:
        parser.error(f"no such file: {', '.join(missing)}")
    low = 0
    sys.stdout.write(" ease  words  a sentence  page\n")
    for path in options.pages or pages(ROOT):
        text = prose(path.read_text(encoding="utf-8"))
        found, words = sentences(text), len(text.split())
        if words < SHORT:
            continue
        ease = reading_ease(text)
        low += ease < LEAST
        mark = "  below" if ease < LEAST else ""
        name = path.resolve().relative_to(ROOT) if path.resolve().is_relative_to(ROOT) else path
        sys.stdout.write(f"{ease:5.1f} {words:6,} {words / len(found):11.1f}  {name}{mark}\n")
        if options.longest:
            for sentence in sorted(found, key=lambda one: -len(one.split()))[:SHOWN]:
                sys.stdout.write(f"        {len(sentence.split())} words: {sentence}\n")
    sys.stdout.write(f"{low} pages below {LEAST}\n")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
