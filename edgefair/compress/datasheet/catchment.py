"""The population that the data are held against, from a table of shares."""

from __future__ import annotations

from pathlib import Path

from edgefair.compress.recipe import CatchmentShare
from edgefair.interop.catchment import read_population

__all__ = ["read_catchment"]


def read_catchment(path: Path) -> tuple[CatchmentShare, ...]:
    """Return the shares in a table or a JSON object, as a recipe holds them.

    Raises
    ------
    BadTable, InputError
        As for `edgefair.interop.catchment.read_population`.
    """
    return tuple(
        CatchmentShare(by=one.by, group=one.group, share=one.share)
        for one in read_population(path)
    )
