"""A process that records predictions without end and prints each one that was acknowledged.

Run as ``recorder.py LEDGER FIRST COUNT TOGETHER``: records COUNT predictions from number FIRST on,
TOGETHER in each transaction. Its parent kills it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgefair.ledger import Ledger
from edgefair.records import Decision, FindingScore, Prediction, Subject

FINDINGS = ("pneumonia", "effusion", "nodule")


def prediction(number: int) -> Prediction:
    return Prediction(
        image=f"{number}.png",
        digest=f"{number:032x}",
        scores=tuple(
            FindingScore(
                finding=finding,
                logit=0.5,
                probability=0.25,
                operating_point="screening",
                threshold=0.4,
                decision=Decision.NEGATIVE,
                reason="below the threshold",
            )
            for finding in FINDINGS
        ),
        subject=Subject(patient_id=str(number)),
        model="chest-xray 0.1.0",
        bundle_digest="ab",
        predicted_at="2026-03-01T08:00:00+00:00",
    )


def main() -> None:
    path = Path(sys.argv[1])
    first, count, together = map(int, sys.argv[2:])
    with Ledger.open(path, create=True, wait_s=60) as ledger:
        for start in range(first, first + count, together):
            numbers = range(start, start + together)
            ledger.record(prediction(number) for number in numbers)
            sys.stdout.write(" ".join(map(str, numbers)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
