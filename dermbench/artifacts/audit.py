"""The audit: typed records of ``audit.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dermbench.artifacts.records import Record
from dermbench.artifacts.report import Number, Part
from dermbench.artifacts.report.parts import OrUndefined


class PairSearch(Part):
    """Settings of the search for pairs of images that show the same photograph.

    Attributes
    ----------
    verified
        Whether candidates were confirmed by local features.
    hash_bits
        Most differing bits, of 64, between the perceptual hashes of candidates.
    neighbours
        Number of nearest neighbours of each image that were candidates too; 0 if candidates were not confirmed.
    inliers
        Fewest matched points that confirm a pair.
    embeddings
        Table of embeddings whose neighbours were candidates too; None without one.
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
        Ids of the images.
    kind
        ``exact``: equal bytes. ``verified``: confirmed by local features. ``alike``: only similar hashes.
    inliers, mirrored
        Matched points that agree, and whether one is the mirror image; None unless verified.
    splits, labels
        Split and label of each image.
    tones
        Skin type of each image; None if unknown.
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
        """Whether the images are in different splits."""
        return self.splits[0] != self.splits[1]

    @property
    def label_differs(self) -> bool:
        """Whether the labels differ."""
        return self.labels[0] != self.labels[1]

    @property
    def tone_differs(self) -> bool:
        """Whether both images have a skin type and the types differ."""
        return None not in self.tones and self.tones[0] != self.tones[1]

    @property
    def sure(self) -> bool:
        """Whether it is certain that both show one photograph."""
        return self.kind != "alike"


class Finding(Part):
    """Images that share an id but differ in split, label or skin type.

    Attributes
    ----------
    shares
        ``patient_id``, ``lesion_id``, ``duplicate_group`` or ``duplicates``.
    group
        The shared id.
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
        Groups of the skin tone; the last is ``unknown`` if there are such images.
    classes
        Classes of the task.
    counts, test
        Number of images, in all splits and in ``test``: rows are classes, columns groups.
    empty, empty_in_test
        Cells without an image in any split, and cells without one only in ``test``; ``unknown`` has no cells.
    """

    feature: str
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    test: tuple[tuple[int, ...], ...]
    empty: tuple[EmptyCell, ...]
    empty_in_test: tuple[EmptyCell, ...]


class Agreement(Part):
    """Agreement between two columns of skin tone.

    Attributes
    ----------
    columns
        The two columns.
    n
        Images with a value in both columns.
    exact, within_one
        Share of these with the same value, and with values at most one step apart.
    kappa
        Cohen's kappa with squared weights; None if a column is constant.
    """

    columns: tuple[str, str]
    n: int = Field(ge=1)
    exact: Number
    within_one: Number
    kappa: Number | None


class Look(Part):
    """An image to look at.

    Attributes
    ----------
    image
        Id of the image.
    kind
        ``blank``, ``blurred``, ``tiny``, ``text`` or ``no_skin_colour``.
    value
        Measurement that the rule uses.
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
        Rank correlation of angle and tone; -1 if darker types always have a smaller angle. None if either is
        constant.
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
    """Comparison of the estimate with a known angle: mean difference and mean absolute difference in degrees."""

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
        Comparison with the column ``ita`` of the manifest; None without it.
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
        Id and split of the image.
    given, suggested
        Label of the image, and the class with the highest probability.
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
        Share of these whose predicted class is the label.
    suspects
        Images whose label is probably wrong if the model is right, most doubtful first.
    method
        Description of the method.
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
        Settings of the search for pairs, and the pairs that were found.
    groups, images_in_groups
        Number of groups of images that show the same photograph, and number of images in them.
    twins_of_training
        Images of each split except train that show the same photograph as an image of train.
    leaks, leaked_images
        Patients, lesions and duplicates with images in more than one split, and their images in each split.
    label_conflicts, tone_conflicts
        Lesions and duplicates with several labels; patients, lesions and duplicates with several skin types.
    tones
        Images by class and skin tone.
    agreement
        Agreement between columns of skin tone.
    looks
        Images to look at.
    skin_angle
        The estimate of the individual typology angle.
    label_errors
        Labels that predictions dispute, or the reason why they are unknown.
    summary
        Findings, their meaning and next steps, in sentences.
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
        """Whether a patient, lesion or duplicate has images in more than one split."""
        return bool(self.leaks)
