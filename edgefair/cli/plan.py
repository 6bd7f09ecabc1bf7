"""`edgefair plan`: what the re-check watches, written down and frozen before it looks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.plan_adopt import adopt, adopted, revert

if TYPE_CHECKING:
    from edgefair.bundle.plan import MonitoringPlan, PlanSettings
    from edgefair.ledger import FrozenPlan

__all__ = ["command"]

_BETWEEN_0_AND_1: Final = click.FloatRange(0, 1, min_open=True, max_open=True)

_ledger_option = click.option(
    "--ledger",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The ledger whose re-check follows the plan.",
)
_model_option = click.option(
    "-m", "--model", "bundle", required=True, metavar="BUNDLE", help="The model that is watched."
)


@click.group("plan")
def command() -> None:
    """Write down what the re-check watches before it looks, and what the site decides itself.

    \b
    Examples:
      edgefair plan show --ledger clinic.ledger
      edgefair plan make --ledger clinic.ledger -m chest-xray --frozen-by "Dr A. Banda"
      edgefair plan make --ledger clinic.ledger -m chest-xray --by sex --by site \\
          --tolerance 0.08 --frozen-by "Dr A. Banda"
      edgefair plan adopt proposal.json --ledger clinic.ledger --by "Dr A. Banda" --reason "..."
    """


@command.command("show")
@_ledger_option
@click.option("--json", "as_json", is_flag=True, help="The plan in force, as it was frozen.")
def show(*, ledger: Path, as_json: bool) -> None:
    """Print the plans of a ledger, the one in force last.

    \b
    Example:
      edgefair plan show --ledger clinic.ledger
    """
    from edgefair.bundle.plan import plan_from_json
    from edgefair.errors import NotEnoughData
    from edgefair.ledger import Ledger

    with Ledger.open(ledger, read_only=True) as opened:
        plans = opened.plans()
    if not plans:
        raise NotEnoughData(
            f"No plan is in force in {ledger} yet.",
            hint="`edgefair plan make` makes one; else the first re-check takes the bundle's.",
        )
    if as_json:
        click.echo(plans[-1].content, nl=False)
        return
    for frozen in plans:
        click.echo(_described(frozen, plan_from_json(frozen.content)))


@command.command("make")
@_ledger_option
@_model_option
@click.option(
    "--by",
    multiple=True,
    metavar="GROUPS",
    help="Groups to watch, e.g. sex, age:0,18,60, sex+age:0,60; repeat for more.  "
    "[default: the bundle's own, or sex and age]",
)
@click.option("--finding", "findings", multiple=True, metavar="NAME", help="Only these findings.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="How far above the largest rate that the reference allows is still acceptable.  "
    "[default: 0.05]",
)
@click.option(
    "--alpha",
    type=_BETWEEN_0_AND_1,
    metavar="SHARE",
    help="Chance that harm is ever shown where there is none, over all groups, errors and "
    "looks.  [default: 0.05]",
)
@click.option(
    "--minimum-audit",
    type=click.IntRange(0),
    metavar="N",
    help="Verified cases that the model called negative, before a group's missed cases are "
    "judged.  [default: 20]",
)
@click.option(
    "--frozen-by", "who", required=True, metavar="NAME", help="Who decides; stays on record."
)
def make(
    *,
    ledger: Path,
    bundle: str,
    by: tuple[str, ...],
    findings: tuple[str, ...],
    tolerance: float | None,
    alpha: float | None,
    minimum_audit: int | None,
    who: str,
) -> None:
    """Put a plan in force: from now on it is what the re-check follows.

    \b
    Examples:
      edgefair plan make --ledger clinic.ledger -m chest-xray --frozen-by "Dr A. Banda"
      edgefair plan make --ledger clinic.ledger -m chest-xray --by sex+age:0,60 --alpha 0.01 \\
          --frozen-by "Dr A. Banda"

    Without any option the bundle's own plan is taken, or one is drawn from its reference. A plan
    of your own, and any later one, starts its evidence anew: who has seen the outcomes could
    choose the limits by them. Earlier plans and their alarms stay on record, and every report
    tells of them.
    """
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.home import default_home
    from edgefair.bundle.plan import plan_from_json
    from edgefair.bundle.shelf import find_bundle, installed_in
    from edgefair.cli.noting import open_to_write
    from edgefair.clinic.monitoring import PlanChoice, put_in_force
    from edgefair.errors import InputError

    if not who.strip():
        raise InputError("A plan needs a name.", hint="Say with --frozen-by who decides.")
    settings = _settings(by, tolerance, alpha, minimum_audit)
    choice = PlanChoice(settings=settings, findings=findings, frozen_by=who.strip())
    with open_to_write(ledger) as opened:
        known = len(opened.plans())
        frozen = put_in_force(
            opened,
            read_bundle(find_bundle(bundle, installed_in(default_home()))),
            choice,
            now=_now(),
        )
        is_new = len(opened.plans()) > known
    if not is_new:
        click.echo("The plan in force says the same already; nothing was changed.", err=True)
    click.echo(_described(frozen, plan_from_json(frozen.content)))


def _settings(
    by: tuple[str, ...], tolerance: float | None, alpha: float | None, minimum_audit: int | None
) -> PlanSettings | None:
    """Return what was asked for, the rest by default; None if nothing was."""
    from dataclasses import replace

    from edgefair.bundle.plan import PlanSettings

    if not by and (tolerance, alpha, minimum_audit) == (None, None, None):
        return None
    settings = PlanSettings()
    if by:
        settings = replace(settings, groups_by=by)
    if tolerance is not None:
        settings = replace(settings, tolerance=tolerance)
    if alpha is not None:
        settings = replace(settings, alpha=alpha)
    if minimum_audit is not None:
        settings = replace(settings, minimum_audit=minimum_audit)
    return settings


def _described(frozen: FrozenPlan, plan: MonitoringPlan) -> str:
    names = {"false_negative_rate": "missed cases", "false_positive_rate": "false alarms"}
    starts = (
        f"outcomes after no. {frozen.starts_after:,}"
        if frozen.starts_after
        else "all outcomes of this ledger"
    )
    lines = [
        f"Plan {frozen.digest[:12]} on {plan.model}, no. {frozen.number}, in force since "
        f"{frozen.frozen_at}",
        f"  put in force by  {frozen.frozen_by}",
        f"  origin           {plan.derived}",
        f"  evidence         {starts}",
        f"  groups           {len(plan.groups)}: everybody, by {', '.join(plan.groups_by)}",
        *(
            f"  limit            {rate.finding}, {names[rate.metric]}: {100 * rate.limit:.1f}% "
            f"(reference {rate.reference_errors} of {rate.reference_n}, at most "
            f"{100 * rate.reference_upper:.1f}%, tolerance {100 * rate.tolerance:g})"
            for rate in plan.rates
        ),
        *(f"  not watched      {sentence}" for sentence in plan.unwatched),
        f"  error rate       {100 * plan.alpha:g}% over all groups, errors and looks, "
        f"{100 * plan.primary_share:g}% of it for missed cases",
        f"  minimum audit    {plan.minimum_audit} verified cases that the model called negative",
        f"  chart            tuned to {plan.chart.odds_ratio:g} times the odds; a false warning "
        f"in {plan.chart.labels_to_false_alarm:,} labels of a group",
    ]
    return "\n".join(lines)


def _now() -> datetime:
    return datetime.now(UTC)


for further in (adopt, revert, adopted):
    command.add_command(further)
