"""Does a bundle that another machine made keep the figures of the one that is carried?

    python -m tests.benchmarks.rebuilt CARRIED.efb REBUILT.efb

Every estimate of the carried bundle's card that has an interval, beside the rebuilt one's: the
AUROCs of all models, groups and subsets, and each operating point's rates on the test split.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edgefair.bundle.archive import read_bundle


class Figure(NamedTuple):
    """One estimate with its interval."""

    name: str
    estimate: float
    lower: float
    upper: float

    def holds(self, other: Figure) -> bool:
        """Whether another estimate lies within the interval."""
        return self.lower <= other.estimate <= self.upper


def figures(bundle: Path) -> dict[str, Figure]:
    """Return every estimate on the test split that a bundle's facts hold, by name."""
    facts = json.loads(read_bundle(bundle).content("facts"))
    return {
        name: Figure(name, found["estimate"], found["lower"], found["upper"])
        for name, found in _named(facts)
        if found is not None and found["estimate"] is not None
    }


def _named(facts: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    measured = facts["measured"]
    cells = ((model["name"], cell) for model in facts["comparison"] for cell in model["aurocs"])
    for name, cell in cells:
        yield f"AUROC, {name}, {cell['group']}", cell["auroc"]
    for row in measured["groups"]:
        for metric in ("auroc", "auroc_full_precision", "sensitivity", "specificity"):
            yield f"{metric}, {row['group']}", row[metric]
    for row in measured["subsets"]:
        yield f"auroc, {row['name']}", row["auroc"]
    for row in (point for point in measured["points"] if point["split"] == "test"):
        for metric in ("sensitivity", "specificity", "referred"):
            yield f"{metric}, {row['point']['name']} on test", row[metric]


def main() -> None:
    """Print the table, and how many of the rebuilt figures lie outside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("carried", type=Path)
    parser.add_argument("rebuilt", type=Path)
    asked = parser.parse_args()
    carried, rebuilt = figures(asked.carried), figures(asked.rebuilt)
    outside = 0
    print("| figure | carried | rebuilt | within |\n|---|---|---|---|")
    for name, figure in carried.items():
        other = rebuilt.get(name)
        is_within = other is not None and figure.holds(other)
        outside += not is_within
        said = "-" if other is None else f"{other.estimate:.3f}"
        print(
            f"| {name} | {figure.estimate:.3f} [{figure.lower:.3f}, {figure.upper:.3f}] | {said} "
            f"| {'yes' if is_within else 'NO'} |"
        )
    print(f"\n{outside} of {len(carried)} figures lie outside the carried bundle's intervals.")


if __name__ == "__main__":
    main()
