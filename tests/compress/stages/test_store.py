"""Stages on disk: made once, found again, made anew where anything changed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefair.compress.stages.store import StageStore, digest_of
from edgefair.errors import EdgefairError


@pytest.fixture
def store(tmp_path: Path) -> StageStore:
    return StageStore(folder=tmp_path / "work")


def _writes(text: str, calls: list[str]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        calls.append(text)
        (folder / "out.txt").write_text(text)

    return make


def test_a_stage_is_made_once_for_the_same_inputs(store: StageStore) -> None:
    calls: list[str] = []

    first = store.finished("train", "k1", _writes("one", calls))
    again = store.finished("train", "k1", _writes("two", calls))

    assert (first, calls) == (again, ["one"])
    assert (again / "out.txt").read_text() == "one"


def test_a_stage_whose_inputs_changed_is_made_again(store: StageStore) -> None:
    calls: list[str] = []
    store.finished("train", "k1", _writes("one", calls))

    folder = store.finished("train", "k2", _writes("two", calls))

    assert (folder / "out.txt").read_text() == "two"


@pytest.mark.parametrize(
    "harm",
    [
        lambda out: out.write_text("0ne"),
        lambda out: out.unlink(),
        lambda out: out.with_name("odd").write_text(""),
    ],
    ids=["changed", "gone", "one too many"],
)
def test_a_stage_whose_files_were_touched_is_told_and_made_again(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    told: list[str] = []
    store = StageStore(folder=tmp_path, on_damage=told.append)
    out = store.finished("train", "k", _writes("one", [])) / "out.txt"
    harm(out)

    folder = store.finished("train", "k", _writes("one", []))

    assert told == ["train"]
    assert [path.name for path in sorted(folder.iterdir())] == ["out.txt", "stage.json"]
    assert (folder / "out.txt").read_text() == "one"


def test_a_stage_that_failed_is_not_finished_and_keeps_its_scratch(store: StageStore) -> None:
    def breaks(folder: Path) -> None:
        (folder / "scratch" / "checkpoint").write_text("half way")
        raise RuntimeError("unplugged")

    def goes_on(folder: Path) -> None:
        (folder / "out.txt").write_text((folder / "scratch" / "checkpoint").read_text())

    with pytest.raises(RuntimeError, match="unplugged"):
        store.finished("train", "k", breaks)
    folder = store.finished("train", "k", goes_on)

    assert (folder / "out.txt").read_text() == "half way"
    assert not (folder / "scratch").exists()


def test_scratch_of_other_inputs_is_thrown_away(store: StageStore) -> None:
    def breaks(folder: Path) -> None:
        (folder / "scratch" / "checkpoint").write_text("of k1")
        raise RuntimeError("unplugged")

    def looks(folder: Path) -> None:
        assert list((folder / "scratch").iterdir()) == []

    with pytest.raises(RuntimeError, match="unplugged"):
        store.finished("train", "k1", breaks)

    store.finished("train", "k2", looks)


def test_a_killed_stage_goes_on_from_its_scratch(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from edgefair.compress.stages.store import StageStore

def make(folder):
    (folder / "scratch" / "checkpoint").write_text("half way")
    os.kill(os.getpid(), signal.SIGKILL)

StageStore(folder=Path({str(tmp_path)!r})).finished("train", "k", make)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    found: list[str] = []

    StageStore(folder=tmp_path).finished(
        "train", "k", lambda folder: found.append((folder / "scratch/checkpoint").read_text())
    )

    assert killed.returncode == -signal.SIGKILL
    assert found == ["half way"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")

    with pytest.raises(EdgefairError, match="cannot be written") as caught:
        StageStore(folder=in_the_way).finished("train", "k", lambda folder: None)

    assert "--work" in caught.value.hint


def test_digests_differ_where_anything_differs() -> None:
    assert digest_of("a", ["b", 1]) == digest_of("a", ["b", 1])
    assert len({digest_of("a", "b"), digest_of("ab"), digest_of(["a", "b"]), digest_of("a")}) == 4
