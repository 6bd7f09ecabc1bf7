"""`edgefair propose`: what could be decided differently, and what that would change for whom."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from edgefair.clinic.proposing import Ask
    from edgefair.report.proposal import ProposalReport

__all__ = ["command"]

_BETWEEN_0_AND_1: Final = click.FloatRange(0, 1, min_open=True, max_open=True)
_NARROWEST: Final = 80
_USUAL_SENSITIVITY: Final = 0.90
_LEDGER_GROUPS: Final = "sex"


@click.command("propose")
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
    help="Propose for what this ledger recorded, instead of a table.",
)
@click.option("--finding", metavar="NAME", help="Which finding of the ledger, if it has several.")
@click.option("--label", metavar="COLUMN", help="Of a table: 1, 0, or empty.")
@click.option("--score", metavar="COLUMN", help="Of a table: the model's score.")
@click.option("--threshold", type=float, metavar="T", help="Of a table: the one in use.")
@click.option("--patient", metavar="COLUMN", help="Of a table: whose case it is.")
@click.option("--by", metavar="GROUPS", help="Show what changes for whom.  [ledger: sex]")
@click.option(
    "--sensitivity",
    type=_BETWEEN_0_AND_1,
    metavar="SHARE",
    help="The threshold that finds this share of those who have it.  [default: 0.9]",
)
@click.option(
    "--specificity",
    type=_BETWEEN_0_AND_1,
    metavar="SHARE",
    help="The threshold that leaves alone this share of those who do not have it.",
)
@click.option(
    "--refer-band",
    type=_BETWEEN_0_AND_1,
    metavar="COVERAGE",
    help="Refer what is too close to call, so that of those decided on so few are wrong.",
)
@click.option("--recalibrate", is_flag=True, help="Put the probabilities right.")
@click.option(
    "--per-group",
    is_flag=True,
    help="A rule for each of GROUPS, where that is lawful; needs --lawful-because.",
)
@click.option(
    "--lawful-because",
    default="",
    metavar="TEXT",
    help="Why patients may be treated by the group they are in; stays on record.",
)
@click.option("--cost-per-image", type=click.FloatRange(0), metavar="COST", help="Of screening.")
@click.option(
    "--cost-per-test", type=click.FloatRange(0), metavar="COST", help="Of whoever is flagged."
)
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON instead of text.")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the proposal to FILE.json, for `edgefair plan adopt`.",
)
def command(
    *,
    table: Path | None,
    ledger: Path | None,
    finding: str | None,
    label: str | None,
    score: str | None,
    threshold: float | None,
    patient: str | None,
    by: str | None,
    sensitivity: float | None,
    specificity: float | None,
    refer_band: float | None,
    recalibrate: bool,
    per_group: bool,
    lawful_because: str,
    cost_per_image: float | None,
    cost_per_test: float | None,
    as_json: bool,
    path: Path | None,
) -> None:
    """Say what could be decided differently, and what that would change for whom.

    \b
    Examples:
      edgefair propose --ledger clinic.ledger
      edgefair propose --ledger clinic.ledger --sensitivity 0.95 -o proposal.json
      edgefair propose --ledger clinic.ledger --refer-band 0.95 --by age:0,18,60
      edgefair propose --ledger clinic.ledger --per-group --by sex \\
          --lawful-because "approved by the ethics board, 12 May" -o proposal.json
      edgefair propose scores.csv --label tb --score probability --threshold 0.5 --by site

    Nothing is changed: a person may put the proposal in force with `edgefair plan adopt`. What
    it would change is judged on cases that it was not made from. Where mostly flagged cases were
    verified, each verified one is counted for those it stands for; where whom the model misses is
    not known at all, the exit code is 6 and `edgefair outcomes next` says whom to verify.

    Research use only; not a medical device.
    """
    columns = {"--label": label, "--score": score, "--threshold": threshold, "--patient": patient}
    _check_usage(table, ledger, columns, finding)
    if path and path.suffix.lower() != ".json":
        raise click.BadParameter("name a file that ends in .json.", param_hint="-o")
    _check_groups(table, by, lawful_because, per_group=per_group)
    aims = {"sensitivity": sensitivity, "specificity": specificity, "": refer_band}
    ask = _ask(aims, (cost_per_image, cost_per_test), lawful_because, recalibrate=recalibrate)
    if ledger:
        report = _of_ledger(ledger, ask, by, finding)
    else:
        assert table is not None
        report = _of_table(table, ask, by, columns)
    _show(report, path, as_json=as_json)


def _check_usage(
    table: Path | None,
    ledger: Path | None,
    columns: Mapping[str, object],
    finding: str | None,
) -> None:
    """Pass if it is clear what is to be read.

    Raises
    ------
    UsageError
        Naming what is missing or does not go together.
    """
    given = [flag for flag, value in columns.items() if value is not None]
    if (table is None) == (ledger is None):
        raise click.UsageError("Name a table, or a ledger with --ledger.")
    if ledger and given:
        raise click.UsageError(f"{given[0]} is about a table; a ledger knows its own columns.")
    missing = [flag for flag in ("--label", "--score", "--threshold") if flag not in given]
    if table and missing:
        raise click.UsageError(f"A table needs {' and '.join(missing)}.")
    if table and finding:
        raise click.UsageError("--finding is about a ledger; a table has its --label.")


def _check_groups(
    table: Path | None, by: str | None, lawful_because: str, *, per_group: bool
) -> None:
    """Pass if treating groups apart was asked for with a ground, or neither."""
    if per_group and not lawful_because.strip():
        raise click.UsageError(
            "A rule for each group treats patients by the group they are in, which may be "
            "unlawful. Say with --lawful-because on what ground it is done."
        )
    if lawful_because.strip() and not per_group:
        raise click.UsageError("--lawful-because goes with --per-group.")
    if per_group and table and not by:
        raise click.UsageError("--per-group needs --by.")


def _ask(
    aims: dict[str, float | None],
    costs: tuple[float | None, float | None],
    lawful_because: str,
    *,
    recalibrate: bool,
) -> Ask:
    from edgefair.audit.aims import Aim
    from edgefair.audit.thresholds import Costs
    from edgefair.clinic.proposing import Ask

    given = {metric: share for metric, share in aims.items() if share is not None}
    if len(given) > 1:
        raise click.UsageError("Choose one of --sensitivity, --specificity and --refer-band.")
    if not given and not recalibrate:
        given = {"sensitivity": _USUAL_SENSITIVITY}
    per_image, per_test = costs
    if (per_image is None) != (per_test is None):
        raise click.UsageError("--cost-per-image and --cost-per-test go together.")
    aim = next((Aim(metric=m, at_least=share) for m, share in given.items() if m), None)
    return Ask(
        aim=aim,
        coverage=given.get(""),
        recalibrate=recalibrate,
        lawful_because=lawful_because.strip(),
        costs=None
        if per_image is None or per_test is None
        else Costs(per_image=per_image, per_test=per_test),
    )


def _of_ledger(ledger: Path, ask: Ask, by: str | None, finding: str | None) -> ProposalReport:
    from edgefair.clinic.proposing import propose_from_ledger

    return propose_from_ledger(
        ledger, ask, by=by or _LEDGER_GROUPS, finding=finding, now=datetime.now(UTC)
    )


def _of_table(
    table: Path, ask: Ask, by: str | None, columns: Mapping[str, object]
) -> ProposalReport:
    from edgefair.clinic.proposing import TableRoles, propose_from_table
    from edgefair.interop.tables import read_table

    roles = TableRoles(
        label=str(columns["--label"]),
        score=str(columns["--score"]),
        threshold=float(str(columns["--threshold"])),
        patient=None if columns["--patient"] is None else str(columns["--patient"]),
    )
    return propose_from_table(read_table(table), roles, ask, by=by, now=datetime.now(UTC))


def _show(report: ProposalReport, path: Path | None, *, as_json: bool) -> None:
    """Write the proposal to its file, if one is named, and all of it to standard output."""
    from edgefair.bundle.site import proposal_to_json
    from edgefair.interop.files import replaced_whole
    from edgefair.report.proposal import proposal_report_to_json
    from edgefair.report.proposal_text import render_proposal_text

    if path:
        with replaced_whole(path) as stream:
            stream.write(proposal_to_json(report.proposal))
    if as_json:
        click.echo(proposal_report_to_json(report))
        return
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    click.echo(render_proposal_text(report, width=width), nl=False)
    if path and report.proposal.bundle_digest:
        click.echo(
            f"The proposal is in {path}. To put it in force:\n"
            f"  edgefair plan adopt {path} --ledger {report.source} --by NAME --reason TEXT",
            err=True,
        )
