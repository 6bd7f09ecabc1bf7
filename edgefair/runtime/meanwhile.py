"""Work that needs no interpreter, done while this thread goes on with work that does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Generic, TypeVar

from edgefair.errors import EdgefairError

__all__ = ["Meanwhile"]

_Result = TypeVar("_Result")


class Meanwhile(Generic[_Result]):
    """What a thread of its own works out, from now on.

    Parameters
    ----------
    work : callable
        Returns the result; what it raises, `result` raises.

    Examples
    --------
    >>> Meanwhile(lambda: 6 * 7).result()
    42
    """

    def __init__(self, work: Callable[[], _Result]) -> None:
        self._work = work
        self._found: list[_Result] = []
        self._thread = Thread(target=self._run, name="edgefair-meanwhile")
        self._thread.start()

    def result(self) -> _Result:
        """Return the result, once it is there."""
        self._thread.join()
        if not self._found:  # it failed: once more, where it can be told of
            self._found.append(self._work())
        return self._found[0]

    def _run(self) -> None:
        with suppress(EdgefairError):
            self._found.append(self._work())
            del self._work  # and with it what only it needed, such as a model's bytes
