"""What a report says of images that share a patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgefair.records import AuditResult

__all__ = ["notes_on_patients"]


def notes_on_patients(patients: Sequence[str], result: AuditResult) -> tuple[str, ...]:
    """Return what a reader must know of patients with several images.

    Parameters
    ----------
    patients : sequence of str
        Of each image that was audited; empty where no patient is known.
    result : AuditResult

    Returns
    -------
    tuple of str
        Empty if every image is of another patient.
    """
    images = Counter(patients)
    unknown = images.pop("", 0)
    if max(images.values(), default=0) < 2:
        return ()
    said = (
        f"{len(patients):,} images of {len(images) + unknown:,} patients: images of one patient "
        "are alike, so intervals and verdicts count them as the fewer independent cases that they "
        "are worth."
    )
    worth = _what_they_are_worth(result)
    missing = (
        f"{unknown:,} of these images have no patient; each counts as a patient of its own."
        if unknown
        else ""
    )
    return (" ".join(part for part in (said, worth, missing) if part),)


def _what_they_are_worth(result: AuditResult) -> str:
    """Return an example of what cases are worth: those that have the finding, over all groups."""
    for cell in result.overall:
        if cell.metric == "false_negative_rate" and cell.independent and cell.value.n:
            return (
                f"The {cell.value.n:,} with {cell.finding} count as {cell.independent:,.0f} when "
                "it is about what the model misses."
            )
    return ""
