"""`edgefair audit --pack` and `--verify`: the evidence under a report, written and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.errors import EvidenceAltered, InputError

if TYPE_CHECKING:
    from edgefair.audit.thresholds import Costs
    from edgefair.clinic.checked import Checked
    from edgefair.clinic.evidence_pack import Pack
    from edgefair.clinic.verifying import Verification

__all__ = ["parsed_costs", "verify_evidence", "write_pack"]

_MOST_SHOWN: Final = 20


def parsed_costs(text: str | None) -> Costs | None:
    """Return what was given as ``IMAGE,TEST``, e.g. ``2,10``.

    Raises
    ------
    BadParameter
        If it is no pair of numbers of at least 0.
    """
    if text is None:
        return None
    from edgefair.audit.thresholds import Costs

    try:
        image, test = (float(part) for part in text.split(","))
        return Costs(per_image=image, per_test=test)
    except ValueError as error:
        raise click.BadParameter(
            "name two amounts, e.g. 2,10 for an image and a test.", param_hint="--costs"
        ) from error


def write_pack(checked: Checked, path: Path) -> None:
    """Write the evidence pack to a file, whole or not at all."""
    from edgefair.clinic.evidence_pack import pack_to_json
    from edgefair.interop.files import replaced_whole

    with replaced_whole(path) as stream:
        stream.write(pack_to_json(checked) + "\n")
    click.echo(f"The evidence is in {path}", err=True)


def verify_evidence(
    path: Path, table: Path | None, ledger: Path | None, *, given: Sequence[str]
) -> None:
    """Say whether a pack holds together, and whether it is of the data if they are named.

    Raises
    ------
    UsageError
        If more is asked for: the pack knows what it was made of.
    InputError
        If the pack cannot be read.
    EvidenceAltered
        If anything does not agree, after listing it.
    """
    if given:
        raise click.UsageError(f"{given[0]} does not go with --verify: the pack knows it.")
    if table and ledger:
        raise click.UsageError("Name a table, or a ledger with --ledger, not both.")
    from edgefair.clinic.evidence_pack import pack_from_json
    from edgefair.clinic.verifying import verify_against, verify_pack
    from edgefair.interop.tables import read_table

    pack = pack_from_json(_read(path))
    _say(pack)
    found = [("From the counts in the pack", verify_pack(pack))]
    if table or ledger:
        source = read_table(table) if table else ledger
        assert source is not None
        found.append((f"From {table or ledger}", verify_against(pack, source)))
    for whence, verification in found:
        _show(whence, verification)
    differing = sum(len(verification.differences) for _, verification in found)
    if differing:
        raise EvidenceAltered(
            f"{path} does not hold together: {differing:,} of its entries do not agree.",
            hint="Ask whoever made it for the pack as it was written, or make one of the data.",
        )
    if len(found) == 1:
        click.echo(
            "Whether the counts are those of the data only the data can tell: name the table, or "
            "the ledger with --ledger. Slope and smooth error of a calibration need them too."
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as an evidence pack.", hint="Check the name of the file."
        ) from error


def _say(pack: Pack) -> None:
    report, position = pack.checked.report, pack.checked.position
    click.echo(f"{report.title} {report.made_at}, edgefair {report.edgefair_version}")
    click.echo(f"Data: {report.data.name}, {report.data.rows:,} rows, {report.data.sha256[:12]}")
    if position:
        plan = f"plan {position.plan_digest[:12]}" if position.plan_digest else "no plan"
        click.echo(
            f"Ledger: up to reading {position.last_reading:,}, outcome "
            f"{position.last_outcome:,}; {plan}; bundle {(report.bundle_digest or '')[:12]}"
        )


def _show(whence: str, found: Verification) -> None:
    click.echo(
        f"{whence}: {found.cells:,} cells and {found.verdicts:,} verdicts computed again, "
        f"{found.compared:,} entries compared."
    )
    if not found.differences:
        click.echo(f"All {found.compared:,} entries agree.")
        return
    for one in found.differences[:_MOST_SHOWN]:
        click.echo(f"  {one.where}: the pack says {one.said}, it is {one.found}")
    if more := len(found.differences) - _MOST_SHOWN:
        click.echo(f"  and {more:,} more" if more > 0 else "", nl=more > 0)
