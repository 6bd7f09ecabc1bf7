"""Folders as Hugging Face's packages write them, made small from configurations."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.load import load_teacher
from edgefair.compress.teachers.teacher import Teacher
from edgefair.errors import InputError, ModelError, UnsafeModel

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

GIVEN = TeacherInput(side_px=28, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
CHOICE = TeacherChoice(kind="huggingface", path="model", input=GIVEN)
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 28,
    "patch_size": 14,
}
TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50}


def _vit() -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**SMALL), add_pooling_layer=False)


def _dinov2() -> Any:
    small = {name: value for name, value in SMALL.items() if name != "intermediate_size"}
    return transformers.Dinov2Model(transformers.Dinov2Config(**small, mlp_ratio=2))


def _dinov2_with_registers() -> Any:
    small = {name: value for name, value in SMALL.items() if name != "intermediate_size"}
    config = transformers.Dinov2WithRegistersConfig(**small, num_register_tokens=4)
    return transformers.Dinov2WithRegistersModel(config)


def _siglip_vision() -> Any:
    return transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**SMALL))


def _siglip() -> Any:
    config = transformers.SiglipConfig(vision_config=SMALL, text_config=TEXT)
    return transformers.SiglipModel(config)


def _clip() -> Any:
    config = transformers.CLIPConfig(vision_config=SMALL, text_config=TEXT, projection_dim=8)
    return transformers.CLIPModel(config)


def _resnet() -> Any:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    )
    return transformers.ResNetModel(config)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((2, 40, 30), dtype=np.float32)


def _load(folder: Path, choice: TeacherChoice = CHOICE) -> Teacher:
    return load_teacher(choice, beside=folder, weights=folder)


def _pickled(folder: Path, content: object) -> Path:
    """Put another file in the place of a folder's safetensors."""
    (folder / "model" / "model.safetensors").unlink()
    path = folder / "model" / "pytorch_model.bin"
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("build", "tower"),
    [
        pytest.param(_vit, lambda model: model, id="ViT"),
        pytest.param(_dinov2, lambda model: model, id="DINOv2"),
        pytest.param(_siglip_vision, lambda model: model, id="SigLIP's tower"),
        pytest.param(_siglip, lambda model: model.vision_model, id="SigLIP"),
        pytest.param(_clip, lambda model: model.vision_model, id="CLIP"),
    ],
)
def test_the_mean_over_places_is_that_of_the_models_last_hidden_state(
    tmp_path: Path, images: np.ndarray, build: Callable[[], Any], tower: Callable[[Any], Any]
) -> None:
    torch.manual_seed(0)
    model = build().eval()
    model.save_pretrained(tmp_path / "model")
    square = np.ascontiguousarray(images[:, :28, :28])

    embeddings = _load(tmp_path).embed(square)

    given = torch.from_numpy((square[:, np.newaxis].repeat(3, axis=1) - 0.5) / 0.5)
    with torch.inference_mode():
        hidden = tower(model)(pixel_values=given).last_hidden_state
    # two by two places, at the end
    assert embeddings == pytest.approx(hidden[:, -4:].mean(dim=1).numpy(), abs=1e-5)


@pytest.mark.parametrize("build", [_vit, _dinov2, _dinov2_with_registers, _clip, _resnet])
def test_images_of_any_size_become_vectors(
    tmp_path: Path, images: np.ndarray, build: Callable[[], Any]
) -> None:
    build().save_pretrained(tmp_path / "model")

    teacher = _load(tmp_path, replace(CHOICE, input=replace(GIVEN, side_px=42)))

    assert teacher.embed(images).shape == (2, 16)
    assert teacher.embedding_size == 16


def test_the_class_token_is_taken_where_there_is_one(tmp_path: Path, images: np.ndarray) -> None:
    model = _dinov2_with_registers().eval()
    model.save_pretrained(tmp_path / "model")
    square = np.ascontiguousarray(images[:, :28, :28])

    embeddings = _load(tmp_path, replace(CHOICE, pooling="cls")).embed(square)

    given = torch.from_numpy((square[:, np.newaxis].repeat(3, axis=1) - 0.5) / 0.5)
    with torch.inference_mode():
        hidden = model(pixel_values=given).last_hidden_state
    assert embeddings == pytest.approx(hidden[:, 0].numpy(), abs=1e-5)


@pytest.mark.parametrize("build", [_clip, _siglip])
def test_the_embedding_shared_with_text_is_taken_where_asked_for(
    tmp_path: Path, images: np.ndarray, build: Callable[[], Any]
) -> None:
    model = build().eval()
    model.save_pretrained(tmp_path / "model")
    square = np.ascontiguousarray(images[:, :28, :28])

    embeddings = _load(tmp_path, replace(CHOICE, output="projection")).embed(square)

    given = torch.from_numpy((square[:, np.newaxis].repeat(3, axis=1) - 0.5) / 0.5)
    text = torch.ones(1, 5, dtype=torch.long)
    with torch.inference_mode():
        shared = model(pixel_values=given, input_ids=text).image_embeds.numpy()
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert embeddings / lengths == pytest.approx(shared, abs=1e-5)


def test_a_projection_that_is_missing_is_not_made_up(tmp_path: Path) -> None:
    model = _clip()
    model.save_pretrained(tmp_path / "model")
    state = {n: t for n, t in model.state_dict().items() if n != "visual_projection.weight"}
    _pickled(tmp_path, state)

    assert _load(tmp_path).embedding_size == 16
    with pytest.raises(ModelError, match=r"1 missing \(the first is visual_projection\.weight"):
        _load(tmp_path, replace(CHOICE, output="projection"))


