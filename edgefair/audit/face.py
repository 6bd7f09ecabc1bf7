"""`edgefair.audit(...)`: the re-check from whatever one holds predictions and outcomes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgefair.audit.columns import Criteria
from edgefair.audit.preparing import Columns, prepared
from edgefair.audit.recheck import recheck
from edgefair.audit.view import Audit

__all__ = ["audit"]


def audit(  # noqa: PLR0913 - the face: each argument is a column or a criterion, named by its user
    *,
    y_true: Any,
    y_score: Any = None,
    y_pred: Any = None,
    sensitive_features: Any,
    patients: Any = None,
    by: Sequence[str] | None = None,
    threshold: float | None = None,
    finding: str | None = None,
    level: float = 0.95,
    margin: float = 0.10,
    alpha: float = 0.05,
    seed: int = 0,
) -> Audit:
    """Return for whom a model works: rates by group, each group against the rest, verdicts.

    Columns may be lists, arrays, series, dicts of these, or data frames of any library. Rows
    without an outcome, a decision or a score are left out and counted, never guessed.

    Parameters
    ----------
    y_true : column, or columns for several findings
        1 or True where the finding was there, 0 or False where not; None, nan or empty where
        nobody knows yet. Of several findings each column's name is the finding's.
    y_score : column or columns, optional
        The model's scores, larger for more suspicious; any scale. For the AUROC, and with
        `threshold` for decisions.
    y_pred : column or columns, optional
        The model's decisions: 1, 0, ``positive``, ``negative``, ``refer``. ``refer`` counts as
        flagged, like ``positive``: a person looks.
    sensitive_features : column or columns
        What to group by. Missing is a group of its own, Unknown.
    patients : column, optional
        Whose case each row is: anything that tells patients apart. Where several rows are of one
        patient, intervals and verdicts count them as the fewer independent cases that they are
        worth. A row without a patient is one of its own.
    by : sequence of str, optional
        ``sex``, ``age:0,18,40,60,80`` for bins, ``sex+age:0,60`` to cross two. Every column of
        `sensitive_features` on its own if left out.
    threshold : float, optional
        A score of at least this is flagged; for use without `y_pred`.
    finding : str, optional
        What a single unnamed column of `y_true` is about.
    level : float, default=0.95
        Coverage of the intervals.
    margin : float, default=0.10
        How much larger than in all others an error rate may be.
    alpha : float, default=0.05
        Chance of any false alarm, and chance of any false all-clear, over all groups and
        findings of one error rate.
    seed : int, default=0
        Of the permutations that show what chance alone would do.

    Returns
    -------
    Audit
        Without verdicts if there are neither decisions nor a threshold.

    Raises
    ------
    BadTable
        If columns differ in length, or hold what is no label, score or decision.
    NotEnoughData
        If no row has an outcome.
    InputError
        If `by` asks for what is not there.

    Examples
    --------
    >>> import numpy as np
    >>> sick, sex = np.ones(400, dtype=int), np.repeat(["F", "M"], 200)
    >>> found = np.ones(400, dtype=int)
    >>> found[:80] = 0
    >>> harmed, fine = audit(
    ...     y_true=sick, y_pred=found, sensitive_features={"sex": sex}, finding="pneumonia"
    ... ).verdicts[::2]
    >>> print(harmed.sentence)
    In sex F the model misses 80 of 200 cases with pneumonia (40%, 95% interval 33% to 47%); in \
all others 0 of 200 (0%). The difference is at least 33.2 points, beyond the limit of 10: harm \
is shown.
    >>> fine.kind.value
    'SHOWN OK'
    """
    criteria = Criteria(level=level, margin=margin, alpha=alpha)
    ready = prepared(
        Columns(
            y_true=y_true,
            y_score=y_score,
            y_pred=y_pred,
            sensitive_features=sensitive_features,
            patients=patients,
        ),
        by=by,
        threshold=threshold,
        finding=finding,
    )
    return recheck(
        ready.findings,
        exclusions=ready.exclusions,
        rows=ready.rows,
        criteria=criteria,
        seed=seed,
    )
