"""Has a rate become worse after a long good time? Two charts that forget that time.

The evidence of `sequential` over the whole life of a model has to make up for a good year before
it can sound; these two start anew at every label. In exchange they sound now and then without a
cause, and what is known of them is how seldom: their average run length until a false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, inf, log, log1p
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Chart",
    "average_run_length",
    "chart_for",
    "running_cusum",
    "running_shiryaev_roberts",
    "worse_rates",
]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_ODDS_RATIOS: Final = (1.5, 2.0, 3.0, 5.0)
_COARSEST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A Bernoulli CUSUM chart in whole numbers: ``C = max(0, C + up or - down)``.

    Attributes
    ----------
    up, down : int
        What an error adds and what a label without one takes away, at least 1.
    height : int
        The alarm is raised at this value or above, at least 1.
    """

    up: int
    down: int
    height: int

    def __post_init__(self) -> None:
        if min(self.up, self.down, self.height) < 1:
            raise ValueError(f"all parts of a chart must be at least 1, got {self}")


def chart_for(limit: float, worse: float, *, run_length: float) -> Chart:
    r"""Return the chart that sounds soonest at a worse rate, and at the limit seldom enough.

    An error is worth :math:`\log(p_1/p_0)` and any other label
    :math:`\log((1-p_1)/(1-p_0))` in the likelihood ratio that the chart sums up. Only the share of
    the two matters; it is rounded to a fraction of small whole numbers, so that the chart has few
    states and its run length can be computed exactly.

    Parameters
    ----------
    limit, worse : float
        Largest acceptable rate and the one to be found soon, ``0 < limit < worse < 1``.
    run_length : float
        Labels until a false alarm at the limit, on average, at least.

    Returns
    -------
    Chart
        The lowest one with that run length.

    References
    ----------
    .. [1] M. R. Reynolds, Z. G. Stoumbos, "A CUSUM chart for monitoring a proportion when
       inspecting continuously", Journal of Quality Technology 31 (1999) 87-108.
    .. [2] S. H. Steiner, R. J. Cook, V. T. Farewell, T. Treasure, "Monitoring surgical performance
       using risk-adjusted cumulative sum charts", Biostatistics 1 (2000) 441-452.

    Examples
    --------
    >>> chart = chart_for(0.20, 0.35, run_length=1000)
    >>> chart
    Chart(up=8, down=3, height=54)
    >>> [round(average_run_length(chart, rate)) for rate in (0.20, 0.35)]
    [1018, 51]
    """
    share = _share_of_errors(limit, worse)
    up, down = share.denominator - share.numerator, share.numerator

    def long_enough(height: int) -> bool:
        chart = Chart(up=up, down=down, height=height)
        return average_run_length(chart, limit) >= run_length

    low, high = 0, up
    while not long_enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if long_enough(middle) else (middle, high)
    return Chart(up=up, down=down, height=high)


