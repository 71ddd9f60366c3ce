"""Summarise an audit in sentences: counts, what they mean and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.artifacts.wording import counted, decimal, enumerated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.artifacts.audit import Audit, ToneTable

NAMED = 3
"""Largest number of cells, kinds or pairs that a sentence names."""
KINDS = {
    "tiny": "with a side below 64 pixels",
    "blank": "blank",
    "blurred": "blurred",
    "text": "mostly text or a drawing",
    "no_skin_colour": "without a colour of skin (another object, a tissue section, coloured light)",
}
"""Kinds of images to look at, in words."""
EITHER = "One of the two labels is wrong, or the classes overlap."


def summary(record: Audit) -> tuple[str, ...]:
    """Return the sentences, most important first."""
    parts = (_images, _pairs, _twins, _leaks, _labels, _types, _cells, _agreement, _looks, _angle, _suspects)
    return tuple(sentence for part in parts for sentence in part(record))


def _images(record: Audit) -> Iterator[str]:
    splits = ", ".join(f"{n:,} {split}" for split, n in record.images.items())
    yield f"{counted(record.n, 'image')} ({splits})."


def _pairs(record: Audit) -> Iterator[str]:
    n = {kind: sum(pair.kind == kind for pair in record.pairs) for kind in ("exact", "verified", "alike")}
    if record.search.verified:
        kinds = f"{n['exact']:,} with equal bytes, {n['verified']:,} confirmed by local features"
        n_pairs = n["exact"] + n["verified"]
        pairs = f"{counted(n_pairs, 'pair')} of images {'shows' if n_pairs == 1 else 'show'}"
        yield f"{pairs} the same photograph or lesion ({kinds}): {_grouped(record)}."
        return
    yield (
        f"{counted(n['exact'], 'pair')} of images with equal bytes: {_grouped(record)}. "
        f"{counted(n['alike'], 'further pair')} only look alike and were not confirmed; most may be wrong. "
        "Install OpenCV (pip install 'dermbench[audit]') to confirm them."
    )


def _grouped(record: Audit) -> str:
    return f"{counted(record.images_in_groups, 'image')} in {counted(record.groups, 'group')}"


def _twins(record: Audit) -> Iterator[str]:
    found = {split: n for split, n in record.twins_of_training.items() if n}
    if not found:
        return
    shares = enumerated(
        f"{n:,} of {record.images[split]:,} {split} images ({n / record.images[split]:.1%})"
        for split, n in reversed(found.items())
    )
    yield (
        f"The split leaks: {shares} show the same photograph or lesion as one of train, so that a model can score "
        "on them by memory. Next: audit with --write-groups, then `eval --data` also scores the images without a "
        "twin; or prepare again with --set duplicates=DATASET/duplicates.parquet, which keeps them in one split."
    )


def _leaks(record: Audit) -> Iterator[str]:
    for column, words in (
        ("patient_id", "patient"),
        ("lesion_id", "lesion"),
        ("duplicate_group", "duplicate group"),
    ):
        n = sum(finding.shares == column for finding in record.leaks)
        if n:
            verb = "has" if n == 1 else "have"
            yield f"The split leaks: {counted(n, words)} {verb} images in more than one split."


def _labels(record: Audit) -> Iterator[str]:
    n = len(record.label_conflicts)
    pairs = [pair for pair in record.pairs if pair.sure and pair.label_differs]
    if n:
        verb = "has" if n == 1 else "have"
        inner = f" ({counted(len(pairs), 'pair')} of duplicates)" if pairs else ""
        what = "lesion or photograph" if n == 1 else "lesions or photographs"
        yield (
            f"{n:,} {what} {verb} more than one label{inner}. {EITHER} Next: look at the pairs in audit.html and "
            "correct the labels at their source."
        )


def _types(record: Audit) -> Iterator[str]:
    known = [pair for pair in record.pairs if pair.sure and None not in pair.tones]
    n = sum(pair.tone_differs for pair in known)
    if n:
        yield (
            f"The skin type differs in {n:,} of {counted(len(known), 'pair')} of the same skin: "
            "annotators differ on one and the same picture."
        )
    others = sum(finding.shares != "duplicates" for finding in record.tone_conflicts)
    if others:
        yield f"{others:,} patients, lesions or groups have more than one skin type."


def _cells(record: Audit) -> Iterator[str]:
    for table in record.tones[:1]:
        known = [group for group in table.groups if group != "unknown"]
        n_cells = len(table.classes) * len(known)
        yield f"{_unknown(table)}Class by {table.feature}: {_empty(table, n_cells)}"
    if not record.tones:
        yield "No column of skin tone: nothing can be said about skin tone with these data."


def _unknown(table: ToneTable) -> str:
    if "unknown" not in table.groups:
        return ""
    at = table.groups.index("unknown")
    n, every = sum(row[at] for row in table.counts), sum(map(sum, table.counts))
    return f"Skin tone ({table.feature}) is unknown for {n:,} of {every:,} images. "


def _empty(table: ToneTable, n_cells: int) -> str:
    if not table.empty and not table.empty_in_test:
        return f"each of the {n_cells:,} cells has images, also in test."
    named = [f"{cell.label} {cell.group}" for cell in (*table.empty, *table.empty_in_test)]
    more = f" and {len(named) - NAMED:,} more" if len(named) > NAMED else ""
    return (
        f"{len(table.empty):,} of {n_cells:,} cells have no image, {len(table.empty_in_test):,} more none in test "
        f"({', '.join(named[:NAMED])}{more}): no gap can include them."
    )


def _agreement(record: Audit) -> Iterator[str]:
    for pair in record.agreement:
        kappa = "undefined" if pair.kappa is None else decimal(pair.kappa)
        yield (
            f"{pair.columns[0]} and {pair.columns[1]} agree exactly for {pair.exact:.0%} and within one step for "
            f"{pair.within_one:.0%} of {counted(pair.n, 'image')} (weighted kappa {kappa})."
        )


def _looks(record: Audit) -> Iterator[str]:
    if record.looks:
        counts = {kind: sum(look.kind == kind for look in record.looks) for kind in KINDS}
        listed = "; ".join(f"{n:,} {KINDS[kind]}" for kind, n in counts.items() if n)
        yield f"{counted(len(record.looks), 'image')} to look at: {listed}. Nothing was removed."
    else:
        yield "No image is tiny, blank, blurred, mostly text or without a colour of skin."


def _angle(record: Audit) -> Iterator[str]:
    angle = record.skin_angle
    known = (
        ""
        if angle.known is None
        else (
            f" Against the known angle, the mean error is {angle.known.bias:+.1f} degrees and the mean absolute "
            f"error {angle.known.error:.1f} degrees."
        )
    )
    for table in angle.tables[:1]:
        rho = "undefined" if table.spearman is None else decimal(table.spearman)
        yield (
            f"The estimated typology angle (ITA) ranks {counted(table.n, 'image')} as {table.feature} does with a "
            f"Spearman correlation of {rho} ({decimal(-1)} is perfect). It does not become a skin type: light "
            f"and camera change it by as much as two types.{known}"
        )


def _suspects(record: Audit) -> Iterator[str]:
    found = record.label_errors
    if isinstance(found, Undefined):
        return
    n = len(found.suspects)
    yield (
        f"Label errors: {n:,} of {counted(found.n, 'label')} ({n / found.n:.1%}) are disputed by the predictions. "
        f"This rests on the model, which predicts {found.accuracy:.0%} of the labels: look at each first."
    )
