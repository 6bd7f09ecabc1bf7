"""Rates guessed without any label: an early warning, and no evidence of fairness.

All three methods trust that what held where there were labels holds here: that probabilities are
calibrated, or that confidence and correctness go together as before. Where a group is the one for
which this fails, which is where a model is unfair, the guess looks as good as for any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "EarlyWarning",
    "average_thresholded_confidence",
    "confidence_based",
    "difference_of_confidences",
]

_Floats: TypeAlias = NDArray[np.float64]

_CAUTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CBPE": "This is what the model would do if its probabilities were right in every group; "
        "it cannot see a group for which they are wrong, so it is an early warning and no "
        "evidence of fairness.",
        "ATC": "This is how often the model would be right if the confidence that told right "
        "from wrong on the reference did so here; it cannot see a group that it is confidently "
        "wrong about, so it is an early warning and no evidence of fairness.",
        "DoC": "This assumes that the model loses as much accuracy as it loses confidence; it "
        "cannot see a group that it is confidently wrong about, so it is an early warning and no "
        "evidence of fairness.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyWarning:
    """A rate guessed without labels in k groups.

    No interval: the error of the guess is that of its assumption, which no number of cases makes
    smaller.

    Attributes
    ----------
    method : str
        ``CBPE``, ``ATC`` or ``DoC``.
    metric : str
        ``sensitivity``, ``specificity``, ``ppv``, ``npv`` or ``accuracy``.
    estimate : ndarray of float64, shape (k,)
        nan where a group has no case.
    n : ndarray of int64, shape (k,)
        Cases that were looked at, none of them labelled.
    caution : str
        Why it is no evidence of fairness, in one sentence; to be shown wherever it is.
    """

    method: str
    metric: str
    estimate: _Floats
    n: NDArray[np.int64]
    caution: str


def confidence_based(
    probability: ArrayLike, flagged: ArrayLike, codes: ArrayLike, groups: int
) -> tuple[EarlyWarning, ...]:
    """Return the rates of the confusion to expect if probabilities are calibrated (CBPE).

    A flagged case with probability p counts as p of a true and 1 - p of a false positive.

    Parameters
    ----------
    probability : array_like of float, shape (n,)
        Calibrated, in [0, 1].
    flagged : array_like of bool, shape (n,)
    codes : array_like of int, shape (n,)
        Group of each case, in ``[0, groups)``.
    groups : int

    Returns
    -------
    tuple of EarlyWarning
        Sensitivity, specificity, ppv and npv.

    References
    ----------
    .. [1] J. Bialek, J. Kivimaki, W. Kuberski, N. Perrakis, "Estimating model performance under
       covariate shift without labels", arXiv 2401.08348 (2024).

    Examples
    --------
    >>> guessed = confidence_based([0.9, 0.9, 0.2, 0.0], [True, True, False, False], [0] * 4, 1)
    >>> {one.metric: round(float(one.estimate[0]), 2) for one in guessed}
    {'sensitivity': 0.9, 'specificity': 0.9, 'ppv': 0.9, 'npv': 0.9}
    """
    p = _probabilities(probability)
    decision, group = np.asarray(flagged, dtype=bool), np.asarray(codes, dtype=np.int64)

    def total(mass: _Floats) -> _Floats:
        return np.asarray(np.bincount(group, mass, minlength=groups), dtype=np.float64)

    tp, fp = total(p * decision), total((1 - p) * decision)
    fn, tn = total(p * ~decision), total((1 - p) * ~decision)
    n = np.bincount(group, minlength=groups)
    shares = {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
    }
    return tuple(
        _warning("CBPE", metric, _share(part, whole), n)
        for metric, (part, whole) in shares.items()
    )


def average_thresholded_confidence(
    reference: tuple[ArrayLike, ArrayLike],
    probability: ArrayLike,
    codes: ArrayLike,
    groups: int,
) -> EarlyWarning:
    """Return the accuracy to expect: the share of cases above a threshold of confidence (ATC).

    The threshold is where, on the reference, as many cases lie below as the model got wrong.

    Parameters
    ----------
    reference : tuple of (probability, correct)
        Of labelled cases: calibrated probabilities, and whether the decision was right.
    probability : array_like of float, shape (n,)
        Of the cases here.
    codes : array_like of int, shape (n,)
    groups : int

    References
    ----------
    .. [1] S. Garg, S. Balakrishnan, Z. C. Lipton, B. Neyshabur, H. Sedghi, "Leveraging unlabeled
       data to predict out-of-distribution performance", ICLR (2022).

    Examples
    --------
    >>> labelled = ([0.1, 0.2, 0.6, 0.9], [True, True, False, True])
    >>> average_thresholded_confidence(labelled, [0.1, 0.45, 0.9], [0, 0, 1], 2).estimate.tolist()
    [0.5, 1.0]
    """
    confidence = np.sort(_confidence(_probabilities(reference[0])))
    correct = np.asarray(reference[1], dtype=bool)
    if not len(correct):
        raise ValueError("the reference must hold at least one labelled case")
    wrong = int((~correct).sum())
    threshold = confidence[wrong] if wrong < len(confidence) else np.inf
    above = (_confidence(_probabilities(probability)) >= threshold).astype(np.float64)
    group = np.asarray(codes, dtype=np.int64)
    n = np.bincount(group, minlength=groups)
    return _warning("ATC", "accuracy", _share(np.bincount(group, above, minlength=groups), n), n)


def difference_of_confidences(
    reference: tuple[ArrayLike, ArrayLike],
    probability: ArrayLike,
    codes: ArrayLike,
    groups: int,
) -> EarlyWarning:
    """Return the accuracy of the reference less what confidence has fallen by (DoC).

    Parameters
    ----------
    reference : tuple of (probability, correct)
        Of labelled cases: calibrated probabilities, and whether the decision was right.
    probability : array_like of float, shape (n,)
        Of the cases here.
    codes : array_like of int, shape (n,)
    groups : int

    References
    ----------
    .. [1] D. Guillory, V. Shankar, S. Ebrahimi, T. Darrell, L. Schmidt, "Predicting with
       confidence on unseen distributions", ICCV (2021).

    Examples
    --------
    >>> labelled = ([0.1, 0.1, 0.9, 0.9], [True, True, True, False])
    >>> difference_of_confidences(labelled, [0.2, 0.9], [0, 1], 2).estimate.tolist()
    [0.65, 0.75]
    """
    before = _confidence(_probabilities(reference[0])).mean()
    accuracy = np.asarray(reference[1], dtype=np.float64).mean()
    group = np.asarray(codes, dtype=np.int64)
    n = np.bincount(group, minlength=groups)
    confidence = _confidence(_probabilities(probability))
    here = _share(np.bincount(group, confidence, minlength=groups), n)
    return _warning("DoC", "accuracy", np.clip(accuracy - (before - here), 0, 1), n)


def _confidence(p: _Floats) -> _Floats:
    return np.maximum(p, 1 - p)


def _probabilities(values: ArrayLike) -> _Floats:
    p = np.asarray(values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("probabilities must be in [0, 1]")
    return p


def _share(part: ArrayLike, whole: ArrayLike) -> _Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part, dtype=np.float64) / np.asarray(whole, dtype=np.float64)


def _warning(method: str, metric: str, estimate: _Floats, n: NDArray[np.int64]) -> EarlyWarning:
    return EarlyWarning(
        method=method, metric=metric, estimate=estimate, n=n, caution=_CAUTIONS[method]
    )
