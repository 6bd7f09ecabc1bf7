"""The card's section on findings that were added from concepts."""

from __future__ import annotations

from dataclasses import dataclass

from edgefair.bundle.manifest import FindingName
from edgefair.records import Interval

__all__ = ["AddedFinding", "render_section"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFinding:
    """What the card says of one finding.

    Attributes
    ----------
    correlation, r_squared : float
        How well the student's embedding carries the concept, out of fold.
    images : int
        On how many images, without labels.
    positives, negatives : int
        Labelled val images, which the threshold was chosen on.
    val_auroc, test_auroc : Interval or None
        None where one class is missing.
    """

    finding: str
    names: tuple[FindingName, ...]
    correlation: float
    r_squared: float
    images: int
    positives: int
    negatives: int
    val_auroc: Interval | None
    test_auroc: Interval | None


def render_section(added: tuple[AddedFinding, ...], *, old: str, new: str, teacher: str) -> str:
    """Return the section in Markdown.

    Parameters
    ----------
    added : tuple of AddedFinding
    old, new : str
        Name and version of the bundles before and after.
    teacher : str
        What the card calls the model that the concepts come from.
    """
    findings = ", ".join(row.finding for row in added)
    lines = [
        f"\n## Added without training: {findings}",
        "",
        f"{new} is {old} with these findings added. Everything above was measured with {old} and "
        "holds for its own findings, whose weights, calibration and thresholds are the same.",
        "",
        f"A finding here is a row of weights: ridge regression, on images without labels, of the "
        f"similarity that {teacher} sees between image and concept on this model's embedding. The "
        "model itself was not trained on it. How well its embedding carries the concept is the "
        "correlation with the teacher on images that the row was not fitted to; where that is "
        "low, so is what can be expected of the finding.",
        "",
        "| finding | correlation with the teacher | variance explained | images |",
        "|---|---|---|---|",
        *(
            f"| {row.finding} | {row.correlation:.3f} | {row.r_squared:.3f} | {row.images} |"
            for row in added
        ),
        "",
        "Probabilities and thresholds were fitted on the labelled val images alone. There is no "
        "refer band: no full-precision form of the finding exists to differ from.",
        "",
        "| finding | labelled val images with / without | AUROC val | AUROC test |",
        "|---|---|---|---|",
        *(
            f"| {row.finding} | {row.positives} / {row.negatives} | {_in_words(row.val_auroc)} "
            f"| {_in_words(row.test_auroc)} |"
            for row in added
        ),
        "",
        *(
            f"- {row.finding}: " + ", ".join(f"{n.name} ({n.language})" for n in row.names) + "."
            for row in added
            if row.names
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _in_words(interval: Interval | None) -> str:
    if interval is None:
        return "not estimable"
    return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"
