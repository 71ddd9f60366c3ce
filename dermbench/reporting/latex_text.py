"""Escape text for LaTeX: no commands, no ligatures, and no characters that an engine lacks."""

from __future__ import annotations

import unicodedata

from dermbench.reporting.text import PROSE_LIMIT, plain

ANY = "dermbenchchar"
"""LaTeX command for characters that only an engine with Unicode fonts can show."""
PREAMBLE = rf"\providecommand{{\{ANY}}}[2]{{\ifdefined\Umathchar #2\else [U+#1]\fi}}"
"""Definition of :data:`ANY`: pdfTeX, whose fonts lack the character, prints its code point."""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "`": r"\textasciigrave{}",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{MIDDLE DOT}": r"\textperiodcentered{}",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{DAGGER}": r"\textdagger{}",
    "\N{DEGREE SIGN}": r"\textdegree{}",
    "\N{GREEK SMALL LETTER KAPPA}": r"$\kappa$",
    "\N{LEFT SINGLE QUOTATION MARK}": r"\textquoteleft{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": r"\textquoteright{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": r"\textquotedblleft{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": r"\textquotedblright{}",
    "\N{LATIN SMALL LETTER SHARP S}": r"\ss{}",
    "\N{LATIN SMALL LETTER AE}": r"\ae{}",
    "\N{LATIN CAPITAL LETTER AE}": r"\AE{}",
    "\N{LATIN SMALL LETTER O WITH STROKE}": r"\o{}",
    "\N{LATIN CAPITAL LETTER O WITH STROKE}": r"\O{}",
    "\N{LATIN SMALL LETTER L WITH STROKE}": r"\l{}",
    "\N{LATIN CAPITAL LETTER L WITH STROKE}": r"\L{}",
}
ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}
RAISED = {digit: str(number) for number, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
LIGATURES = "-',"
"""Characters that form a ligature when doubled."""


def latex_text(text: object, *, limit: int = PROSE_LIMIT) -> str:
    """Return one line of LaTeX that prints a text unchanged.

    Parameters
    ----------
    text
        Any object; control, direction-changing and invisible characters are left out.
    limit
        Maximum number of characters.
    """
    parts: list[str] = []
    last = ""
    for character in unicodedata.normalize("NFC", plain(text, limit=limit)):
        joins = character == last and character in LIGATURES
        parts.append(f"{{}}{character}" if joins else _shown(character))
        last = character
    return "".join(parts)


def _shown(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if character.isascii():
        return character
    if character in RAISED:
        return rf"\textsuperscript{{{RAISED[character]}}}"
    base, accent = (*unicodedata.normalize("NFD", character), "")[:2]
    if (
        base.isascii()
        and base.isalpha()
        and accent in ACCENTS
        and len(unicodedata.normalize("NFD", character)) == 2
    ):
        return rf"\{ACCENTS[accent]}{{{base}}}"
    return rf"\{ANY}{{{ord(character):04X}}}{{{character}}}"
