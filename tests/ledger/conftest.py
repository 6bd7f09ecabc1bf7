"""Predictions to record, a folder with a difficult name, and small disks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from edgefair.ledger import Ledger
from edgefair.records import Attribute, Decision, FindingScore, Prediction, Status, Subject

FINDINGS = ("pneumonia", "effusion")


class MakePrediction(Protocol):
    """Makes the prediction for one image, told from others by its number."""

    def __call__(
        self,
        number: int,
        *,
        name: str = ...,
        status: Status = ...,
        subject: Subject = ...,
        model: str = ...,
        threshold: float = ...,
    ) -> Prediction: ...


@pytest.fixture
def make_prediction() -> MakePrediction:
    def make(
        number: int,
        *,
        name: str = "",
        status: Status = Status.OK,
        subject: Subject | None = None,
        model: str = "chest-xray 0.1.0",
        threshold: float = 0.4,
    ) -> Prediction:
        probability = number % 100 / 100
        image = f"/images/ward 3/{name or f'{number}.png'}"
        return Prediction(
            image=image,
            digest=f"{number:032x}",
            status=status,
            message="" if status is Status.OK else f"{image} cannot be used.",
            scores=tuple(
                FindingScore(
                    finding=finding,
                    logit=probability * 4 - 2,
                    probability=probability,
                    operating_point="screening",
                    threshold=threshold,
                    decision=Decision.POSITIVE if probability >= threshold else Decision.NEGATIVE,
                    reason="probability against threshold",
                )
                for finding in FINDINGS
                if status is Status.OK
            ),
            subject=subject
            or Subject(
                patient_id=f"P-{number:04d}",
                sex="F" if number % 2 else "M",
                age_years=float(number % 90),
                attributes=(Attribute(name="view", value="PA"),),
            ),
            model=model,
            bundle_digest=f"digest of {model}",
            predicted_at="2026-03-01T08:00:00+00:00",
            engine="int8 x64quantprecision" if number % 2 else "",
        )

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a ledger is to lie: a folder with a space, Cyrillic and an ideograph."""
    folder = tmp_path / "Клиника 北 #1 50%"
    folder.mkdir()
    return folder / "наша clinic.ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path, create=True) as opened:
        yield opened


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the root of a file system of 1 MB."""
    root = tmp_path / "small disk"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)
