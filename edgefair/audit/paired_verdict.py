"""The three verdicts on the loss of a rate between two models on the same cases.

As in `edgefair.audit.verdict`, two families of one-sided tests: is the loss above the margin
(harm), is it below (ok)? Each is corrected by Holm's method over all groups and findings; what
neither answers is not enough data.

Groups too small for a test to answer are not tested, and cost the others nothing: harm where even
the loss of every case would not show it (Tarone 1990), ok where even no flip at all would not.
That is decided by the number of cases, and of whom they are, alone, before anybody looks at what
became of them.

References
----------
.. [1] R. E. Tarone, "A modified Bonferroni method for discrete data", Biometrics 46 (1990)
   515-522.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.multiplicity import holm
from edgefair.audit.paired import PairedCounts, tango_limits
from edgefair.audit.paired_tests import loss_p_values
from edgefair.audit.power import POWER
from edgefair.records import VerdictKind

__all__ = ["LossJudgement", "judge_losses", "pairs_for_verdict"]

_OUT_OF_REACH: Final = 10
"""Times the cases planned for, or those there are, beyond which a number is no plan any more."""

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossJudgement:
    """What was decided of each of m losses.

    Attributes
    ----------
    kind : tuple of VerdictKind, length m
    lower, upper : ndarray of float64, shape (m,)
        Tango's limits, on either side right for all that are tested together with chance
        1 - alpha (but for the approximation). None lies across the margin from its verdict, and
        none on the safe side of it without one: where limits and corrected exact tests disagree,
        the limit is the margin itself.
    p_harm, p_ok : ndarray of float64, shape (m,)
        Corrected; nan where there are too few cases to test.
    needed : ndarray of float64, shape (m,)
        Further cases until a verdict can be expected; nan where it is decided or no number of
        its own would do.
    """

    kind: tuple[VerdictKind, ...]
    lower: _Floats
    upper: _Floats
    p_harm: _Floats
    p_ok: _Floats
    needed: _Floats


def judge_losses(counts: PairedCounts, *, margin: float, alpha: float) -> LossJudgement:
    """Return a verdict on each of m losses, which are one family.

    Parameters
    ----------
    counts : PairedCounts
        Of all groups and findings of the family.
    margin : float
        Largest acceptable loss, in (0, 1).
    alpha : float
        Chance of any false alarm, and chance of any false all-clear, in the family.

    Examples
    --------
    >>> same = PairedCounts(
    ...     both=np.array([90, 9]), lost=np.array([0, 0]),
    ...     gained=np.array([0, 0]), neither=np.array([10, 1]),
    ... )
    >>> [str(kind) for kind in judge_losses(same, margin=0.1, alpha=0.05).kind]
    ['SHOWN OK', 'NOT ENOUGH DATA']
    """
    raw_harm, raw_ok = loss_p_values(counts, margin)
    harm_at_best, ok_at_best = _at_best(counts, margin)
    p_harm = holm(np.where(harm_at_best <= alpha, raw_harm, np.nan))
    p_ok = holm(np.where(ok_at_best <= alpha, raw_ok, np.nan))
    is_harmed, is_fine = p_harm <= alpha, p_ok <= alpha
    lower, _ = tango_limits(counts, _quantile(p_harm, alpha))
    _, upper = tango_limits(counts, _quantile(p_ok, alpha))
    kinds = np.where(is_harmed, 2, np.where(is_fine, 1, 0))
    ordered = (VerdictKind.NOT_ENOUGH_DATA, VerdictKind.SHOWN_OK, VerdictKind.HARM_SHOWN)
    # a group that is tested once it has the cases is one test more
    tests = np.sum(np.isfinite(p_ok)) + np.isnan(p_ok)
    needed = _needed(counts, margin=margin, one_sided=alpha / tests)
    return LossJudgement(
        kind=tuple(ordered[kind] for kind in kinds.tolist()),
        lower=np.where(is_harmed, np.maximum(lower, margin), np.minimum(lower, margin)),
        upper=np.where(is_fine, np.minimum(upper, margin), np.maximum(upper, margin)),
        p_harm=p_harm,
        p_ok=p_ok,
        needed=np.where(kinds == 0, needed, np.nan),
    )


def pairs_for_verdict(
    flipped: _Floats, loss: _Floats, *, margin: float, one_sided: float | _Floats
) -> _Floats:
    """Return how many cases a verdict on the loss can be had from, with chance `POWER`.

    Parameters
    ----------
    flipped : ndarray of float64, shape (k,)
        Share of the cases that flip either way, in (0, 1).
    loss : ndarray of float64, shape (k,)
        True loss: below the margin for a group that is fine, above for one that is harmed.
    margin : float
    one_sided : float or ndarray of float64, shape (k,)
        Error rate, after any correction.

    Returns
    -------
    ndarray of float64, shape (k,)
        Whole numbers, inf where the loss is the margin.

    References
    ----------
    .. [1] J. Nam, "Establishing equivalence of two treatments and sample size requirements in
       matched-pairs design", Biometrics 53 (1997) 1422-1430: by the score test.

    Examples
    --------
    >>> shares = np.array([0.02, 0.10])
    >>> pairs_for_verdict(shares, np.zeros(2), margin=0.1, one_sided=0.05).tolist()
    [41.0, 81.0]
    """
    to_wrong = np.maximum((flipped + loss) / 2, np.maximum(loss, 0))
    to_right = to_wrong - loss
    linear = (2 - loss) * margin - to_wrong - to_right
    root = np.sqrt(linear**2 + 8 * to_right * margin * (1 - margin))
    at_margin = (root - linear) / 2 + margin * (1 - margin)
    truly = np.maximum(to_wrong + to_right - loss**2, 0)
    rates = np.broadcast_to(np.asarray(one_sided, dtype=np.float64), flipped.shape)
    z_alpha = np.array([NormalDist().inv_cdf(1 - rate) for rate in rates.tolist()])
    z_power = NormalDist().inv_cdf(POWER)
    spread = z_alpha * np.sqrt(np.maximum(at_margin, 0)) + z_power * np.sqrt(truly)
    with np.errstate(divide="ignore"):
        return np.asarray(np.ceil((spread / (loss - margin)) ** 2))


def _at_best(counts: PairedCounts, margin: float) -> tuple[_Floats, _Floats]:
    """Return the p-value of harm if every case were lost, and that of ok if none flipped."""
    return (
        loss_p_values(counts.if_all_were_lost(), margin)[0],
        loss_p_values(counts.if_none_flipped(), margin)[1],
    )


def _quantile(p_values: _Floats, alpha: float) -> float:
    tests = max(1, int(np.sum(np.isfinite(p_values))))
    return NormalDist().inv_cdf(1 - alpha / tests)


def _needed(counts: PairedCounts, *, margin: float, one_sided: _Floats) -> _Floats:
    """Return how many more cases each group needs.

    Planned for a group without any loss, or, where the data so far point above the margin, for
    one that lost twice the margin. Where that many cases are there and left the verdict open,
    the loss seen so far is planned for instead, unless it lies so close to the margin that no
    number that could be had would tell.
    """
    flips, worth = counts.lost + counts.gained, counts.worth
    here = counts.n if worth is None else worth.effective
    # a group without flips so far is taken to flip as the others do, with the weight of 2 cases
    overall = (flips.sum() + 1) / (counts.n.sum() + 2)
    flipped = (flips + 2 * overall) / (counts.n + 2)
    loss = counts.loss
    seen = np.where(np.isfinite(loss), loss, 0.0)

    def total(supposed: _Floats) -> _Floats:
        return pairs_for_verdict(flipped, supposed, margin=margin, one_sided=one_sided)

    at_first = total(np.where(seen > margin, min(2 * margin, 1.0), 0.0))
    in_all = np.where(at_first <= here, total(seen), at_first)
    out_of_reach = in_all > _OUT_OF_REACH * np.maximum(at_first, here)
    further = np.maximum(in_all - here, 1)
    if worth is not None:  # as many more images as are worth that many cases
        further = np.ceil(further * np.where(here > 0, counts.n / np.where(here > 0, here, 1), 1))
    return np.where(out_of_reach, np.nan, further)
