"""An audit made readable: text, JSON, and one HTML file."""

from edgefair.report.html import render_html
from edgefair.report.interchange import report_from_json, report_to_json
from edgefair.report.report import DataIdentity, Report, Verified
from edgefair.report.terminal import render_text

__all__ = [
    "DataIdentity",
    "Report",
    "Verified",
    "render_html",
    "render_text",
    "report_from_json",
    "report_to_json",
]
