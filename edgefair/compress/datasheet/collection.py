"""How the images came about: the mix against the catchment, and with what quality for whom."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.mix import jensen_shannon_distance, standardised_residuals
from edgefair.compress.datasheet.composition import group_name
from edgefair.compress.datasheet.looks import NAMED_IN_FILE, Looks
from edgefair.compress.datasheet.records import (
    AcquisitionShare,
    Catchment,
    CatchmentRow,
    CollectionProcess,
    GroupQuality,
)
from edgefair.compress.datasheet.rows import Rows
from edgefair.records import UNKNOWN

__all__ = ["QUALITY", "collect"]

QUALITY: Final = ("exposure", "contrast", "sharpness", "width_px", "height_px")
"""The measures that are reported by group."""

_ACQUISITION: Final = (
    *("view", "projection", "position", "modality"),
    *("device", "scanner", "machine", "manufacturer", "model", "site"),
)
"""Columns that tell how an image was made, wherever a manifest has them."""

_MOST_VALUES: Final = 12


def collect(rows: Rows, looks: Looks) -> CollectionProcess:
    """Return how the images came about."""
    groupings = [rows.grouped(way) for way in rows.brief.data.groups if "+" not in way]
    return CollectionProcess(
        source=rows.brief.source,
        catchment=_catchments(rows),
        image_quality=tuple(q for one in groupings for q in _quality(one, looks)),
        acquisition=tuple(a for one in groupings for a in _acquisition(one, rows, looks)),
    )


def _catchments(rows: Rows) -> tuple[Catchment, ...]:
    stated: dict[str, dict[str, float]] = {}
    for share in rows.brief.data.catchment:
        stated.setdefault(share.by, {})[share.group] = share.share
    return tuple(_catchment(rows, by, shares) for by, shares in stated.items())


def _catchment(rows: Rows, by: str, stated: dict[str, float]) -> Catchment:
    grouping = rows.grouped(by)
    names = [group_name([a.value for a in group.attributes]) for group in grouping.groups]
    # a population is made of people: each patient counts once, as on the first image
    _, first = np.unique(rows.persons, return_index=True)
    counts = np.bincount(grouping.codes[first], minlength=len(names))
    found = {
        name: int(count)
        for name, count in zip(names, counts, strict=True)
        if UNKNOWN not in name.split(", ")
    }
    every = [*stated, *(name for name in found if name not in stated and found[name])]
    total = sum(found.values())
    shares = [stated.get(name, 0.0) for name in every]
    patients = [found.get(name, 0) for name in every]
    return Catchment(
        by=by,
        patients=total,
        unknown=int(counts.sum()) - total,
        jensen_shannon_distance=jensen_shannon_distance(shares, patients),
        rows=tuple(
            CatchmentRow(
                group=name,
                stated=share,
                found=came / total if total else nan,
                patients=came,
                expected=total * share,
                standardised_residual=residual,
            )
            for name, share, came, residual in zip(
                every,
                shares,
                patients,
                standardised_residuals(patients, shares).tolist(),
                strict=True,
            )
        ),
    )


def _quality(grouping: Grouping, looks: Looks) -> Sequence[GroupQuality]:
    rows = []
    for code, group in enumerate(grouping.groups):
        for measure in QUALITY:
            values = looks.measure(measure)
            told = np.isfinite(values)
            inside, others = grouping.codes == code, grouping.codes != code
            rows.append(
                _measured(str(group), measure, values[told & inside], values[told & others])
            )
    return rows


def _measured(
    group: str, measure: str, inside: NDArray[np.float64], others: NDArray[np.float64]
) -> GroupQuality:
    low, middle, high = np.quantile(inside, (0.25, 0.5, 0.75)) if len(inside) else (nan,) * 3
    return GroupQuality(
        group=group,
        measure=measure,
        images=len(inside),
        median=float(middle),
        lower_quartile=float(low),
        upper_quartile=float(high),
        others_median=float(np.median(others)) if len(others) else nan,
        standardised_difference=_standardised(inside, others),
    )


def _standardised(inside: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the difference of the means in pooled standard deviations (Cohen's d)."""
    if min(len(inside), len(others)) < 2:
        return nan
    pooled = sqrt((inside.var(ddof=1) + others.var(ddof=1)) / 2)
    apart = float(inside.mean() - others.mean())
    if pooled < 1e-9:
        return 0.0 if abs(apart) < 1e-9 else nan
    return apart / pooled


def _acquisition(grouping: Grouping, rows: Rows, looks: Looks) -> Sequence[AcquisitionShare]:
    columns = {
        name: rows.table.column(name)
        for name in rows.table.columns
        if name.casefold() in _ACQUISITION and name != grouping.attribute
    }
    for name, cells in zip(NAMED_IN_FILE, looks.named, strict=True):
        if any(cells):
            columns[f"{name} in the file"] = cells
    shares = []
    for name, cells in columns.items():
        values = np.array([cell or UNKNOWN for cell in cells])
        distinct = np.unique(values)
        if not 1 < len(distinct) <= _MOST_VALUES:
            continue
        for code, group in enumerate(grouping.groups):
            inside = values[grouping.codes == code]
            shares += [
                AcquisitionShare(
                    group=str(group),
                    attribute=name,
                    value=str(value),
                    images=int((inside == value).sum()),
                    share=float((inside == value).mean()) if len(inside) else nan,
                )
                for value in distinct
            ]
    return shares
