"""`edgefair demo`: the whole loop, offline, on what the package alone carries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import count as count_from
from pathlib import Path
from typing import Final

import click

from edgefair.cli.progress import with_progress

__all__ = ["command"]

_MODEL: Final = "phantom"
_WIDTH: Final = 80


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="New folder for everything the demo makes.  [default: edgefair-demo, or the next free]",
)
@click.option(
    "--plant",
    default="sex=F:0.6",
    show_default=True,
    metavar="GROUP:SHARE",
    help="The disparity to hide in the clinic; 'none' hides none.",
)
@click.option("--count", type=click.IntRange(1), default=900, show_default=True, help="Images.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same clinic.")
def command(*, folder: Path | None, plant: str, count: int, seed: int) -> None:
    """Run the whole loop at a clinic of phantoms: read, record, confirm, re-check.

    \b
    Examples:
      edgefair demo
      edgefair demo --plant none --folder no-harm
      edgefair demo --plant age=60-95:0.6 --folder elderly

    A clinic is made from a seed, with a disparity hidden in it: by default, in three of five
    women who have the finding it is too faint for the model. The loop does not know; its
    verdict must find it. Research use only; not a medical device.
    """
    from edgefair.bundle.shelf import find_bundle
    from edgefair.clinic.rehearsal import rehearse
    from edgefair.phantom import Clinic, parse_plant
    from edgefair.runtime.pipeline import load

    planted = None if plant == "none" else parse_plant(plant)
    clinic = Clinic(seed=seed, count=count, plant=planted)
    folder = folder or _free_folder()
    now = datetime.now(UTC)
    click.echo(f"Making {count} phantom radiographs in {folder} and reading each ...", err=True)
    done = rehearse(
        folder,
        clinic,
        load(find_bundle(_MODEL)),
        now=now,
        watched=partial(with_progress, length=count, unit="images"),
    )
    click.echo(f"Recorded in {done.ledger}; outcomes in {done.outcomes}.", err=True)
    _show_report(done.ledger, folder / "report.html", now)


def _show_report(ledger: Path, report_path: Path, now: datetime) -> None:
    from edgefair.clinic.recheck import recheck_ledger
    from edgefair.interop.files import replaced_whole
    from edgefair.report import render_html, render_text

    report = recheck_ledger(ledger, made_at=now)
    with replaced_whole(report_path) as stream:
        stream.write(render_html(report))
    click.echo(render_text(report, width=_WIDTH, colour=False))
    click.echo(f"The report: {report_path.resolve()}")


def _free_folder() -> Path:
    """Return ``edgefair-demo``, or with a number where demos were run before."""
    names = ("edgefair-demo" + (f"-{number}" if number > 1 else "") for number in count_from(1))
    return next(path for name in names if not (path := Path(name)).exists())
