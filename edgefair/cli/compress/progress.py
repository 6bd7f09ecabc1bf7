"""Progress through the stages of a recipe: a line that moves on a terminal, a log elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

__all__ = ["StageLine", "StageLog", "stage_progress"]


def stage_progress() -> StageLine | StageLog:
    """Return what shows progress here: a line on a terminal, a log in a file or a pipe."""
    return (StageLine if sys.stderr.isatty() else StageLog)(time.monotonic)


class _Timed:
    """The stage that runs, and when it began.

    Parameters
    ----------
    clock : callable
        Seconds from any moment on.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._stage, self._started = clock, "", 0.0


class StageLine(_Timed):
    """One line on standard error: the stage, how much of it is done, and the time left."""

    _drawn, _found = 0.0, 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of a stage are made."""
        now = self._clock()
        if stage != self._stage:
            if self._stage:
                click.echo(err=True)
            # a run that was killed finds part of the stage done, in no time
            self._stage, self._started, self._found = stage, now, done
        elif done < total and now - self._drawn < 0.2:
            return
        self._drawn = now
        made = done - self._found
        left_s = (now - self._started) / made * (total - done) if made else 0.0
        left = f", {_in_words(left_s)} left" if made and done < total else ""
        click.echo(f"\r\x1b[K{stage}: {done} of {total}{left}", nl=False, err=True)
        if done == total:
            click.echo(err=True)
            self._stage = ""


class StageLog(_Timed):
    """Two lines on standard error for each stage, as it begins and as it ends."""

    _is_ended = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that a stage begins, or that all its steps are made."""
        if stage != self._stage:
            self._stage, self._started, self._is_ended = stage, self._clock(), False
            found = f": {done} of {total}" if 1 < done < total else ""
            click.echo(f"{stage}{found}", err=True)
        if done == total and not self._is_ended:
            taken = _in_words(self._clock() - self._started)
            click.echo(f"{stage}: {done} of {total}, after {taken}", err=True)
            self._is_ended = True


def _in_words(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
