"""What a gate is given and what it finds, as records, and their JSON form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any, Final

import cattrs
import numpy as np
from numpy.typing import NDArray

from edgefair.errors import InputError
from edgefair.records import Group, Interval, VerdictKind

__all__ = [
    "FORMAT",
    "SENSITIVITY",
    "SPECIFICITY",
    "AcceptedConditions",
    "Answered",
    "Comparison",
    "Condition",
    "EncodingRow",
    "Flip",
    "GateCell",
    "GateResult",
    "ScoreChange",
    "gate_from_json",
    "gate_to_json",
]

FORMAT: Final = 1
"""Version of the JSON form; a reader refuses any other."""

SENSITIVITY: Final = "sensitivity"
SPECIFICITY: Final = "specificity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one model says of n cases, and whom it flags at its operating point.

    Attributes
    ----------
    name : str
        ``teacher``, ``student fp32``, ``student INT8``, or the label of a bundle.
    probabilities : ndarray of float64, shape (n, findings)
        Calibrated.
    flagged : ndarray of bool, shape (n, findings)
        Decision positive or refer, as the clinic's audit counts.
    """

    name: str
    probabilities: NDArray[np.float64] = field(repr=False)
    flagged: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same cases, the second made from the first.

    Attributes
    ----------
    before, after : str
        Names of the models.
    is_binding : bool
        Whether the gate holds a bundle back for it, or shows it to inform.
    """

    before: str
    after: str
    is_binding: bool

    def __str__(self) -> str:
        return f"{self.before} -> {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCell:
    """What one comparison found of one rate of one finding in one group.

    Attributes
    ----------
    metric : str
        ``sensitivity`` or ``specificity``.
    before, after : Interval
        The rate of either model, of the same cases.
    loss : Interval
        before - after, paired; above 0 is worse. On either side all limits of the family hold
        together with chance `level`, and none lies across the margin from its verdict.
    flips_to_wrong, flips_to_right : int
        Cases that only the model before, and only the model after, decided right. Flips to wrong
        of the sensitivity are the newly missed.
    to_wrong : Interval
        Share of the cases that flipped to wrong.
    p_harm, p_ok : float
        One-sided, of "the loss is at most the margin" and "at least the margin", corrected over
        the family; nan where there are too few cases to test, which cost the others nothing.
    mcnemar_p : float
        Exact, two-sided, of "a patient's flips go either way alike", corrected over the family.
    verdict : VerdictKind
    labels_needed : int or None
        Further labelled cases until a verdict can be expected; None if decided, or if no number
        would do.
    independent : float or None
        How many independent cases would tell as much of the loss; None if every case is of
        another patient.
    """

    comparison: Comparison
    finding: str
    group: Group
    metric: str
    before: Interval
    after: Interval
    loss: Interval
    flips_to_wrong: int
    flips_to_right: int
    to_wrong: Interval
    p_harm: float
    p_ok: float
    mcnemar_p: float
    verdict: VerdictKind
    labels_needed: int | None
    independent: float | None = None

    @property
    def n(self) -> int:
        """Labelled cases that the rate rests on."""
        return self.before.n


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    """What became of the scores of one finding in one group, whatever the threshold.

    Attributes
    ----------
    positives, negatives : int
        Labelled cases of either class.
    before, after : Interval
        Areas under the ROC curves.
    loss : Interval
        before - after, paired (DeLong; by patient Obuchowski), at the level of either area.
    p_value : float
        Two-sided, of "no loss", corrected over groups and findings; nan where not estimable.
    logit_change_p95 : float
        95th percentile of the absolute change of the calibrated probability's logit over all
        cases of the group, with and without a label; nan for an empty group.
    """

    comparison: Comparison
    finding: str
    group: Group
    positives: int
    negatives: int
    before: Interval
    after: Interval
    loss: Interval
    p_value: float
    logit_change_p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One case that two models decide differently.

    Attributes
    ----------
    image : str
        File name.
    group : Group
        All that is known of the case among the attributes that the gate groups by.
    label : bool or None
        The truth; None where nobody knows.
    flagged_after : bool
        Whether the model after flags it; the one before does not, or the other way round.
    probability_before, probability_after : float
        Calibrated.
    """

    comparison: Comparison
    image: str
    finding: str
    group: Group
    label: bool | None
    flagged_after: bool
    probability_before: float
    probability_after: float

    @property
    def is_newly_missed(self) -> bool:
        """Whether the finding was there, was flagged before, and is not any more."""
        return self.label is True and not self.flagged_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a binding comparison could not say of one group: no pass, and written on the card.

    Attributes
    ----------
    n : int
        Labelled cases there are.
    needed : int or None
        Further ones until a verdict can be expected; None if no number would do.
    sentence : str
        The same for a reader.
    """

    comparison: Comparison
    finding: str
    group: Group
    metric: str
    n: int
    needed: int | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedConditions:
    """Who released a bundle with conditions outstanding, and why; both travel in the bundle."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingRow:
    """How well one value of an attribute can be read off a model's embedding.

    Attributes
    ----------
    embedding : str
        Name of the model.
    attribute, value : str
        E.g. ``sex`` and ``F``; for comparison also a finding and ``with it``.
    n : int
        Cases whose value is known.
    share : float
        Of them with this value; nan without any.
    auroc : Interval
        Of a linear probe, this value against all others, on patients it was not fitted on;
        .5 is a coin. Vacuous where too few cases have the value, or have another.
    """

    embedding: str
    attribute: str
    value: str
    n: int
    share: float
    auroc: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """Everything the gate found.

    Attributes
    ----------
    cases : int
        Images that all models answered.
    margin, alpha : float
        As in `edgefair.compress.recipe.GatePlan`.
    cells : tuple of GateCell
        Every comparison, rate, finding and group, everybody first; none is dropped.
    scores : tuple of ScoreChange
    flips : tuple of Flip
    encodings : tuple of EncodingRow
    conditions : tuple of Condition
        One for each cell of a binding comparison that could not be judged.
    accepted : AcceptedConditions or None
    patients : int or None
        Whose images these are; None in results from before it was counted.
    """

    cases: int
    margin: float
    alpha: float
    cells: tuple[GateCell, ...]
    scores: tuple[ScoreChange, ...]
    flips: tuple[Flip, ...]
    encodings: tuple[EncodingRow, ...]
    conditions: tuple[Condition, ...]
    accepted: AcceptedConditions | None
    patients: int | None = None

    @property
    def failures(self) -> tuple[GateCell, ...]:
        """Cells of binding comparisons in which harm is shown."""
        return tuple(
            cell
            for cell in self.cells
            if cell.comparison.is_binding and cell.verdict is VerdictKind.HARM_SHOWN
        )

    @property
    def passed(self) -> bool:
        """Whether the bundle may be released: no harm, and no condition nobody answers for."""
        return not self.failures and (not self.conditions or self.accepted is not None)


