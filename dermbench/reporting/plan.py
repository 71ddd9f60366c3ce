"""Show a plan as titled tables, in the terminal and in markdown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE, counted, decimal, feature_words, group_words
from dermbench.reporting.markdown import markdown_section
from dermbench.reporting.names import metric_title
from dermbench.reporting.section import Column, Section
from dermbench.reporting.terminal import print_section
from dermbench.reporting.text import PROSE_LIMIT, Safe, markdown_text, plain

if TYPE_CHECKING:
    from rich.console import Console

    from dermbench.artifacts.plan import Curve, Glance, MarginAnswer, Plan, SizeAnswer

ENOUGH = 0.99
"""The table of powers ends where every group has this power."""
FOUND = "A drop counts as found when the verdict on the primary gap is a disparity."
SHOWN_BELOW = (
    "A margin counts as shown when the upper limit of the gap (at most) is below it. The report withholds this "
    "verdict if the recall of some class differs between groups; if no group differs, this happens in at most 5 % "
    "of test sets."
)
OF_POSITIVE = (
    "With positive classes it also withholds the verdict while the gap in sensitivity may reach the margin: plan "
    "for that with --metric sensitivity."
)


def plan_sections(plan: Plan) -> list[Section]:
    """Return the tables of a plan in reading order."""
    answers = _study(plan) if plan.kind == "new_study" else _test_set(plan)
    return [answers, *_curves(plan)]


def plan_markdown(plan: Plan, *, figure: str | None = None) -> str:
    """Return ``plan.md``: answers, the curve, assumptions.

    Parameters
    ----------
    plan
        The plan.
    figure
        File name of a figure beside the file.
    """
    lines = [f"# {markdown_text(_title(plan))}", ""]
    first, *rest = plan_sections(plan)
    lines += markdown_section(first)
    if figure is not None:
        lines += [f"![{markdown_text(figure)}]({figure})", ""]
    for section in rest:
        lines += markdown_section(section)
    lines += ["## Assumptions", "", *(f"- {markdown_text(text, limit=PROSE_LIMIT)}" for text in assumptions(plan))]
    return "\n".join([*lines, ""])


def print_plan(plan: Plan, console: Console) -> None:
    """Print answers and assumptions; the curve is in ``plan.md``."""
    from rich.text import Text  # noqa: PLC0415 - only the terminal needs it

    console.print(Text(plain(_title(plan)), style="bold"))
    console.print()
    for section in plan_sections(plan):
        if not section.detail:
            print_section(section, console)
            console.print()
    for text in assumptions(plan):
        console.print(Text(f"- {plain(text, limit=PROSE_LIMIT)}", style="dim"))


def _title(plan: Plan) -> str:
    where = "a new study" if plan.task is None else f"{plan.task}, {plan.split}"
    if plan.kind == "test_set" and plan.task is None:
        where = "a test set"
    return f"Plan for {where}: {metric_title(plan.metric)} by {_feature(plan)}"


def _feature(plan: Plan) -> str:
    return "group" if plan.feature == "group" else feature_words(plan.feature)


def assumptions(plan: Plan) -> list[str]:
    """Return the assumptions behind the answers, in sentences."""
    assumed = plan.assumptions
    title = metric_title(plan.metric)
    counted_images = [] if plan.metric == "accuracy" else [f"Images: only those that count for {title}."]
    found = [
        *counted_images,
        f"Assumed: {title} is {decimal(assumed.rate)} in every class and, apart from the drop, in every group.",
    ]
    if assumed.correlation is not None:
        mean = f"{assumed.images_per_unit:.3g} images per {plan.unit} on average"
        mean += ", in geometric numbers" if assumed.images_vary else ""
        found.append(
            f"Assumed: {mean}; the answers for two images of a {plan.unit} have a correlation of "
            f"{decimal(assumed.correlation)} (beta-binomial)."
        )
    elif plan.unit == "image":
        found.append("Assumed: images are independent; the truth has no column of patients or lesions.")
    else:
        found.append(f"Assumed: one image per {plan.unit}.")
    if plan.kind == "new_study" and plan.metric == "sensitivity":
        found.append(f"Only positive {plan.unit}s are counted here: divide by their share for the total.")
    if plan.kind == "new_study":
        found.append("Assumed: all groups have the same mix of classes.")
    found += [f"{FOUND} Only one group has the drop; all contrasts of the feature are tested together."]
    if plan.margin is not None or any(size.question == "margin" for size in plan.sizes):
        found += [SHOWN_BELOW, *([OF_POSITIVE] if plan.metric == "accuracy" else [])]
    sets = sum(size.sets for size in plan.sizes) + sum(drop.sets for drop in plan.drops)
    sets += plan.margin.sets if plan.margin else 0
    found.append(
        f"{sets:,} simulated test sets, {plan.provenance.permutations} permutations each, seed "
        f"{plan.provenance.seed}; ± is one Monte-Carlo standard error. Target power: {decimal(plan.power)}."
    )
    return [*found, *plan.notes]


def _study(plan: Plan) -> Section:
    unit = {"sensitivity": "positive ", "specificity": "negative "}.get(plan.metric, "") + plan.unit
    columns = (
        Column("question", left=True),
        Column(f"{unit}s of {group_words([plan.group or ''])}"),
        Column("their images"),
        Column("other groups", left=True),
        Column(f"{unit}s in all"),
        Column("power"),
    )
    rows = []
    for size in plan.sizes:
        own = size.groups[plan.group or ""]
        known = size.units is not None
        cells = (f"{size.units:,}", f"{own.images:,}") if known else (NONE, NONE)
        total = f"{sum(part.units for part in size.groups.values()):,}" if known else NONE
        power = Safe(_power(size.power, size.error))
        rows.append((Safe(_question(size)), *map(Safe, cells), _others(plan, size), Safe(total), power))
    return Section(
        "How large the study must be",
        columns,
        tuple(rows),
        sentences=tuple(_sentence(plan, s) for s in plan.sizes),
    )


def _question(size: SizeAnswer) -> str:
    words = "find a drop of" if size.question == "drop" else "show that any gap is below"
    return f"{words} {decimal(size.amount)}"


def _others(plan: Plan, size: SizeAnswer) -> str:
    others = {name: part.units for name, part in size.groups.items() if name != plan.group}
    if size.units is None and plan.growth != "others_fixed":
        return NONE
    if len(set(others.values())) == 1:
        return f"{next(iter(others.values())):,} each"
    return ", ".join(f"{name} {n:,}" for name, n in others.items())


def _sentence(plan: Plan, size: SizeAnswer) -> str:
    group = group_words([plan.group or ""])
    if size.question == "drop":
        what = f"To find a drop of {decimal(size.amount)} in {group} with {100 * plan.power:.0f} % power"
    else:
        below = decimal(size.amount)
        what = f"To show with {100 * plan.power:.0f} % power that any gap is below {below} when there is none"
    if size.units is None:
        return f"{what}: {size.reason}; the power there is {_power(size.power, size.error)}."
    how = {
        "equal": f", and as many of every other group ({counted(len(size.groups), 'group')} in all)",
        "others_fixed": ", with the other groups as they are",
        "in_proportion": ", with the other groups in proportion",
        None: "",
    }[plan.growth]
    closed = "" if size.reason is None else f" ({size.reason})"
    return f"{what}: {counted(size.units, plan.unit)} of {group}{how}{closed}."


def _power(power: float, error: float | None) -> str:
    return decimal(power) if error is None else f"{decimal(power)} ± {decimal(error, digits=3)}"


def _test_set(plan: Plan) -> Section:
    asked = plan.drops[0].asked
    columns = (
        Column("group", left=True),
        Column("images"),
        *(() if plan.unit == "image" else (Column(f"{plan.unit}s"),)),
        Column("smallest drop found"),
        Column("power"),
        Column(f"chance to find {decimal(asked)}"),
    )
    rows = []
    for answer in plan.drops:
        part = plan.groups[answer.group]
        units = () if plan.unit == "image" else (f"{part.units:,}",)
        drop = NONE if answer.drop is None else _up(answer.drop)
        power = _power(answer.power, answer.error)
        rows.append((answer.group, *map(Safe, (f"{part.images:,}", *units, drop, power, decimal(answer.chance)))))
    return Section("What this test set can show", columns, tuple(rows), sentences=tuple(_said(plan)))


def _said(plan: Plan) -> list[str]:
    none = [answer for answer in plan.drops if answer.drop is None]
    power = f"{100 * plan.power:.0f} % power"
    reasons = {str(answer.reason): [a.group for a in none if a.reason == answer.reason] for answer in none}
    found = [f"No drop in {group_words(groups)} is found with {power} ({why})." for why, groups in reasons.items()]
    known = [(a.drop, a) for a in plan.drops if a.drop is not None]
    if known:
        drop, worst = max(known, key=lambda pair: pair[0])
        part = plan.groups[worst.group]
        units = "" if plan.unit == "image" else f" of {counted(part.units, plan.unit)}"
        size = f"{counted(part.images, 'image')}{units}"
        found.append(
            f"A drop of {_up(drop)} or more in {metric_title(plan.metric)} for {group_words([worst.group])} "
            f"({size}) is found with at least {power}."
        )
    return found if plan.margin is None else [*found, _margin(plan.margin)]


def _margin(answer: MarginAnswer) -> str:
    if answer.reason is not None:
        return f"That any gap is below {decimal(answer.margin)} cannot be shown: {answer.reason}."
    chance = f"in {_power(answer.chance, answer.error)} of test sets"
    if answer.chance == 0:
        chance = f"in none of {answer.sets:,} simulated test sets"
    reach = "" if answer.reachable is None else f"; in 80 % of them it is at most {_up(answer.reachable)}"
    return f"If no group differs, the upper limit of the gap is below {decimal(answer.margin)} {chance}{reach}."


def _up(value: float) -> str:
    """Return a number rounded up to two decimals."""
    return decimal(math.ceil(round(100 * value, 6)) / 100)


def _curves(plan: Plan) -> list[Section]:
    if plan.kind == "new_study":
        return [_by_units(plan, curve) for curve in plan.curves]
    return [_by_drop(plan)] if plan.curves else []


def _by_units(plan: Plan, curve: Curve) -> Section:
    what = "find a drop of" if curve.question == "drop" else "show that any gap is below"
    title = f"Power to {what} {decimal(curve.amount or 0.0)}"
    rows = tuple((Safe(f"{p.x:,.0f}"), Safe(decimal(p.power))) for p in curve.points[::2])
    columns = (Column(f"{plan.unit}s of {group_words([curve.group])}"), Column("power"))
    return Section(title, columns, rows, detail=True)


def _by_drop(plan: Plan) -> Section:
    """Return power by drop and group, in steps of .05, up to a power of .99 in every group."""
    powers = [{round(p.x, 3): p.power for p in curve.points} for curve in plan.curves]
    rows = []
    for place in sorted(set().union(*powers))[1::2]:
        found = [power.get(place) for power in powers]
        rows.append((Safe(decimal(place)), *(Safe(NONE if p is None else decimal(p)) for p in found)))
        if all(p is not None and p >= ENOUGH for p in found):
            break
    columns = (Column("drop"), *(Column(group_words([curve.group])) for curve in plan.curves))
    return Section("Power by drop", columns, tuple(rows), detail=True)


def glance_sentence(glance: Glance) -> str:
    """Return one sentence about the drop that a test split can show."""
    title, group = metric_title(glance.metric), group_words([glance.group])
    units = "" if glance.unit == "image" else f" of {counted(glance.units, glance.unit)}"
    kind = {"sensitivity": "positive image", "specificity": "negative image"}.get(glance.metric, "image")
    of = f"{group} ({counted(glance.images, kind)}{units})"
    drop = "no drop" if glance.drop is None else f"a drop of {_up(glance.drop)}"
    rate = decimal(glance.rate)
    return f"This test split finds {drop} in {title} for {of} with 80 % power, if {title} is {rate} otherwise."
