"""Tiny installers, made by the builder's own code: a script for Python, a few small files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
if str(PACKAGING) not in sys.path:
    sys.path.insert(0, str(PACKAGING))

from tests.packaging.tiny import Clinic, new_key  # noqa: E402 - needs the path above


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Return a computer where nothing is installed yet."""
    return Clinic(folder=tmp_path / "clinic", key=new_key("ministry"))