def average_run_length(chart: Chart, rate: float) -> float:
    """Return after how many labels the chart sounds on average, from 0 on.

    Exact: the chart is a Markov chain over 0, 1, ..., ``height - 1``, and the expected times to
    leave it solve a linear system. It is solved without a subtraction, so that rounding stays
    small (1e-12 of the result) however long the run.

    Parameters
    ----------
    chart : Chart
    rate : float
        True chance of an error, the same for all labels, in [0, 1].

    Returns
    -------
    float
        Labels, with the one that raises the alarm; inf where none ever will.

    References
    ----------
    .. [1] D. Brook, D. A. Evans, "An approach to the probability distribution of CUSUM run
       length", Biometrika 59 (1972) 539-549.
    .. [2] W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
       distributions for Markov chains", Operations Research 33 (1985) 1107-1116.

    Examples
    --------
    Only three errors in a row sound this one:

    >>> round(average_run_length(Chart(up=1, down=9, height=3), 0.5), 9)
    14.0
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be in [0, 1], got {rate}")
    alarm = chart.height
    states = np.arange(alarm)
    moves = np.zeros((alarm, alarm + 1))
    moves[states, np.minimum(states + chart.up, alarm)] = rate
    moves[states, np.maximum(states - chart.down, 0)] += 1 - rate
    spent = np.ones(alarm)
    # state by state from the top, each is taken out and its time given to those that lead to it
    for state in range(alarm - 1, 0, -1):
        onwards = np.append(moves[state, :state], moves[state, alarm])
        sources = np.flatnonzero(moves[:state, state])
        share = moves[sources, state] / np.sum(onwards)
        moves[sources, :state] += np.outer(share, onwards[:-1])
        moves[sources, alarm] += share * onwards[-1]
        spent[sources] += share * spent[state]
    return float(spent[0] / moves[0, alarm]) if moves[0, alarm] > 0 else inf


def running_cusum(errors: ArrayLike, chart: Chart, *, start: int = 0) -> _Counts:
    """Return the value of the chart after each label.

    Parameters
    ----------
    errors : array_like of bool, shape (..., t)
        Whether each label showed an error, in order; leading axes are streams of their own.
    chart : Chart
    start : int, default=0
        Value of the chart before the first label.

    Returns
    -------
    ndarray of int64, shape (..., t)
        It goes on after an alarm. Whole numbers: the same however the stream is cut into parts.

    Examples
    --------
    >>> running_cusum([1, 0, 0, 0, 1, 1], Chart(up=8, down=3, height=50)).tolist()
    [8, 5, 2, 0, 8, 16]
    """
    walk = np.cumsum(np.where(errors, chart.up, -chart.down), axis=-1, dtype=np.int64)
    lowest = np.minimum(np.minimum.accumulate(walk, axis=-1), -start)
    return np.asarray(walk - lowest)


def worse_rates(limit: float) -> tuple[float, ...]:
    """Return the worse rates that are looked for: 1.5 to 5 times the odds of the limit.

    Examples
    --------
    >>> [round(rate, 2) for rate in worse_rates(0.2)]
    [0.27, 0.33, 0.43, 0.56]
    """
    if not 0 < limit < 1:
        raise ValueError(f"limit must be in (0, 1), got {limit}")
    odds = limit / (1 - limit)
    return tuple(ratio * odds / (1 + ratio * odds) for ratio in _ODDS_RATIOS)


def running_shiryaev_roberts(
    errors: ArrayLike,
    *,
    limit: float,
    rates: tuple[float, ...],
    start: ArrayLike = 0.0,
) -> tuple[_Floats, _Floats]:
    r"""Return the logarithm of the evidence for a change, summed over all times it may have come.

    For every worse rate q the evidence of an e-process that begins at label j, summed over all j
    so far, follows :math:`M_n = L_n (1 + M_{n-1})`, with :math:`L_n = q/p_0` for an error and
    :math:`(1-q)/(1-p_0)` else. The mean over the rates is an e-detector.

    **Guaranteed, exactly:** as long as each label is an error with a chance of at most `limit`,
    given all before it, ``M_n - n`` is a supermartingale from 0. So an alarm at ``M >= c`` comes
    after at least c labels on average (average run length >= c), and with a detector for each of
    several groups the *first* alarm of any comes after at least c labels of all groups together:
    their sum is such a supermartingale as well.

    Parameters
    ----------
    errors : array_like of bool, shape (..., t)
        Whether each label showed an error, in order; leading axes are streams of their own.
    limit : float
        Largest acceptable error rate, in (0, 1).
    rates : tuple of k floats
        The worse rates, each in (limit, 1), e.g. `worse_rates`.
    start : array_like of float, shape (..., k), default=0
        State before the first label: ``log(1 + M)`` for each rate; 0 at the beginning.

    Returns
    -------
    log_m : ndarray of float64, shape (..., t)
        Logarithm of the mean of M over the rates, after each label.
    state : ndarray of float64, shape (..., k)
        ``log(1 + M)`` for each rate after the last label. Label follows label in the sums, so the
        bits are the same however the stream is cut into parts.

    References
    ----------
    .. [1] J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential
       change detection", New England Journal of Statistics in Data Science 2 (2024) 229-260.
    .. [2] M. Pollak, "Average run lengths of an optimal method of detecting a change in
       distribution", Annals of Statistics 15 (1987) 749-779.

    Examples
    --------
    >>> log_m, state = running_shiryaev_roberts([1, 0, 1], limit=0.2, rates=(0.4,))
    >>> np.exp(log_m).round(2).tolist(), np.exp(state).round(2).tolist()
    ([2.0, 2.25, 6.5], [7.5])
    """
    if not all(0 < limit < rate < 1 for rate in rates) or not rates:
        raise ValueError(f"0 < limit < rate < 1 does not hold for {limit} and {rates}")
    stream = np.asarray(errors, dtype=np.bool_)
    if_error = np.array([log(rate / limit) for rate in rates])
    if_none = np.array([log1p(-rate) - log1p(-limit) for rate in rates])
    state = np.broadcast_to(start, (*stream.shape[:-1], len(rates))).astype(np.float64)
    log_m = np.empty(stream.shape)
    for t in range(stream.shape[-1]):
        log_each = state + np.where(stream[..., t, np.newaxis], if_error, if_none)
        log_m[..., t] = np.logaddexp.reduce(log_each, axis=-1) - log(len(rates))
        state = np.logaddexp(0.0, log_each)
    return log_m, state


def _share_of_errors(limit: float, worse: float) -> Fraction:
    """Return the rate at which a chart stands still on average, as a fraction of few parts."""
    if not 0 < limit < worse < 1:
        raise ValueError(f"0 < limit < worse < 1 does not hold for {limit} and {worse}")
    if_none = log1p(-limit) - log1p(-worse)
    share = if_none / (if_none + log(worse / limit))
    parts = max(_COARSEST, ceil(1 / share))
    while abs(Fraction(share).limit_denominator(parts) - share) > (worse - limit) / 10:
        parts *= 2
    return Fraction(share).limit_denominator(parts)
