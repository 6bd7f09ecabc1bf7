"""Are error rates of groups equal? Evidence that may be looked at after every block of labels.

A block is what came in between two looks, say a week: how many labels of each group, and how many
errors among them. The rates may drift from block to block; asked is only whether, within each
block, the groups have the same. Pure functions of counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["AGAINST", "ComparisonRule", "ComparisonState", "Question", "block_log_e", "compared"]

Question: TypeAlias = Literal["first worse", "unequal"]
"""What evidence is sought for: a higher rate of the first of two groups, or any difference."""

AGAINST: Final = (0.18, 0.18)
"""Beta prior of each rate with the least worst-case regret, for blocks of one label a group."""

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRule:
    """What a comparison is held to; laid down before its first block.

    Attributes
    ----------
    question : Question
    alpha : float
        Chance of a false alarm over the whole life, in all comparisons together.
    comparisons : int
        How many are watched beside each other, at least 1.
    prior : tuple of two floats
        Beta prior of the rates, both parameters above 0.
    """

    question: Question
    alpha: float
    comparisons: int
    prior: tuple[float, float] = AGAINST

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.comparisons < 1:
            raise ValueError("alpha must be in (0, 1) and comparisons at least 1")

    @property
    def log_alarm(self) -> float:
        """Logarithm of the evidence at which a comparison alarms: comparisons / alpha."""
        return log(self.comparisons / self.alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonState:
    """What is remembered of k streams; all that `compared` needs to go on, all finite.

    Attributes
    ----------
    errors, n : tuple of k ints
        Errors and labels of each group so far; empty at first.
    blocks : int
        Blocks so far.
    log_e, max_log_e : float
        Logarithm of the evidence now, and the largest so far.
    alarm_at : int or None
        Number of the block at which the alarm was raised, from 1 on. Once raised it stays.
    """

    errors: tuple[int, ...] = ()
    n: tuple[int, ...] = ()
    blocks: int = 0
    log_e: float = 0.0
    max_log_e: float = 0.0
    alarm_at: int | None = None


def block_log_e(
    errors: ArrayLike,
    n: ArrayLike,
    *,
    question: Question,
    prior: tuple[float, float] = AGAINST,
    before: tuple[ArrayLike, ArrayLike] = (0, 0),
) -> _Floats:
    r"""Return the logarithm of the evidence that each block of labels adds.

    With :math:`\theta_g` the rate of group g as estimated from all blocks *before*, and
    :math:`\theta_0` their mean weighted by the labels of this block, it is the likelihood ratio

    .. math:: \prod_g \left(\frac{\theta_g}{\theta_0}\right)^{S_g}
              \left(\frac{1-\theta_g}{1-\theta_0}\right)^{n_g-S_g}

    For "first worse" nothing is added where the estimate of the first group is not the higher.

    **Guaranteed, exactly:** if labels are independent given the blocks before, how many of each
    group are in a block does not depend on their outcomes, and the rates are equal in every block
    ("first worse": that of the first is not the higher one), then each factor has a mean of at
    most 1 given the blocks before. So the chance that the product *ever* reaches ``1 / alpha`` is
    at most `alpha`.

    Parameters
    ----------
    errors, n : array_like of int, shape (..., t, k)
        Errors and labels of k groups in t blocks, in order; leading axes are sites of their own.
        A block with labels of one group only adds nothing, but is learnt from.
    question : {"first worse", "unequal"}
        The first asks for two groups.
    prior : tuple of two floats, default=(.18, .18)
    before : tuple of two array_like of int, shape (..., k), default=(0, 0)
        Errors and labels before the first block.

    Returns
    -------
    ndarray of float64, shape (..., t)
        Sum it up along the last axis.

    References
    ----------
    .. [1] R. J. Turner, A. Ly, P. D. Gruenwald, "Generic e-variables for exact sequential k-sample
       tests that allow for optional stopping", Journal of Statistical Planning and Inference 230
       (2024) 106116; theorem 1, and the prior.
    .. [2] B. Chugg, S. Cortes-Gomez, B. Wilder, A. Ramdas, "Auditing fairness by betting",
       NeurIPS 2023, for a test by betting on means.

    Examples
    --------
    >>> errors, n = [[2, 0], [2, 1], [3, 0]], [[3, 3], [3, 3], [3, 3]]
    >>> np.exp(np.cumsum(block_log_e(errors, n, question="first worse"))).round(2).tolist()
    [1.0, 0.6, 6.35]
    """
    from scipy.special import xlog1py, xlogy

    s, labels = _checked(errors, n)
    if question == "first worse" and s.shape[-1] != 2:
        raise ValueError(f"one group is compared with one other, got {s.shape[-1]} groups")
    learnt_s, learnt_n = (
        _before_each(counts, start) for counts, start in zip((s, labels), before, strict=True)
    )
    a, b = prior
    rate = (a + learnt_s) / (a + b + learnt_n)
    size = np.maximum(np.sum(labels, axis=-1), 1)
    pooled = (_summed(np.asarray(labels * rate)) / size)[..., np.newaxis]
    gain = xlogy(s, rate) + xlog1py(labels - s, -rate)
    gain = gain - (xlogy(s, pooled) + xlog1py(labels - s, -pooled))
    tells = np.count_nonzero(labels, axis=-1) > 1
    if question == "first worse":
        tells &= rate[..., 0] > rate[..., 1]
    return np.where(tells, _summed(gain), 0.0)


def compared(
    state: ComparisonState, errors: ArrayLike, n: ArrayLike, rule: ComparisonRule
) -> ComparisonState:
    """Return the state after further blocks, the same bits whether they come singly or together.

    Unlike the labels of one cell, blocks must not be cut or joined: a block is learnt from as a
    whole.

    Parameters
    ----------
    state : ComparisonState
        ``ComparisonState()`` before the first block.
    errors, n : array_like of int, shape (t, k)
        Errors and labels of k groups in t further blocks.
    rule : ComparisonRule
        The same for the whole life of the state.

    Examples
    --------
    >>> rule = ComparisonRule(question="first worse", alpha=0.05, comparisons=1)
    >>> state = compared(ComparisonState(), [[2, 0]] * 8, [[3, 3]] * 8, rule)
    >>> state.errors, state.n, state.alarm_at
    ((16, 0), (24, 24), 3)
    """
    s, labels = _checked(errors, n)
    if s.ndim != 2:
        raise ValueError(f"blocks of one comparison have two axes, got {s.ndim}")
    if not len(s):
        return state
    start_s = np.array(state.errors or (0,) * s.shape[1], dtype=np.int64)
    start_n = np.array(state.n or (0,) * s.shape[1], dtype=np.int64)
    gains = block_log_e(
        s, labels, question=rule.question, prior=rule.prior, before=(start_s, start_n)
    )
    log_e = np.add.accumulate([state.log_e, *gains.tolist()])[1:]
    raised = np.flatnonzero(log_e >= rule.log_alarm)
    alarm_at = state.alarm_at
    if alarm_at is None and len(raised):
        alarm_at = state.blocks + 1 + int(raised[0])
    return ComparisonState(
        errors=tuple((start_s + np.sum(s, axis=0)).tolist()),
        n=tuple((start_n + np.sum(labels, axis=0)).tolist()),
        blocks=state.blocks + len(s),
        log_e=float(log_e[-1]),
        max_log_e=max(state.max_log_e, float(np.max(log_e))),
        alarm_at=alarm_at,
    )


def _checked(errors: ArrayLike, n: ArrayLike) -> tuple[_Counts, _Counts]:
    s, labels = np.asarray(errors, dtype=np.int64), np.asarray(n, dtype=np.int64)
    if s.shape != labels.shape or s.ndim < 2:
        raise ValueError(f"errors and n must both be (..., t, k), got {s.shape}, {labels.shape}")
    if not np.all((s >= 0) & (s <= labels)):
        raise ValueError("errors must be in [0, n]")
    return s, labels


def _before_each(counts: _Counts, start: ArrayLike) -> _Counts:
    """Return the sum of all blocks before each."""
    begun = np.asarray(start, dtype=np.int64)
    if begun.ndim:
        begun = begun[..., np.newaxis, :]
    return np.asarray(begun + np.cumsum(counts, axis=-2) - counts)


def _summed(terms: _Floats) -> _Floats:
    """Return the sum over the groups, added in their order whatever the array's shape."""
    return np.asarray(np.add.accumulate(terms, axis=-1)[..., -1])
