"""`edgefair predict`: images in, scores and decisions out, on record where a ledger is named."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.output import Output, output_options
from edgefair.cli.progress import with_progress
from edgefair.cli.trusting import allow_unsigned_option, say_notices
from edgefair.records import UNKNOWN

if TYPE_CHECKING:
    from edgefair.bundle.archive import Bundle
    from edgefair.bundle.projection import Projection
    from edgefair.clinic.reading import Reader, WorkList
    from edgefair.interop.demographics import Demographics
    from edgefair.interop.rows import Value
    from edgefair.ledger import Ledger
    from edgefair.records import Prediction
    from edgefair.runtime.pipeline import Observer

__all__ = ["command"]

_COLUMNS: Final = (
    "image",
    "frame",
    "case",
    "status",
    "finding",
    "decision",
    "probability",
    "threshold",
    "logit",
    "operating_point",
    "reason",
    "sex",
    "age_years",
    "attributes",
    "model",
    "bundle_digest",
    "engine",
    "predicted_at",
)
_COLUMNS_FOR_EYES: Final = (
    "image",
    "frame",
    "case",
    "finding",
    "decision",
    "probability",
    "threshold",
    "remark",
)
_PASSED_OVER: Final = "passed over"


@click.command("predict")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "-m",
    "--model",
    default="chest-xray",
    show_default=True,
    metavar="BUNDLE",
    help="Bundle file, or the name of one that is installed or that edgefair carries.",
)
@allow_unsigned_option
@click.option(
    "--files-from",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="Read further paths from FILE, one a line.",
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep every prediction in this ledger, before it is shown.",
)
@click.option(
    "--demographics",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Table with image, patient_id, sex, age and any further columns to group by.",
)
@click.option(
    "--heatmaps",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write an overlay of each finding's evidence into DIR, as PNG.",
)
@click.option("--operating-point", metavar="NAME", help="Default: the bundle's first.")
@click.option("--frame", type=click.IntRange(0), metavar="N", help="Only frame N, from 0.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: one per core.")
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    model: str,
    allow_unsigned: bool,
    files_from: Iterable[str] | None,
    ledger: Path | None,
    demographics: Path | None,
    heatmaps: Path | None,
    operating_point: str | None,
    frame: int | None,
    threads: int | None,
    output: Output,
) -> None:
    """Say what the model sees on each image, how sure it is, and why.

    \b
    Examples:
      edgefair predict chest.dcm
      edgefair predict images/ --demographics patients.csv -o predictions.csv
      edgefair predict images/ --ledger clinic.ledger --heatmaps overlays/
      cat chest.png | edgefair predict - --json

    PATH is a file (PNG, JPEG, TIFF, BMP, DICOM), a folder with everything below it, or "-" for
    one image on standard input. An image that cannot be read becomes a row with its reason, the
    rest is done, and the exit code is 3.

    Research use only; not a medical device.
    """
    listed = (line.rstrip("\r\n") for line in files_from or ())
    named = [*paths, *(line for line in listed if line)]
    if not named:
        raise click.UsageError("Name an image or a folder, or '-' for standard input.")

    from edgefair.bundle.home import default_home
    from edgefair.bundle.shelf import open_bundle
    from edgefair.clinic.reading import Reader
    from edgefair.runtime.pipeline import Model, available_threads

    work = _work_list(named)
    checked = open_bundle(model, default_home(), allow_unsigned=allow_unsigned)
    # a model that cannot be loaded leaves no new ledger and no folder behind
    wait = ledger is not None or heatmaps is not None
    opened = Model(checked, threads=threads or available_threads(), wait=wait)
    say_notices(opened)
    with ExitStack() as stack:
        reader = Reader(
            model=opened,
            demographics=_demographics(demographics) if demographics else None,
            ledger=stack.enter_context(_ledger(ledger)) if ledger else None,
            operating_point=operating_point,
            frame=frame,
            observer=_overlay_writer(heatmaps) if heatmaps else None,
            projection=_projection(checked) if ledger else None,
        )
        _say_who_decides(reader)
        ctx.exit(_read(reader, work, output))


def _work_list(named: list[str]) -> WorkList:
    from edgefair.clinic.reading import STANDARD_INPUT, WorkList

    piped = sys.stdin.buffer.read() if STANDARD_INPUT in named else None
    paths = (Path(name) for name in named if name != STANDARD_INPUT)
    return WorkList.of(paths, standard_input=piped)


def _demographics(path: Path) -> Demographics:
    from edgefair.interop.demographics import read_demographics

    return read_demographics(path)


def _ledger(path: Path) -> Ledger:
    from edgefair.cli.noting import open_to_write

    return open_to_write(path, create=True)


def _projection(bundle: Bundle) -> Projection:
    from edgefair.bundle.embedding_reference import projection_of

    return projection_of(bundle)


def _overlay_writer(folder: Path) -> Observer:
    from edgefair.cli.overlays import overlay_writer

    return overlay_writer(folder)


def _say_who_decides(reader: Reader) -> None:
    """Tell on standard error where the site decides otherwise than the bundle."""
    for adopted in reader.adopted():
        if reader.operating_point is None:
            click.echo(
                f"On {adopted.finding} {adopted.name} decides, adopted because: {adopted.reason}",
                err=True,
            )
        else:
            click.echo(
                f"On {adopted.finding} {reader.operating_point} decides, as asked, and not "
                f"{adopted.name}.",
                err=True,
            )


def _read(reader: Reader, work: WorkList, output: Output) -> int:
    """Write the results and return the exit code."""
    tally, unknown = Counter[str](), Counter[str]()
    predictions = with_progress(reader.read(work), length=len(work), unit="images")
    columns = _COLUMNS_FOR_EYES if output.is_for_eyes else _COLUMNS
    first = tuple(islice(predictions, 1))  # nothing is written of a model that cannot be loaded
    counted = _counted(chain(first, predictions), work, tally, unknown)
    if reader.model.note:
        click.echo(reader.model.note, err=True)
    output.write(columns, (row for p in counted for row in _rows(p, reader.case_code(p), columns)))
    click.echo(_summary(tally, unknown), err=True)
    refused = set(tally) - {"ok", _PASSED_OVER}
    return 3 if refused or not tally else 0


def _counted(
    predictions: Iterator[Prediction],
    work: WorkList,
    tally: Counter[str],
    unknown: Counter[str],
) -> Iterator[Prediction]:
    """Pass on what was asked for; count it by status, and what is not known of whom."""
    for prediction in predictions:
        if work.passes_over(prediction):
            tally[_PASSED_OVER] += 1
            continue
        tally[prediction.status.value] += 1
        if prediction.scores:
            unknown["sex"] += prediction.subject.sex == UNKNOWN
            unknown["age"] += prediction.subject.age_years is None
        yield prediction


def _rows(
    prediction: Prediction, case: str | None, columns: tuple[str, ...]
) -> Iterator[tuple[Value, ...]]:
    """Yield one row per finding; a refused image is one row with the reason and no finding."""
    subject = prediction.subject
    about: dict[str, Value] = {
        "image": prediction.image,
        "frame": prediction.frame,
        "case": case,
        "status": prediction.status.value,
        "decision": None if prediction.scores else "not read",
        "reason": prediction.message,
        "remark": prediction.message,
        "sex": subject.sex,
        "age_years": subject.age_years,
        "attributes": "; ".join(f"{a.name}={a.value}" for a in subject.attributes),
        "model": prediction.model,
        "bundle_digest": prediction.bundle_digest,
        "engine": prediction.engine,
        "predicted_at": prediction.predicted_at,
    }
    if not prediction.scores:
        yield tuple(about.get(column) for column in columns)
    for score in prediction.scores:
        found: dict[str, Value] = {
            "finding": score.finding,
            "decision": score.decision.value,
            "probability": score.probability,
            "threshold": score.threshold,
            "logit": score.logit,
            "operating_point": score.operating_point,
            "reason": score.reason,
            "remark": "too close to call" if score.decision == "refer" else None,
        }
        yield tuple((about | found).get(column) for column in columns)


def _summary(tally: Counter[str], unknown: Counter[str]) -> str:
    if not tally:
        return "No file was found to read."
    counts = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in tally.most_common())
    missing = " and ".join(f"{what} of {unknown[what]}" for what in unknown if unknown[what])
    kept = f" Unknown {missing}: kept, and counted as a group." if missing else ""
    return f"{tally.total()} read: {counts}.{kept} Research use only; not a medical device."
