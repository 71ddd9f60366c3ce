"""The tables of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dermbench.reporting.frames.cells import REASON
from dermbench.reporting.frames.frame import Frame, Value, counts, flags, numbers, texts

if TYPE_CHECKING:
    from dermbench.artifacts.plan import Plan

Rows = Iterator[tuple[Value, ...]]

QUESTION = (*texts(question="drop or margin"), *numbers(amount="size of the drop or margin"))
POWER = (
    *numbers(power="power", error="Monte-Carlo error of the power"),
    *counts(sets="simulated test sets"),
    *REASON,
)


def _groups(plan: Plan) -> Rows:
    for name, group in plan.groups.items():
        yield None, None, name, group.units, group.images
    for size in plan.sizes:
        for name, group in size.groups.items():
            yield size.question, size.amount, name, group.units, group.images


def _sizes(plan: Plan) -> Rows:
    for size in plan.sizes:
        yield plan.group, size.question, size.amount, size.units, size.power, size.error, size.sets, size.reason


def _drops(plan: Plan) -> Rows:
    for item in plan.drops:
        asked = (item.group, item.drop, item.asked, item.chance)
        yield *asked, item.power, item.error, item.sets, item.reason


def _margin(plan: Plan) -> Rows:
    if (found := plan.margin) is not None:
        yield found.margin, found.chance, found.error, found.sets, found.reachable, found.reason


def _curves(plan: Plan) -> Rows:
    for curve in plan.curves:
        about = (curve.question, curve.amount, curve.group, curve.axis)
        for point in curve.points:
            yield *about, point.x, point.power, False, None
        for dot in curve.simulated:
            yield *about, dot.x, dot.power, True, dot.sets


_ALL: tuple[Frame[Plan], ...] = (
    Frame(
        "groups",
        "a group of the test set; with a question, of the test set that answers it",
        (*QUESTION, *texts(group="group"), *counts(units="patients, lesions or images", images="images")),
        _groups,
    ),
    Frame(
        "sizes",
        "how many units a new study needs for one question",
        (*texts(group="group asked about"), *QUESTION, *counts(units="units of the group needed"), *POWER),
        _sizes,
    ),
    Frame(
        "drops",
        "the smallest drop of one group that a test set finds",
        (
            *texts(group="group"),
            *numbers(
                drop="smallest drop found with the wanted power",
                asked="drop that was asked about",
                chance="power to find the drop that was asked about",
            ),
            *POWER,
        ),
        _drops,
    ),
    Frame(
        "margin",
        "what a test set can say about a margin when no group differs",
        (
            *numbers(
                margin="margin",
                chance="share of test sets whose limit at most is below the margin",
                error="Monte-Carlo error of chance",
            ),
            *counts(sets="simulated test sets"),
            *numbers(reachable="the limit at most does not exceed this in the wanted share of test sets"),
            *REASON,
        ),
        _margin,
    ),
    Frame(
        "curves",
        "the power at one number of units or one drop",
        (
            *QUESTION,
            *texts(group="group", axis="quantity of x: units or drop"),
            *numbers(x="units or drop", power="power"),
            *flags(simulated="simulated; otherwise the corrected closed form"),
            *counts(sets="simulated test sets"),
        ),
        _curves,
    ),
)
PLAN_FRAMES = {frame.name: frame for frame in _ALL}
"""{name: table} of a plan, in reading order."""
