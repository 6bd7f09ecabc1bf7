"""A re-check as JSON and back: stable, sorted, without the NaN that other readers refuse."""

from __future__ import annotations

import json
from math import isfinite, nan
from typing import Final

from cattrs import BaseValidationError, Converter

from edgefair.errors import InputError
from edgefair.report.monitoring import MonitoringReport

__all__ = ["MONITORING_SCHEMA", "monitoring_from_json", "monitoring_to_json"]

MONITORING_SCHEMA: Final = "edgefair-monitoring/1"
"""Name and version of the layout; the number rises when an older reader would misread it."""


def monitoring_to_json(report: MonitoringReport) -> str:
    """Return the report as JSON: keys sorted, null for what is not estimable, UTF-8 as it is."""
    document = {"schema": MONITORING_SCHEMA, **_converter().unstructure(report)}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


def monitoring_from_json(text: str) -> MonitoringReport:
    """Return the report that `monitoring_to_json` wrote.

    Raises
    ------
    InputError
        If the text is no JSON, or of another schema, or a field is missing or of the wrong kind.
    """
    hint = "Give the file that `edgefair recheck --json` wrote, unchanged."
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("The re-check's report is no JSON.", hint=hint) from error
    schema = document.pop("schema", None) if isinstance(document, dict) else None
    if schema != MONITORING_SCHEMA:
        raise InputError(f"This is no report of the kind {MONITORING_SCHEMA}.", hint=hint)
    try:
        return _converter().structure(document, MonitoringReport)
    except BaseValidationError as error:
        raise InputError(
            "The re-check's report has missing or altered fields.", hint=hint
        ) from error


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(float, lambda x: x if isfinite(x) else None)
    converter.register_structure_hook(float, lambda x, _: nan if x is None else float(x))
    return converter
