r"""Write tables as LaTeX for ``\input{tables.tex}``; only the package booktabs is needed.

Each table is a float with a caption and a label (``tab:dermbench-metrics``). A table longer than a page is split
into parts. The cells are the same as in the markdown report.
"""

from __future__ import annotations

import re
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from dermbench.reporting.compared.tables import comparison_sections
from dermbench.reporting.latex_text import PREAMBLE, latex_text
from dermbench.reporting.one_line import comparison_line, report_line
from dermbench.reporting.sections import sections
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dermbench.artifacts.comparison import Comparison
    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Column, Section

LONGEST = 40
"""Number of table lines that fit on a page."""
WIDEST = 36
"""Longest cell that stays on one line, in characters."""
HEADING = 14
"""Line length of a heading in characters, unless one word is longer."""
FLOATS = 10
"""Number of tables after which LaTeX must place all floats, because it can hold only a limited number."""
SIZES = {0: r"\small", 6: r"\footnotesize", 9: r"\scriptsize"}
"""{minimum number of columns: text size}."""
HEAD = r"""% {title}
% Made by dermbench; running it again overwrites this file.
% In the preamble: \usepackage{{booktabs}}. In the text: \input{{tables.tex}}.
{preamble}
"""


def report_latex(report: Report) -> str:
    """Return ``tables.tex`` of a report: every table of its markdown."""
    return _document(report_line(report), sections(report))


def comparison_latex(comparison: Comparison) -> str:
    """Return ``tables.tex`` of a comparison."""
    return _document(comparison_line(comparison), comparison_sections(comparison))


def _document(title: str, tables: Iterable[Section]) -> str:
    parts = [HEAD.format(title=latex_text(title), preamble=PREAMBLE)]
    labels: dict[str, int] = {}
    floats = 0
    for section in tables:
        slug = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "table"
        labels[slug] = labels.get(slug, 0) + 1
        label = slug if labels[slug] == 1 else f"{slug}-{labels[slug]}"
        pages = _pages(section)
        for place, rows in enumerate(pages, start=1):
            part = f" (part {place} of {len(pages)})" if len(pages) > 1 else ""
            name = f"tab:dermbench-{label}" + (f"-part-{place}" if part else "")
            parts.append(_table(section, rows, name, part, last=place == len(pages)))
            floats += 1
            parts += ["\\clearpage\n"] if floats % FLOATS == 0 else []
    return "\n".join(parts)


def _pages(section: Section) -> list[list[Sequence[str]]]:
    """Split the rows of a table into parts that fit on a page."""
    pages: list[list[Sequence[str]]] = []
    left = 0
    for row in section.rows:
        needed = 1 + max(len(text) for text in row) // WIDEST
        if needed > left:
            pages.append([])
            left = LONGEST
        pages[-1].append(row)
        left -= needed
    return pages


def _table(section: Section, rows: Sequence[Sequence[str]], label: str, part: str, *, last: bool) -> str:
    folded = section.columns[0].heading
    columns = section.columns[1:] if folded else section.columns
    size = next(text for least, text in reversed(SIZES.items()) if len(columns) >= least)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{latex_text(section.title)}{part}}}",
        rf"\label{{{label}}}",
        size,
        rf"\begin{{tabular}}{{{_alignment(section, columns, folded=folded)}}}",
        r"\toprule",
        _headings(columns),
        r"\midrule",
        *_body(rows, len(columns), folded=folded),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if last:  # the reasons belong to all parts
        lines += [
            rf"\par\smallskip\begin{{minipage}}{{\linewidth}}\footnotesize {latex_text(note)}\end{{minipage}}"
            for note in (*section.legend(), *section.notes)
        ]
    return "\n".join([*lines, r"\end{table}", ""])


def _headings(columns: Sequence[Column]) -> str:
    """Return the heading row, with long headings on several lines."""
    texts = []
    for column in columns:
        lines = wrap(plain(column.title), HEADING, break_long_words=False, break_on_hyphens=False) or [""]
        stacked = r" \\ {}".join(map(latex_text, lines))
        side = "l" if column.left else "r"
        texts.append(stacked if len(lines) == 1 else rf"\shortstack[{side}]{{{stacked}}}")
    return _ended(" & ".join(texts))


def _body(rows: Sequence[Sequence[str]], width: int, *, folded: bool) -> list[str]:
    if not folded:
        return [_line(row) for row in rows]
    lines = []
    for head, found in groupby(rows, key=lambda row: row[0]):
        lines += [rf"\multicolumn{{{width}}}{{l}}{{\emph{{{latex_text(head)}}}}} \\"] if head else []
        lines += [_line(row[1:]) for row in found]
    return lines


def _line(cells: Sequence[str]) -> str:
    return _ended(" & ".join(map(latex_text, cells)))


def _ended(text: str) -> str:
    """End a row; protect a leading bracket or star, which LaTeX would read as an option of the previous row."""
    return ("{}" if text.startswith(("[", "*")) else "") + text + r" \\"


def _alignment(section: Section, columns: Sequence[Column], *, folded: bool) -> str:
    found = []
    for place, column in enumerate(columns, start=int(folded)):
        longest = max((len(row[place]) for row in section.rows), default=0)
        found.append(r"p{.3\linewidth}" if column.left and longest > WIDEST else "l" if column.left else "r")
    return "".join(found)
