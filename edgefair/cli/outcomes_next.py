"""`edgefair outcomes next`: the cases to confirm next, drawn by lot, as a list to work through."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgefair.cli.output import Output, output_options, replaced_whole

if TYPE_CHECKING:
    from edgefair.clinic.next_cases import Worklist

__all__ = ["command"]


@click.command("next")
@click.option(
    "--ledger",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The ledger that `edgefair predict --ledger` filled.",
)
@click.option(
    "--budget",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="Cases that somebody has time to confirm.",
)
@click.option("--finding", metavar="NAME", help="Only this one.  [default: all of the model's]")
@click.option(
    "--by",
    multiple=True,
    metavar="GROUPS",
    help="Column to draw by; repeat for more.  [default: sex and age]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Of the lots.  [default: the number of earlier draws]",
)
@click.option(
    "--new", "anew", is_flag=True, help="Draw N more, beside those drawn before that still wait."
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page to print, with boxes to tick, too.",
)
@output_options
def command(
    *,
    ledger: Path,
    budget: int,
    finding: str | None,
    by: tuple[str, ...],
    seed: int | None,
    anew: bool,
    page: Path | None,
    output: Output,
) -> None:
    """Draw the cases whose truth would tell most, and list them.

    \b
    Examples:
      edgefair outcomes next --budget 20 --ledger clinic.ledger
      edgefair outcomes next --budget 20 --ledger clinic.ledger -o next.csv --html next.html
      edgefair outcomes next --budget 50 --ledger clinic.ledger --by sex --by age:0,60

    The cases are drawn by lot, half of them from all alike and half where a group's rate is least
    certain, and among those too that the model called negative: only so does it show whom it
    misses. How they were drawn is on record before the list is shown, so that what is found can
    be carried over to everybody. Cases that are known already are drawn as likely: nobody has to
    look again, and `edgefair recheck` counts them as they come up in the list's order. What the
    model said is left out on purpose: whoever confirms must not be swayed.

    Fill in the CSV and give it to `edgefair outcomes import`; verified_because is filled in. Run
    again, cases that were drawn and are not confirmed yet come first and count for N.

    GROUPS is as for `edgefair audit`; all are crossed, as far as N reaches.
    """
    from edgefair.cli.noting import note_ledger
    from edgefair.clinic.next_cases import Asked, next_cases

    if output.path and output.path.exists():
        raise click.UsageError(
            f"{output.path} is there already and may hold outcomes. Import it, then name another "
            "file."
        )
    asked = Asked(budget=budget, finding=finding, seed=seed, beside_open=anew)
    if by:
        asked = Asked(budget=budget, by=by, finding=finding, seed=seed, beside_open=anew)
    now = datetime.now(UTC)
    note_ledger(ledger)
    found = next_cases(ledger, asked, now=now)
    if page:
        _write_page(found, page, now)
    _write_list(found, output)
    for note in found.notes:
        click.echo(note, err=True)


def _write_list(found: Worklist, output: Output) -> None:
    from edgefair.interop.outcomes import TEMPLATE_COLUMNS, worklist_rows

    if not output.is_for_eyes:
        output.write(TEMPLATE_COLUMNS, worklist_rows(found.cases))
        return
    rows = [
        (case.code, _image(case.image, case.frame), case.finding, case.predicted_at[:10], drawn)
        for cases, drawn in ((found.waiting, "before"), (found.drawn, "now"))
        for case in cases
    ]
    output.write(("case", "image", "finding", "read on", "drawn"), rows)


def _write_page(found: Worklist, page: Path, now: datetime) -> None:
    from edgefair.report.worklist import WorklistRow, WorklistSheet, render_worklist

    rows = tuple(
        WorklistRow(
            case=case.code,
            image=_image(case.image, case.frame),
            finding=case.finding,
            read_on=case.predicted_at[:10],
        )
        for case in found.cases
    )
    sheet = WorklistSheet(
        title=f"Cases to confirm for {found.model}",
        made_at=now.isoformat(timespec="seconds"),
        rows=rows,
    )
    with replaced_whole(page) as stream:
        stream.write(render_worklist(sheet))


def _image(name: str, frame: int) -> str:
    return f"{name}, frame {frame + 1}" if frame else name
