"""`edgefair audit`: for whom the model works, from a ledger or from any table with scores."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.audit_pack import parsed_costs, verify_evidence, write_pack
from edgefair.cli.audit_tasks import FINDING, TASKS, check_task, report_on_task

if TYPE_CHECKING:
    from edgefair.audit.columns import Criteria
    from edgefair.clinic.checked import Checked, Roles
    from edgefair.report import Report

__all__ = ["command"]

_BETWEEN_0_AND_1: Final = click.FloatRange(0, 1, min_open=True, max_open=True)
_HARM_SHOWN: Final = 8
_NARROWEST: Final = 80


@click.command("audit")
@click.argument(
    "table",
    required=False,
    metavar="[FILE.csv]",
    type=click.Path(dir_okay=False, path_type=Path),
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Audit what this ledger recorded, instead of a table.",
)
@click.option("--label", metavar="COLUMN", help="Whether the finding was there: 1, 0, or empty.")
@click.option(
    "--positive", metavar="VALUE", help="The label that means yes; every other one means no."
)
@click.option(
    "--score", metavar="COLUMN", help="The model's score; any scale. Of an outline, its Dice."
)
@click.option(
    "--prediction",
    metavar="COLUMN",
    help="The model's decision: 1, 0, positive, negative, refer; or its answer to another task.",
)
@click.option(
    "--task",
    type=click.Choice(TASKS),
    default=FINDING,
    show_default=True,
    help="What the model of a table says: yes or no, a class, a grade, a quantity, an outline.",
)
@click.option("--grades", metavar="NAMES", help="The grades from lowest to highest, by commas.")
@click.option("--unit", metavar="UNIT", help="What the quantity is measured in.")
@click.option("--tolerance", type=float, metavar="T", help="A quantity so far off will do.")
@click.option("--threshold", type=float, metavar="T", help="Flag scores of at least T.")
@click.option(
    "--patient",
    metavar="COLUMN",
    help="Whose case it is, where some have several; a ledger knows.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="GROUPS",
    help="Column to group by; repeat for more.  [default for a ledger: sex and age]",
)
@click.option("--finding", metavar="NAME", help="What is looked for; of a ledger, only this one.")
@click.option(
    "--margin",
    type=click.FloatRange(0, min_open=True),
    metavar="SHARE",
    default=0.10,
    show_default=True,
    help="How much above all others a group's error rate may be; of a quantity, in its unit.",
)
@click.option(
    "--level",
    type=_BETWEEN_0_AND_1,
    metavar="SHARE",
    default=0.95,
    show_default=True,
    help="Coverage of the intervals.",
)
@click.option(
    "--alpha",
    type=_BETWEEN_0_AND_1,
    metavar="SHARE",
    default=0.05,
    show_default=True,
    help="Chance of any false alarm, and of any false all-clear.",
)
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report to FILE too (.html or .json).",
)
@click.option(
    "--costs",
    metavar="IMAGE,TEST",
    help="What one image and one further test cost, for the cost per case found.",
)
@click.option(
    "--pack",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Write all that was counted too: whoever has it can compute the report again.",
)
@click.option(
    "--verify",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PACK",
    help="Compute what such a pack says again, with the table or ledger if one is named.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON instead of text.")
@click.option(
    "--fail-on", type=click.Choice(["harm"]), help="Leave with exit code 8 if harm is shown."
)
@click.pass_context
def command(
    ctx: click.Context,
    *,
    table: Path | None,
    ledger: Path | None,
    label: str | None,
    positive: str | None,
    score: str | None,
    prediction: str | None,
    task: str,
    grades: str | None,
    unit: str | None,
    tolerance: float | None,
    threshold: float | None,
    patient: str | None,
    by: tuple[str, ...],
    finding: str | None,
    margin: float,
    level: float,
    alpha: float,
    path: Path | None,
    costs: str | None,
    pack: Path | None,
    verify: Path | None,
    as_json: bool,
    fail_on: str | None,
) -> None:
    """Say for whom the model works, for whom it does not, and for whom nobody can tell yet.

    \b
    Examples:
      edgefair audit --ledger clinic.ledger -o report.html
      edgefair audit --ledger clinic.ledger --by sex --by age:0,18,60 --by sex+age:0,60
      edgefair audit scores.csv --label pneumonia --score probability --threshold 0.3 --by sex
      edgefair audit scores.csv --label outcome --prediction decision --by site --fail-on harm
      edgefair audit eyes.csv --task ordinal --label reader --prediction grade --by sex
      edgefair audit hands.csv --task regression --label age --prediction said --margin 2 --by sex
      edgefair audit lungs.csv --task segmentation --score dice --margin 0.05 --by sex
      edgefair audit --ledger clinic.ledger -o report.html --pack evidence.json
      edgefair audit --verify evidence.json

    GROUPS is a column, "age:0,18,40,60,80" for a number in bins (0-17, 18-39, ..., 80+), or
    several joined by "+" for their combinations. Whoever has no value is in a group of their own,
    Unknown.

    Each group's errors are held against all others': HARM SHOWN if they are shown to exceed them
    by more than the margin, SHOWN OK if shown not to, else NOT ENOUGH DATA with the labels still
    needed. The exit code is 6 if there is no outcome at all. A decision to refer counts as
    flagged. Without decisions and threshold there is the AUROC, and no verdict.

    A ledger knows why each case was verified. Where mostly flagged cases were, what the model
    misses is refused until enough cleared ones were drawn by `edgefair outcomes next`; rates are
    then corrected by the chances they were drawn with, and the naive figures stand beside them.

    Research use only; not a medical device.
    """
    columns = {
        "--label": label,
        "--positive": positive,
        "--score": score,
        "--prediction": prediction,
        "--threshold": threshold,
        "--patient": patient,
        "--grades": grades,
        "--unit": unit,
        "--tolerance": tolerance,
        "--costs": costs,
    }
    given = [flag for flag, value in columns.items() if value is not None]
    if verify:
        verify_evidence(verify, table, ledger, given=(*given, *(["--by"] if by else [])))
        return
    check_task(task, table, ledger, given=given, by=by)
    if task == FINDING:
        _check_usage(table, ledger, given, by)
    if task != "regression" and margin >= 1:
        raise click.BadParameter("a share lies between 0 and 1.", param_hint="--margin")
    if path and path.suffix.lower() not in (".html", ".htm", ".json"):
        raise click.BadParameter("name a file that ends in .html or .json.", param_hint="-o")
    if pack and (task != FINDING or pack.suffix.lower() != ".json"):
        raise click.BadParameter(
            "name a file that ends in .json, of an audit of findings.", param_hint="--pack"
        )

    from edgefair.audit.columns import Criteria
    from edgefair.audit.tasks.judging import TaskCriteria
    from edgefair.clinic.recheck import Roles
    from edgefair.clinic.recheck_tasks import TaskRoles

    if task != FINDING:
        roles = TaskRoles(
            task=task,
            label=label,
            prediction=prediction,
            score=score,
            grades=grades,
            unit=unit,
            tolerance=tolerance,
            finding=finding,
        )
        held = TaskCriteria(level=level, margin=margin, alpha=alpha)
        report = report_on_task(table, roles, by, held)
    else:
        criteria = Criteria(level=level, margin=margin, alpha=alpha)
        of_finding = label and Roles(
            label=label,
            positive=positive,
            score=score,
            prediction=prediction,
            threshold=threshold,
            finding=finding,
            patient=patient,
            costs=parsed_costs(costs),
        )
        checked = (
            _of_ledger(ledger, by, finding, criteria)
            if ledger
            else _of_table(table, of_finding or None, by, criteria)
        )
        report = checked.report
        if pack:
            write_pack(checked, pack)
    _show(report, path, as_json=as_json)
    ctx.exit(_HARM_SHOWN if fail_on and _shows_harm(report) else 0)


def _check_usage(
    table: Path | None, ledger: Path | None, given: list[str], by: tuple[str, ...]
) -> None:
    """Pass if the command line makes sense.

    Raises
    ------
    UsageError
        Naming what is missing or does not go together.
    """
    if (table is None) == (ledger is None):
        raise click.UsageError("Name a table, or a ledger with --ledger.")
    if ledger:
        if given:
            raise click.UsageError(f"{given[0]} is about a table; a ledger knows its own columns.")
        return
    if "--label" not in given or not by:
        raise click.UsageError("A table needs --label and --by.")
    if "--score" not in given and "--prediction" not in given:
        raise click.UsageError("A table needs --score or --prediction.")
    if "--threshold" in given and ("--score" not in given or "--prediction" in given):
        raise click.UsageError("--threshold makes decisions of --score, in place of --prediction.")


def _of_ledger(
    ledger: Path, by: tuple[str, ...], finding: str | None, criteria: Criteria
) -> Checked:
    from edgefair.clinic.recheck import LEDGER_GROUPS, check_ledger

    return check_ledger(
        ledger,
        made_at=datetime.now(UTC),
        by=by or LEDGER_GROUPS,
        finding=finding,
        criteria=criteria,
    )


def _of_table(
    table: Path | None, roles: Roles | None, by: tuple[str, ...], criteria: Criteria
) -> Checked:
    from edgefair.clinic.recheck import check_table
    from edgefair.interop.tables import read_table

    assert table is not None
    assert roles is not None
    return check_table(
        read_table(table), roles, by=by, made_at=datetime.now(UTC), criteria=criteria
    )


def _show(report: Report, path: Path | None, *, as_json: bool) -> None:
    """Write the report to its file, if one is named, and to standard output."""
    from edgefair.interop.files import replaced_whole
    from edgefair.report import render_html, render_text, report_to_json

    if path:
        is_json = path.suffix.lower() == ".json"
        with replaced_whole(path) as stream:
            stream.write(report_to_json(report) if is_json else render_html(report))
    if as_json:
        click.echo(report_to_json(report))
        return
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    click.echo(render_text(report, width=width, colour=colour), nl=False)
    if path:
        click.echo(f"The report is in {path}", err=True)


def _shows_harm(report: Report) -> bool:
    from edgefair.records import VerdictKind

    return any(
        cell.verdict.kind is VerdictKind.HARM_SHOWN
        for cell in report.result.by_group
        if cell.verdict
    )
