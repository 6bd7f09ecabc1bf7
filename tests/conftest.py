"""What several test modules need: the real data, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images and tables that lies beside a developer's checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images and tables are not beside this checkout (../shared/data)")
    return SHARED_DATA
