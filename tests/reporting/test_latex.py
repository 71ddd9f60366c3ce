"""LaTeX tables: text of strangers is shown, never obeyed; long tables are cut; a TeX engine accepts them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # makes `full` importable

import full

from dermbench.reporting.latex import _document, report_latex
from dermbench.reporting.latex_text import latex_text
from dermbench.reporting.section import Column, Section

HOSTILE = [
    r"\input{/etc/passwd}",
    r"\write18{touch x}",
    r"$x^2$ \(y\) \[z\]",
    "a & b % c # d _ e ^ f ~ g",
    "{unbalanced",
    "unbalanced}}",
    "[opt] first",
    "* star",
    "--- <<>> `` '' ,, !` ?`",
    "\u202eevil\u202c\u200b\x07",
    "\u0141\xf3d\u017a \u0151 \xdf \xe6",
    "\u4e2d \u05e9 \U0001f642 \u0302",
    "^^41 ^^5c",
    '"quoted"',
    "line\nbreak",
    r"\end{tabular}\end{table}",
    "\\",
]
KNOWN = re.compile(
    r"\\(?:text(?:backslash|asciicircum|asciitilde|less|greater|bar|asciigrave)\{\}|[{}$&#%_]|ss\{\}|ae\{\}|o\{\}|O\{\}|L\{\})"
    r"|\{\\char34\}|\\[`'^~=u.\"rHvc]\{[A-Za-z]\}|\\dermbenchchar\{[0-9A-F]{4,6}\}\{.\}|\{\}"
)
"""Every command that text can turn into."""


@pytest.mark.parametrize("name", HOSTILE)
def test_names_contain_no_latex_command(name):
    left = KNOWN.sub("", latex_text(name))
    assert not set(left) & set('\\{}$&#%_^~<>|"`')
    assert left.isascii()
    assert left.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 95 %", r"a\_b \& 95 \%"),
        ("V\N{EN DASH}VI", "V--VI"),
        ("--", "-{}-"),
        ("\N{MINUS SIGN}.05", "$-$.05"),
        (".55\xb9", r".55\textsuperscript{1}"),
        ("na\xefve e\u0301", r"na\"{i}ve \'{e}"),
        ("\u4e2d", r"\dermbenchchar{4E2D}{" + "\u4e2d}"),
        ("x\u202ey\x1b", "xy"),
        ("a\nb", "a b"),
    ],
)
def test_text_is_shown_as_it_is(text, expected):
    assert latex_text(text) == expected


def document():
    columns = (Column("[t] \\bad", left=True), Column("% c"), Column("n"))
    rows = tuple((name, name, ".62") for name in HOSTILE)
    folded = (Column("h", heading=True), *columns)
    return _document(
        "t \\x\n\\evil",
        [
            Section("Title \\x & [y]", columns, rows, ("\xb9 note % \\x",)),
            Section("Heads", folded, tuple((name, *row) for name, row in zip(HOSTILE, rows, strict=True))),
            Section("Long", columns, rows * 5),
        ],
    )


def test_rows_that_begin_with_a_bracket_are_no_options_of_the_row_before():
    for line in document().splitlines():
        assert not line.startswith(("[", "*")), line


def test_long_tables_are_cut_and_labels_differ():
    text = document()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 5
    assert "(part 1 of 3)" in text
    assert "(part 3 of 3)" in text
    labels = re.findall(r"\\label\{(.*)\}", text)
    assert len(set(labels)) == len(labels) == 5
    assert text.count(r"\textbackslash{}end\{tabular\}\textbackslash{}end\{table\} & ") == 14


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_an_engine_accepts_the_tables(tmp_path):
    for name, text in (("hostile", document()), ("report", report_latex(full.report()))):
        (tmp_path / f"{name}.tex").write_text(text, encoding="utf-8")
    paper = (
        r"\documentclass{article}\usepackage{booktabs}\begin{document}x\input{hostile}\input{report}\end{document}"
    )
    (tmp_path / "paper.tex").write_text(paper, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not (tmp_path / "x").exists()
