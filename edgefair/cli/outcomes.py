"""`edgefair outcomes`: a table to fill in, and what was filled in on its way to the ledger."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgefair.cli.outcomes_next import command as next_command
from edgefair.cli.output import Output, output_options
from edgefair.interop.rows import Format

if TYPE_CHECKING:
    from edgefair.interop.outcomes import OutcomesImport

__all__ = ["command"]

_ledger_option = click.option(
    "--ledger",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The ledger that `edgefair predict --ledger` filled.",
)


@click.group("outcomes")
def command() -> None:
    """Tell the ledger what turned out to be true.

    \b
    Examples:
      edgefair outcomes template --ledger clinic.ledger -o outcomes.csv
      edgefair outcomes import outcomes.csv --ledger clinic.ledger
      edgefair outcomes next --budget 20 --ledger clinic.ledger
      edgefair outcomes withdraw K7Q2M19X --finding pneumonia --by AB --reason "another patient"
    """


command.add_command(next_command)


@command.command("template")
@_ledger_option
@click.option(
    "--only",
    type=click.Choice(["unverified"]),
    help="Leave out what is verified already.",
)
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a new FILE instead of standard output.",
)
def template(*, ledger: Path, only: str | None, path: Path | None) -> None:
    """Write the CSV to fill in: one row per case and finding.

    \b
    Examples:
      edgefair outcomes template --ledger clinic.ledger -o outcomes.csv
      edgefair outcomes template --ledger clinic.ledger --only unverified > outcomes.csv

    Fill in, for each case you know the truth of:

    \b
      outcome            yes or no: was the finding there?
      verified_by        who says so, e.g. initials, laboratory
      verified_because   routine       every such patient is followed up
                         ai_positive   the model said positive
                         random_audit  the case was drawn by lot
                         clinical      the course of the illness showed it
      date               the day of the truth, e.g. 2026-03-09

    Leave the other rows as they are. The model's decision is left out on purpose: whoever
    verifies must not be swayed by it.
    """
    from edgefair.interop.outcomes import TEMPLATE_COLUMNS, template_rows
    from edgefair.ledger import Ledger

    if path and path.exists():
        raise click.UsageError(
            f"{path} is there already and may hold outcomes. Import it, then name another file."
        )
    with Ledger.open(ledger, read_only=True) as opened:
        cases = (case for case in opened.cases() if not (only and case.outcome))
        Output(form=Format.CSV, path=path).write(TEMPLATE_COLUMNS, template_rows(cases))


@command.command("import")
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.csv")
@_ledger_option
@output_options
@click.pass_context
def import_table(ctx: click.Context, *, table: Path, ledger: Path, output: Output) -> None:
    """Record the outcomes of a filled-in table, and say which rows did not match.

    \b
    Examples:
      edgefair outcomes import outcomes.csv --ledger clinic.ledger
      edgefair outcomes import outcomes.csv --ledger clinic.ledger -o problems.csv

    A case is named by its code or, where only one image is called so, by its file name. Rows
    without an outcome are not yet verified and wait. Importing a table twice changes nothing. A
    later outcome that contradicts an earlier one counts from then on, and both are kept. If some
    rows could not be used, the others are recorded and the exit code is 3.
    """
    from edgefair.cli.noting import open_to_write
    from edgefair.interop.outcomes import import_outcomes
    from edgefair.ledger import OutcomeStatus

    with open_to_write(ledger) as opened:
        done = import_outcomes(opened, table, today=date.today())
    rows = [
        (row.line, row.case, row.finding, row.result.status, row.result.message, row.result.hint)
        for row in done.rows
        if row.result.message
    ]
    if rows or not output.is_for_eyes:
        output.write(("line", "case", "finding", "result", "what", "hint"), rows)
    click.echo(_summary(done), err=True)
    ctx.exit(3 if done.count(OutcomeStatus.REFUSED) else 0)


@command.command("withdraw")
@click.argument("case")
@_ledger_option
@click.option("--finding", required=True, metavar="NAME", help="The finding it is about.")
@click.option("--by", "who", required=True, metavar="NAME", help="Who takes it back.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, in words.")
def withdraw(*, case: str, ledger: Path, finding: str, who: str, reason: str) -> None:
    """Take back the outcome that stands for CASE: it stays on record and counts no more.

    \b
    Example:
      edgefair outcomes withdraw K7Q2M19X --finding pneumonia --by AB \\
          --reason "belongs to another patient" --ledger clinic.ledger

    For outcomes that should never have been recorded. To correct one, import the right one: it
    counts from then on. What another reader had said before counts again.
    """
    from edgefair.cli.noting import open_to_write
    from edgefair.errors import InputError
    from edgefair.ledger import OutcomeStatus, Withdrawal

    asked = Withdrawal(case=case, finding=finding, withdrawn_by=who, reason=reason)
    with open_to_write(ledger) as opened:
        result = opened.withdraw(asked, today=date.today())
    if result.status is OutcomeStatus.REFUSED:
        raise InputError(f"Nothing was withdrawn: {result.message}.", hint=result.hint)
    click.echo(f"Withdrawn: {result.message}.", err=True)


def _summary(done: OutcomesImport) -> str:
    from edgefair.ledger import OutcomeStatus

    counts = (
        f"{done.count(OutcomeStatus.ADDED)} added",
        f"{done.count(OutcomeStatus.CORRECTED)} corrected",
        f"{done.count(OutcomeStatus.UNCHANGED)} known already",
        f"{done.count(OutcomeStatus.REFUSED)} not usable",
        f"{done.blank} not yet verified",
    )
    is_new = done.count(OutcomeStatus.ADDED) + done.count(OutcomeStatus.CORRECTED)
    return ", ".join(counts) + ("." if is_new else ". The ledger is as it was.")
