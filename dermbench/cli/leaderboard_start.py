"""``dermbench leaderboard init`` and ``control``: start a board, and make control predictions for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermbench.cli import completion
from dermbench.cli.output import say
from dermbench.errors import UsageError
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from dermbench.artifacts.truth import Truth

Table = Annotated[
    Path | None, typer.Option("--truth", help="Table of true labels: image_id, label and sensitive features.")
]


def open_board(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to create for the board and its repository.")
    ],
    *,
    title: Annotated[str, typer.Option(help="Title of the board, in one line.")],
    metric: Annotated[str, typer.Option(help="Metric that ranks the entries, for example macro_f1.")],
    truth: Table = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Packaged task, instead of --truth; see `dermbench data list`.", autocompletion=completion.tasks
        ),
    ] = None,
    primary: Annotated[str | None, typer.Option(help="Primary question, METRIC:FEATURE.")] = None,
    margin: Annotated[float | None, typer.Option(help="Largest acceptable gap of the primary metric.")] = None,
    sensitive: Annotated[list[str] | None, typer.Option(help="Sensitive feature to evaluate; repeatable.")] = None,
    split: Annotated[str | None, typer.Option(help="Split to predict. Default: test.")] = None,
    licence: Annotated[str | None, typer.Option(help="Terms of use of the images.")] = None,
    note: Annotated[
        str | None, typer.Option(help="What readers of the board must know, in one paragraph.")
    ] = None,
    store_truth: Annotated[
        bool | None,
        typer.Option(
            "--store-truth/--no-store-truth", help="Publish the labels in truth.csv, if their terms allow."
        ),
    ] = None,
    resamples: Annotated[int | None, typer.Option(min=1, help="Resamples of every interval and test.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all random draws.")] = None,
    install: Annotated[
        str | None,
        typer.Option(
            help="Requirement that the GitHub Action installs: dermbench==VERSION or 'dermbench @ URL'. Default: "
            "this version."
        ),
    ] = None,
) -> None:
    """Start a board: settings, rules, a checklist, and a GitHub Action that verifies pull requests."""
    with waiting("creating the board"):
        from dermbench.leaderboard import init

        board = init(
            folder,
            title=title,
            metric=metric,
            truth=truth,
            task=task,
            requirement=install,
            primary=primary,
            margin=margin,
            sensitive=sensitive or None,
            split=split,
            licence=licence,
            note=note,
            store_truth=store_truth,
            resamples=resamples,
            seed=seed,
        )
    given = "" if board.store_truth else " --data DATASET" if board.recreate else f" --truth {truth}"
    say(f"created {folder}")
    say(f"Make it a repository: git -C {folder} init, then add and commit everything")
    say(f"Add an entry: dermbench leaderboard add PREDICTIONS --board {folder} --name NAME{given}")


def make_control(
    kind: Annotated[
        str,
        typer.Argument(
            help="constant (always the same class shares), prior (a class drawn by its share), uniform (random "
            "probabilities) or biased (a model's answers, some replaced in some groups)."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Predictions file to write, .parquet or .csv.")],
    data: Annotated[Path | None, typer.Option(help="Dataset folder.")] = None,
    truth: Table = None,
    train: Annotated[
        Path | None, typer.Option(help="With --truth: table of training labels, for the class shares.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split to predict.", autocompletion=completion.splits)] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random draws.")] = 0,
    of: Annotated[Path | None, typer.Option(help="biased: predictions of the model to degrade.")] = None,
    feature: Annotated[str, typer.Option(help="biased: sensitive feature.")] = "fst",
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", help="biased: group to degrade; repeatable. Default: V and VI."),
    ] = None,
    share: Annotated[float, typer.Option(help="biased: probability that an answer in a group is replaced.")] = 0.5,
) -> None:
    """Write control predictions, made without a network, to compare the scores on a board with."""
    with waiting("making the control"):
        from dermbench.artifacts import read_predictions, write_predictions
        from dermbench.leaderboard import Lapse, control

        target, learnt_on = _predicted(data, truth, train, split)
        lapse = None
        if of is not None:
            lapse = Lapse(read_predictions(of, target), feature, tuple(groups or ("V", "VI")), share)
        write_predictions(out, control(target, kind, learnt_on=learnt_on, seed=seed, lapse=lapse))
    say(f"wrote {out}")


def _predicted(
    data: Path | None, table: Path | None, train: Path | None, split: str
) -> tuple[Truth, Truth | None]:
    """Return the truth of the images to predict, and the truth of the training images, if there is any."""
    from dermbench.artifacts import read_dataset, read_truth

    if (data is None) == (table is None):
        raise UsageError("a control needs the images to predict: give either --data DATASET or --truth TABLE")
    if data is not None:
        if train is not None:
            raise UsageError("--train goes with --truth: a dataset folder has its own training images")
        dataset = read_dataset(data)
        return dataset.truth(split), dataset.truth("train") if "train" in dataset.info.images else None
    assert table is not None
    target = read_truth(table, split=split)
    return target, None if train is None else read_truth(train, split="train", classes=target.classes)
