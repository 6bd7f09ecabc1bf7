"""The population that the data are held against, from a table of shares."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from edgefair.audit.groups import By
from edgefair.compress.recipe import CatchmentShare
from edgefair.errors import BadTable
from edgefair.interop.tables import read_table

__all__ = ["read_catchment"]

_HINT = "Give columns by, group, share; the shares of one `by` are in [0, 1] and add up to 1."


def read_catchment(path: Path) -> tuple[CatchmentShare, ...]:
    """Return the shares in a CSV with the columns ``by``, ``group`` and ``share``.

    Raises
    ------
    BadTable
        If the file cannot be read or lacks a column, a share is no number in [0, 1], or those of
        one `by` do not add up to 1 within a thousandth.
    InputError
        If a `by` is no grouping.
    """
    table = read_table(path)
    columns = zip(
        *(table.column(name) for name in ("by", "group", "share")), table.lines, strict=True
    )
    shares = tuple(
        CatchmentShare(by=by, group=group, share=_share(text, path, line))
        for by, group, text, line in columns
    )
    totals: dict[str, float] = {}
    for one in shares:
        By.parse(one.by)
        totals[one.by] = totals.get(one.by, 0.0) + one.share
    for by, total in totals.items():
        if abs(total - 1) > 1e-3:
            raise BadTable(f"{path}: the shares of {by} add up to {total:g}.", hint=_HINT)
    return shares


def _share(text: str, path: Path, line: int) -> float:
    try:
        share = float(text)
    except ValueError:
        share = float("nan")
    if not (isfinite(share) and 0 <= share <= 1):
        raise BadTable(f"{path}, line {line}: {text!r} is no share.", hint=_HINT)
    return share
