"""``dermbench plan``: how large a test set must be, and what a given one can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dermbench.cli import completion
from dermbench.cli.options import DATA, JSON, POSITIVE, TASK, TRUTH, listed_names, say_written
from dermbench.cli.output import say
from dermbench.errors import UsageError
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from dermbench.results import PlanResult

PLACE = 70


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="plan")
    def plan_(
        *,
        group: str | None = typer.Option(
            None,
            "--group",
            help="Group to plan for, such as VI. Default with a dataset: every group.",
            show_default=False,
        ),
        drop: float | None = typer.Option(
            None, "--drop", help="Drop in this group that the study must find. Default: .10.", show_default=False
        ),
        margin: float | None = typer.Option(
            None,
            "--margin",
            help="Margin: the study must show that any gap is smaller. Default: .10.",
            show_default=False,
        ),
        rate: float = typer.Option(0.8, "--rate", help="Expected value of the metric in groups without a drop."),
        sizes: str | None = typer.Option(
            None,
            "--sizes",
            help="Patients in the other groups: I=200,II=400. If --group is listed too: what this test set can "
            "show. Default: every skin type, or band, has as many patients as --group.",
            show_default=False,
        ),
        in_proportion: bool = typer.Option(
            False, "--in-proportion", help="Let all groups of --sizes grow, in these proportions."
        ),
        images_per_patient: float = typer.Option(
            1.0, "--images-per-patient", help="Mean number of images per patient."
        ),
        images_vary: bool = typer.Option(
            False,
            "--images-vary",
            help="Images per patient follow a geometric distribution, instead of being as equal as possible.",
        ),
        correlation: float = typer.Option(
            0.3, "--correlation", help="Correlation between the answers for two images of the same patient."
        ),
        data: Path | None = DATA,
        truth: Path | None = TRUTH,
        split: str | None = typer.Option(
            None,
            "--split",
            help="Split to plan for. Default: test for --data, all rows for --truth.",
            autocompletion=completion.splits,
        ),
        task: str | None = TASK,
        feature: str | None = typer.Option(
            None, "--feature", help="Sensitive feature. Default: skin type.", show_default=False
        ),
        metric: str | None = typer.Option(
            None,
            "--metric",
            help="accuracy, sensitivity or specificity. Default: the primary metric of a report, else accuracy.",
            show_default=False,
        ),
        positive: str | None = POSITIVE,
        out: Path | None = typer.Option(
            None, "--out", help="Folder for plan.json, plan.md and plan.svg.", show_default=False
        ),
        as_json: bool = JSON,
        seed: int = typer.Option(0, "--seed", min=0, help="Seed of the simulations."),
    ) -> None:
        """Plan a test set: patients needed to find a drop or show a margin, or what an existing set can show."""
        with waiting("simulating"):
            from dermbench.api.planning import plan
            from dermbench.artifacts.outputs import document_path

            target = None if out is None else document_path(out, name="plan.json")

            made = plan(
                group,
                data=data,
                truth=truth,
                split=split,
                task=task,
                feature=feature,
                metric=metric,
                positive=listed_names("--positive", positive),
                sizes=None if sizes is None else read_sizes(sizes),
                in_proportion=in_proportion,
                images_per_unit=images_per_patient,
                images_vary=images_vary,
                correlation=correlation,
                rate=rate,
                drop=drop,
                margin=margin,
                seed=seed,
            )
        _show(made, target, as_json=as_json)


def read_sizes(text: str) -> dict[str, int]:
    """Return {group: patients} of ``I=200,II=400``.

    Raises
    ------
    UsageError
        With all parts that are not NAME=NUMBER, and all names that occur twice.
    """
    sizes: dict[str, int] = {}
    problems = []
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        name = name.replace("\N{EN DASH}", "-")
        if not (name and equals and number.isdecimal() and len(number) < 8):
            problems.append(f"{part.strip()!r} is not NAME=NUMBER")
        elif name in sizes:
            problems.append(f"{name} is given twice")
        else:
            sizes[name] = int(number)
    if problems:
        raise UsageError(f"--sizes: {'; '.join(problems)}", remedy="Write it as --sizes I=200,II=400.")
    return sizes


def _show(result: PlanResult, target: Path | None, *, as_json: bool) -> None:
    from dermbench.console import make_console
    from dermbench.reporting.plan import print_plan

    if as_json:
        say(result.plan.text(), end="")
    else:
        print_plan(result.plan, make_console())
    if target is not None:
        say_written(result.save(target), target)
