"""Train, predict and evaluate candidates on real images, and write a page of the results.

    python benchmarks/candidates.py SPEC.toml --data DATASET --runs FOLDER [--only NAME ...] [--out FILE.md]

Finished steps are not repeated: a run is trained once, its test split is predicted once (each prediction is a line
of FOLDER/test-split.csv), and a report belongs to one predictions file. Comparisons in the specification are made
when all their candidates are chosen.

A run with ``folds = 5`` is five runs, NAME-f0 to NAME-f4, which hold out each image of train and val once. They
are assessed together on the images that they hold out (``[held-out.NAME]`` compares such candidates), and as a
mean on the test split if there is a ``[mean.NAME]``. No single one is scored on test. A mean with ``test = false``
was not chosen: only its held-out results are shown, and test is not used.

A run with a ``teacher`` learns from another candidate of FOLDER with the same folds (or seeds). Each fold learns
from the predictions of the teacher's run on the same fold for its training images, so neither has seen the fold.

A mean may also average means and ``[files]``, each as it is. With a file it has no held-out predictions, so only
those of its members are shown.

``[files]`` names earlier predictions for the test split, for comparisons: by their path from the project's root,
or as ``COMMIT:PATH`` when they are only in its history. ``[published]`` has F1 by class as reported by others, and
their name under ``words``. With ``--audit FOLDER`` (written by ``dermbench data audit DATASET --out FOLDER``)
every candidate is also evaluated without the test images that have a near-duplicate in another split.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd

from dermbench.artifacts import read_dataset

STEPS = ("train", "predict", "eval", "compare")
COLUMNS = (
    ("accuracy", "accuracy"),
    ("macro-F1", "macro_f1"),
    ("weighted F1", "weighted_f1"),
    ("κ", "cohen_kappa"),
)
SECTIONS = (
    "Rank bands",
    "All images",
    "Several seeds",
    "Fitzpatrick skin type: accuracy",
    "Fitzpatrick skin type: worst group",
)
"""Sections of a comparison that are shown."""
HEAD = (
    "| candidate | val macro-F1 | "
    + " | ".join(name for name, _ in COLUMNS)
    + " | worst skin type (n) | gap in accuracy | chance alone, median | verdict | minutes | test scored |"
)
PROJECT = Path(__file__).parents[1]
HELD_OUT_MARK = "¹"
HELD_OUT_NOTE = "¹ of all images of train and val, each by the runs that have not seen it; unlike `val`."
HEADER = 2
"""Lines of a table before its first row."""
HEAD_HELD_OUT = HEAD.replace("val macro-F1", "n").replace(" test scored |", "")


def dermbench(*words: object) -> None:
    """Run a command of dermbench; exit if it fails."""
    command = [sys.executable, "-m", "dermbench", *map(str, words)]
    print("$", " ".join(command[2:]), flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Bench:
    """One specification, one dataset, one folder of runs."""

    def __init__(self, spec: Path, data: Path, runs: Path, audit: Path | None = None) -> None:
        self.spec = tomllib.loads(spec.read_text(encoding="utf-8"))
        self.data, self.runs, self.audit = data, runs, audit
        self.teaching = Lock()
        runs.mkdir(parents=True, exist_ok=True)

    def seeds(self, name: str) -> list[str]:
        """Return the names of a candidate's runs, one for each seed or fold; a mean or file has only its own."""
        if name in self.spec.get("mean", {}) or name in self.spec.get("files", {}):
            return [name]
        entry = self.spec["run"][name]
        if "folds" in entry:
            return [f"{name}-f{fold}" for fold in range(entry["folds"])]
        return [f"{name}-s{seed}" for seed in entry["seeds"]]

    def folds(self, name: str) -> int:
        """Return the number of folds of a candidate, or of the members of a mean; 0 without folds."""
        if name in self.spec.get("mean", {}):
            members = self.spec["mean"][name]["of"]
            names = (member if self.is_file(member) else member.rpartition("-")[0] for member in members)
            return max(map(self.folds, names), default=0)
        if name in self.spec.get("files", {}):
            return 0
        return int(self.spec["run"].get(name, {}).get("folds", 0))

    def is_file(self, member: str) -> bool:
        """Return whether a member of a mean is itself a mean or a file."""
        return member in self.spec.get("mean", {}) or member in self.spec.get("files", {})

    def is_judged(self, of: list[str]) -> bool:
        """Return whether held-out images of all members are known: for runs, or means with the same folds."""
        files = [self.is_file(member) for member in of]
        return not any(files) or (all(files) and len({self.folds(member) for member in of}) == 1)

    def tested(self, name: str) -> bool:
        """Return whether a candidate is scored on the test split."""
        return bool(self.spec.get("mean", {}).get(name, {}).get("test", True))

    def train(self, name: str, run: str) -> None:
        """Train a run of a candidate unless it is finished; a mean has no runs of its own."""
        entry = self.spec.get("run", {}).get(name)
        record = self.runs / run / "run.json"
        if entry is None or self.is_trained(record):
            return
        sets = chain.from_iterable(("--set", text) for text in entry["set"])
        again = ("--resume",) if record.is_file() else ("--preset", entry["preset"], *sets)
        seed: tuple[str, ...] = ()
        if again != ("--resume",):
            last = run.rpartition("-")[2][1:]
            cut = ("--set", f"folds={entry['folds']}", "--set", f"fold={last}") if self.folds(name) else ()
            seed = (*cut, "--seed", str(entry.get("seed", 0)) if cut else last)
            if entry.get("teacher"):
                file = json.dumps(str(self.taught(name, run).resolve()))
                seed = (*seed, "--set", f"method_options.distill_teacher={file}")
        dermbench("train", "--data", self.data, "--out", self.runs / run, *again, *seed)

    def taught(self, name: str, run: str) -> Path:
        """Return the teacher's predictions for the training images of a run, which are made once."""
        teacher = f"{self.spec['run'][name]['teacher']}-{run.rpartition('-')[2]}"
        file = self.file(teacher, "trained")
        with self.teaching:
            if not file.is_file():
                if not self.is_trained(self.runs / teacher / "run.json"):
                    raise SystemExit(f"[run.{name}]: {self.runs / teacher}: its teacher is not trained")
                words = ("--data", self.data, "--split", "trained", "--out", file)
                dermbench("predict", self.runs / teacher, *words)
        return file

    @staticmethod
    def is_trained(record: Path) -> bool:
        """Return whether a run record says that its run is finished."""
        return record.is_file() and json.loads(record.read_text(encoding="utf-8"))["status"] == "finished"

    def predict(self, name: str, run: str) -> None:
        """Predict the test split once, and log it; means of runs also predict ``val``, for the choice.

        Runs on folds only predict, together, the images that they hold out.
        """
        if name in self.spec["run"] and self.folds(name):
            if run == self.seeds(name)[0]:
                self.predict_held_out(name)
            return
        mean = self.spec.get("mean", {}).get(name)
        of = mean["of"] if mean else [run]
        trained = (self.is_file(member) or self.is_trained(self.runs / member / "run.json") for member in of)
        if not all(trained):
            print(f"not predicted, since not all of it is trained: {run}", flush=True)
            return
        options = mean["options"] if mean else ["--calibrate"]
        unseen = self.members(of, "val") if mean and self.is_judged(of) else []
        if unseen and not self.file(run, "val").is_file() and all(member.exists() for member in unseen):
            plain = [word for word in options if word != "--calibrate"]
            pool = "train+val" if self.is_file(of[0]) else "held-out"
            split = pool if self.folds(name) else "val"
            words = ("--data", self.data, "--split", split, "--out", self.file(run, "val"))
            dermbench("predict", *unseen, *words, *plain)
        members = self.members(of)
        if self.tested(name) and not self.file(run).is_file():
            if missing := [str(member) for member in members if not member.exists()]:
                raise SystemExit(
                    f"[mean.{name}]: not predicted: {', '.join(missing)} (named later, or test = false)"
                )
            dermbench("predict", *members, "--data", self.data, "--out", self.file(run), *options)
            with (self.runs / "test-split.csv").open("a", encoding="utf-8") as log:
                log.write(f"{run},{time.strftime('%Y-%m-%dT%H:%M:%S')}\n")

    def members(self, of: list[str], split: str = "test") -> list[Path]:
        """Return the run folders of a mean, or the predictions for a split of members that are means."""
        return [self.file(name, split) if self.is_file(name) else self.runs / name for name in of]

    def predict_held_out(self, name: str) -> None:
        """Predict the images that the runs of all folds hold out."""
        members = [self.runs / run for run in self.seeds(name)]
        if self.file(name, "val").is_file() or not all(self.is_trained(m / "run.json") for m in members):
            return
        words = ("--data", self.data, "--split", "held-out", "--out", self.file(name, "val"))
        dermbench("predict", *members, *words)

    def eval(self, name: str, run: str) -> None:
        """Evaluate the test predictions of a run, and also those for ``val`` of a mean."""
        if name in self.spec["run"] and self.folds(name):
            if run != self.seeds(name)[0]:
                return
            run = name
        split = "train+val" if self.folds(name) else "val"
        resamples = ("--resamples", 99) if name in self.spec.get("mean", {}) and self.tested(name) else ()
        for file, out, words in (
            (self.file(run), self.runs / f"{run}.json", ()),
            (self.file(run, "val"), self.runs / f"{run}.val.json", ("--split", split, *resamples)),
        ):
            if file.is_file() and (not out.is_file() or out.stat().st_mtime < file.stat().st_mtime):
                dermbench("eval", file, "--data", self.data, "--out", out, *words)

        if self.audit and self.file(run).is_file():
            self.eval_apart(run, self.audit)

    def eval_apart(self, run: str, audit: Path) -> None:
        """Evaluate test predictions without images that have a near-duplicate in another split."""
        out, file = self.runs / f"{run}.apart.json", self.file(run)
        if out.is_file() and out.stat().st_mtime > file.stat().st_mtime:
            return
        found = json.loads((audit / "audit.json").read_text(encoding="utf-8"))
        dataset = read_dataset(self.data)
        if found["dataset_digest"] != dataset.info.digest:
            raise SystemExit(f"{audit}/audit.json is of another dataset than {self.data}; make it with data audit")
        leaked = {image for leak in found["leaks"] for image in leak["images"]}
        rows = dataset.manifest[(dataset.manifest["split"] == "test") & ~dataset.manifest["image_id"].isin(leaked)]
        truth, predictions = self.runs / f"{run}.apart.truth.csv", self.runs / f"{run}.apart.csv"
        rows[["image_id", "label", "fst"]].to_csv(truth, index=False)
        table = pd.read_parquet(file)
        table[table["image_id"].isin(rows["image_id"])].to_csv(predictions, index=False)
        classes = ",".join(dataset.info.classes)
        dermbench("eval", predictions, "--truth", truth, "--classes", classes, "--out", out)

    def compare(self, names: list[str]) -> None:
        """Compare the candidates of each ``[compare.NAME]`` whose candidates are all among ``names``."""
        for name, entry in self.spec.get("compare", {}).items():
            if not set(entry["of"]) <= {*names, *self.spec.get("files", {})}:
                print(f"not compared, since not all of it is chosen: {name}", flush=True)
                continue
            files = [
                f"{candidate}{'' if run == candidate else '@' + run.rpartition('-s')[2]}={self.file(run)}"
                for candidate in entry["of"]
                for run in self.seeds(candidate)
            ]
            metrics = chain.from_iterable(("--metric", metric) for metric in entry["metrics"])
            out = self.runs / f"compare-{name}"
            dermbench(
                "compare", *files, "--data", self.data, "--baseline", entry["baseline"], *metrics, "--out", out
            )

        for name, entry in self.spec.get("held-out", {}).items():
            if not set(entry["of"]) <= set(names):
                continue
            files = [f"{candidate}={self.file(candidate, 'val')}" for candidate in entry["of"]]
            metrics = chain.from_iterable(("--metric", metric) for metric in entry["metrics"])
            words = ("--split", "train+val", "--baseline", entry["baseline"], *metrics)
            dermbench("compare", *files, "--data", self.data, *words, "--out", self.runs / f"held-out-{name}")

    def file(self, run: str, split: str = "test") -> Path:
        """Return the path of the predictions of a run for a split."""
        if run in self.spec.get("files", {}) and split == "test":
            return self.earlier(run)
        return self.runs / (f"{run}.parquet" if split == "test" else f"{run}.{split}.parquet")

    def earlier(self, name: str) -> Path:
        """Return the path of predictions of ``[files]``; those of an earlier commit are copied once."""
        commit, _, path = self.spec["files"][name].rpartition(":")
        if not commit:
            return PROJECT / path
        kept = self.runs / f"{name}.of-{commit}{Path(path).suffix}"
        if not kept.is_file():
            command = ["git", "-C", str(PROJECT), "show", f"{commit}:{path}"]
            kept.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return kept

    def held_out_table(self, names: list[str]) -> list[str]:
        """Return the lines of the table of held-out results."""
        folded = [
            name for name in names if self.folds(name) and (name in self.spec["run"] or not self.tested(name))
        ]
        made = [name for name in folded if (self.runs / f"{name}.val.json").is_file()]
        if not made:
            return []
        lines = ["", "## Held out: each image of train and val by the run that has not seen it", ""]
        lines += [HEAD_HELD_OUT, "|---|--:|" + "--:|" * len(COLUMNS) + "---|--:|--:|---|--:|"]
        for name in made:
            report = json.loads((self.runs / f"{name}.val.json").read_text(encoding="utf-8"))
            if name in self.spec["run"]:
                words = f"{self.spec['run'][name]['words']}, {self.folds(name)} folds"
                minutes = f"{sum(float(self.val(run)[1]) for run in self.seeds(name)):.0f}"
            else:
                words, minutes = f"{self.spec['mean'][name]['words']}: not chosen, not scored on test", "-"
            lines.append(f"| {words} | {report['n']:,} | {' | '.join(cells(report))} | {minutes} |")
        return lines

    def apart_table(self, names: list[str]) -> list[str]:
        """Return the lines of the table of results on test images without a near-duplicate."""
        lines: list[str] = []
        for name in names:
            for run in self.seeds(name):
                file = self.runs / f"{run}.apart.json"
                if self.audit and file.is_file():
                    report = json.loads(file.read_text(encoding="utf-8"))
                    lines.append(f"| {run} | {report['n']:,} | {' | '.join(cells(report))} |")
        head = [HEAD_HELD_OUT.removesuffix(" minutes |"), "|---|--:|" + "--:|" * len(COLUMNS) + "---|--:|--:|---|"]
        title = "## Without the test images that have a near-duplicate in train or val"
        return ["", title, "", *head, *lines] if lines else []

    def row(self, name: str, run: str, words: str, scored: Counter[str]) -> str:
        """Return a line of the table; held-out results of a mean of runs on folds are not ``val``, and marked."""
        val, minutes = self.val(run)
        mark = HELD_OUT_MARK if self.folds(name) else ""
        known = "\N{EN DASH}" if val is None else f"{val:.2f}{mark}"
        return f"| {words} | {known} | {' | '.join(cells(self.report(run)))} | {minutes} | {scored[run]} |"

    def report(self, run: str) -> dict[str, Any]:
        """Return the report of a run on the test split."""
        report: dict[str, Any] = json.loads((self.runs / f"{run}.json").read_text(encoding="utf-8"))
        return report

    def val(self, run: str) -> tuple[float | None, str]:
        """Return macro-F1 on ``val``, None if unknown, and minutes of training."""
        record = self.runs / run / "run.json"
        if not record.is_file():
            if not (self.runs / f"{run}.val.json").is_file():
                return None, "-"
            report = json.loads((self.runs / f"{run}.val.json").read_text(encoding="utf-8"))
            return report["overall"]["macro_f1"]["value"], "-"
        run_record = json.loads(record.read_text(encoding="utf-8"))
        seconds, history = run_record["seconds"], pd.read_csv(record.with_name("history.csv"))
        if "seconds" in history:  # older records of resumed runs have only the time of the last process
            seconds["train"] = max(seconds["train"], history["seconds"].sum())
        minutes = sum(seconds.values()) / 60
        return run_record["scores"]["val_macro_f1"], f"{minutes:.1f}"

    def table(self, names: list[str]) -> list[str]:
        """Return the lines of the table of all candidates with a report."""
        log = self.runs / "test-split.csv"
        made = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
        scored = Counter(line.partition(",")[0] for line in made)
        lines = [HEAD, "|---|" + "--:|" * 5 + "---|--:|--:|---|--:|--:|"]
        for name in names:
            words = {**self.spec.get("run", {}), **self.spec.get("mean", {})}[name]["words"]
            for run in self.seeds(name):
                if (self.runs / f"{run}.json").is_file():
                    seed = f", seed {run.rpartition('-s')[2]}" if run != name else ""
                    lines.append(self.row(name, run, f"{words}{seed}", scored))
        if len(lines) == HEADER:
            return ["Nothing here was scored on test."]
        return [*lines, *(["", HELD_OUT_NOTE] if any(HELD_OUT_MARK in line for line in lines) else [])]

    def page(self, names: list[str]) -> list[str]:
        """Return the lines of the page: texts of the specification, tables, comparisons, the best by class."""
        lines = [f"# {self.spec['title']}", "", self.spec["about"].strip(), "", *self.table(names)]
        lines += self.held_out_table(names) + self.apart_table(names)
        compared = [f"compare-{name}" for name in self.spec.get("compare", {})]
        for name in [*compared, *(f"held-out-{name}" for name in self.spec.get("held-out", {}))]:
            made = self.runs / name / "comparison.md"
            if made.is_file():
                parts = made.read_text(encoding="utf-8").split("\n## ")
                kept = [part for part in parts if part.startswith(SECTIONS)]
                where = " on what folds hold out" if name.startswith("held-out-") else ""
                lines += ["", f"## Compared{where}: {name.removeprefix('held-out-').removeprefix('compare-')}"]
                lines += [line for part in kept for line in ("", *f"### {part}".rstrip().splitlines())]
        runs = [run for name in names for run in self.seeds(name) if (self.runs / f"{run}.json").is_file()]
        if not runs:
            return lines
        folded = [run for run in runs if run in self.spec.get("mean", {}) and self.folds(run)]
        best = max(folded or runs, key=lambda run: self.val(run)[0] or 0.0)
        where = "on what folds hold out" if folded else "on val"
        lines += ["", f"## By class: {best}, the best macro-F1 {where}", ""]
        return lines + self.by_class(best)

    def by_class(self, run: str) -> list[str]:
        """Return the lines of the table of classes, with values that others reported."""
        published = dict(self.spec.get("published", {}))
        found = self.report(run)["per_class"]
        more = [f" F1, {published.pop('words')} |"] if published else []
        if unknown := sorted({*published} - {*found}):
            raise SystemExit(f"[published] names no class of the task: {', '.join(unknown)}")
        lines = ["".join(["| class | n | F1 |", *more]), "".join(["|---|--:|--:|", *("--:|" for _ in more)])]
        for label, cell in sorted(found.items(), key=lambda item: -item[1]["f1"]["value"]):
            other = [f" {published[label]:.2f} |" if label in published else " |" for _ in more]
            lines.append("".join([f"| {label} | {cell['support']} | {interval(cell['f1'])} |", *other]))
        return lines


