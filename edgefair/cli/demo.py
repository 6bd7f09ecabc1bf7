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
_MONTH_7: Final = 26
"""In weeks."""


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
@click.option(
    "--years",
    type=click.IntRange(1, 5),
    metavar="N",
    help="Live through N years, re-checked every week, without images: scores and outcomes alone.",
)
@click.option("--count", type=click.IntRange(1), default=900, show_default=True, help="Images.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same clinic.")
def command(*, folder: Path | None, plant: str, years: int | None, count: int, seed: int) -> None:
    """Run the whole loop at a clinic of phantoms: read, record, confirm, re-check.

    \b
    Examples:
      edgefair demo
      edgefair demo --plant none --folder no-harm
      edgefair demo --plant age=60-95:0.6 --folder elderly
      edgefair demo --years 2 --plant sex=F:0.3

    A clinic is made from a seed, with a disparity hidden in it: by default, in three of five
    women who have the finding it is too faint for the model. The loop does not know; its
    verdict must find it. With --years the disparity begins in the seventh month, and the weekly
    re-check must find it, late as it may be. Research use only; not a medical device.
    """
    if years is not None:
        _live_through(folder or _free_folder(), plant, years, seed)
        return
    from edgefair.bundle.embedding_reference import projection_of
    from edgefair.bundle.home import default_home
    from edgefair.bundle.shelf import find_bundle, open_bundle
    from edgefair.clinic.rehearsal import rehearse
    from edgefair.phantom import Clinic, parse_plant
    from edgefair.runtime.pipeline import Model, available_threads

    planted = None if plant == "none" else parse_plant(plant)
    clinic = Clinic(seed=seed, count=count, plant=planted)
    folder = folder or _free_folder()
    now = datetime.now(UTC)
    click.echo(f"Making {count} phantom radiographs in {folder} and reading each ...", err=True)
    bundle = open_bundle(find_bundle(_MODEL), default_home())
    done = rehearse(
        folder,
        clinic,
        Model(bundle, threads=available_threads()),
        now=now,
        watched=partial(with_progress, length=count, unit="images"),
        projection=projection_of(bundle),
    )
    click.echo(f"Recorded in {done.ledger}; outcomes in {done.outcomes}.", err=True)
    _show_report(done.ledger, folder / "report.html", now)


def _live_through(folder: Path, plant: str, years: int, seed: int) -> None:
    """Let years pass at a simulated site, and print the last re-check."""
    from dataclasses import replace
    from datetime import timedelta

    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.shelf import find_bundle
    from edgefair.clinic.years import live_through
    from edgefair.phantom import parse_plant
    from edgefair.phantom.site import Harm, Site
    from edgefair.report import render_monitoring_text

    bundle = read_bundle(find_bundle(_MODEL))
    now, weeks = datetime.now(UTC), years * 52
    site = Site(
        seed=seed,
        model=bundle.manifest.label,
        bundle_digest=bundle.digest,
        finding=bundle.manifest.contract.findings[0],
        weeks=weeks,
        begins=(now - timedelta(weeks=weeks)).date(),
    )
    if plant != "none":
        planted = parse_plant(plant)
        if planted.attribute != "sex":
            raise click.BadParameter("over years only sex=F or sex=M.", param_hint="--plant")
        worse = planted.fraction + (1 - planted.fraction) * site.miss_rate
        site = replace(site, harm=Harm(sex=planted.value, from_week=_MONTH_7, miss_rate=worse))
    folder.mkdir(parents=True, exist_ok=True)
    ledger = folder / "clinic.ledger"
    if ledger.exists():
        raise click.BadParameter(f"{ledger} is there already.", param_hint="--folder")
    click.echo(f"Living through {weeks} weeks in {ledger} ...", err=True)
    passing = with_progress(live_through(ledger, site), length=weeks, unit="weeks")
    *_, report = passing
    click.echo(render_monitoring_text(report, width=_WIDTH, colour=False))
    click.echo(f"The ledger: {ledger.resolve()}")


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
