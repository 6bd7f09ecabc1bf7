"""`edgefair shift`: who is being seen, and whether it is what the model was measured on."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from edgefair.report.early_warning import EarlyWarnings

__all__ = ["command"]

_NARROWEST: Final = 80


@click.command("shift")
@click.option(
    "--ledger",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The ledger that `edgefair predict --ledger` filled.",
)
@click.option(
    "-m",
    "--model",
    "bundle",
    metavar="BUNDLE",
    help="Its reference is compared.  [default: the ledger's model, if at hand]",
)
@click.option(
    "--catchment",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Shares of the population served: CSV with by, group, share, or JSON.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="GROUPS",
    help="Groups to guess rates for; repeat for more.  [default: sex and age]",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Only what was read from this day on, e.g. 2026-03-01.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Of the shifts shown, how many may be false, on average.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it to FILE too (.html, .json or .txt).",
)
def command(
    *,
    ledger: Path,
    bundle: str | None,
    catchment: Path | None,
    by: tuple[str, ...],
    since: datetime | None,
    alpha: float,
    as_json: bool,
    path: Path | None,
) -> None:
    """Say who is being seen, and what has shifted: an early warning, and no evidence.

    \b
    Examples:
      edgefair shift --ledger clinic.ledger
      edgefair shift --ledger clinic.ledger --catchment census.csv --since 2026-03-01
      edgefair shift --ledger clinic.ledger -m chest-xray-0.2.0.efb --json
      edgefair shift --ledger clinic.ledger -o shift.html

    The stream's mix of patients is held against the catchment population; mix, scores, decisions
    and the look of the images against what the model was measured on before release, and images
    against the first ones here: has the finding become more or less frequent, or are the patients
    or images others? No outcome is needed, and so none of
    it tells for whom the model works. That does `edgefair audit`, with outcomes.

    A catchment: the columns by, group, share, e.g. "sex,F,0.51" and "age:0,18,60","60+",0.12; or
    {"sex": {"F": 0.51, "M": 0.49}}.

    Research use only; not a medical device.
    """
    if path and path.suffix.lower() not in (".html", ".htm", ".json", ".txt"):
        raise click.BadParameter("name a file that ends in .html, .json or .txt.", param_hint="-o")

    from edgefair.bundle.home import default_home
    from edgefair.clinic.shift import GROUPS, Look, shift_of_ledger
    from edgefair.report.early_warning import early_warnings_to_json, render_early_warnings

    look = Look(
        home=default_home(),
        bundle=bundle,
        catchment=catchment,
        by=by or GROUPS,
        since=since.date().isoformat() if since else "",
        alpha=alpha,
    )
    found = shift_of_ledger(ledger, look)
    if path:
        _write(found, path)
    if as_json:
        click.echo(early_warnings_to_json(found))
        return
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    click.echo(render_early_warnings(found, width=width), nl=False)
    if path:
        click.echo(f"It is in {path}", err=True)


def _write(found: EarlyWarnings, path: Path) -> None:
    from edgefair.interop.files import replaced_whole
    from edgefair.report.early_warning import early_warnings_to_json, render_early_warnings
    from edgefair.report.early_warning_html import render_early_warnings_html

    suffix = path.suffix.lower()
    with replaced_whole(path) as stream:
        if suffix == ".json":
            stream.write(early_warnings_to_json(found) + "\n")
        elif suffix == ".txt":
            stream.write(render_early_warnings(found, width=_NARROWEST))
        else:
            stream.write(render_early_warnings_html(found))
