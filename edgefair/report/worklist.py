"""A worklist to print: which cases to confirm, with boxes to tick, and nothing that sways."""

from __future__ import annotations

from dataclasses import dataclass

from edgefair.report.sheets import environment, style_of
from edgefair.report.words import moment

__all__ = ["WorklistRow", "WorklistSheet", "render_worklist"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistRow:
    """One case to confirm.

    Attributes
    ----------
    case : str
        Case code.
    image : str
        File name; with the frame where there are several.
    finding : str
        What to look for.
    read_on : str
        Day, ISO 8601.
    """

    case: str
    image: str
    finding: str
    read_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistSheet:
    """What is printed; it names no patient, and not what the model said.

    Attributes
    ----------
    title : str
    made_at : str
        UTC, ISO 8601.
    rows : tuple of WorklistRow
    notes : tuple of str
    """

    title: str
    made_at: str
    rows: tuple[WorklistRow, ...]
    notes: tuple[str, ...] = ()


def render_worklist(sheet: WorklistSheet) -> str:
    """Return the worklist as one HTML page to print; it needs nothing but itself.

    Examples
    --------
    >>> row = WorklistRow(case="K7Q2019X", image="a.png", finding="tb", read_on="2026-03-01")
    >>> page = render_worklist(
    ...     WorklistSheet(title="1 case to confirm", made_at="2026-03-09T08:00:00Z", rows=(row,))
    ... )
    >>> "K7Q2019X" in page, "<script" in page
    (True, False)
    """
    style = style_of("edgefair.report")
    return (
        environment("edgefair.report")
        .get_template("worklist.html.j2")
        .render(
            sheet=sheet,
            made_at=moment(sheet.made_at),
            style=style.text,
            style_digest=style.digest,
        )
    )
