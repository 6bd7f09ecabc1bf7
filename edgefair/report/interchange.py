"""A report as JSON and back: stable, sorted, and without the NaN that other readers refuse."""

from __future__ import annotations

import json
from math import isfinite, nan

from cattrs import BaseValidationError, Converter

from edgefair.errors import InputError
from edgefair.report.report import Report

__all__ = ["SCHEMA", "report_from_json", "report_to_json"]

SCHEMA = "edgefair-report/1"
"""Name and version of the layout; the number rises when an older reader would misread it."""


def _converter() -> Converter:
    """Return the converter between records and plain JSON: nan is null, and back."""
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(float, lambda x: x if isfinite(x) else None)
    converter.register_structure_hook(float, lambda x, _: nan if x is None else float(x))
    return converter


def report_to_json(report: Report) -> str:
    """Return the report as JSON: keys sorted, null for what is not estimable, UTF-8 as it is.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        An object with ``schema`` and the report's own fields; the same report gives the same
        text, so that two files can be compared line by line.
    """
    document = {"schema": SCHEMA, **_converter().unstructure(report)}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


def report_from_json(text: str) -> Report:
    """Return the report that `report_to_json` wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the text is no JSON, or of another schema, or a field is missing or of the wrong kind.
    """
    hint = "Give the file that `edgefair audit --json` wrote, unchanged."
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError("The report is no JSON.", hint=hint) from error
    schema = document.pop("schema", None) if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(f"This is no report of the kind {SCHEMA}.", hint=hint)
    try:
        return _converter().structure(document, Report)
    except BaseValidationError as error:
        raise InputError("The report has missing or altered fields.", hint=hint) from error
