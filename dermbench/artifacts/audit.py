"""The audit: typed records of ``audit.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dermbench.artifacts.records import Record
from dermbench.artifacts.report import Number, Part
from dermbench.artifacts.report.parts import OrUndefined


class PairSearch(Part):
    """How pairs of images that show the same photograph were looked for.

    Attributes
    ----------
    verified
        Whether candidates were confirmed by local features.
    hash_bits
        Bits of 64 in which perceptual hashes of candidates may differ.
    neighbours
        Nearest neighbours of each image that were candidates too; 0 where nothing was confirmed.
    inliers
        Matched points that confirm a pair.
    embeddings
        Table whose neighbours were candidates too; None for none.
    compared
        Number of candidates.
    """

    verified: bool
    hash_bits: int
    neighbours: int
    inliers: int
    embeddings: str | None
    compared: int = Field(ge=0)


class Pair(Part):
    """Two images that show the same photograph.

    Attributes
    ----------
    first, second
        Their ids.
    kind
        ``exact`` for equal bytes, ``verified`` for confirmed by local features, ``alike`` for similar hashes that
        nothing confirmed.
    inliers, mirrored
        Matched points that agree, and whether one is the mirror image; None unless verified.
    splits, labels
        Split and label of each.
    tones
        Skin type of each; None where unknown.
    """

    first: str
    second: str
    kind: Literal["exact", "verified", "alike"]
    inliers: int | None
    mirrored: bool | None
    splits: tuple[str, str]
    labels: tuple[str, str]
    tones: tuple[str | None, str | None]

    @property
    def crosses_splits(self) -> bool:
        """Whether they lie in two splits."""
        return self.splits[0] != self.splits[1]

    @property
    def label_differs(self) -> bool:
        """Whether their labels differ."""
        return self.labels[0] != self.labels[1]

    @property
    def tone_differs(self) -> bool:
        """Whether both have a skin type, and these differ."""
        return None not in self.tones and self.tones[0] != self.tones[1]

    @property
    def sure(self) -> bool:
        """Whether it is certain that both show one photograph."""
        return self.kind != "alike"


class Finding(Part):
    """Images that share something and differ where they should not.

    Attributes
    ----------
    shares
        ``patient_id``, ``lesion_id``, ``duplicate_group`` or ``duplicates``.
    group
        The id that they share.
    found
        The splits, labels or skin types that differ, sorted.
    images
        Ids of the images, sorted.
    """

    shares: str
    group: str
    found: tuple[str, ...]
    images: tuple[str, ...]


class EmptyCell(Part):
    """A class without images of a group."""

    label: str
    group: str


class ToneTable(Part):
    """Images by class and skin tone.

    Attributes
    ----------
    feature
        Column of the skin tone.
    groups
        Its groups; the last one is ``unknown`` where there are such images.
    classes
        Classes of the task.
    counts, test
        Number of images, all and those of ``test``: rows are classes, columns groups.
    empty, empty_in_test
        Cells without any image, and those that only ``test`` lacks; ``unknown`` is no cell.
    """

    feature: str
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    test: tuple[tuple[int, ...], ...]
    empty: tuple[EmptyCell, ...]
    empty_in_test: tuple[EmptyCell, ...]


class Agreement(Part):
    """How far two columns of skin tone agree.

    Attributes
    ----------
    columns
        The two columns.
    n
        Images that have a value in both.
    exact, within_one
        Share of these with the same value, and with values at most one step apart.
    kappa
        Cohen's kappa with squared weights; None where a column is constant.
    """

    columns: tuple[str, str]
    n: int = Field(ge=1)
    exact: Number
    within_one: Number
    kappa: Number | None


class Look(Part):
    """An image that someone should look at.

    Attributes
    ----------
    image
        Its id.
    kind
        ``blank``, ``blurred``, ``tiny``, ``text`` or ``no_skin_colour``.
    value
        The measurement that the rule is about.
    """

    image: str
    kind: Literal["blank", "blurred", "tiny", "text", "no_skin_colour"]
    value: Number


class AngleTable(Part):
    """Classes of the estimated individual typology angle by annotated skin tone.

    Attributes
    ----------
    feature
        Column of the skin tone.
    n
        Images with an estimate and a known tone.
    spearman
        Rank correlation of angle and tone; -1 when darker types always have a smaller angle. None where
        one of them is constant.
    groups
        Groups of the tone.
    median
        Median angle in degrees of each group; None for a group without images.
    six, five
        Number of images: rows are groups, columns classes of the angle.
    """

    feature: str
    n: int = Field(ge=1)
    spearman: Number | None
    groups: tuple[str, ...]
    median: tuple[Number | None, ...]
    six: tuple[tuple[int, ...], ...]
    five: tuple[tuple[int, ...], ...]


class KnownAngle(Part):
    """The estimate against a known angle: mean difference and mean absolute difference in degrees."""

    n: int = Field(ge=1)
    bias: Number
    error: Number


class SkinAngle(Part):
    """The estimate of the individual typology angle.

    Attributes
    ----------
    n, n_without
        Images with an estimate, and images with too few pixels of skin colour.
    classes_six, classes_five
        Names of the classes of the two sets of thresholds.
    tables
        Agreement with each column of annotated skin tone.
    known
        Where the manifest has a column ``ita``: images with both, and the mean and mean absolute difference.
    """

    n: int = Field(ge=0)
    n_without: int = Field(ge=0)
    classes_six: tuple[str, ...]
    classes_five: tuple[str, ...]
    tables: tuple[AngleTable, ...]
    known: KnownAngle | None


class Suspect(Part):
    """An image whose label a model disputes.

    Attributes
    ----------
    image, split
        Its id and split.
    given, suggested
        Its label, and the class that the model gives the highest probability.
    probability
        Probability of the given label.
    """

    image: str
    split: str
    given: str
    suggested: str
    probability: Number


class LabelErrors(Part):
    """Labels that held-out predictions dispute, by confident learning.

    Attributes
    ----------
    n
        Images with a prediction.
    accuracy
        Share of these whose label the model predicts.
    suspects
        Images whose label is probably wrong if the model is right, the most doubtful first.
    method
        How they were found.
    """

    n: int = Field(ge=1)
    accuracy: Number
    suspects: tuple[Suspect, ...]
    method: str


class Audit(Record):
    """Content of ``audit.json``.

    Attributes
    ----------
    task, dataset_digest
        Task and content hash of the dataset.
    images
        Number of images of each split.
    search, pairs
        How pairs were looked for, and those that were found.
    groups, images_in_groups
        Number of groups of images that show the same photograph, and number of images in them.
    twins_of_training
        Images of each split but train that show the same photograph as one of train.
    leaks, leaked_images
        Patients, lesions and duplicates with images in more than one split, and their images in each split.
    label_conflicts, tone_conflicts
        Lesions and duplicates with several labels; the same and patients with several skin types.
    tones
        Images by class and skin tone.
    agreement
        How columns of skin tone agree.
    looks
        Images that someone should look at.
    skin_angle
        The estimate of the individual typology angle.
    label_errors
        Labels that predictions dispute, or why there are none.
    summary
        What was found, what it means and what to do next, in sentences.
    """

    schema_: Literal["dermbench.audit/2"] = Field("dermbench.audit/2", alias="schema")
    task: str
    dataset_digest: str
    images: dict[str, int]
    search: PairSearch
    pairs: tuple[Pair, ...]
    groups: int = Field(ge=0)
    images_in_groups: int = Field(ge=0)
    twins_of_training: dict[str, int]
    leaks: tuple[Finding, ...]
    leaked_images: dict[str, int]
    label_conflicts: tuple[Finding, ...]
    tone_conflicts: tuple[Finding, ...]
    tones: tuple[ToneTable, ...]
    agreement: tuple[Agreement, ...]
    looks: tuple[Look, ...]
    skin_angle: SkinAngle
    label_errors: OrUndefined[LabelErrors]
    summary: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of images."""
        return sum(self.images.values())

    @property
    def leaking(self) -> bool:
        """Whether something is shared between splits."""
        return bool(self.leaks)
