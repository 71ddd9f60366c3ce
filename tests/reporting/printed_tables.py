"""The tables of a markdown, HTML or LaTeX document, read back into the texts that its readers see."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

MARKS = str.maketrans("", "", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LATEX = {
    r"\textbackslash{}": "\\",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textperiodcentered{}": "·",
    r"\textdagger{}": "†",
    r"\ldots{}": "…",
    r"$\times$": "\N{MULTIPLICATION SIGN}",
    r"$\to$": "→",
    r"$\le$": "≤",
    r"$\kappa$": "κ",
    r"$\pm$": "±",
    "$-$": "\N{MINUS SIGN}",
    r"\%": "%",
    r"\&": "&",
    r"\_": "_",
    r"\#": "#",
    "-{}-": "\0\0",
    "--": "\N{EN DASH}",
    "\0": "-",
}


@dataclass(frozen=True)
class Table:
    """Columns and rows without the numbers of the notes; the texts of a column of headings stand in every row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def row(self, *keys):
        """Return {column: text} of the one row that begins with these texts, whatever mark they have."""
        (found,) = [row for row in self.rows if tuple(text.rstrip("†") for text in row[: len(keys)]) == keys]
        return dict(zip(self.columns, found, strict=True))


def unmarked(text):
    return text.translate(MARKS).strip()


def of_markdown(text):
    """Return {title: table}."""
    found = {}
    for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        lines = [line for line in block.splitlines() if line.startswith("|")]
        if lines:
            rows = [tuple(_plain(cell) for cell in line[2:-2].split(" | ")) for line in lines]
            title = _plain(block.splitlines()[0])
            assert title not in found
            found[title] = Table(rows[0], tuple(rows[2:]))
    return found


def _plain(text):
    return unmarked(html.unescape(re.sub(r"\\([\\`*_\[\]#~$+=.)-])", r"\1", text)))


def of_latex(text):
    """Return {title: table}; the parts of a long table are joined."""
    found = {}
    for block in text.split(r"\begin{table}")[1:]:
        title = _shown(re.search(r"\\caption\{(.*)\}$", block, re.MULTILINE)[1])
        title = re.sub(r" \(part \d+ of \d+\)$", "", title)
        body = re.search(r"\\toprule\n(.*) \\\\\n\\midrule\n(.*)\\bottomrule", block, re.DOTALL)
        stacked = re.sub(r"\\shortstack\[[lr]\]\{(.*?)\}(?= &|$)", lambda m: m[1].replace(r" \\ {}", " "), body[1])
        head, rows, columns = None, [], tuple(map(_shown, stacked.removeprefix("{}").split(" & ")))
        for line in body[2].strip().splitlines():
            assert line.endswith(r" \\")
            if heading := re.fullmatch(r"\\multicolumn\{\d+\}\{l\}\{\\emph\{(.*)\}\} \\\\", line):
                head = _shown(heading[1])
                continue
            cells = tuple(map(_shown, line.removesuffix(r" \\").removeprefix("{}").split(" & ")))
            rows.append(cells if head is None else (head, *cells))
        whole = Table(columns if head is None else ("", *columns), tuple(rows))
        if title in found:
            whole = Table(whole.columns, found[title].rows + whole.rows)
        found[title] = whole
    return found


def _shown(text):
    text = re.sub(r"\\textsuperscript\{\d\}", "", text)
    for command, character in LATEX.items():
        text = text.replace(command, character)
    return text.strip()


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.cards = {}, []
        self._title = self._text = self._head = None
        self._columns, self._rows, self._row, self._drawn = [], [], None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "svg":
            self._drawn = True
        if tag == "table":
            self._columns, self._rows, self._head = [], [], None
        if tag == "tr":
            self._row, self._is_head = [], ("class", "head") in attrs
        if tag == "li":
            self.cards.append([])
        if tag in ("h1", "h2", "h3", "th", "td", "strong", "span"):
            self._text = ""

    def handle_data(self, data):
        if not self._drawn and self._text is not None:
            self._text += data

    def handle_endtag(self, tag):
        text = None if self._text is None else unmarked(self._text)
        if tag == "svg":
            self._drawn = False
        elif tag in ("h1", "h2", "h3"):
            self._title = text
        elif tag in ("th", "td"):
            self._row.append(text.replace("\N{NO-BREAK SPACE}", " "))
        elif tag == "thead":
            self._columns = self._row
        elif tag == "tr" and self._columns:
            if self._is_head:
                self._head = self._row[0]
            else:
                self._rows.append(tuple(self._row if self._head is None else [self._head, *self._row]))
        elif tag == "table":
            assert self._title not in self.found
            columns = tuple(self._columns if self._head is None else ["", *self._columns])
            self.found[self._title] = Table(columns, tuple(self._rows))
        elif tag in ("strong", "span") and self.cards and text is not None:
            self.cards[-1].append(text)


def of_html(text):
    """Return {title: table}, and the texts of each card."""
    page = _Page(text)
    return page.found, page.cards
