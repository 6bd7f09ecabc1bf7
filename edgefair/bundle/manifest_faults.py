"""What a manifest may say field by field and not as a whole."""

from __future__ import annotations

import re
from datetime import date
from math import isfinite
from typing import Final

from edgefair.bundle.manifest import Manifest

__all__ = ["faults_of"]

_NAME: Final = re.compile(r"[A-Za-z0-9_][\w.-]{0,63}", re.ASCII)
"""Of a model and its version: they become names of folders, and are printed."""


def faults_of(manifest: Manifest) -> list[str]:
    """Return what in a manifest does not go together, in words; nothing if it holds.

    Parameters
    ----------
    manifest : Manifest
        Each of its fields is of its type.
    """
    contract = manifest.contract
    faults = [
        f"contract.{what} must be of letters, digits, points and dashes, not {text!r:.80}"
        for what, text in (("name", contract.name), ("version", contract.version))
        if not _NAME.fullmatch(text)
    ]
    if not contract.findings or len(set(contract.findings)) != len(contract.findings):
        faults.append("contract.findings must be distinct and at least one")
    if sorted(c.finding for c in manifest.calibration) != sorted(contract.findings):
        faults.append("calibration must name each finding once")
    faults += [
        f"finding_names names {name.finding}, which is no finding"
        for name in manifest.finding_names
        if name.finding not in contract.findings
    ]
    faults += [
        f"operating_points has none for {finding}"
        for finding in contract.findings
        if not manifest.operating_points_of(finding)
    ]
    faults += [
        f"operating point {p.name} of {p.finding} lies outside [0, 1]"
        for p in manifest.operating_points
        if not (0 <= p.threshold <= 1 and 0 <= p.refer_half_width <= 1)
    ]
    faults += [
        f"calibration of {c.finding} is not finite"
        for c in manifest.calibration
        if not (isfinite(c.slope) and isfinite(c.intercept))
    ]
    if [part.role for part in manifest.parts].count("model") != 1:
        faults.append("parts must hold exactly one model")
    return [*faults, *_faults_of_series(manifest), *_faults_of_variants(manifest)]


def _faults_of_series(manifest: Manifest) -> list[str]:
    faults = []
    if not 0 <= manifest.sequence < 2**53:
        faults.append("sequence must be a whole number from 0")
    if manifest.expires and not _is_day(manifest.expires):
        faults.append(f"expires must be a day such as 2030-12-31, not {manifest.expires!r:.40}")
    return faults


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _faults_of_variants(manifest: Manifest) -> list[str]:
    if not manifest.variants:
        return []
    faults = []
    if sorted(variant.cpu for variant in manifest.variants) != ["exact", "saturating"]:
        faults.append("variants must name each kind of processor once")
    runnable = {part.path for part in manifest.parts if part.role in ("model", "variant")}
    faults += [
        f"variants names {variant.part!r}, which is no model in the bundle"
        for variant in manifest.variants
        if variant.part not in runnable
    ]
    return faults