def cells(report: dict[str, Any]) -> list[str]:
    """Return the cells of a report in a table."""
    found = [interval(report["overall"][metric]) for _, metric in COLUMNS]
    gap = report["features"]["fst"]["disparities"]["accuracy"]
    worst = gap["raw"]["worst_group"]
    group = report["features"]["fst"]["groups"][worst]
    most = "" if gap["high"] is None else f"{gap['high']:.2f}"
    wide = f"{gap['gap']:.2f} [{gap['low']:.2f}, {most}]"
    chance = f"{gap['chance']:.2f}"
    return [*found, f"{worst} {interval(group['accuracy'])} ({group['n']})", wide, chance, gap["verdict"]["text"]]


def interval(cell: dict[str, float]) -> str:
    """Return a value with its 95 % interval if it has one."""
    if "low" not in cell:
        return f"{cell['value']:.2f}"
    return f"{cell['value']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]"


def main() -> None:
    """Do the remaining steps of the chosen candidates, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--audit", type=Path, help="folder that `dermbench data audit --out` has written")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--steps", nargs="*", choices=STEPS, default=STEPS)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--out", type=Path, help="write the page here instead of printing it")
    chosen = parser.parse_args()
    if chosen.audit and not (chosen.audit / "audit.json").is_file():
        parser.error(f"no audit.json in {chosen.audit}: dermbench data audit DATASET --out {chosen.audit}")
    bench = Bench(chosen.spec, chosen.data, chosen.runs, chosen.audit)
    names = chosen.only or [*bench.spec.get("run", {}), *bench.spec.get("mean", {})]
    runs = [(name, run) for name in names for run in bench.seeds(name)]
    later = [
        run for run in runs if any(map(bench.is_file, bench.spec.get("mean", {}).get(run[0], {}).get("of", ())))
    ]
    sooner = [run for run in runs if run not in later]
    taught = [run for run in sooner if bench.spec.get("run", {}).get(run[0], {}).get("teacher")]
    for step, group in (
        ("train", [run for run in sooner if run not in taught]),
        ("train", taught),
        ("predict", sooner),
        *(("predict", [run]) for run in later),
        ("eval", runs),
    ):
        with ThreadPoolExecutor(chosen.jobs) as pool:
            done = [pool.submit(getattr(bench, step), *run) for run in group if step in chosen.steps]
        for future in done:
            future.result()
    if "compare" in chosen.steps:
        bench.compare(names)
    text = "\n".join(bench.page(names)) + "\n"
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
