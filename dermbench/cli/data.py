"""``dermbench data``: list, prepare, check, audit, export."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermbench.cli import completion
from dermbench.cli.audit import audit_
from dermbench.cli.output import say, say_wrapped
from dermbench.cli.verbs import Listed
from dermbench.errors import UsageError
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from rich.console import Console

    from dermbench.artifacts import Dataset
    from dermbench.tasks import Task

SHOWN = 10
"""Number of problems that are printed; ``--json`` prints all of them."""

DatasetFolder = Annotated[Path, typer.Argument(metavar="DATASET", help="Dataset folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads. Default: one per processor core.")]
PLACE = 20


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    group = typer.Typer(
        cls=Listed,
        name="data",
        help="Prepare, check, audit and export datasets.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    group.command("list")(_list)
    group.command("prepare")(_prepare)
    group.command("check")(_check)
    group.command("audit")(audit_)
    group.command("export")(_export)
    app.add_typer(group)


def _list(*, as_json: Json = False) -> None:
    """List the tasks with their images, classes, skin types, licence and where to get them."""
    from dermbench.tasks import load_task, task_names

    tasks = [load_task(name) for name in task_names()]
    if as_json:
        say(json.dumps([task.model_dump(mode="json") for task in tasks], indent=2))
        return
    _print_tasks(tasks)


def _prepare(
    task: Annotated[
        str,
        typer.Argument(
            help="Task from `dermbench data list`; table or folder for your own data.",
            autocompletion=completion.tasks,
        ),
    ],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Dataset folder to write. Default: $DERMBENCH_DATA/prepared/TASK.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="Raw release: a folder, or a table file. Default: $DERMBENCH_DATA/raw/TASK."),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out images that are missing or unreadable.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Option of the source; repeatable.")
    ] = None,
    split_fractions: Annotated[
        str,
        typer.Option(help="Proportions of train, val and test: 70,15,15 means the same as 0.7,0.15,0.15."),
    ] = "0.7,0.15,0.15",
    split_by: Annotated[
        str,
        typer.Option(
            help="released: keep the split of the release, or draw a stratified one if it has none. stratified: "
            "by class and skin type. hash: by a hash of each patient's id, so that new rows move no other image."
        ),
    ] = "released",
    holdout: Annotated[
        str,
        typer.Option(metavar="COL:VALUE", help="Make the images with this value the test split, such as fst:5-6."),
    ] = "",
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Turn a raw release into a dataset folder: check every image, make the splits, count."""
    with waiting(f"preparing {task}"):
        from dermbench.data import prepare
        from dermbench.data.splits import read_rule

        dataset = prepare(
            task,
            root=root,
            out=out,
            allow_missing=allow_missing,
            seed=seed,
            options=_options(settings or []),
            split=read_rule(split_by, holdout, fractions=_fractions(split_fractions)),
            workers=workers,
        )
    for remark in dataset.info.interpreted:
        say(f"note: {remark}", err=True)
    if as_json:
        say(dataset.info.model_dump_json(by_alias=True, indent=2))
        return
    console = _console(stderr=False)
    _print_dataset(dataset, console)
    with waiting("simulating what the test split can show"):
        from dermbench.api.planning import split_at_a_glance

        line = split_at_a_glance(dataset)
    if line is not None:
        console.print(f"{line} More: dermbench plan --data {dataset.root}", soft_wrap=True)


def _check(dataset: DatasetFolder, workers: Workers = None, *, as_json: Json = False) -> None:
    """Read every image and compare its hash with the manifest; exit 1 if anything is wrong."""
    with waiting(f"checking {dataset}"):
        from dermbench.data import check

        result = check(dataset, workers=workers)
    if as_json:
        say(json.dumps({"images": result.images, "ok": result.ok, "problems": result.problems}, indent=2))
    elif result.ok:
        say(f"{dataset}: {result.images:,} images, all present, readable and unchanged")
    else:
        say(f"{dataset}: {result.images:,} images, problems: {len(result.problems):,}", err=True)
        for problem in result.problems[:SHOWN]:
            say(f"  - {problem}", err=True)
        if len(result.problems) > SHOWN:
            say(f"  and {len(result.problems) - SHOWN:,} more (all with --json)", err=True)
    if not result.ok:
        raise typer.Exit(1)


