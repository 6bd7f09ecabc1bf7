"""The recipe: everything that makes one bundle out of one data set, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edgefair.bundle.manifest import Accepts, Task
from edgefair.bundle.plan import PlanSettings
from edgefair.compress.recipe_plans import (
    CrossFitting,
    Distillation,
    GatePlan,
    GroupAware,
    Quantization,
    TeacherChoice,
    TeacherInput,
    Training,
    WeightsSource,
)

__all__ = [
    "About",
    "Aim",
    "BackboneChoice",
    "CatchmentShare",
    "CrossFitting",
    "DataSource",
    "Distillation",
    "Evaluation",
    "GatePlan",
    "GroupAware",
    "InputSize",
    "PhantomSource",
    "Quantization",
    "Recipe",
    "SplitFractions",
    "TeacherChoice",
    "TeacherInput",
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
class CatchmentShare:
    """One group's share of the people the model is meant for, e.g. by a census.

    Attributes
    ----------
    by : str
        Column, with bins where numeric, as in `DataSource.groups`.
    group : str
        Its value or bin, e.g. ``F`` or ``18-39``.
    share : float
        In [0, 1]; those of one `by` add up to 1.
    """

    by: str
    group: str
    share: float


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
    catchment : tuple of CatchmentShare
        The population to hold the data against.
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
    catchment: tuple[CatchmentShare, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneChoice:
    """Which network, from which weights; without weights it starts from random ones.

    Attributes
    ----------
    name : str
        One of `edgefair.compress.students.names.NAMES`, or ``timm:ARCHITECTURE`` or
        ``transformers:FOLDER`` where those packages are installed.
    """

    name: str
    weights: WeightsSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the threshold of an operating point is chosen for, on held-out cases.

    Attributes
    ----------
    aim : str
        ``sensitivity`` or ``specificity``: the other one as large as it can be while this one
        is `at_least` so much; ``youden``: their sum as large as it can be; ``prevalence``: the
        same under calibrated probabilities, where it is largest at the prevalence, which chance
        moves less than the largest of many sums.
    """

    name: str
    aim: Literal["sensitivity", "specificity", "youden", "prevalence"]
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
    without_teacher : bool
        Train the same student on the labels alone too, to show what the teacher brought.
    """

    shortcuts: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()
    without_teacher: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the card says of data and model that no program can measure.

    Whatever is left empty, the card calls not stated by the builder.

    Attributes
    ----------
    licences : tuple of str
        Licence texts to carry in the bundle, paths relative to the recipe.
    developer, contact, funding : str
        Who made the model, how to reach them, who paid for it.
    released : str
        The day of release.
    users, patients : str
        Who is meant to use the model, and on whom.
    out_of_scope : tuple of str
        Tasks, situations and populations that it must not be used for.
    criteria : str
        Which images were taken in and which were left out, before the recipe saw them.
    ethics : tuple of str
        What else a user should weigh: consent, bias of the labels, possible misuse, ...
    external_validation : str
        Where else the model was tried, by whom, on whom, and what came out.
    maintenance, updates : str
        How and how often it is watched, and how and when it is replaced.
    """

    title: str
    source: str
    licence: str
    citation: str
    acknowledgement: str = ""
    traps: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    developer: str = ""
    contact: str = ""
    funding: str = ""
    released: str = ""
    users: str = ""
    patients: str = ""
    out_of_scope: tuple[str, ...] = ()
    criteria: str = ""
    ethics: tuple[str, ...] = ()
    external_validation: str = ""
    maintenance: str = ""
    updates: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that makes one bundle, the machine aside.

    Attributes
    ----------
    findings : tuple of str
        What the model looks for: the classes, or else the label columns.
    cross_fitting : CrossFitting or None
        Where there is none, calibration and thresholds come from the val split alone.
    monitoring : PlanSettings
        What the sites' re-check will hold the model to; its limits follow from the test split.
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
    teacher: TeacherChoice | None = None
    distillation: Distillation | None = None
    cross_fitting: CrossFitting | None = None
    gate: GatePlan | None = None
    monitoring: PlanSettings = field(default_factory=PlanSettings)

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
