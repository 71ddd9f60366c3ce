"""``dermbench card``: a model card from records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermbench.cli.output import say
from dermbench.errors import UsageError

REPORT = typer.Argument(metavar="REPORT", help="report.json written by dermbench eval, or its folder.")
RUN = typer.Option("--run", help="Run folder of the model, or its run.json.")
DATA = typer.Option("--data", help="Dataset folder that was evaluated.")
PLACE = 102


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="card")
    def card_(
        report: Annotated[Path, REPORT],
        *,
        run: Annotated[Path | None, RUN] = None,
        data: Annotated[Path | None, DATA] = None,
        out: Annotated[
            Path | None, typer.Option("--out", help="File, or folder for MODEL_CARD.md. Default: print the card.")
        ] = None,
    ) -> None:
        """Write a model card with the YAML header of model hubs; it marks what the author must add."""
        from dermbench.reporting.documents.card import card_markdown
        from dermbench.reporting.documents.evidence import gather

        deliver(card_markdown(gather(report, run=run, data=data)), out, "MODEL_CARD.md")


def deliver(text: str, out: Path | None, name: str) -> None:
    """Print a document, or write it to a new file.

    Authors complete these documents by hand, so an existing file with other content is never replaced.

    Parameters
    ----------
    text
        The document.
    out
        File, or folder for a file called ``name``; None prints.

    Raises
    ------
    UsageError
        When the file exists with other content, or cannot be written.
    """
    if out is None:
        say(text, end="")
        return
    from dermbench.artifacts.files import write_text
    from dermbench.artifacts.outputs import sole_writer_of

    target = out / name if out.is_dir() or not out.suffix else out
    with sole_writer_of(target):
        if (target.exists() or target.is_symlink()) and not _same(target, text):
            raise UsageError(
                f"{target}: exists with other content, perhaps an author's answers; nothing was written",
                remedy="Choose another --out, or move the file away.",
            )
        write_text(target, text)
    say(f"Wrote {target}", err=True)


def _same(target: Path, text: str) -> bool:
    return target.is_file() and not target.is_symlink() and target.read_bytes() == text.encode()
