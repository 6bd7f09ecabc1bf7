"""Which rows can be audited, and why the others cannot: nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.inputs import UNKNOWN_YET, several_of_one
from edgefair.audit.tally import Cases
from edgefair.records import Exclusion

__all__ = ["Rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All rows of one finding as they came in; each array of shape (n,).

    Attributes
    ----------
    finding : str
    y_true : ndarray of int8
        1, 0, or -1 where the outcome is not known yet.
    y_pred : ndarray of int8, or None
        1 flagged, 0 not, -1 where the model did not decide.
    y_score : ndarray of float64, or None
        nan where the model gave none.
    patients : ndarray of int64, or None
        Number of each row's patient; None if every row is of another one.
    """

    finding: str
    y_true: NDArray[np.int8]
    y_pred: NDArray[np.int8] | None
    y_score: NDArray[np.float64] | None
    patients: NDArray[np.int64] | None = None

    def cases(self, groupings: Sequence[Grouping], *, threshold: float | None) -> Cases:
        """Return the rows with an outcome and with all that the model was to say.

        Parameters
        ----------
        groupings : sequence of Grouping
            Over all rows; a group that is left without any stays.
        threshold : float or None
            A score of at least this is flagged, where there are no decisions.
        """
        kept = ~np.logical_or.reduce([missing for _, missing in self._reasons()])
        score = None if self.y_score is None else self.y_score[kept]
        flagged = None if self.y_pred is None else self.y_pred[kept] == 1
        if flagged is None and score is not None and threshold is not None:
            flagged = score >= threshold
        return Cases(
            finding=self.finding,
            y_true=self.y_true[kept] == 1,
            flagged=flagged,
            y_score=score,
            groupings=tuple(grouping.of_rows(kept) for grouping in groupings),
            patients=None if self.patients is None else several_of_one(self.patients[kept]),
        )

    def exclusions(self, *, named: bool) -> list[Exclusion]:
        """Return how many rows are left out for each reason; a row counts for its first one.

        Parameters
        ----------
        named : bool
            Whether to name the finding, where there are several.
        """
        excluded, before = [], np.zeros(self.y_true.shape, dtype=bool)
        for reason, missing in self._reasons():
            rows = int(np.sum(missing & ~before))
            before |= missing
            if rows:
                said = f"{reason} ({self.finding})" if named else reason
                excluded.append(Exclusion(reason=said, rows=rows))
        return excluded

    def _reasons(self) -> list[tuple[str, NDArray[np.bool_]]]:
        reasons = [("no outcome yet", self.y_true == UNKNOWN_YET)]
        if self.y_pred is not None:
            reasons.append(("no decision by the model", self.y_pred == UNKNOWN_YET))
        if self.y_score is not None:
            reasons.append(("no score by the model", np.isnan(self.y_score)))
        return reasons
