"""``dermbench leaderboard``: add an entry, build the boards, verify them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermbench.cli.leaderboard_start import Table, make_control, open_board
from dermbench.cli.output import say
from dermbench.cli.verbs import Listed
from dermbench.errors import UsageError
from dermbench.waiting import waiting

Root = Annotated[Path, typer.Argument(metavar="[DIR]", help="A board, or a folder of boards.")]
Datasets = Annotated[
    list[Path] | None, typer.Option("--data", help="Dataset folder with the true labels of a board; repeatable.")
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Recompute values, counts and closed-form intervals, but no bootstrap, permutation or rank band.",
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes. Default: one per processor core.")
]
PLACE = 100


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    group = typer.Typer(
        cls=Listed,
        name="leaderboard",
        help="Keep leaderboards; every number on them is recomputed from predictions.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    group.command("init")(open_board)
    group.command("add")(_add)
    group.command("build")(_build)
    group.command("verify")(_verify)
    group.command("remove")(_remove)
    group.command("control")(make_control)
    app.add_typer(group)


def _add(
    predictions: Annotated[Path, typer.Argument(help="Predictions for every image of the board's split.")],
    *,
    board: Annotated[Path, typer.Option(help="Board folder; created with the first entry.")],
    name: Annotated[str, typer.Option(help="Display name, unique on the board.")],
    data: Annotated[Path | None, typer.Option(help="Dataset folder, which has the true labels.")] = None,
    truth: Table = None,
    authors: Annotated[str | None, typer.Option(help="Whom to credit.")] = None,
    link: Annotated[str | None, typer.Option(help="http or https address of further reading.")] = None,
    licence: Annotated[str | None, typer.Option(help="Terms of use of the predictions.")] = None,
    model: Annotated[str | None, typer.Option(help="Architecture and pretraining.")] = None,
    method: Annotated[str | None, typer.Option(help="How the model was trained, in one line.")] = None,
    training_data: Annotated[str | None, typer.Option(help="All data used to train or tune the model.")] = None,
    run: Annotated[Path | None, typer.Option(help="Run folder or run.json to keep with the entry.")] = None,
    seed: Annotated[int | None, typer.Option(help="Training seed. Default: the seed of --run.")] = None,
    store_truth: Annotated[
        bool | None,
        typer.Option(
            "--store-truth/--no-store-truth", help="Publish the labels in truth.csv, if their terms allow."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the entry with this name.")] = False,
) -> None:
    """Add an entry: check and evaluate its predictions, and write its folder."""
    if data is not None and truth is not None:
        raise UsageError("--data and --truth both give the true labels; use one of them")
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
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="Without the true labels of a board, rank by its stored reports.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Rewrite reports that a newer version of a metric changes.")
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Also write leaderboard.html, which sorts and filters without a server.")
    ] = False,
    accept_settings: Annotated[
        bool,
        typer.Option("--accept-settings", help="Accept and record changes of board.toml or reported.toml."),
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
            html=html,
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
            "--since",
            help="Earlier state to compare with: a head of the index (sha256:…), or a folder with the board as it "
            "was. Lists rewritten history and changed settings; for a folder also changed entries and rank bands.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Also write the result as markdown, for a pull request.")
    ] = None,
    data: Datasets = None,
    truth: Table = None,
) -> None:
    """Check truth, index, hashes, predictions, reports and boards against each other; write nothing."""
    earlier = since if since is None or since.startswith("sha256:") else Path(since)
    with waiting("verifying"):
        from dermbench.leaderboard import Effort, Sources, summary_markdown, verify
        from dermbench.machine import available_cores

        sources, effort = Sources(tuple(data or ()), truth), Effort(quick, workers or available_cores())
        results = verify(root, sources=sources, effort=effort, since=earlier)
    for done in results:
        say(f"{done.folder}: {'differs' if done.problems else 'agrees'}")
        for line in done.proved:
            say(f"  checked: {line}")
        for line in done.unchecked:
            say(f"  not checked: {line}")
        for line in done.changes:
            say(f"  {line}")
        for move in done.moves or ():
            say(f"  {move}")
        for line in done.problems:
            say(f"  {line}", err=True)
    if markdown is not None:
        from dermbench.artifacts.files import write_text

        write_text(markdown, summary_markdown(results))
    if any(done.problems for done in results):
        raise typer.Exit(1)


def _remove(
    name: Annotated[str, typer.Argument(help="Display name of the entry, or the name of its folder.")],
    *,
    board: Annotated[Path, typer.Option(help="Board folder.")],
) -> None:
    """Withdraw an entry: delete its folder; the index keeps a record of it."""
    from dermbench.leaderboard import remove

    remove(board, name)
    say(f"removed {name!r}; rank the others with: dermbench leaderboard build {board}")
