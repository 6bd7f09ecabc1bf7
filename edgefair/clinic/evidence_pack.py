"""The evidence pack: a report and all that was counted for it, in one JSON file.

From the counts alone anybody can compute every cell, interval, p-value, verdict and threshold of
the report again (`edgefair.clinic.verifying`). It holds sums over groups, and nothing of single
patients.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Final

from cattrs import BaseValidationError, Converter

from edgefair.audit.evidence import GroupingEvidence
from edgefair.clinic.checked import Asked, Checked
from edgefair.errors import InputError
from edgefair.ledger import LedgerPosition
from edgefair.report import Report

__all__ = ["PACK_SCHEMA", "Pack", "pack_from_json", "pack_to_json", "plain"]

PACK_SCHEMA: Final = "edgefair-evidence/1"
"""Name and version of the layout; the number rises when an older reader would misread it."""

_HINT: Final = "Give the file that `edgefair audit --pack` wrote, unchanged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """An evidence pack as it was read.

    Attributes
    ----------
    checked : Checked
    sha256 : str
        What the file says it is, hexadecimal.
    own_sha256 : str
        What it is. No signature: whoever alters a pack can write this anew, but then the counts
        must agree with all that follows from them.
    """

    checked: Checked
    sha256: str
    own_sha256: str


def pack_to_json(checked: Checked) -> str:
    """Return the evidence pack: keys sorted, null for what is not estimable, UTF-8 as it is.

    Parameters
    ----------
    checked : Checked

    Returns
    -------
    str
        An object with ``schema``, ``sha256`` (of the rest in its shortest form, keys sorted),
        ``report`` (as `edgefair audit --json` has it), ``evidence``, ``asked`` and ``position``.
    """
    document = {"schema": PACK_SCHEMA, **plain(checked)}
    document["sha256"] = _digest(document)
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


def pack_from_json(text: str) -> Pack:
    """Return the pack in a text; whether it holds together is `verifying.verify_pack`'s to say.

    Raises
    ------
    InputError
        If the text is no JSON, or of another schema, or a field is missing or of the wrong kind.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("The evidence pack is no JSON.", hint=_HINT) from error
    if not isinstance(document, dict) or document.get("schema") != PACK_SCHEMA:
        raise InputError(f"This is no evidence pack of the kind {PACK_SCHEMA}.", hint=_HINT)
    sha256 = str(document.pop("sha256", ""))
    own = _digest(document)
    del document["schema"]
    try:
        checked = _converter().structure(document, Checked)
    except (BaseValidationError, TypeError, ValueError) as error:
        raise InputError("The evidence pack has missing or altered fields.", hint=_HINT) from error
    return Pack(checked=checked, sha256=sha256, own_sha256=own)


def plain(record: Report | Checked | GroupingEvidence | Asked | LedgerPosition) -> dict[str, Any]:
    """Return a record as what JSON can hold: nan and infinity are null."""
    document: dict[str, Any] = _converter().unstructure(record)
    return document


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(
        document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(float, lambda x: x if isfinite(x) else None)
    converter.register_structure_hook(float, lambda x, _: nan if x is None else float(x))
    return converter
