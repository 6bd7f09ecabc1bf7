"""`edgefair plan adopt`, `revert` and `adopted`: a site's own decisions, signed by a person."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgefair.clinic.adopting import Change

__all__ = ["adopt", "adopted", "revert"]

_PLAN_IS_DUE = (
    "A new monitoring plan is due: the evidence of the one in force is about other decisions. "
    "`edgefair plan make` puts one in force, and its evidence starts anew."
)

_ledger_option = click.option(
    "--ledger",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The ledger of the site.",
)
_by_option = click.option(
    "--by", "who", required=True, metavar="NAME", help="Who decides; stays on record."
)
_reason_option = click.option("--reason", required=True, metavar="TEXT", help="Why, in words.")


@click.command("adopt")
@click.argument(
    "proposal", metavar="PROPOSAL.json", type=click.Path(dir_okay=False, path_type=Path)
)
@_ledger_option
@_by_option
@_reason_option
def adopt(*, proposal: Path, ledger: Path, who: str, reason: str) -> None:
    """Put a proposal in force: from now on it decides what is read into the ledger.

    \b
    Example:
      edgefair plan adopt proposal.json --ledger clinic.ledger --by "Dr A. Banda" \\
          --reason "too many women were missed"

    Every prediction made before keeps its decision. The name, the reason and the rule stay on
    record; `edgefair plan revert` goes back to the bundle's own operating point. A proposal that
    was made for another model, or changed after it was made, is refused.
    """
    from edgefair.bundle.site import proposal_from_json
    from edgefair.cli.noting import open_to_write
    from edgefair.clinic.adopting import Signature, adopt
    from edgefair.errors import InputError

    try:
        content = proposal.read_bytes()
    except OSError as error:
        raise InputError(
            f"{proposal} cannot be read: {error.strerror or error}.",
            hint="`edgefair propose --ledger FILE -o proposal.json` writes one.",
        ) from error
    signature = Signature(by=who, reason=reason, at=datetime.now(UTC))
    with open_to_write(ledger) as opened:
        change = adopt(opened, proposal_from_json(content), signature)
    click.echo(_in_words(change))
    click.echo(_PLAN_IS_DUE, err=True)


@click.command("revert")
@_ledger_option
@click.option("--finding", metavar="NAME", help="Which finding, if several were changed.")
@_by_option
@_reason_option
def revert(*, ledger: Path, finding: str | None, who: str, reason: str) -> None:
    """Go back to the bundle's own operating point, from now on.

    \b
    Example:
      edgefair plan revert --ledger clinic.ledger --by "Dr A. Banda" --reason "too many referrals"
    """
    from edgefair.cli.noting import open_to_write
    from edgefair.clinic.adopting import Signature, revert

    signature = Signature(by=who, reason=reason, at=datetime.now(UTC))
    with open_to_write(ledger) as opened:
        change = revert(opened, finding, signature)
    click.echo(_in_words(change))
    click.echo(_PLAN_IS_DUE, err=True)


@click.command("adopted")
@_ledger_option
@click.option("--json", "as_json", is_flag=True, help="All of it, with each rule, as JSON.")
def adopted(*, ledger: Path, as_json: bool) -> None:
    """Show what was put in force and taken back, by whom and why; the oldest first.

    \b
    Example:
      edgefair plan adopted --ledger clinic.ledger
    """
    from edgefair.clinic.adopting import adopted_so_far, changes_to_json
    from edgefair.ledger import Ledger

    with Ledger.open(ledger, read_only=True) as opened:
        changes = adopted_so_far(opened)
    if as_json:
        click.echo(changes_to_json(changes))
        return
    if not changes:
        click.echo("Nothing was adopted: the bundle's own operating points decide.")
    for change in changes:
        click.echo(_in_words(change))


def _in_words(change: Change) -> str:
    before = change.instead_of or "the bundle's operating point"
    if change.rule is None:
        return (
            f"{change.at[:16]}  {change.finding}: the bundle's operating point decides again, "
            f"instead of {before}\n  by {change.by}: {change.reason}"
        )
    settings = ", ".join(
        f"{setting.group} from {change.rule.shown(setting.threshold, setting):.3f}"
        + (
            ""
            if setting.refer_up_to is None
            else f" (refer up to {change.rule.shown(setting.refer_up_to, setting):.3f})"
        )
        for setting in change.rule.settings
    )
    ground = f"\n  groups apart, because: {change.rule.lawful_because}"
    return (
        f"{change.at[:16]}  {change.finding}: {change.name} decides, instead of {before}\n"
        f"  by {change.by}: {change.reason}\n"
        f"  {change.rule.chosen_for}: {settings}" + (ground if change.rule.lawful_because else "")
    )