def gate_to_json(result: GateResult) -> bytes:
    """Return the result as canonical UTF-8 JSON: sorted keys, null for nan, one final newline.

    Whether it passed is written out for readers that are no edgefair.
    """
    tree = _converter().unstructure(result) | {"format": FORMAT, "passed": result.passed}
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def gate_from_json(text: bytes) -> GateResult:
    """Return the result that `gate_to_json` wrote.

    Raises
    ------
    InputError
        If it is no JSON, of another format, has missing, unknown or wrong fields, or says that
        it passed where its cells do not.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"it is no JSON: {error}") from error
    if not isinstance(tree, dict) or tree.pop("format", None) != FORMAT:
        raise _unreadable(f"it is not of format {FORMAT}")
    claimed = tree.pop("passed", None)
    try:
        result = _converter().structure(tree, GateResult)
    except (cattrs.BaseValidationError, RecursionError) as error:
        raise _unreadable("; ".join(_faults_of(error))) from error
    if claimed is not result.passed:
        raise _unreadable(f"it says passed: {claimed}, and its cells say {result.passed}")
    return result


def _unreadable(why: str) -> InputError:
    return InputError(
        f"The gate's result cannot be read: {why}.", hint="Run the gate again to write it."
    )


def _faults_of(error: BaseException) -> list[str]:
    if isinstance(error, cattrs.BaseValidationError):
        return cattrs.transform_error(error, path="gate")
    return [str(error) or type(error).__name__]


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_unstructure_hook(float, lambda value: None if isnan(value) else value)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(int, _whole_number)
    converter.register_structure_hook(bool, _truth)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(VerdictKind, lambda value, _: VerdictKind(value))
    return converter


def _number(value: Any, _: type) -> float:
    if value is None:
        return nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {value!r:.40}")
    return float(value)


def _whole_number(value: Any, _: type) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {value!r:.40}")
    return value


def _truth(value: Any, _: type) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r:.40}")
    return value


def _text(value: Any, _: type) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r:.40}")
    return value
