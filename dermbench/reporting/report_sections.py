"""Registry of the functions that make report sections, each with its place in the reading order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.registry import Registry
from dermbench.reporting.names import feature_title
from dermbench.reporting.section import Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from dermbench.artifacts.report import Feature, Report
    from dermbench.reporting.section import Section

FEATURES_ORDER = 100
"""Place of the sensitive features in the reading order."""


@dataclass(frozen=True)
class FeatureView:
    """One sensitive feature of a report.

    Attributes
    ----------
    report
        The report.
    name
        Name of the feature.
    main
        Whether it is the first feature: its columns are explained, and a short report shows its tables.
    """

    report: Report
    name: str
    main: bool

    @property
    def title(self) -> str:
        """Display name of the feature."""
        return feature_title(self.name)

    @property
    def feature(self) -> Feature:
        """Its record."""
        return self.report.features[self.name]


@dataclass(frozen=True)
class ReportMaker:
    """Maker of sections about the whole report.

    Attributes
    ----------
    order
        Place in the reading order; below :data:`FEATURES_ORDER` to come before the features.
    make
        Function that returns the sections; an empty list if there is nothing to show.
    topic
        Topic of the sections.
    """

    order: int
    make: Callable[[Report], list[Section]]
    topic: Topic = Topic.OTHER


@dataclass(frozen=True)
class FeatureMaker:
    """Maker of sections about each sensitive feature.

    Attributes
    ----------
    order
        Place among the sections of the feature.
    make
        Function that returns the sections of one feature; an empty list if there is nothing to show.
    topic
        Topic of the sections.
    """

    order: int
    make: Callable[[FeatureView], list[Section]]
    topic: Topic = Topic.OTHER


SECTIONS: Registry[ReportMaker | FeatureMaker] = Registry(
    "report section", "dermbench.sections", is_one=lambda item: isinstance(item, ReportMaker | FeatureMaker)
)
"""Makers by name: the modules of ``sections/``, and entry points of the group ``dermbench.sections``."""


def for_report(
    order: int, topic: Topic = Topic.OTHER
) -> Callable[[Callable[[Report], list[Section]]], Callable[[Report], list[Section]]]:
    """Return a decorator that registers a maker of sections of the report, under the function's name."""

    def register(make: Callable[[Report], list[Section]]) -> Callable[[Report], list[Section]]:
        SECTIONS.add(make.__name__, ReportMaker(order, make, topic))
        return make

    return register


def for_feature(
    order: int, topic: Topic = Topic.OTHER
) -> Callable[[Callable[[FeatureView], list[Section]]], Callable[[FeatureView], list[Section]]]:
    """Return a decorator that registers a maker of sections of each feature, under the function's name."""

    def register(make: Callable[[FeatureView], list[Section]]) -> Callable[[FeatureView], list[Section]]:
        SECTIONS.add(make.__name__, FeatureMaker(order, make, topic))
        return make

    return register
