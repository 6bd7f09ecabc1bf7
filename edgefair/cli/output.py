"""The output options that every command shares: which form, and to which file."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from edgefair.interop.files import replaced_whole
from edgefair.interop.rows import Format, Value, write_rows
from edgefair.records.record import record

__all__ = ["Output", "output_options", "replaced_whole"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


@record(frozen=True, slots=True, kw_only=True)
class Output:
    """Where results go and in which form.

    Attributes
    ----------
    form : Format
        As asked for, else by the file's ending, else a table on a terminal and CSV elsewhere.
    path : Path or None
        None is standard output.
    """

    form: Format
    path: Path | None

    @property
    def is_for_eyes(self) -> bool:
        """Whether a person reads this, who wants few columns."""
        return self.form is Format.TABLE

    def write(self, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Write the rows as they come; a file appears whole or not at all."""
        if self.path is None:
            with _stopping_quietly():
                write_rows(sys.stdout, columns, rows, self.form)
                sys.stdout.flush()
            return
        with replaced_whole(self.path) as stream:
            write_rows(stream, columns, rows, self.form)


def output_options(command: _Command) -> _Command:
    """Give a command ``--table --csv --json --jsonl -o``, handed over as one `Output`."""

    @click.option("--table", "form", flag_value="table", help="A table for reading.")
    @click.option("--csv", "form", flag_value="csv", help="Comma-separated values.")
    @click.option("--json", "form", flag_value="json", help="One JSON array.")
    @click.option("--jsonl", "form", flag_value="jsonl", help="One JSON object a line.")
    @click.option(
        "-o",
        "--output",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write to FILE (.csv, .json or .jsonl) instead of standard output.",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, form: str | None, path: Path | None, **kwargs: Any) -> Any:
        return command(*args, output=Output(form=_form(form, path), path=path), **kwargs)

    return wrapped  # type: ignore[return-value]  # same signature, less the shared options


@contextmanager
def _stopping_quietly() -> Iterator[None]:
    """Leave with exit code 0 where the reader of our output went away, e.g. ``| head``."""
    try:
        yield
    except BrokenPipeError as error:
        # what is still buffered has nowhere to go, and Python would complain of that at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from error


def _form(asked: str | None, path: Path | None) -> Format:
    if asked:
        return Format(asked)
    suffix = path.suffix.lower().removeprefix(".") if path else ""
    if suffix in ("csv", "json", "jsonl"):
        return Format(suffix)
    return Format.TABLE if path is None and sys.stdout.isatty() else Format.CSV
