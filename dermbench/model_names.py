"""Names of the models on a command line: NAME=PATH, NAME@SEED=PATH, or names made from paths and runs."""

from __future__ import annotations

import json
from os.path import commonprefix
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermbench.artifacts.run import RUN, RunRecord
from dermbench.errors import DermbenchError, UsageError
from dermbench.evaluation.paired.candidates import SEED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEPARATORS = "-_ @./"


def name_files(arguments: Sequence[str]) -> dict[str, Path]:
    """Return {name or name@seed: file} of the models on a command line.

    ``NAME=PATH`` names a model. Other files are named by their stem, with folders in front if needed to tell them
    apart. If the runs of such files (``run.json`` beside the predictions, or one folder up) differ only in their
    seed, the files become seeds of one model.

    Parameters
    ----------
    arguments
        Arguments as typed.

    Raises
    ------
    UsageError
        When a name or a file is given twice, or a name is empty.
    """
    named, bare = {}, []
    for text in arguments:
        name, sign, path = text.partition("=")
        if sign and not Path(text).exists():
            if not name.strip() or not path:
                raise UsageError(f"{text!r}: write NAME=PATH")
            if name in named:
                raise UsageError(f"two models have the name {name!r}")
            named[name] = Path(path)
        else:
            bare.append(Path(text))
    _no_file_twice([*named.values(), *bare])
    found = _as_seeds(dict(zip(stem_names(bare), bare, strict=True)))
    twice = set(named) & set(found)
    if twice:
        raise UsageError(f"two models have the name {min(twice)!r}", remedy="Give names: NAME=PATH.")
    order = {path: i for i, path in enumerate(_path(text) for text in arguments)}
    return dict(sorted((named | found).items(), key=lambda item: order[item[1]]))


def _path(text: str) -> Path:
    _, sign, path = text.partition("=")
    return Path(path) if sign and not Path(text).exists() else Path(text)


def _no_file_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        whole = path.resolve()
        if whole in seen:
            raise UsageError(f"{path}: the same file is given twice")
        seen.add(whole)


def stem_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: its stem, with folders in front if needed to tell the files apart.

    Raises
    ------
    UsageError
        When two files differ only in their suffix.
    """
    whole = [path.resolve().with_suffix("") for path in paths]
    for depth in range(1, max((len(path.parts) for path in whole), default=0) + 1):
        names = ["/".join(path.parts[-depth:]) for path in whole]
        if len(set(names)) == len(names):
            return names
    if whole:
        raise UsageError(
            "two of the predictions files differ only in their suffix", remedy="Give names: NAME=PATH."
        )
    return []


def _as_seeds(files: Mapping[str, Path]) -> dict[str, Path]:
    """Rename files of runs that differ only in their seed to name@seed."""
    runs = {name: _run(path) for name, path in files.items() if SEED.fullmatch(name) is None}
    groups: dict[str, list[str]] = {}
    for name, run in runs.items():
        if run is not None:
            groups.setdefault(json.dumps(run[1], sort_keys=True), []).append(name)
    renamed = {name: name for name in files}
    for names in groups.values():
        seeds = [run[0] for name in names if (run := runs[name]) is not None]
        if len(names) > 1 and len(set(seeds)) == len(seeds):
            start = commonprefix(names)  # noqa: RUF071 - of names, character by character
            shared = start.rstrip(SEPARATORS + "0123456789").removesuffix("seed").rstrip(SEPARATORS)
            stem = shared or names[0].replace("/", " ")
            renamed |= {name: f"{stem}@{seed}" for name, seed in zip(names, seeds, strict=True)}
    if len(set(renamed.values())) < len(renamed):
        raise UsageError("seeds of different models would get the same name", remedy="Give names: NAME@SEED=PATH.")
    return {renamed[name]: path for name, path in files.items()}


def _run(path: Path) -> tuple[int, Any] | None:
    """Return the seed and the remaining configuration of a file's run; None if there is no run beside the file."""
    for folder in (path.resolve().parent, path.resolve().parent.parent):
        record = folder / RUN
        if not record.is_file():
            continue
        try:
            found = RunRecord.read(record)
        except DermbenchError:
            return None
        config = {key: item for key, item in found.config.items() if key != "seed"}
        return found.seed, [found.task, found.dataset_digest, config]
    return None
