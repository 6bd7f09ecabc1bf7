"""`edgefair recheck`: count what is new in a ledger, and say where every group stands."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from edgefair.report import MonitoringReport

__all__ = ["command"]

_HARM_SHOWN: Final = 8
_NARROWEST: Final = 80


@click.command("recheck")
@click.option(
    "--ledger",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The ledger with predictions and outcomes.",
)
@click.option(
    "-m",
    "--model",
    "bundle",
    metavar="BUNDLE",
    help="The bundle that a first plan is drawn from, if it is none of those carried.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON, with all history.")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report to FILE too (.html, .json or .txt).",
)
@click.option(
    "--fail-on",
    type=click.Choice(["harm", "warning"]),
    help="Leave with exit code 8 if harm is shown; with `warning`, if a chart warns too.",
)
@click.pass_context
def command(
    ctx: click.Context,
    *,
    ledger: Path,
    bundle: str | None,
    as_json: bool,
    path: Path | None,
    fail_on: str | None,
) -> None:
    """Count the outcomes that are new, and say for whom the model is still right.

    \b
    Examples:
      edgefair recheck --ledger clinic.ledger
      edgefair recheck --ledger clinic.ledger --fail-on harm
      edgefair recheck --ledger clinic.ledger -o monday.html

    Run it every week or every hour: unlike a test that is repeated, this evidence stays valid
    however often one looks, and a run without anything new changes nothing. What each group is
    held to was written down before, in the plan (`edgefair plan show`).

    Only outcomes count that were verified for a reason which does not depend on the model:
    routine and random_audit. HARM SHOWN, once raised, stands until another plan is put in force.
    A chart's warning is no proof: it comes without a cause now and then.

    Research use only; not a medical device.
    """
    if path and path.suffix.lower() not in (".html", ".htm", ".json", ".txt"):
        raise click.BadParameter("name a file that ends in .html, .json or .txt.", param_hint="-o")

    from edgefair.cli.noting import note_ledger
    from edgefair.clinic.monitoring import recheck

    note_ledger(ledger)
    with_history = as_json or (path is not None and path.suffix.lower() != ".txt")
    report = recheck(
        ledger,
        now=datetime.now(UTC),
        bundle=_read(bundle),
        with_history=with_history,
    )
    _show(report, path, as_json=as_json)
    is_alarm = report.shows_harm or (fail_on == "warning" and bool(report.alarms))
    ctx.exit(_HARM_SHOWN if fail_on and is_alarm else 0)


def _read(bundle: str | None):  # type: ignore[no-untyped-def]
    if bundle is None:
        return None
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.home import default_home
    from edgefair.bundle.shelf import find_bundle, installed_in

    return read_bundle(find_bundle(bundle, installed_in(default_home())))


def _show(report: MonitoringReport, path: Path | None, *, as_json: bool) -> None:
    """Write the report to its file, if one is named, and to standard output."""
    from edgefair.interop.files import replaced_whole
    from edgefair.report import (
        monitoring_to_json,
        render_monitoring_html,
        render_monitoring_text,
    )

    if path:
        suffix = path.suffix.lower()
        with replaced_whole(path) as stream:
            if suffix == ".json":
                stream.write(monitoring_to_json(report))
            elif suffix == ".txt":
                stream.write(render_monitoring_text(report, width=_NARROWEST, colour=False))
            else:
                stream.write(render_monitoring_html(report))
    if as_json:
        click.echo(monitoring_to_json(report))
        return
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    click.echo(render_monitoring_text(report, width=width, colour=colour), nl=False)
    if path:
        click.echo(f"The report is in {path}", err=True)
