"""Result objects of ``evaluate``, ``compare`` and ``plan``: show, save, draw, or take out tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dermbench.artifacts.outputs import document_path
from dermbench.reporting.compared.tables import comparison_markdown
from dermbench.reporting.export import FIGURES, LATEX, csv_files, export_kinds, write_together
from dermbench.reporting.frames import COMPARISON_FRAMES, PLAN_FRAMES, REPORT_FRAMES, choose_frame
from dermbench.reporting.latex import comparison_latex, report_latex
from dermbench.reporting.markdown import to_markdown
from dermbench.reporting.one_line import comparison_line, plan_line, report_line
from dermbench.reporting.pages.comparison_html import comparison_html
from dermbench.reporting.pages.notebook import comparison_fragment, plan_fragment, report_fragment
from dermbench.reporting.pages.report_html import to_html
from dermbench.reporting.plan import plan_markdown
from dermbench.reporting.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from dermbench.artifacts.comparison import Comparison
    from dermbench.artifacts.plan import Plan
    from dermbench.artifacts.report import Report
    from dermbench.reporting.figures import Drawing


@dataclass(frozen=True, repr=False)
class EvaluationResult(Result):
    """Result of :func:`dermbench.evaluate`: a report with tables, figures and files.

    Attributes
    ----------
    report
        The report: all numbers as typed records.

    Examples
    --------
    >>> import pandas as pd
    >>> import dermbench
    >>> ids = [f"i{k:02}" for k in range(60)]
    >>> truth = pd.DataFrame({"image_id": ids, "label": ["nevus", "melanoma"] * 30, "fst": [1, 1, 5, 5] * 15})
    >>> old = pd.DataFrame({"image_id": ids, "pred": ["nevus", "melanoma", "nevus", "nevus"] * 15})
    >>> result = dermbench.evaluate(old, truth, n_resamples=99)
    >>> result.report.overall["accuracy"].value
    0.75
    >>> screen = result.to_frame("screen")
    >>> screen[["label", "group", "k", "n"]].head(2)
          label group   k   n
    0  melanoma     I  15  15
    1  melanoma     V   0  15
    >>> result.figures[:2]
    ('gap', 'forest-sensitivity')
    >>> figure = result.figure("gap")
    >>> [path.name for path in result.save("report")]
    ['report.html', 'report.md', 'report.json']
    """

    report: Report

    def _line(self) -> str:
        return report_line(self.report)

    def _repr_html_(self) -> str:
        return report_fragment(self.report, report_line(self.report))

    def to_frame(self, name: str) -> pd.DataFrame:
        """Return one table with the full-precision numbers of ``report.json``.

        Parameters
        ----------
        name
            ``metrics``, ``groups``, ``gaps``, ``classes``, ``screen`` (recall by class and group), ``confusion``
            or ``operating_points``; docs/reference/results.md lists the columns. An undefined number is missing,
            and the column ``reason`` says why.

        Raises
        ------
        UsageError
            When there is no table with this name; the message suggests one.
        """
        return choose_frame(REPORT_FRAMES, name).of(self.report)

    def _drawings(self) -> Mapping[str, Drawing]:
        from dermbench.reporting.figures import report_figures  # noqa: PLC0415 - imports matplotlib

        return report_figures(self.report)

    def save(self, out: Path | str, *, export: Sequence[str] = ()) -> list[Path]:
        """Write ``report.json``, ``report.md`` and ``report.html``, as ``dermbench eval --out`` does.

        Parameters
        ----------
        out
            Folder, or ``FILE.json``; the other files are written beside it.
        export
            Further files: ``csv`` (``tables/NAME.csv``, the tables of :meth:`to_frame`), ``latex``
            (``tables.tex``, the tables of ``report.md`` for a paper) and ``figures`` (``figures/NAME.svg`` and
            ``.png``).

        Returns
        -------
        list of pathlib.Path
            The files that were written.

        Raises
        ------
        UsageError
            When ``out`` is a file of another kind, is not writable, or is in use by another process; or when
            ``export`` names an unknown kind.
        """
        target = document_path(out, name="report.json")
        kinds = export_kinds(export)
        tables = csv_files(target.parent, REPORT_FRAMES, self.report) if "csv" in kinds else {}
        if "latex" in kinds:
            tables[target.parent / LATEX] = report_latex(self.report)
        pages = {
            target.with_suffix(".html"): to_html(self.report),
            target.with_suffix(".md"): to_markdown(self.report),
            target: self.report.text(),
        }
        figures = list(self._drawings().values()) if "figures" in kinds else []
        return write_together(target, tables | pages, {target.parent / FIGURES: figures})


@dataclass(frozen=True, repr=False)
class ComparisonResult(Result):
    """Result of :func:`dermbench.compare`: a comparison with tables, figures and files.

    Attributes
    ----------
    comparison
        The comparison: all numbers as typed records.

    Examples
    --------
    >>> import pandas as pd
    >>> import dermbench
    >>> ids = [f"i{k:02}" for k in range(60)]
    >>> truth = pd.DataFrame({"image_id": ids, "label": ["nevus", "melanoma"] * 30, "fst": [1, 1, 5, 5] * 15})
    >>> old = pd.DataFrame({"image_id": ids, "pred": ["nevus", "melanoma", "nevus", "nevus"] * 15})
    >>> new = pd.DataFrame({"image_id": ids, "pred": ["nevus", "melanoma", "nevus", "melanoma"] * 15})
    >>> result = dermbench.compare({"old": old, "new": new}, truth, metrics=["accuracy"], n_resamples=99)
    >>> result.comparison.baseline
    'old'
    >>> result.to_frame("ranks")[["model", "value", "best", "worst"]]
      model  value  best  worst
    0   new   1.00     1      1
    1   old   0.75     2      2
    >>> written = result.save("comparison", export=["csv"])
    """

    comparison: Comparison

    def _line(self) -> str:
        return comparison_line(self.comparison)

    def _repr_html_(self) -> str:
        return comparison_fragment(self.comparison, comparison_line(self.comparison))

    def to_frame(self, name: str) -> pd.DataFrame:
        """Return one table with the full-precision numbers of ``comparison.json``.

        Parameters
        ----------
        name
            ``models``, ``differences``, ``groups``, ``gaps`` or ``ranks``; docs/reference/results.md lists the
            columns. Errors as in :meth:`EvaluationResult.to_frame`.
        """
        return choose_frame(COMPARISON_FRAMES, name).of(self.comparison)

    def _drawings(self) -> Mapping[str, Drawing]:
        from dermbench.reporting.figures import comparison_figures  # noqa: PLC0415 - imports matplotlib

        return comparison_figures(self.comparison)

    def save(self, out: Path | str, *, export: Sequence[str] = ()) -> list[Path]:
        """Write ``comparison.json``, ``.md`` and ``.html``, as ``dermbench compare --out`` does.

        Parameters, return value and errors as in :meth:`EvaluationResult.save`.
        """
        target = document_path(out, name="comparison.json")
        kinds = export_kinds(export)
        tables = csv_files(target.parent, COMPARISON_FRAMES, self.comparison) if "csv" in kinds else {}
        if "latex" in kinds:
            tables[target.parent / LATEX] = comparison_latex(self.comparison)
        figures = list(self._drawings().values()) if "figures" in kinds else []
        shown = [f"{FIGURES}/{drawing.name}.svg" for drawing in figures]
        pages = {
            target.with_suffix(".html"): comparison_html(self.comparison),
            target.with_suffix(".md"): comparison_markdown(self.comparison, figures=shown),
            target: self.comparison.text(),
        }
        return write_together(target, tables | pages, {target.parent / FIGURES: figures})


@dataclass(frozen=True, repr=False)
class PlanResult(Result):
    """Result of :func:`dermbench.plan`: a plan with tables, a figure and files.

    Attributes
    ----------
    plan
        The plan: all numbers as typed records.

    Examples
    --------
    >>> import dermbench
    >>> result = dermbench.plan("VI", drop=0.5)
    >>> result.plan.group
    'VI'
    >>> result.to_frame("groups")["group"].tolist()
    ['I', 'II', 'III', 'IV', 'V', 'VI']
    """

    plan: Plan

    def _line(self) -> str:
        return plan_line(self.plan)

    def _repr_html_(self) -> str:
        return plan_fragment(self.plan, plan_line(self.plan))

    def to_frame(self, name: str) -> pd.DataFrame:
        """Return one table with the full-precision numbers of ``plan.json``.

        Parameters
        ----------
        name
            ``groups``, ``sizes`` (of a new study), ``drops`` and ``margin`` (of a test set) or ``curves``;
            docs/reference/results.md lists the columns. Errors as in :meth:`EvaluationResult.to_frame`.
        """
        return choose_frame(PLAN_FRAMES, name).of(self.plan)

    def _drawings(self) -> Mapping[str, Drawing]:
        from dermbench.reporting.figures import plan_figures  # noqa: PLC0415 - imports matplotlib

        return plan_figures(self.plan)

    def save(self, out: Path | str) -> list[Path]:
        """Write ``plan.json``, ``plan.md`` and the curve ``plan.svg``, as ``dermbench plan --out`` does.

        Parameters, return value and errors as in :meth:`EvaluationResult.save`.
        """
        target = document_path(out, name="plan.json")
        figures = [replace(drawing, name=target.stem) for drawing in self._drawings().values()]
        shown = f"{target.stem}.svg" if figures else None
        pages = {
            target.with_suffix(".md"): plan_markdown(self.plan, figure=shown),
            target: self.plan.text(),
        }
        return write_together(target, pages, {target.parent: figures}, formats=("svg",))
