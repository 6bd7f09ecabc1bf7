"""An operating point that decides on one image once more, told apart from its first turn."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["name_in_turn", "name_of_point"]

_LATER_TURN: Final = re.compile(r" \(again(, no\. \d+)?\)\Z")


def name_in_turn(name: str, turn: int) -> str:
    """Return what the ledger calls an operating point in its turn-th repetition; 0 is the first.

    A ledger holds one score an image and operating point, and appends only: what decides again
    after another one did, e.g. one that was adopted and taken back, stands under its own name.

    Examples
    --------
    >>> [name_in_turn("balanced", turn) for turn in range(3)]
    ['balanced', 'balanced (again)', 'balanced (again, no. 2)']
    """
    return name + ("", " (again)", f" (again, no. {turn})")[min(turn, 2)]


def name_of_point(kept: str) -> str:
    """Return the operating point's own name, whichever turn it was kept under.

    Examples
    --------
    >>> name_of_point("balanced (again, no. 2)"), name_of_point("balanced")
    ('balanced', 'balanced')
    """
    return _LATER_TURN.sub("", kept)
