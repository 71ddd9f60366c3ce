"""``dermbench leaderboard``: add an entry, build the boards, verify them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermbench.cli.output import say
from dermbench.cli.verbs import Listed
from dermbench.errors import UsageError
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from dermbench.artifacts.truth import Truth

Root = Annotated[Path, typer.Argument(metavar="[DIR]", help="A board, or a folder of boards.")]
Datasets = Annotated[
    list[Path] | None, typer.Option("--data", help="Dataset folder that holds the truth of a board; repeatable.")
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Recompute values, counts and closed-form intervals; draw no bootstrap, null or band again.",
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes that recompute; by default one a core.")
]
Table = Annotated[Path | None, typer.Option("--truth", help="Table with image_id, label and sensitive features.")]
PLACE = 100


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    group = typer.Typer(
        cls=Listed,
        name="leaderboard",
        help="Leaderboards whose every number is recomputed from predictions.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    group.command("add")(_add)
    group.command("build")(_build)
    group.command("verify")(_verify)
    group.command("remove")(_remove)
    group.command("control")(_control)
    app.add_typer(group)


def _add(
    predictions: Annotated[Path, typer.Argument(help="Predictions for every image of the board's split.")],
    *,
    board: Annotated[Path, typer.Option(help="Board folder; the first entry makes it.")],
    name: Annotated[str, typer.Option(help="Display name, unique on the board.")],
    data: Annotated[Path | None, typer.Option(help="Dataset folder that holds the truth.")] = None,
    truth: Table = None,
    authors: Annotated[str | None, typer.Option(help="Who to credit.")] = None,
    link: Annotated[str | None, typer.Option(help="http or https address to read more.")] = None,
    licence: Annotated[str | None, typer.Option(help="Terms of the predictions.")] = None,
    model: Annotated[str | None, typer.Option(help="Architecture and what it was pretrained on.")] = None,
    method: Annotated[str | None, typer.Option(help="How it was trained, one line.")] = None,
    training_data: Annotated[str | None, typer.Option(help="Everything it was trained or tuned on.")] = None,
    run: Annotated[Path | None, typer.Option(help="Run folder or run.json to keep with the entry.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the training; by default that of --run.")] = None,
    store_truth: Annotated[
        bool | None,
        typer.Option("--store-truth/--no-store-truth", help="Keep truth.csv in the board, if its licence allows."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the entry of that name.")] = False,
) -> None:
    """Add an entry: check the predictions, evaluate them, write the entry's folder."""
    if data is not None and truth is not None:
        raise UsageError("--data and --truth both give the truth; give one of them")
    with waiting(f"adding {name}"):
        from dermbench.artifacts import read_dataset
        from dermbench.leaderboard import add, slugify
        from dermbench.leaderboard.board import TRUTH

        entry = add(
            board,
            predictions,
            name=name,
            truth=truth if data is None else read_dataset(data),
            run=run,
            replace=replace,
            store_truth=store_truth,
            authors=authors,
            link=link,
            licence=licence,
            model=model,
            method=method,
            training_data=training_data,
            seed=seed,
        )
    say(f"added {board / 'entries' / slugify(entry.name)}")
    where = "" if (board / TRUTH).is_file() else f" --data {data}" if data else f" --truth {truth}"
    say(f"Rank it with: dermbench leaderboard build {board}{where}")


def _build(
    root: Root = Path("leaderboards"),
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file differs.")] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="Where a truth is not at hand, use the stored reports and say so.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Rewrite reports that a newer metric version changes.")
    ] = False,
    accept_settings: Annotated[
        bool,
        typer.Option("--accept-settings", help="Record changes of board.toml or reported.toml in the index."),
    ] = False,
    quick: Quick = False,
    workers: Workers = None,
    data: Datasets = None,
    truth: Table = None,
) -> None:
    """Recompute every number and write README.md, leaderboard.json and leaderboard.csv of each board."""
    with waiting("checking the boards" if check else "recomputing the boards"):
        from dermbench.leaderboard import Effort, Sources, build
        from dermbench.leaderboard.board import counted
        from dermbench.machine import available_cores

        sources, effort = Sources(tuple(data or ()), truth), Effort(quick, workers or available_cores())
        results = build(
            root,
            check=check,
            stored=stored,
            refresh=refresh,
            accept_settings=accept_settings,
            sources=sources,
            effort=effort,
        )
    for built in results:
        how = ("values recomputed" if quick else "recomputed") if built.recomputed else "from stored reports"
        changes = ", ".join(built.written) or ("not compared" if built.problems else "nothing")
        done = "differs" if check else "written"
        say(f"{built.folder}: {counted(built.n_entries)}, {how}; {done}: {changes}")
        for problem in built.problems:
            say(f"  {problem}", err=True)
    if any(built.problems for built in results):
        raise typer.Exit(1)


def _verify(
    root: Root = Path("leaderboards"),
    *,
    quick: Quick = False,
    workers: Workers = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Head of the index noted earlier: name what was rewritten, and settings changed since."
        ),
    ] = None,
    data: Datasets = None,
    truth: Table = None,
) -> None:
    """Check truth, index, hashes, predictions, reports and boards against each other; write nothing."""
    with waiting("verifying"):
        from dermbench.leaderboard import Effort, Sources, verify
        from dermbench.machine import available_cores

        sources, effort = Sources(tuple(data or ()), truth), Effort(quick, workers or available_cores())
        results = verify(root, sources=sources, effort=effort, since=since)
    for done in results:
        say(f"{done.folder}: {'differs' if done.problems else 'agrees'}")
        for line in done.proved:
            say(f"  checked: {line}")
        for line in done.unchecked:
            say(f"  not checked: {line}")
        for line in done.changes:
            say(f"  {line}")
        for line in done.problems:
            say(f"  {line}", err=True)
    if any(done.problems for done in results):
        raise typer.Exit(1)


def _remove(
    name: Annotated[str, typer.Argument(help="Display name of the entry, or the name of its folder.")],
    *,
    board: Annotated[Path, typer.Option(help="Board folder.")],
) -> None:
    """Withdraw an entry: its folder goes, the index keeps saying that it was there."""
    from dermbench.leaderboard import remove

    remove(board, name)
    say(f"removed {name!r}; rank the others with: dermbench leaderboard build {board}")


def _control(
    kind: Annotated[str, typer.Argument(help="constant, prior, uniform or biased; see docs/leaderboards.md.")],
    *,
    out: Annotated[Path, typer.Option(help="Predictions file to write, .parquet or .csv.")],
    data: Annotated[Path | None, typer.Option(help="Dataset folder.")] = None,
    truth: Table = None,
    train: Annotated[
        Path | None, typer.Option(help="With --truth: labels of the training images, for the class shares.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split to predict.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")] = 0,
    of: Annotated[Path | None, typer.Option(help="biased: predictions of the model to spoil.")] = None,
    feature: Annotated[str, typer.Option(help="biased: sensitive feature.")] = "fst",
    groups: Annotated[list[str] | None, typer.Option("--group", help="biased: group to hit; V, VI.")] = None,
    share: Annotated[float, typer.Option(help="biased: share of its answers that are replaced.")] = 0.5,
) -> None:
    """Write predictions that no network made: what a score on a board is worth."""
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
    """Return the truth of the images to predict, and that of the images that models learn from, if any."""
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
