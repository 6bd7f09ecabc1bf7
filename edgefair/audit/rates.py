"""The four counts of decisions against truth in many groups, and the rates made of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.estimates import Rates
from edgefair.records import Confusion

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DECISION_RATES", "DENOMINATORS", "Counts", "counts_by_group", "denominator_of"]

DECISION_RATES: Final = (
    "false_negative_rate",
    "false_positive_rate",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
)
"""Rates that need decisions; prevalence needs the truth alone."""

DENOMINATORS: Final = ("positives", "negatives", "flagged", "cleared", "n")
"""What rates are shares of; names of `Counts`."""

_SHARES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "false_negative_rate": ("false_negatives", "positives"),
        "false_positive_rate": ("false_positives", "negatives"),
        "sensitivity": ("true_positives", "positives"),
        "specificity": ("true_negatives", "negatives"),
        "ppv": ("true_positives", "flagged"),
        "npv": ("true_negatives", "cleared"),
        "prevalence": ("positives", "n"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Decisions against truth in k groups, each count an ndarray of int64 of shape (k,)."""

    true_positives: NDArray[np.int64]
    false_negatives: NDArray[np.int64]
    true_negatives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @property
    def positives(self) -> NDArray[np.int64]:
        """Cases in which the finding was there."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> NDArray[np.int64]:
        """Cases in which it was not."""
        return self.true_negatives + self.false_positives

    @property
    def flagged(self) -> NDArray[np.int64]:
        """Cases that the model flagged."""
        return self.true_positives + self.false_positives

    @property
    def cleared(self) -> NDArray[np.int64]:
        """Cases that it did not."""
        return self.true_negatives + self.false_negatives

    @property
    def n(self) -> NDArray[np.int64]:
        """All labelled cases."""
        return self.positives + self.negatives

    def rates(self, metric: str) -> Rates:
        """Return one rate in every group: any of `DECISION_RATES`, or prevalence.

        Examples
        --------
        >>> counts = counts_by_group([1, 1, 0], [True, False, False], [0, 0, 1], 2)
        >>> counts.rates("sensitivity").estimate.tolist()
        [0.5, nan]
        """
        hits, n = _SHARES[metric]
        return Rates(getattr(self, hits), getattr(self, n))

    def total(self) -> Counts:
        """Return everybody's counts, of shape (1,)."""
        return Counts(
            true_positives=self.true_positives.sum(keepdims=True),
            false_negatives=self.false_negatives.sum(keepdims=True),
            true_negatives=self.true_negatives.sum(keepdims=True),
            false_positives=self.false_positives.sum(keepdims=True),
        )

    def rest(self) -> Counts:
        """Return for every group the counts of all others; the groups part everybody."""
        total = self.total()
        return Counts(
            true_positives=total.true_positives - self.true_positives,
            false_negatives=total.false_negatives - self.false_negatives,
            true_negatives=total.true_negatives - self.true_negatives,
            false_positives=total.false_positives - self.false_positives,
        )

    def confusions(self) -> list[Confusion]:
        """Return one record per group."""
        columns = (
            self.true_positives,
            self.false_negatives,
            self.true_negatives,
            self.false_positives,
        )
        return [
            Confusion(true_positives=tp, false_negatives=fn, true_negatives=tn, false_positives=fp)
            for tp, fn, tn, fp in zip(*(c.tolist() for c in columns), strict=True)
        ]


def denominator_of(metric: str) -> str:
    """Return which of `DENOMINATORS` a rate is a share of."""
    return _SHARES[metric][1]


def counts_by_group(
    y_true: ArrayLike, flagged: ArrayLike, codes: ArrayLike, groups: int
) -> Counts:
    """Return the four counts in every group.

    Parameters
    ----------
    y_true : array_like of bool, shape (n,)
        Whether the finding was there.
    flagged : array_like of bool, shape (n,)
        Whether the model flagged the case.
    codes : array_like of int, shape (n,)
        Group of each case, in ``[0, groups)``.
    groups : int
        Number of groups, with those that have no case.
    """
    kind = 2 * np.asarray(y_true, dtype=np.int64) + np.asarray(flagged, dtype=np.int64)
    table = np.bincount(4 * np.asarray(codes, dtype=np.int64) + kind, minlength=4 * groups)
    true_negatives, false_positives, false_negatives, true_positives = table.reshape(groups, 4).T
    return Counts(
        true_positives=true_positives,
        false_negatives=false_negatives,
        true_negatives=true_negatives,
        false_positives=false_positives,
    )
