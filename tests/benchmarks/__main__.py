"""One command, three tables: throughput by form, where the time goes, and starting up.

    python -m tests.benchmarks [--model chest-xray] [--images 24] [--rounds 5]

Every figure is the median over rounds in which all ways take turns, and every ratio the median
of the rounds' own, so that a noisy machine disturbs both sides alike. The ratio of CPU times says
what is left when other programs hold the cores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.clinic.reading import Reader, WorkList
from edgefair.ledger import Ledger
from edgefair.runtime.pipeline import Model
from edgefair.runtime.session import Session
from tests.benchmarks.images import FORMS, make_images
from tests.benchmarks.stages import STAGES, stage_shares
from tests.benchmarks.start_up import start_up_rows
from tests.benchmarks.ways import floor_way, over_threads, plain_way

THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to measure and how often."""

    model: str
    images: int
    rounds: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Seconds for an image in each round: on the clock, and of all threads on the processor."""

    wall_s: list[float]
    cpu_s: list[float]


def main() -> None:
    """Make the images, take the measurements, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="chest-xray")
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir(), "edgefair-bench")
    )
    settings = Settings(**vars(parser.parse_args()))
    throughput(settings)
    stages(settings)
    starting(settings)


def throughput(settings: Settings) -> None:
    """Print images/s of edgefair beside the floor and the plain way."""
    bundle = read_bundle(find_bundle(settings.model))
    print(f"\nEnd to end, {settings.model}, medians of {settings.rounds} rounds")
    _print_table(
        (
            "form",
            f"images/s ({THREADS} threads)",
            "floor images/s",
            "of floor",
            "of floor (CPU)",
            "with ledger",
            "ms (1 thread)",
            "plain ms (1 thread)",
            "times faster",
            f"times faster ({THREADS} threads)",
        ),
        [_throughput_row(settings, bundle, form) for form in FORMS],
    )


def _throughput_row(settings: Settings, bundle: Bundle, form: str) -> tuple[str, ...]:
    contract = bundle.manifest.contract
    session = Session(bundle, threads=1)
    paths = make_images(settings.folder, form, settings.images)
    few = paths[: max(2, settings.images // 8)]
    floor = floor_way(form, paths[0], session, contract)
    plain = plain_way(session, contract)
    one, several = Model(bundle, threads=1), Model(bundle, threads=THREADS)
    floor_t, ours_t, kept_t, one_t, plain_t = _taking_turns(
        settings.rounds,
        (len(paths), lambda: over_threads(floor, paths, THREADS)),
        (len(paths), lambda: _spend(several.predict_many(paths))),
        (len(paths), lambda: _with_ledger(several, paths)),
        (len(paths), lambda: _spend(one.predict_many(paths))),
        (len(few), lambda: over_threads(plain, few, 1)),
    )
    return (
        form,
        f"{1 / statistics.median(ours_t.wall_s):.1f}",
        f"{1 / statistics.median(floor_t.wall_s):.1f}",
        f"{_ratio(floor_t.wall_s, ours_t.wall_s):.2f}",
        f"{_ratio(floor_t.cpu_s, ours_t.cpu_s):.2f}",
        f"{1 / statistics.median(kept_t.wall_s):.1f}",
        f"{1000 * statistics.median(one_t.wall_s):.1f}",
        f"{1000 * statistics.median(plain_t.wall_s):.1f}",
        f"{_ratio(plain_t.wall_s, one_t.wall_s):.1f}",
        f"{_ratio(plain_t.wall_s, ours_t.wall_s):.1f}",
    )


def stages(settings: Settings) -> None:
    """Print the share of each stage in the time of one image, one thread."""
    rows = []
    for form in FORMS:
        paths = make_images(settings.folder, form, settings.images)
        found = stage_shares(settings.model, paths, settings.rounds)
        rows.append((form, *(f"{share:.0%}" for share in found)))
    print("\nWhere the time goes, one thread, ledger included")
    _print_table(("form", *STAGES), rows)


def starting(settings: Settings) -> None:
    """Print what a cold process takes, and the memory of a long run."""
    print("\nStarting up, and memory")
    _print_table(
        ("what", "measured", "against", "ratio", "bar"),
        start_up_rows(settings.model, settings.folder, rounds=2 * settings.rounds + 1),
    )


def _taking_turns(rounds: int, *jobs: tuple[int, Callable[[], object]]) -> list[Taken]:
    """Return what each job takes for an image, round by round, all taking turns."""
    cv2.setNumThreads(1)
    taken = [Taken(wall_s=[], cpu_s=[]) for _ in jobs]
    for _, job in jobs:
        job()
    for _ in range(rounds):
        for times, (count, job) in zip(taken, jobs, strict=True):
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            job()
            times.wall_s.append((time.perf_counter() - wall_s) / count)
            times.cpu_s.append((time.process_time() - cpu_s) / count)
    return taken


def _ratio(of: Sequence[float], to: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(of, to, strict=True))


def _with_ledger(model: Model, paths: Sequence[Path]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger.open(Path(folder, "bench.ledger"), create=True) as ledger,
    ):
        _spend(Reader(model=model, ledger=ledger).read(WorkList.of(paths)))


def _spend(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    for row in (columns, ["-" * width for width in widths], *rows):
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
