"""A report as one HTML file: no script, nothing fetched, opens from a USB stick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgefair.report.beside_page import calibration_section, threshold_section
from edgefair.report.next_steps import next_steps
from edgefair.report.page import exclusion_table, sections
from edgefair.report.sheets import environment, style_of
from edgefair.report.summary import headline
from edgefair.report.tables import powered_table, verification_table
from edgefair.report.words import capitalised, margin, moment

if TYPE_CHECKING:
    from edgefair.report.report import Report

__all__ = ["render_html"]


def render_html(report: Report) -> str:
    """Return the report as one HTML page that needs nothing but itself.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        UTF-8 text, below 100 kB for an audit of thirty groups, a tenth more where most of them
        are crossed and some of it is unknown. The page carries its own content security policy:
        no script, no outside host, one style sheet named by its hash.

    Notes
    -----
    Every value is escaped by the template engine; whatever stands in a column of the user's
    table stays text.
    """
    style = style_of("edgefair.report")
    return (
        environment("edgefair.report")
        .get_template("report.html.j2")
        .render(
            report=report,
            result=report.result,
            headline=headline(report.result),
            steps=next_steps(report.result),
            findings=sections(report.result),
            calibration=[
                (capitalised(one.finding), calibration_section(one, alpha=report.result.alpha))
                for one in report.calibration
            ],
            thresholds=[
                (capitalised(one.finding), threshold_section(one)) for one in report.thresholds
            ],
            exclusions=exclusion_table(report.result),
            powered=powered_table(report),
            verification=verification_table(report),
            margin=margin(report.result),
            made_at=moment(report.made_at),
            style=style.text,
            style_digest=style.digest,
        )
    )
