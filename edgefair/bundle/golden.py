"""Golden answers: images of nobody inside a bundle, and the logits that its builder had for them.

A PC that answers them alike runs the model as its builder did; see `edgefair doctor`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Final

import cattrs

from edgefair.bundle.archive import Bundle
from edgefair.errors import ContractMismatch

__all__ = [
    "GOLDEN_FORMAT",
    "GOLDEN_ROLE",
    "IMAGE_ROLE",
    "EngineAnswers",
    "Golden",
    "golden_of",
    "golden_to_json",
]

GOLDEN_FORMAT: Final = 1
"""Version of the JSON form."""

GOLDEN_ROLE: Final = "golden"
IMAGE_ROLE: Final = "golden_image"
"""Roles of the parts: the answers, and each image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAnswers:
    """What one way to run the model answers.

    Attributes
    ----------
    engine : str
        As it is recorded with every prediction, e.g. ``int8 x64quantprecision``.
    logits : tuple of tuple of float
        One row an image, one number a finding.
    tolerance : float
        How far any logit may be from these on another processor.
    """

    engine: str
    logits: tuple[tuple[float, ...], ...]
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """The answers, and the images they belong to.

    Attributes
    ----------
    images : tuple of str
        Paths of the parts that hold the images.
    findings : tuple of str
        What the logits of a row are of.
    answers : tuple of EngineAnswers
        One for each way that the bundle may be run.
    tolerance_from : str
        Where the tolerances come from, in words.
    made_with : str
        The builder's onnxruntime.
    """

    format: int
    images: tuple[str, ...]
    findings: tuple[str, ...]
    answers: tuple[EngineAnswers, ...]
    tolerance_from: str
    made_with: str


def golden_of(bundle: Bundle) -> Golden | None:
    """Return a bundle's golden answers; None where it carries none.

    Raises
    ------
    ContractMismatch
        If they are of another form, or name images or findings that the bundle has not.
    """
    content = next((part.content for part in bundle.parts if part.role == GOLDEN_ROLE), None)
    if content is None:
        return None
    try:
        golden = _converter().structure(json.loads(content), Golden)
    except (ValueError, RecursionError, cattrs.BaseValidationError) as error:
        raise _mismatch(bundle, "are of a form that this edgefair does not know") from error
    if golden.format != GOLDEN_FORMAT:
        raise _mismatch(bundle, f"have format {golden.format}, known is {GOLDEN_FORMAT}")
    if golden.findings != bundle.manifest.contract.findings:
        raise _mismatch(bundle, "are of other findings than the model's")
    held = {part.path for part in bundle.parts if part.role == IMAGE_ROLE}
    if not golden.images or not held.issuperset(golden.images):
        raise _mismatch(bundle, "name images that it does not hold")
    shape = (len(golden.images), {len(golden.findings)})
    if any((len(a.logits), set(map(len, a.logits))) != shape for a in golden.answers):
        raise _mismatch(bundle, "have too few or too many logits")
    return golden


def golden_to_json(golden: Golden) -> bytes:
    """Return the answers as canonical UTF-8 JSON; numbers come back to the last bit."""
    tree = _converter().unstructure(golden)
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _mismatch(bundle: Bundle, what: str) -> ContractMismatch:
    return ContractMismatch(
        f"The golden answers in {bundle.manifest.label} {what}.",
        hint="Get the bundle again, or the edgefair version it was made for.",
    )


@cache
def _converter() -> cattrs.Converter:
    return cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
