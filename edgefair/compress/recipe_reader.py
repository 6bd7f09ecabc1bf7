"""Recipes read from TOML: every fault in one is said at once, with its path."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final, get_args

import cattrs

from edgefair.audit.groups import By
from edgefair.bundle.manifest import Task
from edgefair.compress.recipe import DataSource, Recipe, WeightsSource, subset_of
from edgefair.compress.students.names import NAMES, is_known
from edgefair.errors import InputError

__all__ = ["parse_recipe", "read_recipe"]


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


def _inconsistencies(recipe: Recipe) -> list[str]:
    return [
        *_faults_of_names(recipe),
        *_faults_of_data(recipe),
        *_faults_of_groups(recipe),
        *_faults_of_numbers(recipe),
        *_faults_of_monitoring(recipe),
        *_faults_of_teacher(recipe),
        *_faults_of_catchment(recipe),
    ]


def _faults_of_names(recipe: Recipe) -> list[str]:
    findings = recipe.findings
    aims = [aim.name for aim in recipe.operating_points]
    return _unmet(
        (_NAME.fullmatch(recipe.name), "name must be lower-case words joined by hyphens"),
        (_VERSION.fullmatch(recipe.version), "version must be three numbers such as 0.1.0"),
        (findings and len(set(findings)) == len(findings), "findings must be distinct"),
        (aims and len(set(aims)) == len(aims), "operating_points must have distinct names"),
        (
            is_known(recipe.backbone.name),
            f"backbone.name must be one of {', '.join(NAMES)}, timm:NAME or transformers:FOLDER",
        ),
        *_rules_of_weights(recipe.backbone.weights, "backbone"),
        *_rules_of_weights(recipe.teacher.weights if recipe.teacher else None, "teacher"),
    )


def _rules_of_weights(weights: WeightsSource | None, table: str) -> list[tuple[object, str]]:
    if weights is None:
        return []
    return [
        (
            _PACKAGE.fullmatch(weights.package),
            f"{table}.weights.package must be the name of a package",
        ),
        (
            _SHA256.fullmatch(weights.sha256),
            f"{table}.weights.sha256 must be 64 lower-case hexadecimal digits",
        ),
    ]


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


def _faults_of_teacher(recipe: Recipe) -> list[str]:
    teacher, distillation, training = recipe.teacher, recipe.distillation, recipe.training
    rules: list[tuple[object, str]] = [
        (
            teacher is not None or (distillation is None and training.teacher_weight == 0),
            "distillation and training.teacher_weight need a teacher table",
        ),
        (0 <= training.teacher_weight <= 1, "training.teacher_weight must be in [0, 1]"),
        (training.temperature > 0, "training.temperature must be above 0"),
        (0 <= training.quantization_noise <= 1, "training.quantization_noise must be in [0, 1]"),
    ]
    if teacher is not None:
        given = teacher.input
        rules += [
            (
                bool(teacher.path) != (teacher.weights is not None),
                "teacher needs either a path or a weights table",
            ),
            (given.side_px > 0, "teacher.input.side_px must be above 0"),
            (
                given.mean and len(given.mean) == len(given.std),
                "teacher.input needs as many means as standard deviations, at least one",
            ),
            (min(given.std, default=1) > 0, "teacher.input.std must be above 0"),
            (
                teacher.kind != "huggingface" or teacher.weights is None,
                "teacher.path must name a folder for the kind huggingface",
            ),
            (
                teacher.kind not in ("sam", "timm") or teacher.name,
                f"teacher.name is needed for the kind {teacher.kind}",
            ),
        ]
    if distillation is not None:
        rates = (distillation.learning_rate, distillation.projector_learning_rate)
        rules += [
            (distillation.epochs > 0, "distillation.epochs must be above 0"),
            (distillation.batch > 1, "distillation.batch must be above 1"),
            (min(rates) > 0, "distillation's learning rates must be above 0"),
            (distillation.weight_decay >= 0, "distillation.weight_decay must not be negative"),
            (0 <= distillation.augmentation <= 1, "distillation.augmentation must be in [0, 1]"),
            (
                0 <= distillation.quantization_noise <= 1,
                "distillation.quantization_noise must be in [0, 1]",
            ),
        ]
    return _unmet(*rules)


def _faults_of_catchment(recipe: Recipe) -> list[str]:
    faults = []
    shares: dict[str, float] = {}
    for row in recipe.data.catchment:
        shares[row.by] = shares.get(row.by, 0.0) + row.share
        if not 0 <= row.share <= 1:
            faults.append(f"data.catchment: the share of {row.by} {row.group} is outside [0, 1]")
    faults += [
        f"data.catchment: the shares of {by} add up to {total:g}, not 1"
        for by, total in shares.items()
        if abs(total - 1) > 1e-6
    ]
    return faults


def _faults_of_groups(recipe: Recipe) -> list[str]:
    faults = [
        f"evaluation.subsets: {subset!r} is not of the form column=value"
        for subset in recipe.evaluation.subsets
        if not all(subset_of(subset))
    ]
    gate, aware = recipe.gate, recipe.training.groups
    ways = [*recipe.data.groups, *recipe.evaluation.shortcuts]
    ways += [share.by for share in recipe.data.catchment]
    ways += gate.groups if gate is not None else ()
    ways += recipe.monitoring.groups_by
    ways += [aware.by] if aware is not None else []
    for way in dict.fromkeys(ways):
        try:
            By.parse(way)
        except InputError as error:
            faults.append(error.message)
    return faults


def _faults_of_monitoring(recipe: Recipe) -> list[str]:
    settings = recipe.monitoring
    return _unmet(
        (settings.groups_by, "monitoring.groups_by must name at least one"),
        (0 <= settings.tolerance < 1, "monitoring.tolerance must be in [0, 1)"),
        (0 < settings.alpha < 1, "monitoring.alpha must be in (0, 1)"),
        (settings.minimum_audit >= 0, "monitoring.minimum_audit must not be negative"),
        (settings.odds_ratio > 1, "monitoring.odds_ratio must be above 1"),
        (
            settings.labels_to_false_alarm > 1,
            "monitoring.labels_to_false_alarm must be above 1",
        ),
    )


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
        (
            training.keep == "last" or (training.patience or 0) > 0,
            "training.patience must be above 0",
        ),
        (
            training.keep == "best" or training.patience is None,
            "training.patience has no use where the last epoch is kept",
        ),
        (
            recipe.cross_fitting is None or recipe.cross_fitting.folds > 1,
            "cross_fitting.folds must be at least 2",
        ),
        (training.batch > 1, "training.batch must be above 1"),
        (min(rates) > 0, "training's learning rates must be above 0"),
        (training.weight_decay >= 0, "training.weight_decay must not be negative"),
        (0 <= training.dropout < 1, "training.dropout must be in [0, 1)"),
        (0 <= training.augmentation <= 1, "training.augmentation must be in [0, 1]"),
        (recipe.quantization.images > 0, "quantization.images must be above 0"),
        (recipe.quantization.candidates > 0, "quantization.candidates must be above 0"),
        (recipe.gate is None or 0 < recipe.gate.margin < 1, "gate.margin must be in (0, 1)"),
        (recipe.gate is None or 0 < recipe.gate.alpha < 1, "gate.alpha must be in (0, 1)"),
    )
    for aim in recipe.operating_points:
        is_free = aim.aim in {"youden", "prevalence"}
        is_stated = aim.at_least is not None and 0 < aim.at_least <= 1
        if is_free == is_stated or (is_free and aim.at_least is not None):
            wanted = "takes no at_least" if is_free else "needs at_least in (0, 1]"
            faults.append(f"operating point {aim.name} {wanted}")
    return faults


def _unmet(*rules: tuple[object, str]) -> list[str]:
    return [sentence for is_met, sentence in rules if not is_met]


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, words in ((int, "a whole number"), (str, "text"), (bool, "true or false")):
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
