"""Text in terminal columns: how wide it is, what of it may be shown, where its lines break."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cell_width", "padded", "plain", "wrapped"]


def plain(text: str) -> str:
    """Return `text` without control and format characters (Unicode categories Cc, Cf, ...).

    What comes out of a table or a bundle then cannot steer the terminal it is shown on.
    """
    return "".join(c for c in text if not unicodedata.category(c).startswith("C"))


def cell_width(text: str) -> int:
    """Return the terminal columns `text` takes (Unicode Standard Annex 11).

    Examples
    --------
    >>> cell_width("age"), cell_width("年齢")
    (3, 4)
    """
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def padded(text: str, width: int) -> str:
    """Return `text` with spaces after it, up to `width` columns."""
    return text + " " * (width - cell_width(text))


def wrapped(text: str, width: int, *, indent: str = "", hang: str = "") -> list[str]:
    """Return `text` broken into lines of at most `width` columns, within words if need be.

    Parameters
    ----------
    text : str
    width : int
    indent, hang : str
        What the first line, and all others, begin with.

    Examples
    --------
    >>> wrapped("one two three", 7, hang="  ")
    ['one two', '  three']
    """
    lines, line = [], indent
    start = indent
    for word in plain(text).split():
        joined = f"{line} {word}" if line != start else f"{line}{word}"
        if cell_width(joined) <= width:
            line = joined
            continue
        if line != start:
            lines.append(line)
            start = line = hang
        for piece in _pieces(word, width - cell_width(hang)):
            if line != start:
                lines.append(line)
                start = line = hang
            line = f"{start}{piece}"
    return [*lines, line]


def _pieces(word: str, width: int) -> Iterator[str]:
    """Yield `word` in pieces of at most `width` columns."""
    piece = ""
    for letter in word:
        if cell_width(piece + letter) > width:
            yield piece
            piece = ""
        piece += letter
    yield piece
