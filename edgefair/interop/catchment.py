"""The population that a clinic serves, as a census tells it: shares of groups, from a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final

from edgefair.audit.groups import By
from edgefair.errors import BadTable
from edgefair.interop.tables import read_table

__all__ = ["PopulationShare", "read_population"]

_HINT: Final = (
    "Give a CSV with the columns by, group, share, or a JSON object such as "
    '{"sex": {"F": 0.51, "M": 0.49}}; the shares of one `by` are in [0, 1] and add up to 1.'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationShare:
    """One group's share of the population.

    Attributes
    ----------
    by : str
        What parts the population, e.g. ``sex`` or ``age:0,18,60``.
    group : str
        As the grouping names it, e.g. ``F`` or ``0-17``.
    share : float
        In [0, 1].
    """

    by: str
    group: str
    share: float


def read_population(path: Path) -> tuple[PopulationShare, ...]:
    """Return the shares in a CSV with ``by``, ``group`` and ``share``, or in a JSON object.

    Raises
    ------
    BadTable
        If the file cannot be read or lacks a column, a share is no number in [0, 1], or those of
        one `by` do not add up to 1 within a thousandth.
    InputError
        If a `by` is no grouping.
    """
    rows = _of_json(path) if path.suffix.lower() == ".json" else _of_csv(path)
    shares = tuple(
        PopulationShare(by=by, group=group, share=_share(value, where))
        for by, group, value, where in rows
    )
    totals: dict[str, float] = {}
    for one in shares:
        By.parse(one.by)
        totals[one.by] = totals.get(one.by, 0.0) + one.share
    for by, total in totals.items():
        if abs(total - 1) > 1e-3:
            raise BadTable(f"{path}: the shares of {by} add up to {total:g}.", hint=_HINT)
    return shares


def _of_csv(path: Path) -> Iterator[tuple[str, str, object, str]]:
    table = read_table(path)
    columns = (table.column(name) for name in ("by", "group", "share"))
    for by, group, share, line in zip(*columns, table.lines, strict=True):
        yield by, group, share, f"{path}, line {line}"


def _of_json(path: Path) -> Iterator[tuple[str, str, object, str]]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadTable(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from error
    except ValueError as error:
        raise BadTable(f"{path} is no JSON.", hint=_HINT) from error
    if not isinstance(document, dict) or not all(isinstance(g, dict) for g in document.values()):
        raise BadTable(f"{path} holds no groups and shares.", hint=_HINT)
    for by, groups in document.items():
        for group, share in groups.items():
            yield by, group, share, f"{path}, {by}, {group}"


def _share(value: object, where: str) -> float:
    try:
        share = float(value)  # type: ignore[arg-type]  # whatever is no number ends below
    except (TypeError, ValueError):
        share = float("nan")
    if not (isfinite(share) and 0 <= share <= 1):
        raise BadTable(f"{where}: {value!r} is no share.", hint=_HINT)
    return share
