"""When to say nothing: bands of probabilities that are referred, with coverage group by group.

Split conformal prediction, by group and class: from cases with known outcome, a lower and an upper
threshold for each group such that whoever has the finding is seldom cleared, and whoever does not
is seldom flagged. What lies between is referred to a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, isinf, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.intervals import clopper_pearson
from edgefair.records import Decision, Group, Interval

__all__ = [
    "BandCheck",
    "Bar",
    "ReferBand",
    "band_decisions",
    "check_bands",
    "labels_for",
    "refer_bands",
]

_CODES: Final = (Decision.NEGATIVE, Decision.REFER, Decision.POSITIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One threshold of a band, and what it promises.

    Attributes
    ----------
    threshold : float
        Probability; infinite where no promise can be made, so that nothing is decided.
    n : int
        Cases it was set on: the positives for the lower threshold, the negatives for the upper.
    beyond : int
        How many of these, and one more, would be decided wrongly: the rank of the threshold. 0
        where no promise can be made.
    risk : float
        Largest acceptable share decided wrongly.
    confidence : float or None
        None: the share is below `risk` on average over the samples that thresholds are set on.
        Else: with this chance it is below `risk` for the thresholds actually set.
    """

    threshold: float
    n: int
    beyond: int
    risk: float
    confidence: float | None

    @property
    def holds(self) -> bool:
        """Whether a promise can be made at all."""
        return self.beyond > 0

    @property
    def labels_needed(self) -> int:
        """Further cases of that class until one can be made; 0 if it is."""
        return 0 if self.holds else labels_for(self.risk, confidence=self.confidence) - self.n

    def expected_share(self, level: float = 0.95) -> Interval:
        """Return the share decided wrongly, as the beta law of split conformal has it.

        The share is ``Beta(beyond, n + 1 - beyond)`` over the samples that thresholds are set on;
        its mean is ``beyond / (n + 1)``. Exact where probabilities have no ties, and too large
        where they have. 0 where nothing is decided.

        References
        ----------
        .. [1] V. Vovk, "Conditional validity of inductive conformal predictors", Machine Learning
           92 (2013) 349-376.
        """
        from scipy.special import betaincinv

        if not self.holds:
            return Interval(0.0, 0.0, 0.0, level, self.n)
        a, b, tail = self.beyond, self.n + 1 - self.beyond, (1 - level) / 2
        lower, upper = (float(betaincinv(a, b, q)) for q in (tail, 1 - tail))
        return Interval(a / (a + b), lower, upper, level, self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferBand:
    """The probabilities that are referred in one group.

    Below `lower` the decision is negative, above `upper` positive, and between them, with both
    ends, refer.

    Attributes
    ----------
    group : Group
    lower, upper : float
        ``-inf`` and ``inf`` where the labels do not allow for a promise: nobody is cleared, or
        nobody is flagged.
    misses, false_alarms : Bar
        What is promised to those who have the finding, and to those who do not.
    """

    group: Group
    lower: float
    upper: float
    misses: Bar
    false_alarms: Bar

    @property
    def refers_all(self) -> bool:
        """Whether nothing is decided in this group."""
        return isinf(self.lower) and isinf(self.upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandCheck:
    """What a band did on cases that it was not set on.

    Attributes
    ----------
    group : Group
    missed, false_alarms : Interval
        Share of those with the finding that were cleared, and of those without that were flagged:
        exact limits; vacuous where there was no such case.
    referred : Interval
        Share of all cases that were referred.
    misses_p_value, false_alarms_p_value : float
        Chance of as many wrong decisions or more if what was promised on average holds, by the
        exact beta-binomial law of new cases; nan where there was no case or no promise.
    """

    group: Group
    missed: Interval
    false_alarms: Interval
    referred: Interval
    misses_p_value: float
    false_alarms_p_value: float


def labels_for(risk: float, *, confidence: float | None = None) -> int:
    """Return how many labelled cases of a class a promise takes at least.

    Parameters
    ----------
    risk : float
        Largest acceptable share decided wrongly, in (0, 1).
    confidence : float, optional
        As for `refer_bands`.

    Examples
    --------
    >>> labels_for(0.1), labels_for(0.05), labels_for(0.1, confidence=0.9)
    (9, 19, 22)
    """
    _check_share("risk", risk)
    if confidence is None:
        return ceil(1 / risk - 1 - 1e-9)
    _check_share("confidence", confidence)
    return ceil(log(1 - confidence) / log(1 - risk) - 1e-9)


def refer_bands(
    y_true: NDArray[np.bool_],
    probability: NDArray[np.float64],
    grouping: Grouping,
    *,
    miss: float = 0.10,
    false_alarm: float = 0.10,
    confidence: float | None = None,
) -> tuple[ReferBand, ...]:
    """Return for each group which probabilities are to be referred.

    Of the positives of a group at most the share `miss` is cleared, of its negatives at most the
    share `false_alarm` is flagged, whatever the model and however ill calibrated: all that is
    assumed is that the cases here and those to come of the same group and class are
    exchangeable. A group of fewer than ``1 / miss - 1`` positives (or ``1 / false_alarm - 1``
    negatives) allows for no such promise: nobody in it is cleared (or flagged), and with neither
    everybody is referred.

    Parameters
    ----------
    y_true : ndarray of bool, shape (n,)
        Outcomes of cases that the model was not trained on.
    probability : ndarray of float64, shape (n,)
        Or any score, larger for more suspicious.
    grouping : Grouping
        Over the same cases.
    miss, false_alarm : float, default=0.10
        Largest acceptable shares, in (0, 1).
    confidence : float, optional
        Without it the promise holds on average over the samples that thresholds are set on; with
        it, for the thresholds set here with this chance, which takes more labels.

    Raises
    ------
    ValueError
        If a share is not in (0, 1), or a probability is nan.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic learning in a random world", Springer
       2005, section 4.5 (Mondrian prediction).
    .. [2] Y. Romano, R. F. Barber, C. Sabatti, E. J. Candes, "With malice toward none: assessing
       uncertainty via equalized coverage", Harvard Data Science Review 2.2 (2020).

    Examples
    --------
    >>> from edgefair.records import Group
    >>> all_alike = Grouping(
    ...     attribute="everybody", groups=(Group(),), codes=np.zeros(38, dtype=np.int64)
    ... )
    >>> truth = np.arange(38) % 2 == 0
    >>> (band,) = refer_bands(truth, np.where(truth, 0.3, 0.1) + np.arange(38) / 60, all_alike)
    >>> f"{band.lower:.3f} {band.upper:.3f} {band.misses.expected_share().estimate:.2f}"
    '0.333 0.683 0.10'
    """
    for name, share in (("miss", miss), ("false_alarm", false_alarm)):
        _check_share(name, share)
    if np.isnan(probability).any():
        raise ValueError("probability is nan")
    bands = []
    for code, group in enumerate(grouping.groups):
        within = grouping.codes == code
        misses = _bar(probability[within & y_true], miss, confidence)
        alarms = _bar(-probability[within & ~y_true], false_alarm, confidence)
        # where they cross, what fits neither class is referred too, which only helps
        lower, upper = sorted((misses.threshold, -alarms.threshold))
        bands.append(
            ReferBand(
                group=group,
                lower=lower,
                upper=upper,
                misses=misses,
                false_alarms=Bar(
                    threshold=-alarms.threshold,
                    n=alarms.n,
                    beyond=alarms.beyond,
                    risk=alarms.risk,
                    confidence=confidence,
                ),
            )
        )
    return tuple(bands)


def band_decisions(
    bands: Sequence[ReferBand], probability: NDArray[np.float64], codes: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return the decision on each case.

    Parameters
    ----------
    bands : sequence of ReferBand
        One for each group.
    probability : ndarray of float64, shape (n,)
    codes : ndarray of int64, shape (n,)
        Group of each case.

    Returns
    -------
    ndarray of Decision, shape (n,)
    """
    side = _sides(bands, probability, codes)
    return np.array([_CODES[i] for i in (side + 1).tolist()], dtype=object)


def check_bands(
    bands: Sequence[ReferBand],
    y_true: NDArray[np.bool_],
    probability: NDArray[np.float64],
    codes: NDArray[np.int64],
    *,
    level: float = 0.95,
) -> tuple[BandCheck, ...]:
    """Return what the bands do on cases that they were not set on.

    Parameters
    ----------
    bands : sequence of ReferBand
    y_true : ndarray of bool, shape (n,)
    probability : ndarray of float64, shape (n,)
    codes : ndarray of int64, shape (n,)
        Group of each case, as in the grouping that the bands were set on.
    level : float, default=0.95
        Of the exact intervals.
    """
    side = _sides(bands, probability, codes)
    return tuple(
        _checked(band, y_true[within], side[within], level)
        for code, band in enumerate(bands)
        for within in (codes == code,)
    )


def _checked(
    band: ReferBand, y_true: NDArray[np.bool_], side: NDArray[np.int64], level: float
) -> BandCheck:
    missed = int(np.sum(y_true & (side < 0)))
    alarms = int(np.sum(~y_true & (side > 0)))
    positives, negatives = int(y_true.sum()), int((~y_true).sum())
    return BandCheck(
        group=band.group,
        missed=_share(missed, positives, level),
        false_alarms=_share(alarms, negatives, level),
        referred=_share(int(np.sum(side == 0)), len(side), level),
        misses_p_value=_chance_of_more(missed, positives, band.misses),
        false_alarms_p_value=_chance_of_more(alarms, negatives, band.false_alarms),
    )


def _sides(
    bands: Sequence[ReferBand], probability: NDArray[np.float64], codes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return -1 for negative, 0 for refer, 1 for positive."""
    lower = np.array([band.lower for band in bands])[codes]
    upper = np.array([band.upper for band in bands])[codes]
    return np.where(probability < lower, -1, np.where(probability > upper, 1, 0))


def _bar(scores: NDArray[np.float64], risk: float, confidence: float | None) -> Bar:
    """Return the threshold below which at most the share `risk` of such scores lies."""
    n = len(scores)
    beyond = _rank(n, risk, confidence)
    threshold = float(np.partition(scores, beyond - 1)[beyond - 1]) if beyond else -inf
    return Bar(threshold=threshold, n=n, beyond=beyond, risk=risk, confidence=confidence)


def _rank(n: int, risk: float, confidence: float | None) -> int:
    """Return the largest rank whose score a new one falls below with chance `risk` at most."""
    if confidence is None:
        return int(risk * (n + 1) + 1e-9)
    _check_share("confidence", confidence)
    from scipy.special import betainc

    ranks = np.arange(1, n + 1)
    kept = betainc(ranks, n + 1 - ranks, risk) >= confidence  # falls as the rank rises
    return int(kept.sum())


def _share(hits: int, n: int, level: float) -> Interval:
    return clopper_pearson(hits, n, level=level) if n else Interval.vacuous(level=level)


def _chance_of_more(hits: int, n: int, bar: Bar) -> float:
    """Return P(at least `hits` of `n`) of the beta-binomial law of new cases."""
    from scipy.special import betaln, gammaln

    if not n or not bar.holds:
        return float("nan")
    a, b = bar.beyond, bar.n + 1 - bar.beyond
    k = np.arange(hits, n + 1)
    choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return float(min(1.0, np.exp(choose + betaln(k + a, n - k + b) - betaln(a, b)).sum()))


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} must be in (0, 1), got {value}")
