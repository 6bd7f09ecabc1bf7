"""A clinic whose ledger fills case by case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clinic.watched import Clinic, open_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    opened = open_clinic(tmp_path)
    with opened.ledger:
        yield opened
