"""``dermbench dossier``: a reporting checklist, filled from records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermbench.cli import completion
from dermbench.cli.card import DATA, REPORT, RUN, deliver

PLACE = 104


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="dossier")
    def dossier_(
        report: Annotated[Path, REPORT],
        *,
        standard: Annotated[
            list[str] | None,
            typer.Option(
                "--standard",
                metavar="NAME",
                help="claim, stard-ai or tripod-ai; repeatable. Default: all.",
                autocompletion=completion.standards,
            ),
        ] = None,
        run: Annotated[Path | None, RUN] = None,
        data: Annotated[Path | None, DATA] = None,
        out: Annotated[
            Path | None, typer.Option("--out", help="File, or folder for DOSSIER.md. Default: print the dossier.")
        ] = None,
    ) -> None:
        """Fill in reporting checklists item by item from records, and mark what the author must answer."""
        from dermbench.reporting.documents.dossier import dossier_markdown, load_standard, standard_names
        from dermbench.reporting.documents.evidence import gather

        wanted = [load_standard(name) for name in dict.fromkeys(standard or standard_names())]
        text = dossier_markdown(gather(report, run=run, data=data), wanted)
        deliver(text, out, "DOSSIER.md")
