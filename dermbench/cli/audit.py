"""``dermbench data audit``: find duplicates, leaks and label errors in a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermbench.cli.output import say
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from dermbench.artifacts.audit import Audit

SHOWN = 10
"""Number of findings of one kind that are printed; the files list all of them."""


def audit_(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Dataset folder.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for audit.json, its tables and audit.html (with photographs of patients)."),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Held-out predictions with probabilities, to find likely label errors.")
    ] = None,
    embeddings: Annotated[
        Path | None, typer.Option(help="Table of embeddings; nearest neighbours are also checked as duplicates.")
    ] = None,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            help="Confirm duplicate pairs by local image features. Default: yes, if OpenCV is installed.",
        ),
    ] = None,
    groups: Annotated[
        bool,
        typer.Option("--write-groups", help="Write duplicates.parquet into DATASET; eval and prepare read it."),
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads. Default: one per processor core.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")
    ] = False,
) -> None:
    """Find duplicates, leaks between splits, conflicting and suspect labels, and unusable images.

    Exit code 1 means that two splits share an image, a lesion or a patient.
    """
    with waiting(f"auditing {dataset}"):
        from dermbench.artifacts import read_dataset
        from dermbench.data import audit, write_audit, write_groups

        read = read_dataset(dataset)
        result = audit(read, verify=verify, embeddings=embeddings, predictions=predictions, workers=workers)
    written: list[Path] = []
    if groups:
        written.append(write_groups(read, result))
    if out is not None:
        from dermbench.data.audit.thumbnails import thumbnails
        from dermbench.reporting.pages.audit_page import audit_page, shown_images

        with waiting("writing the page"):
            pictures = thumbnails(read, shown_images(result.record), workers=workers)
            written += write_audit(out, result, page=audit_page(result.record, pictures))
    if as_json:
        say(result.record.text(), end="")
    else:
        _print(result.record)
    if written:
        say(f"Wrote {', '.join(map(str, written))}", err=True)
    if out is not None:
        say(f"{out / 'audit.html'} shows photographs of patients: do not publish it.", err=True)
    if result.leaking:
        raise typer.Exit(1)


def _print(record: Audit) -> None:
    say(f"{record.task}: audit")
    for sentence in record.summary:
        say(f"- {sentence}")
    for title, findings in (
        ("Leaks between splits", record.leaks),
        ("Label conflicts", record.label_conflicts),
        ("Skin-type conflicts", record.tone_conflicts),
    ):
        if not findings:
            continue
        say(f"{title}: {len(findings):,}")
        for finding in findings[:SHOWN]:
            images = ", ".join(finding.images[:4]) + (", ..." if len(finding.images) > 4 else "")
            say(f"  {finding.shares} {finding.group}: {' / '.join(finding.found)} ({images})")
        if len(findings) > SHOWN:
            say(f"  and {len(findings) - SHOWN:,} more (all with --json or --out)")
