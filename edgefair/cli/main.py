"""The `edgefair` command: runs a subcommand, turns errors into words and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from edgefair import __version__
from edgefair.cli.lazy import Entry, lazy_group
from edgefair.errors import EdgefairError

__all__ = ["cli", "main", "run"]


_OBJECTS_BEFORE_A_SEARCH: Final = 300_000
"""What imports make is no garbage: a short run ends before it is looked through for some."""

_COMMANDS: Final = {
    "demo": Entry("edgefair.cli.demo", "The whole loop on what the package carries."),
    "predict": Entry("edgefair.cli.predict", "Read images: scores, decisions and their reasons."),
    "outcomes": Entry("edgefair.cli.outcomes", "What turned out to be true, as it comes in."),
    "audit": Entry("edgefair.cli.audit", "For whom does the model work? The fairness re-check."),
    "recheck": Entry("edgefair.cli.recheck", "Is it still right? Run it as often as you like."),
    "propose": Entry("edgefair.cli.propose", "What could be decided differently, and for whom."),
    "plan": Entry("edgefair.cli.plan", "What the re-check watches, frozen before it looks."),
    "shift": Entry("edgefair.cli.shift", "Who is being seen, and what has shifted."),
    "ledger": Entry("edgefair.cli.ledger", "Which ledgers are here, and of which schema."),
    "model": Entry("edgefair.cli.model", "Show, verify, install and sign model bundles."),
    "keys": Entry("edgefair.cli.keys", "Who may sign models: make, trust and revoke keys."),
    "compress": Entry("edgefair.cli.compress", "From labelled images to a small model bundle."),
    "doctor": Entry("edgefair.cli.doctor", "Is this computer fit, and the model whole?"),
    "phantom": Entry("edgefair.cli.phantom", "Make a clinic of radiograph-like phantoms."),
}


@click.group(
    cls=lazy_group(_COMMANDS),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 a fault of ours, 2 usage, 3 some input unreadable (the rest was "
    "done), 4 model refused, 5 ledger, 6 not enough data, 7 gate failed, 8 harm shown.",
)
@click.version_option(__version__, message="edgefair %(version)s")
def cli() -> None:
    """Small medical-imaging models for clinics without internet, and for whom they work.

    \b
    Examples:
      edgefair demo
      edgefair predict images/ --ledger clinic.ledger
      edgefair audit --ledger clinic.ledger --by sex --by age:0,18,40,60,80 -o report.html

    Research use only; not a medical device.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command line without the program's name; ``sys.argv`` if left out.
    """
    gc.set_threshold(_OBJECTS_BEFORE_A_SEARCH)
    code = _run(arguments)
    gc.freeze()  # the process ends: no need to look through all it has for garbage
    sys.exit(code)


def run() -> None:
    """Run the command line that the process was started with, and end the process at once.

    An interpreter takes itself apart before it ends, module by module, which costs a cold
    prediction a twentieth of its time and gives nothing back that the system does not take
    anyway. What is printed is flushed first, and what is due at exit is done. Where that fails,
    or a thread still works, the interpreter ends in its own way and says so.
    """
    try:
        main()
    except SystemExit as ended:
        if not isinstance(ended.code, int) or threading.active_count() > 1:
            raise
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            raise ended from None
        os._exit(ended.code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        returned = cli.main(args=arguments, prog_name="edgefair", standalone_mode=False)
    except EdgefairError as error:
        _say(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was recorded so far is kept.", err=True)
        return 130
    except Exception:  # noqa: BLE001 - the last resort: say where the log is, never a traceback
        import traceback

        click.echo(_log_of_fault(traceback.format_exc()), err=True)
        return 1
    return returned if isinstance(returned, int) else 0


def _say(error: EdgefairError) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {_plain(error.message)}", err=True)
    if error.hint:
        click.echo(f"{click.style('hint:', bold=True)} {_plain(error.hint)}", err=True)


def _plain(text: str) -> str:
    """Return text that steers no terminal: messages name files, columns and parts of bundles."""
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _log_of_fault(trace: str) -> str:
    import tempfile

    last_line = trace.strip().splitlines()[-1]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="edgefair-fault-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"edgefair {__version__}, Python {sys.version}\n{trace}")
        where = f"The details are in {Path(file.name)}"
    except OSError:
        where = f"No log could be written; the details:\n{trace}"
    return f"error: edgefair met a fault of its own: {last_line}\nhint: {where}"
