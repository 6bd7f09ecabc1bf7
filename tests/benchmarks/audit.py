"""How fast is an audit, beside reading its file and beside fairlearn's bootstrap?

    python -m tests.benchmarks.audit [--rows 1000000] [--boots 5] [--largest 10000000]

One made-up table: truth, score, and four attributes (sex, age in five bands, view, site), audited
by each and by all pairs, ten ways to group. Fairlearn's MetricFrame gets the same four columns
and six pairs, the same decisions, and four rates (no AUROC, no comparison with the rest, no
verdict). One resample of its bootstrap does the work of one frame without any, on rows drawn
anew: so a frame of each of the ten groupings is timed, a hundred times their sum is the time of
100 resamples, and `--boots` real ones, of the grouping by sex, say beside it how true that is.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgefair
from edgefair.interop.tables import read_table

ATTRIBUTES = ("sex", "age", "view", "site")
BINS = {"age": "age:0,18,40,60,80"}
THRESHOLD = 0.3
WAYS = [*combinations(ATTRIBUTES, 1), *combinations(ATTRIBUTES, 2)]
BY = tuple("+".join(BINS.get(name, name) for name in way) for way in WAYS)


def columns(rows: int, seed: int = 1) -> dict[str, NDArray[Any]]:
    """Return a table in which a tenth are ill and scores overlap."""
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.1
    logit = rng.normal(size=rows) + 2 * truth - 2
    return {
        "label": truth.astype(np.int8),
        "score": np.round(1 / (1 + np.exp(-logit)), 6),
        "sex": rng.choice(np.array(["F", "M"]), rows),
        "age": rng.integers(0, 95, rows),
        "view": rng.choice(np.array(["AP", "PA"]), rows),
        "site": rng.choice(np.array(list("ABCDE")), rows),
    }


def write(table: dict[str, NDArray[Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(table) + "\n")
        for start in range(0, len(table["label"]), 100_000):
            part = [column[start : start + 100_000].tolist() for column in table.values()]
            file.writelines(",".join(map(str, row)) + "\n" for row in zip(*part, strict=True))


def command(path: Path) -> list[str]:
    by = [word for way in BY for word in ("--by", way)]
    asked = ["audit", str(path), "--label", "label", "--score", "score"]
    return [sys.executable, "-m", "edgefair", *asked, "--threshold", str(THRESHOLD), *by, "--json"]


def seconds(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken)


def audited(table: dict[str, NDArray[Any]]) -> None:
    edgefair.audit(
        y_true=table["label"],
        y_score=table["score"],
        threshold=THRESHOLD,
        sensitive_features={name: table[name] for name in ATTRIBUTES},
        by=BY,
    )


def fairlearn_s(
    table: dict[str, NDArray[Any]], way: tuple[str, ...], boots: int | None = None
) -> float:
    """Return the seconds of one MetricFrame with as many resamples, by default with none."""
    from fairlearn.metrics import (
        MetricFrame,
        false_negative_rate,
        false_positive_rate,
        true_negative_rate,
        true_positive_rate,
    )

    metrics = {
        "sensitivity": true_positive_rate,
        "specificity": true_negative_rate,
        "fnr": false_negative_rate,
        "fpr": false_positive_rate,
    }
    age = np.digitize(table["age"], [18, 40, 60, 80])
    features = {name: age if name == "age" else table[name] for name in way}
    started = time.perf_counter()
    MetricFrame(
        metrics=metrics,
        y_true=table["label"],
        y_pred=(table["score"] >= THRESHOLD).astype(np.int8),
        sensitive_features=features,
        n_boot=boots,
        ci_quantiles=[0.025, 0.975] if boots else None,
        random_state=1,
    )
    return time.perf_counter() - started


def peak_gb(path: Path) -> tuple[float, float]:
    """Return seconds and peak memory in GB of the whole command."""
    started = time.perf_counter()
    with path.with_suffix(".json").open("w") as out:
        subprocess.run(command(path), check=True, stdout=out)
    wall_s = time.perf_counter() - started
    return wall_s, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--boots", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--largest", type=int, default=10_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        table = columns(asked.rows)
        write(table, path)
        reading_s = seconds(lambda: read_table(path), asked.rounds)
        whole_s = seconds(lambda: peak_gb(path), asked.rounds)
        ours_s = seconds(lambda: audited(table), asked.rounds)
        frames_s = [fairlearn_s(table, way) for way in WAYS]
        theirs_s = 100 * sum(frames_s)
        print(f"{asked.rows:,} rows, {len(WAYS)} ways to group, medians of {asked.rounds}\n")
        print("| what | s | beside it |\n|---|---|---|")
        print(f"| read the file | {reading_s:.2f} | |")
        print(f"| `edgefair audit FILE` | {whole_s:.2f} | {whole_s / reading_s:.2f} x reading |")
        print(f"| `edgefair.audit` of arrays | {ours_s:.2f} | |")
        print(
            f"| fairlearn, rates alone, 100 resamples (100 x {sum(frames_s):.1f} s) | "
            f"{theirs_s:.0f} | {theirs_s / ours_s:.0f} x ours |"
        )
        resampled_s = fairlearn_s(table, ("sex",), asked.boots) - frames_s[0]
        print(
            f"| fairlearn by sex alone, {asked.boots} real resamples | {resampled_s:.2f} | "
            f"{resampled_s / (asked.boots * frames_s[0]):.2f} x as scaled |"
        )
        if asked.largest:
            write(columns(asked.largest), path)
            wall_s, memory_gb = peak_gb(path)
            print(
                f"| `edgefair audit`, {asked.largest:,} rows | {wall_s:.1f} | {memory_gb:.2f} GB |"
            )


if __name__ == "__main__":
    main()
