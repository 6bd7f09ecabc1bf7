"""The three renderings of one report, byte for byte.

After a change that is meant to show, look at the new files, then keep them::

    UPDATE_GOLDEN=1 pytest tests/report/test_golden.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefair.report import Report, render_html, render_text, report_to_json

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("suffix", ["html", "txt", "json"])
def test_the_rendering_is_as_it_was_agreed(suffix: str, harm: Report) -> None:
    rendered = {
        "html": render_html(harm),
        "txt": render_text(harm, width=80, colour=False),
        "json": report_to_json(harm) + "\n",
    }[suffix]
    golden = GOLDEN / f"harm.{suffix}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(rendered, encoding="utf-8")

    assert rendered == golden.read_text(encoding="utf-8")
