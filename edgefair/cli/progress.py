"""A progress bar with rate and time left: on stderr, only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

__all__ = ["with_progress"]

_Item = TypeVar("_Item")


def with_progress(items: Iterable[_Item], *, length: int, unit: str) -> Iterator[_Item]:
    """Yield the items, drawing how many are done, how fast, and how long the rest will take.

    Parameters
    ----------
    items : iterable
    length : int
        How many there will be.
    unit : str
        What they are, in the plural: ``images``.
    """
    if not sys.stderr.isatty() or length < 2:
        yield from items
        return
    started = time.monotonic()
    drawn: ProgressBar[int] = click.progressbar(
        length=length,
        file=sys.stderr,
        show_pos=True,
        item_show_func=lambda done: _rate(done, time.monotonic() - started, unit),
    )
    with drawn as bar:
        for done, item in enumerate(items, 1):
            yield item
            bar.update(1, done)


def _rate(done: int | None, elapsed_s: float, unit: str) -> str:
    if not done or elapsed_s <= 0:
        return ""
    return f"{done / elapsed_s:.1f} {unit}/s"
