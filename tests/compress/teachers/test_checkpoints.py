"""Checkpoint files: whole, cut short, with a training script's things, with code."""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgefair.compress.recipe import TeacherChoice, TeacherInput, WeightsSource
from edgefair.compress.teachers.checkpoints import read_checkpoint, take_over, tensors_in
from edgefair.errors import InputError, ModelError, UnsafeModel

GIVEN = TeacherInput(side_px=8, mean=(0.0,), std=(1.0,))
STATE = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


def _saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _choice(weights: WeightsSource | None = None, path: str = "") -> TeacherChoice:
    return TeacherChoice(kind="timm", name="x", input=GIVEN, path=path, weights=weights)


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "model_state_dict"])
def test_a_training_scripts_file_is_opened_with_its_options_left_out(wrapper: str) -> None:
    options = argparse.Namespace(learning_rate=1e-3, layers=[1, 2])
    saved = _saved({wrapper: STATE, "optimizer": {"lr": [1.0]}, "epoch": 7, "args": options})

    assert tensors_in(saved, "x")["weight"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_safetensors_are_read_whatever_the_file_is_called() -> None:
    save = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save

    assert tensors_in(save(STATE), "teacher.pth")["bias"].tolist() == [0, 0]


def test_every_cut_of_a_file_is_refused() -> None:
    save = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save
    for whole in (_saved(STATE), save(STATE)):
        for length in range(0, len(whole), 17):
            with pytest.raises(UnsafeModel, match=r"cut\.pth (is cut short|holds)"):
                tensors_in(whole[:length], "cut.pth")


class _Payload:
    def __init__(self, target: Path) -> None:
        self._target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._target, "w")


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    payload = _Payload(tmp_path / "it-ran")
    files = [
        _saved({"weight": payload}),
        _saved({"model": STATE, "args": argparse.Namespace(hook=payload)}),
        pickle.dumps({"weight": payload}, protocol=2),
    ]

    for content in files:
        with pytest.raises(UnsafeModel, match="holds code or objects besides tensors") as caught:
            tensors_in(content, "x.pth")
        assert caught.value.exit_code == 4

    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("content", [{}, [torch.ones(1)], {"a": 1}, {1: torch.ones(1)}, "text"])
def test_what_is_no_tensors_by_name_is_refused(content: object) -> None:
    with pytest.raises(UnsafeModel, match="something else than tensors by name"):
        tensors_in(_saved(content), "x.pth")


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    content = _saved(STATE)
    (tmp_path / "net.pth").write_bytes(content)
    source = WeightsSource(
        package="weights",
        version="1",
        file="inside/net.pth",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
    )

    read = read_checkpoint(_choice(source), beside=tmp_path, weights=tmp_path)
    (tmp_path / "net.pth").write_bytes(_saved({**STATE, "bias": torch.ones(2)}))

    assert read.sha256 == source.sha256
    with pytest.raises(InputError, match="not those the recipe names: SHA-256") as caught:
        read_checkpoint(_choice(source), beside=tmp_path, weights=tmp_path)
    assert caught.value.exit_code == 3


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"net\.pth cannot be read: No such file"):
        read_checkpoint(_choice(path="net.pth"), beside=tmp_path, weights=tmp_path)


def test_names_that_differ_change_nothing_in_the_network() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.tolist()

    with pytest.raises(ModelError, match=r"1 missing \(the first is bias\), 2 unexpected"):
        take_over(
            layer, {"weight": STATE["weight"], "b": STATE["bias"], "c": STATE["bias"]}, source="x"
        )

    assert layer.weight.tolist() == before


def test_what_the_network_has_no_part_for_can_be_left_out() -> None:
    layer = nn.Linear(3, 2)

    take_over(layer, {**STATE, "head.weight": torch.ones(1)}, source="x", unused=("head.",))

    assert layer.weight.tolist() == STATE["weight"].tolist()