def _export(
    dataset: DatasetFolder,
    form: Annotated[str, typer.Option("--format", help="croissant, imagefolder or card.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; several formats may share it.")],
    *,
    as_json: Json = False,
) -> None:
    """Write a dataset in another format: Croissant, ImageFolder or a dataset card."""
    with waiting(f"exporting {dataset}"):
        from dermbench.data.export import export_dataset

        done = export_dataset(dataset, form, out)
    for remark in done.said:
        say(f"note: {remark}", err=True)
    if as_json:
        written = [str(path) for path in done.files]
        say(json.dumps({"files": written, "images": done.images, "said": done.said}, indent=2))
        return
    images = f", {done.images:,} images" if done.images else ""
    say(f"Wrote {', '.join(map(str, done.files))}{images}")


def _options(settings: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {setting!r}: write --set key=value")
        if key.strip() in options:
            raise UsageError(f"--set {key.strip()} is given twice")
        options[key.strip()] = value.strip()
    return options


def _fractions(text: str) -> dict[str, float]:
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--split-fractions {text!r}: write three numbers, such as 0.7,0.15,0.15") from error
    return {"train": train, "val": val, "test": test}


def _console(*, stderr: bool) -> Console:
    from dermbench.console import make_console

    stream = sys.stderr if stderr else sys.stdout
    return make_console(stderr=stderr, width=None if stream.isatty() else 140)


def _print_tasks(tasks: list[Task]) -> None:
    for task in tasks:
        images = ", ".join(f"{n:,}" if k == "all" else f"{n:,} {k}" for k, n in task.images.items())
        tones = ", ".join(f"{k} {n:,}" for k, n in (task.bands or task.fst).items())
        size = f" ({task.size})" if task.size else ""
        say(task.name)
        for head, text in (
            ("images", f"{images or 'any number'}; {task.n_classes} classes"),
            ("skin types", tones or "none known"),
            ("licence", task.licence),
            ("get it", f"{task.where}{size}"),
        ):
            say_wrapped(f"{head:<11}{text}", indent=2, hang=11)
    say("\nskin types: number of images of each Fitzpatrick skin type")
    say_wrapped("your own data: dermbench data prepare table --root FILE.csv, or folder --root FOLDER")


def _print_dataset(dataset: Dataset, console: Console) -> None:
    from rich.table import Table

    info, rows = dataset.info, dataset.manifest
    console.print(f"{info.task}: {len(rows):,} images, {len(info.classes)} classes -> {dataset.root}")
    table = Table("split", "images", "images per class", "classes without images", *_tone_names(dataset))
    for split in info.images:
        part = rows[rows["split"] == split]
        counts = part["label"].value_counts().reindex(list(info.classes), fill_value=0)
        tones = _tone_counts(part) if info.fst else {}
        cells = [str(tones.get(name, 0)) for name in _tone_names(dataset)]
        span = f"{counts.min():,} to {counts.max():,}"
        table.add_row(split, f"{len(part):,}", span, str(int((counts == 0).sum())), *cells)
    console.print(table)
    absent = [name for name in ("train", "val", "test") if name not in info.images]
    if absent:
        console.print(f"splits without images: {', '.join(absent)}")
    console.print(f"split: {info.split['scheme']}, unit {info.split['unit']}, seed {info.split['seed']}")
    if info.left_out:
        reasons = ", ".join(f"{n:,} x {reason}" for reason, n in info.left_out.items())
        console.print(f"left out: {reasons}", soft_wrap=True)
    console.print(f"hash: {info.digest}", soft_wrap=True)


def _tone_names(dataset: Dataset) -> list[str]:
    return ["I", "II", "III", "IV", "V", "VI", "unknown"] if "fst" in dataset.manifest else []


def _tone_counts(part: object) -> dict[str, int]:
    from dermbench.artifacts.skin import fst_name

    counts = fst_name(part["fst"]).value_counts()  # type: ignore[index]
    return {str(k): int(v) for k, v in counts.items()}
