"""What can go wrong, in words for whoever stands before the computer."""

from __future__ import annotations

__all__ = ["Fault"]


class Fault(Exception):
    """Something that stops an installation; what was there before stays as it was.

    Parameters
    ----------
    message : str
        One sentence.
    hint : str, optional
        What to do next.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
