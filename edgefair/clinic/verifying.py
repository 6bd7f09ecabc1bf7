"""Whether a report follows from its evidence: every number computed again, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isclose
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgefair.audit.asides import GroupCurve, ThresholdAside, in_the_large
from edgefair.audit.evidence import tally_of
from edgefair.audit.powered_prevalence import PoweredAside, powered_group
from edgefair.audit.recheck import result_of
from edgefair.audit.thresholds import ThresholdRow, thresholds_from_counts
from edgefair.clinic.checked import Checked
from edgefair.clinic.evidence_pack import Pack, plain
from edgefair.clinic.recheck import check_ledger, check_table
from edgefair.errors import InputError
from edgefair.interop.tables import Table
from edgefair.records import AuditResult, Group

__all__ = ["Difference", "Verification", "verify_against", "verify_pack"]

_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number or word that is not what follows from the evidence.

    Attributes
    ----------
    where : str
        What it is about, e.g. ``pneumonia, sex F, false_negative_rate: verdict kind``.
    said, found : str
        What the pack says, and what was found instead.
    """

    where: str
    said: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was compared, and what did not agree.

    Attributes
    ----------
    cells, verdicts : int
        Among what was computed again.
    compared : int
        Numbers and words compared.
    differences : tuple of Difference
    """

    cells: int
    verdicts: int
    compared: int
    differences: tuple[Difference, ...]


def verify_pack(pack: Pack) -> Verification:
    """Return whether all that a report says follows from the counts in its pack.

    Every cell, interval, p-value, verdict, spread, threshold and share of the calibration is
    computed again by the audit's own functions. What only the cases themselves can tell, slope
    and smooth error of the calibration, is left to `verify_against`.

    Parameters
    ----------
    pack : Pack

    Returns
    -------
    Verification
        Numbers agree if they differ by less than 1e-9, words if they are the same.
    """
    checked = pack.checked
    again = replace(checked.report, result=_result(checked))
    again = replace(
        again,
        thresholds=tuple(_aside(one, checked) for one in checked.report.thresholds),
        calibration=tuple(
            replace(
                aside,
                curves=tuple(_curve(one, checked.asked.criteria.level) for one in aside.curves),
            )
            for aside in checked.report.calibration
        ),
        powered=tuple(_powered(one, checked) for one in checked.report.powered),
    )
    said, found = plain(checked.report), plain(again)
    parts = ("result", "thresholds", "calibration", "powered")
    of_counts = _compared({p: said[p] for p in parts}, {p: found[p] for p in parts})
    if pack.sha256 == pack.own_sha256:
        return of_counts
    altered = Difference(
        where="the pack's own SHA-256", said=pack.sha256[:12], found=pack.own_sha256[:12]
    )
    return replace(of_counts, differences=(altered, *of_counts.differences))


def verify_against(pack: Pack, source: Table | Path) -> Verification:
    """Return whether a pack's counts, and all else it says, are those of the data.

    Parameters
    ----------
    pack : Pack
    source : Table or Path
        The table or the ledger that the pack says it was made from. A ledger may have grown
        since: then the digest of what was judged differs, and that is said.

    Raises
    ------
    InputError
        If the pack is of a ledger and a table was given, or the other way round, or the data
        lack what was asked for.
    NotEnoughData
        If the data hold no outcome.
    """
    checked = pack.checked
    again = _checked_again(checked, source)
    report = replace(
        again.report,
        made_at=checked.report.made_at,
        edgefair_version=checked.report.edgefair_version,
        title=checked.report.title,
        data=replace(again.report.data, name=checked.report.data.name),
        notes=checked.report.notes,  # they may name the file
    )
    said, found = (
        # what was counted before what follows from it
        {"data": plain(one.report)["data"], "evidence": [plain(e) for e in one.evidence]}
        | {"report": plain(one.report)}
        for one in (checked, replace(again, report=report))
    )
    return _compared(said, found)


def _checked_again(checked: Checked, source: Table | Path) -> Checked:
    asked = checked.asked
    if (asked.roles is None) != isinstance(source, Path):
        raise InputError(
            f"The pack is of a {'ledger' if asked.roles is None else 'table'}, not of a "
            f"{'table' if asked.roles is None else 'ledger'}.",
            hint="Give what the pack was made from, or the pack alone.",
        )
    now = datetime.now(UTC)
    if isinstance(source, Path):
        return check_ledger(
            source,
            made_at=now,
            by=asked.by,
            finding=asked.finding,
            criteria=asked.criteria,
            bundle_digest=checked.report.bundle_digest,
        )
    assert asked.roles is not None
    return check_table(source, asked.roles, by=asked.by, made_at=now, criteria=asked.criteria)


def _result(checked: Checked) -> AuditResult:
    result = checked.report.result
    return result_of(
        [tally_of(one) for one in checked.evidence],
        exclusions=result.exclusions,
        rows=result.rows,
        criteria=checked.asked.criteria,
        seed=checked.asked.seed,
    )


def _aside(aside: ThresholdAside, checked: Checked) -> ThresholdAside:
    rows: list[ThresholdRow] = []
    for group in dict.fromkeys(row.group for row in aside.rows):
        rows += _rows(group, [row for row in aside.rows if row.group == group], checked)
    costs = checked.asked.roles.costs if checked.asked.roles else None
    return replace(aside, rows=tuple(rows), costs=costs)


def _rows(
    group: Group, rows: Sequence[ThresholdRow], checked: Checked
) -> tuple[ThresholdRow, ...]:
    """Return rows made of the counts; of one group all rows must have the same cases."""
    found = [round(row.found) for row in rows]
    others = [round(row.flagged - row.found) for row in rows]
    positives = round(rows[0].found + rows[0].missed)
    negatives = round(rows[0].screened) - positives
    return thresholds_from_counts(
        group,
        np.array([row.threshold for row in rows]),
        (np.array([positives, *found]), np.array([negatives, *others])),
        costs=checked.asked.roles.costs if checked.asked.roles else None,
        level=checked.asked.criteria.level,
    )


def _powered(aside: PoweredAside, checked: Checked) -> PoweredAside:
    found = (
        powered_group(
            one.group,
            one.strata,
            known=one.known,
            known_positives=one.known_positives,
            level=checked.asked.criteria.level,
        )
        for one in aside.groups
    )
    return replace(aside, groups=tuple(one for one in found if one))


def _curve(curve: GroupCurve, level: float) -> GroupCurve:
    return replace(
        curve,
        n=sum(one.n for one in curve.bins),
        positives=sum(one.positives for one in curve.bins),
        in_the_large=in_the_large(curve.bins, level=level),
    )


def _compared(said: Any, found: Any) -> Verification:
    claims, facts = dict(_leaves(said, "")), dict(_leaves(found, ""))
    differences = tuple(
        Difference(where=where, said=_shown(claims, where), found=_shown(facts, where))
        for where in dict.fromkeys((*claims, *facts))
        if where not in claims or where not in facts or not _agree(claims[where], facts[where])
    )
    return Verification(
        cells=sum(where.endswith(": value n") for where in facts),
        verdicts=sum(where.endswith(": verdict kind") for where in facts),
        compared=len(facts),
        differences=differences,
    )


def _agree(said: object, found: object) -> bool:
    if isinstance(said, float) and isinstance(found, float):
        return said == found or isclose(said, found, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return type(said) is type(found) and said == found


def _shown(leaves: dict[str, Any], where: str) -> str:
    return str(leaves[where]) if where in leaves else "nothing"


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield each number and word with a name that says what it is about."""
    if isinstance(value, dict):
        named = _named(value)
        for key, inner in value.items():
            yield from _leaves(inner, f"{where}{named} {key}".strip())
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            about = "" if isinstance(inner, dict) and _named(inner) else f" {index + 1}"
            yield from _leaves(inner, f"{where}{about}")
    else:
        yield where, value


def _named(record: dict[str, Any]) -> str:
    """Return what a record is about, e.g. `` pneumonia, sex F, sensitivity:``."""
    parts = [str(record[key]) for key in ("finding",) if key in record]
    if isinstance(record.get("group"), dict):
        attributes = record["group"]["attributes"]
        parts.append(", ".join(f"{a['name']} {a['value']}" for a in attributes) or "everybody")
    keys = ("metric", "attribute", "denominator", "threshold")
    parts += [str(record[key]) for key in keys if key in record]
    return f" {', '.join(parts)}:" if parts else ""
