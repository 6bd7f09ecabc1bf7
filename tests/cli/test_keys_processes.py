"""Two processes that change keys at once: neither undoes what the other did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.bundle.revocations import SignedList
from edgefair.bundle.shelf import trust_store_in
from edgefair.bundle.signing import Purpose, new_signing_key
from edgefair.cli.main import main

ROUNDS = 12
ONE_AFTER_ANOTHER = """
import sys, time
from pathlib import Path
from edgefair.cli.main import main
import edgefair.bundle.revocations, edgefair.bundle.shelf, edgefair.bundle.locking
Path(sys.argv[1]).touch()
while not Path(sys.argv[2]).exists():
    time.sleep(0.001)
failed = 0
for line in Path(sys.argv[3]).read_text().splitlines():
    try:
        main(line.split("\\t"))
    except SystemExit as ended:
        failed += bool(ended.code)
print("failed", failed)
"""


def at_once(folder: Path, *works: list[list[str]]) -> list[int]:
    """Run one list of commands per process, all from one moment on; return how many failed."""
    names = [folder / f"ready-{number}" for number in range(len(works))]
    lists = [folder / f"work-{number}" for number in range(len(works))]
    for path, work in zip(lists, works, strict=True):
        path.write_text("\n".join("\t".join(command) for command in work))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_AFTER_ANOTHER, str(own), str(other), str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for own, other, path in zip(names, reversed(names), lists, strict=True)
    ]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [int(text.split()[-1]) for text in said]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEFAIR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.usefixtures("home")
def test_keys_that_two_processes_revoke_at_once_are_all_on_the_list(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["keys", "new", "root", "-o", str(tmp_path), "--for", "revocations"])
    listed = tmp_path / "revocations.efr"
    options = ["--reason", "Stolen.", "--list", str(listed)]
    options += ["--key", str(tmp_path / "root.private.pem")]
    ids = [[f"{process}{number:031x}" for number in range(ROUNDS)] for process in (0, 1)]
    work = [[["keys", "revoke", key_id, *options] for key_id in own] for own in ids]

    assert at_once(tmp_path, *work) == [0, 0]
    found = SignedList.from_bytes(listed.read_bytes()).parsed()
    assert found.sequence == 2 * ROUNDS
    assert len(found.keys) == 2 * ROUNDS


def test_a_name_that_two_processes_give_at_once_goes_to_one_of_them(
    tmp_path: Path, home: Path
) -> None:
    work: list[list[list[str]]] = [[], []]
    for number in range(ROUNDS):
        for process in (0, 1):
            path = tmp_path / f"{process}-{number}.public.json"
            key = new_signing_key(f"builder-{number}", Purpose.BUNDLES).public
            path.write_bytes(key.to_json())
            work[process].append(["keys", "trust", "--yes", str(path)])
    failed = at_once(tmp_path, *work)

    assert len(trust_store_in(home).trusted_keys()) == ROUNDS
    assert sum(failed) == ROUNDS
