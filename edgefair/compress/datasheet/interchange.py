"""The datasheet as JSON: one stable layout, and a part that speaks Croissant RAI."""

from __future__ import annotations

import json
from collections import defaultdict
from math import isfinite, nan
from typing import Any, Final

from cattrs import BaseValidationError, Converter

from edgefair.compress.datasheet.records import Datasheet
from edgefair.errors import InputError

__all__ = ["SCHEMA", "datasheet_from_json", "datasheet_to_json"]

SCHEMA: Final = "edgefair-datasheet/1"
"""Name and version of the layout; the number rises when an older reader would misread it."""

_CONTEXT: Final = {
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_DIGITS: Final = 6


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    # six digits: more would differ between processors, and nobody reads them
    converter.register_unstructure_hook(
        float, lambda x: float(f"{x:.{_DIGITS}g}") if isfinite(x) else None
    )
    converter.register_structure_hook(float, lambda x, _: nan if x is None else float(x))
    return converter


def datasheet_to_json(datasheet: Datasheet) -> bytes:
    """Return the datasheet as JSON, UTF-8, keys sorted; the same datasheet gives the same bytes.

    Returns
    -------
    bytes
        An object with ``schema``, the records' own fields in the sections of Datasheets for
        Datasets, and ``croissant``: the same in the vocabulary of Croissant RAI 1.0. null stands
        for what is not estimable.
    """
    fields = _converter().unstructure(datasheet)
    document = {"schema": SCHEMA, "croissant": _croissant(datasheet), **fields}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def datasheet_from_json(content: bytes) -> Datasheet:
    """Return the datasheet that `datasheet_to_json` wrote.

    Raises
    ------
    InputError
        If the content is no JSON, or of another schema, or a field is missing or wrong.
    """
    hint = "Give the file that `edgefair compress datasheet --json` wrote, unchanged."
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InputError("The datasheet is no JSON.", hint=hint) from error
    if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
        raise InputError(f"This is no datasheet of the kind {SCHEMA}.", hint=hint)
    document.pop("croissant", None)
    try:
        return _converter().structure(document, Datasheet)
    except BaseValidationError as error:
        raise InputError("The datasheet has missing or altered fields.", hint=hint) from error


def _croissant(datasheet: Datasheet) -> dict[str, Any]:
    """Return what Croissant RAI has a name for; what nobody stated is left out."""
    composition = datasheet.composition
    told: dict[str, list[str]] = defaultdict(list)
    for finding in datasheet.findings:
        told[finding.rai].append(finding.sentence)
    empty = [m for m in composition.missing_information if m.rows]
    told["rai:dataCollectionMissingData"] += [
        f"{m.column}: {m.rows} of {composition.images} cells are empty." for m in empty
    ]
    by = [parted.attribute for parted in composition.subpopulations]
    stated = {
        "name": datasheet.name,
        "description": datasheet.motivation.title,
        "license": datasheet.distribution.licence,
        "citeAs": datasheet.distribution.citation,
        "rai:dataCollection": datasheet.collection_process.source,
        "rai:dataUseCases": datasheet.uses.intended,
        "rai:personalSensitiveInformation": sorted(
            {name for attribute in by for name in attribute.split(" x ")}
        ),
        **told,
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "dct:conformsTo": "http://mlcommons.org/croissant/RAI/1.0",
        **{key: value for key, value in stated.items() if value},
    }
