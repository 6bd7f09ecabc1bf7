"""Does `edgefair shift` see a device that has changed, where the scores barely move?

    python -m tests.benchmarks.other_device FOLDER [--images 500] [--scatter 2]

Makes two clinics of phantoms in FOLDER: a site whose devices stay the same, and one whose device
A loses its grid after half of the time, so that more scattered rays reach the detector. Reads
both into ledgers as a clinic would, with the carried phantom model, and prints what `edgefair
shift` says of each, with the milliseconds and bytes an image that small embeddings cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.embedding_reference import projection_of
from edgefair.bundle.projection import Projection
from edgefair.bundle.shelf import find_bundle
from edgefair.clinic.reading import Reader, WorkList
from edgefair.clinic.shift import Look, shift_of_ledger
from edgefair.ledger import Ledger
from edgefair.phantom.acquisition import Device, device_of, expose
from edgefair.phantom.body import optical_depth
from edgefair.phantom.chance import Stream, stream
from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.dicom import to_dicom
from edgefair.phantom.generate import phantom
from edgefair.phantom.patients import draw_study
from edgefair.records import Prediction
from edgefair.report.early_warning import EarlyWarnings, render_early_warnings
from edgefair.runtime.pipeline import Model, available_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--scatter", type=float, default=2.0)
    asked = parser.parse_args()
    bundle = read_bundle(find_bundle("phantom"))
    for name, scatter in (("same", 1.0), ("changed", asked.scatter)):
        clinic = Clinic(seed=5, count=asked.images, prevalence=0.4)
        images = _made(asked.folder / name, clinic, scatter=scatter)
        ledgers = {kept: asked.folder / f"{name}-{kept}.ledger" for kept in ("without", "with")}
        for kept, ledger in ledgers.items():
            projection = projection_of(bundle) if kept == "with" else None
            print(f"{name}, {kept}: {_ms(bundle, images, ledger, projection):.2f} ms an image")
        sizes = [path.stat().st_size for path in ledgers.values()]
        print(f"{(sizes[1] - sizes[0]) / len(images):.0f} bytes an image more than {sizes[0]:,}")
        found = shift_of_ledger(ledgers["with"], Look(home=asked.folder / "home"))
        print(render_early_warnings(found, width=100))
        print(_figures(found), "\n")


def _made(folder: Path, clinic: Clinic, *, scatter: float = 1.0) -> list[Path]:
    """Return the clinic's images as DICOM files; from half of them on, device A has changed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(clinic.count):
        path = folder / f"phantom-{index:06d}.dcm"
        if not path.exists():
            is_late = index >= clinic.count / 2
            made = _changed(clinic, index, scatter) if is_late else phantom(clinic, index)
            to_dicom(made, seed=clinic.seed).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _changed(clinic: Clinic, index: int, scatter: float) -> Phantom:
    study = draw_study(clinic, index)
    device: Device = device_of(study)
    if device.name == "A":
        device = replace(device, scatter=device.scatter * scatter)
    depth = optical_depth(clinic.seed, study, side_px=256)
    rng = stream(clinic.seed, Stream.ACQUISITION, index)
    return replace(phantom(clinic, index), pixels=expose(rng, depth, device, size_px=256))


def _model(bundle: Bundle) -> Model:
    return Model(bundle, threads=available_threads())


def _ms(bundle: Bundle, images: list[Path], path: Path, projection: Projection | None) -> float:
    for stale in path.parent.glob(f"{path.name}*"):
        stale.unlink()
    model = _model(bundle)
    half = len(images) // 2
    spent = 0.0
    with Ledger.open(path, create=True) as ledger:
        reader = Reader(model=model, ledger=ledger, projection=projection)
        for month, part in enumerate((images[:half], images[half:]), start=1):
            when = datetime(2026, month, 3, tzinfo=UTC)
            started = perf_counter()
            _spend(reader.read(WorkList.of(part), clock=lambda when=when: when))  # type: ignore[misc]
            spent += perf_counter() - started
    return 1000 * spent / len(images)


def _spend(items: Iterator[Prediction]) -> None:
    for _ in items:
        pass


def _figures(found: EarlyWarnings) -> str:
    shown = [f"{t.test} {t.group} {t.adjusted:.2g}" for t in found.tests if t.is_shown]
    return f"shown: {shown}"


if __name__ == "__main__":
    main()
