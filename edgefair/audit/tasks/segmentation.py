"""Outlines: whether the model covers the right area less well for some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.inputs import scores
from edgefair.audit.tasks.agreement import Lack
from edgefair.audit.tasks.judging import Measure, TaskCriteria
from edgefair.audit.tasks.material import audited, one_column, ready, share_of
from edgefair.audit.tasks.means import Means, Quantiles
from edgefair.audit.tasks.wording import Spoken
from edgefair.errors import BadTable
from edgefair.records import AuditResult

__all__ = ["audit_segmentation", "dice_of_masks"]


def dice_of_masks(
    y_true: Sequence[ArrayLike | None], y_pred: Sequence[ArrayLike | None]
) -> NDArray[np.float64]:
    """Return the Dice coefficient of each pair of masks.

    Twice the area in common over the sum of both areas. Where both masks are empty it is 1: the
    model rightly outlined nothing. Where only one is, it is 0.

    Parameters
    ----------
    y_true, y_pred : sequence of array_like, or None
        Masks of one image each, of one shape; whatever is not 0 is inside. None where there is
        no mask (which is not an empty one).

    Returns
    -------
    ndarray of float64, shape (n,)
        In [0, 1]; nan where either mask is None.

    Raises
    ------
    BadTable
        If there are more masks of one kind, or the two of an image differ in shape.

    References
    ----------
    .. [1] L. R. Dice, "Measures of the amount of ecologic association between species", Ecology
       26 (1945) 297-302.

    Examples
    --------
    >>> dice_of_masks([[[1, 1], [0, 0]], [[0, 0]]], [[[1, 0], [0, 0]], [[0, 0]]]).round(3).tolist()
    [0.667, 1.0]
    """
    if len(y_true) != len(y_pred):
        raise BadTable(
            f"There are {len(y_true)} true masks and {len(y_pred)} of the model.",
            hint="Give one of each for every image, None where there is none.",
        )
    pairs = enumerate(zip(y_true, y_pred, strict=True), start=1)
    return np.array([_dice(truth, said, row) for row, (truth, said) in pairs], dtype=np.float64)


def _dice(truth: ArrayLike | None, said: ArrayLike | None, row: int) -> float:
    if truth is None or said is None:
        return np.nan
    a, b = np.asarray(truth) != 0, np.asarray(said) != 0
    if a.shape != b.shape:
        raise BadTable(
            f"The masks of image {row} are of shapes {a.shape} and {b.shape}.",
            hint="Bring both to the size of the image.",
        )
    areas = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / areas if areas else 1.0


def audit_segmentation(  # noqa: PLR0913 - the face: each argument is a column or a criterion
    *,
    dice: Any = None,
    y_true: Sequence[ArrayLike | None] | None = None,
    y_pred: Sequence[ArrayLike | None] | None = None,
    sensitive_features: Any,
    margin: float = 0.05,
    failed_below: float = 0.5,
    by: Sequence[str] | None = None,
    finding: str = "the outline",
    level: float = 0.95,
    alpha: float = 0.05,
) -> AuditResult:
    """Return for whom a model that outlines does so less well.

    Judged is what the mean Dice coefficient lacks to 1, each group against all others, one image
    one case. Shown beside it are the mean itself, the tenth percentile, which the worst-served
    images decide, and the share of images that failed. Images without coefficient are left out
    and counted.

    Parameters
    ----------
    dice : column, optional
        The coefficient of each image, in [0, 1]; or give the masks.
    y_true, y_pred : sequence of array_like, optional
        Masks, as `dice_of_masks` takes them.
    sensitive_features : column or columns
        What to group by. Missing is a group of its own, Unknown.
    margin : float, default=0.05
        How much more than in all others the mean coefficient may lack.
    failed_below : float, default=0.5
        An image whose coefficient is smaller counts as failed.
    by, level, alpha
        As for `edgefair.audit.audit`.
    finding : str, optional
        What is outlined.

    Returns
    -------
    AuditResult
        The limits of the mean are asymptotic, with one failure more than was seen allowed for:
        see `edgefair.audit.tasks.means.Means`.

    Raises
    ------
    BadTable
        If neither or both are given, columns differ in length, or a value is no coefficient.
    NotEnoughData
        If no image has a coefficient.

    Examples
    --------
    >>> found = audit_segmentation(
    ...     dice=[0.9, 0.8, 0.95, 0.7, 0.92], sensitive_features={"sex": list("FFMMM")}
    ... )
    >>> cell = found.overall[1]
    >>> cell.metric, f"{cell.value.estimate:.3f} [{cell.value.lower:.3f}, {cell.value.upper:.3f}]"
    ('dice', '0.854 [0.333, 0.956]')
    """
    if (dice is None) == (y_true is None or y_pred is None):
        raise BadTable(
            "An outline needs its Dice coefficient, or both masks.",
            hint="Give dice, or y_true together with y_pred.",
        )
    if dice is None:
        assert y_true is not None
        assert y_pred is not None
        dice = dice_of_masks(y_true, y_pred)
    overlap = scores(one_column(dice, "dice"), "The Dice coefficient")
    outside = (overlap < 0) | (overlap > 1)
    if outside.any():
        row = int(np.argmax(outside))
        raise BadTable(
            f"The Dice coefficient is {overlap[row]:g} in row {row + 1}.",
            hint="It lies between 0 and 1; per cent must be divided by 100.",
        )
    material = ready({"no coefficient": np.isnan(overlap)}, sensitive_features, by)
    held = overlap[material.kept]
    criteria = TaskCriteria(level=level, margin=margin, alpha=alpha)
    return audited(finding, _measures(held, failed_below), material, criteria)


def _measures(held: NDArray[np.float64], failed_below: float) -> list[Measure]:
    def mean(rows: NDArray[np.bool_]) -> Means:
        return Means.of(held[rows], lowest=0.0, highest=1.0, worst=0.0)

    failed = held < failed_below
    return [
        Measure(
            metric="dice_lack",
            of_rows=lambda rows: Lack(mean(rows)),
            judged_as=Spoken(what="what the mean Dice coefficient lacks to 1"),
        ),
        Measure(metric="dice", of_rows=mean),
        Measure(
            metric="dice_tenth_percentile",
            of_rows=lambda rows: Quantiles.of(held[rows], share=0.1),
        ),
        Measure(
            metric="failed_outlines",
            of_rows=lambda rows: share_of(failed[rows]),
        ),
    ]
