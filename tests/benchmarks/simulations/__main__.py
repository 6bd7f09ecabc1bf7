"""Do the audit's statistics do what they claim? Simulated, in one table.

    python -m tests.benchmarks.simulations [SECTION ...] [--seed 1] [--repetitions 2000]

Each module in `sections` is a section with a function ``figures(*, seed, repetitions)`` that
yields what came out, with its Monte Carlo error, beside the figure to land near.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module
from math import isnan
from pathlib import Path
from time import perf_counter

from tests.benchmarks.simulations.figure import Figure

SECTIONS = sorted(
    path.stem
    for path in Path(__file__).with_name("sections").glob("*.py")
    if path.stem != "__init__"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", nargs="*", choices=[*SECTIONS, []], help="all if left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=2000)
    asked = parser.parse_args()
    print("| what | measured | Monte Carlo error | to land near | bar |\n|---|---|---|---|---|")
    started = perf_counter()
    for name in asked.section or SECTIONS:
        for figure in _figures_of(name)(seed=asked.seed, repetitions=asked.repetitions):
            print(_row(figure), flush=True)
    print(
        f"\n{perf_counter() - started:.0f} s, seed {asked.seed}, {asked.repetitions} repetitions"
    )


def _figures_of(section: str) -> Callable[..., Iterator[Figure]]:
    module = import_module(f"tests.benchmarks.simulations.sections.{section}")
    figures: Callable[..., Iterator[Figure]] = module.figures
    return figures


def _row(figure: Figure) -> str:
    error = f"{figure.error:.4f}" if figure.error else "exact"
    expected = "" if isnan(figure.expected) else f"{figure.expected:g}"
    return f"| {figure.what} | {figure.measured:.4g} | {error} | {expected} | {figure.bar} |"


if __name__ == "__main__":
    main()
