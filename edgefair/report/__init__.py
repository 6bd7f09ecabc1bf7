"""An audit made readable: text, JSON, and one HTML file."""

from edgefair.report.html import render_html
from edgefair.report.interchange import report_from_json, report_to_json
from edgefair.report.monitoring import (
    CellHistory,
    MonitoredCell,
    MonitoringReport,
    PlanIdentity,
    StandingAlarm,
)
from edgefair.report.monitoring_html import render_monitoring_html
from edgefair.report.monitoring_json import monitoring_from_json, monitoring_to_json
from edgefair.report.monitoring_text import render_monitoring_text
from edgefair.report.report import DataIdentity, Report, Verified
from edgefair.report.terminal import render_text

__all__ = [
    "CellHistory",
    "DataIdentity",
    "MonitoredCell",
    "MonitoringReport",
    "PlanIdentity",
    "Report",
    "StandingAlarm",
    "Verified",
    "monitoring_from_json",
    "monitoring_to_json",
    "render_html",
    "render_monitoring_html",
    "render_monitoring_text",
    "render_text",
    "report_from_json",
    "report_to_json",
]