def test_a_model_of_images_alone_shares_nothing(tmp_path: Path) -> None:
    _vit().save_pretrained(tmp_path / "model")

    with pytest.raises(ModelError, match="no text side"):
        _load(tmp_path, replace(CHOICE, output="projection"))
    with pytest.raises(InputError, match="the output projection or none"):
        _load(tmp_path, replace(CHOICE, output="logits"))


def test_a_model_without_a_class_token_says_so(tmp_path: Path) -> None:
    _siglip_vision().save_pretrained(tmp_path / "model")

    with pytest.raises(ModelError, match="no class token"):
        _load(tmp_path, replace(CHOICE, pooling="cls"))


def test_a_state_dictionary_of_torch_is_read_too(tmp_path: Path, images: np.ndarray) -> None:
    model = _vit()
    model.save_pretrained(tmp_path / "model")
    safe = _load(tmp_path).embed(images)
    _pickled(tmp_path, model.state_dict())

    assert _load(tmp_path).embed(images).tolist() == safe.tolist()


def test_weights_in_parts_are_read(tmp_path: Path, images: np.ndarray) -> None:
    model = _vit()
    model.save_pretrained(tmp_path / "model")
    whole = _load(tmp_path)
    model.save_pretrained(tmp_path / "parts", max_shard_size="8KB")
    parts = _load(tmp_path, replace(CHOICE, path="parts"))

    assert (tmp_path / "parts" / "model.safetensors.index.json").is_file()
    assert parts.embed(images).tolist() == whole.embed(images).tolist()
    assert parts.digest != whole.digest


def test_parts_outside_the_folder_are_refused(tmp_path: Path) -> None:
    _vit().save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model.safetensors")
    index = {"weight_map": {"embeddings.cls_token": "../model.safetensors"}}
    path = tmp_path / "model" / "model.safetensors.index.json"
    path.write_text(json.dumps(index), encoding="utf-8")

    with pytest.raises(UnsafeModel, match="outside its folder"):
        _load(tmp_path)


class _Payload:
    def __init__(self, target: Path) -> None:
        self._target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._target, "w")


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    _vit().save_pretrained(tmp_path / "model")
    target = tmp_path / "it-ran"
    path = _pickled(tmp_path, {"embeddings.cls_token": _Payload(target)})

    with pytest.raises(UnsafeModel, match="code or objects"):
        _load(tmp_path)
    path.write_bytes(pickle.dumps(_Payload(target), protocol=2))
    with pytest.raises(UnsafeModel, match="code or objects"):
        _load(tmp_path)

    assert not target.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_truncated_weights_are_refused(tmp_path: Path, name: str) -> None:
    model = _vit()
    model.save_pretrained(tmp_path / "model")
    if name == "pytorch_model.bin":
        _pickled(tmp_path, model.state_dict())
    path = tmp_path / "model" / name
    path.write_bytes(path.read_bytes()[:-1000])

    with pytest.raises(UnsafeModel, match=f"{name} is cut short") as caught:
        _load(tmp_path)

    assert caught.value.exit_code == 4


def test_weights_of_another_model_are_said_with_counts(tmp_path: Path) -> None:
    model = _vit()
    model.save_pretrained(tmp_path / "model")
    state = model.state_dict()
    cut = {name: tensor for name, tensor in state.items() if "layernorm" not in name}
    _pickled(tmp_path, cut)

    with pytest.raises(ModelError, match=r"\d+ missing \(the first is "):
        _load(tmp_path)

    _pickled_again = {**state, "embeddings.cls_token": torch.zeros(1, 1, 3)}
    torch.save(_pickled_again, tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"1 of another shape \(the first is .*cls_token"):
        _load(tmp_path)


def test_an_unknown_kind_of_model_is_refused_and_its_code_not_run(tmp_path: Path) -> None:
    _vit().save_pretrained(tmp_path / "model")
    target = tmp_path / "it-ran"
    code = f"open({str(target)!r}, 'w')"
    (tmp_path / "model" / "own.py").write_text(code, encoding="utf-8")
    config = {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModel": "own.M"}}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(ModelError, match="model_type 'own'"):
        _load(tmp_path)

    assert not target.exists()


def test_missing_folders_and_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no folder"):
        _load(tmp_path)
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        _load(tmp_path)
    (tmp_path / "model" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="is no JSON"):
        _load(tmp_path)
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="holds neither"):
        _load(tmp_path)


OFFLINE = """
import sys
from pathlib import Path

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"asked the network: {arguments}")

sys.addaudithook(refuse)
from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.load import load_teacher

given = TeacherInput(side_px=28, mean=(0.5,) * 3, std=(0.5,) * 3)
choice = TeacherChoice(kind="huggingface", path="model", input=given)
folder = Path(sys.argv[1])
load_teacher(choice, beside=folder, weights=folder)

from huggingface_hub import constants
print(constants.HF_HUB_OFFLINE)
"""


def test_no_hub_is_asked(tmp_path: Path) -> None:
    _vit().save_pretrained(tmp_path / "model")

    run = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)], check=False, capture_output=True, text=True
    )

    assert (run.stdout.strip(), run.stderr) == ("True", "")


def test_a_folder_of_open_clip_with_its_own_tower_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    config = {"model_cfg": {"vision_cfg": {"layers": 12, "width": 768}}}
    path = tmp_path / "model" / "open_clip_config.json"
    path.write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(ModelError, match="none of timm's"):
        _load(tmp_path)
