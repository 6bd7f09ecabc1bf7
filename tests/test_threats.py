"""packaging/THREATS.md names tests; each of them exists."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = (CHECKOUT / "packaging" / "THREATS.md").read_text(encoding="utf-8")


def test_every_test_that_the_threats_name_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)
    missing = [
        f"{path}::{name}"
        for path, name in named
        if f"def {name}(" not in (CHECKOUT / path).read_text(encoding="utf-8")
    ]

    assert len(named) > 50
    assert missing == []


def test_every_threat_names_what_defends_and_a_test() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    threats = [row for row in rows if not row.startswith("| who")]

    assert all(row.count("|") == 4 for row in rows)
    assert [row for row in threats if "::test_" not in row] == []
