"""timm's architectures with local checkpoints, in a process of their own.

timm imports torchvision, which not every build of torch has beside it. It wants names of it, not
what they do: where torchvision is missing, a stand-in gives those names.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.load import load_teacher
from edgefair.errors import InputError

PREAMBLE = """
import importlib.abc, importlib.machinery, importlib.util, json, sys, types, warnings
from dataclasses import replace
from pathlib import Path

warnings.simplefilter("ignore")

class Names(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name

class StandIn(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Names(name, (), {})

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return StandIn(spec.name)
    def exec_module(self, module):
        pass

is_missing = importlib.util.find_spec("torchvision") is None

import numpy as np
import torch
from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.load import load_teacher
from edgefair.errors import EdgefairError

folder = Path(sys.argv[1])
given = TeacherInput(side_px=160, mean=(0.5,) * 3, std=(0.25,) * 3)
vit = TeacherChoice(kind="timm", name="test_vit", path="vit.pth", input=given)
images = np.random.default_rng(0).random((2, 160, 160), dtype=np.float32)

def load(choice):
    return load_teacher(choice, beside=folder, weights=folder)

def refused(choice):
    try:
        load(choice)
    except EdgefairError as error:
        return [error.exit_code, error.message]
"""

LOADED = """
said = {}
sys.modules["torchvision"] = None
said["no torchvision"] = refused(vit)
for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "torchvision")]:
    del sys.modules[name]
if is_missing:
    sys.meta_path.append(Finder())
import timm

torch.manual_seed(0)
model = timm.create_model("test_vit", pretrained=False, num_classes=5).eval()
state = model.state_dict()
torch.save(state, folder / "vit.pth")
tensor = torch.from_numpy((images[:, None].repeat(3, 1) - 0.5) / 0.25)
with torch.inference_mode():
    tokens = model.forward_features(tensor)
mean, cls = load(vit).embed(images), load(replace(vit, pooling="cls")).embed(images)
said["mean"] = float(np.abs(mean - tokens[:, 1:].mean(1).numpy()).max())
said["cls"] = float(np.abs(cls - tokens[:, 0].numpy()).max())

masked = {**state, "mask_token": torch.zeros(1), "decoder_norm.bias": torch.zeros(1)}
torch.save({"model": masked, "epoch": 3}, folder / "mae.pth")
said["mae"] = load(replace(vit, path="mae.pth")).embed(images).tolist() == mean.tolist()

from safetensors.torch import save_file
save_file(state, folder / "vit.safetensors")
said["safetensors"] = load(replace(vit, path="vit.safetensors")).embed(images).tolist() == (
    mean.tolist()
)

net = timm.create_model("test_resnet", pretrained=False).eval()
torch.save(net.state_dict(), folder / "resnet.pth")
resnet = replace(vit, name="test_resnet", path="resnet.pth")
with torch.inference_mode():
    places = net.forward_features(tensor).mean((2, 3)).numpy()
said["resnet"] = float(np.abs(load(resnet).embed(images) - places).max())

said["no such"] = refused(replace(vit, name="vit_of_nobody"))
said["hub"] = refused(replace(vit, name="hf-hub:somebody/model"))
said["other"] = refused(replace(vit, path="resnet.pth"))
said["grey"] = refused(replace(vit, input=TeacherInput(side_px=160, mean=(0.5,), std=(0.25,))))
said["no token"] = refused(replace(resnet, pooling="cls"))
(folder / "cut.pth").write_bytes((folder / "vit.pth").read_bytes()[:-3000])
said["cut"] = refused(replace(vit, path="cut.pth"))
said["absent"] = refused(replace(vit, path="absent.pth"))

tower = {f"visual.trunk.{name}": t for name, t in state.items() if not name.startswith("head.")}
clip = folder / "clip"
clip.mkdir()
config = {"model_cfg": {"vision_cfg": {"timm_model_name": "test_vit"}}}
(clip / "open_clip_config.json").write_text(json.dumps(config))
biomed = TeacherChoice(kind="huggingface", path="clip", input=given)
said["no weights"] = refused(biomed)
torch.save({**tower, "logit_scale": torch.ones(())}, clip / "open_clip_pytorch_model.bin")
said["open_clip"] = load(biomed).embed(images).tolist() == mean.tolist()
shared = replace(biomed, output="projection")
said["no projection"] = refused(shared)
weight = torch.rand(6, mean.shape[1])
tower["visual.head.proj.weight"] = weight
torch.save(tower, clip / "open_clip_pytorch_model.bin")
projected = load(shared).embed(images)
said["projection"] = float(np.abs(projected - mean @ weight.numpy().T).max())
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what happened, by what was tried; one process does it all, timm starts slowly."""
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    run = subprocess.run(
        [sys.executable, "-c", PREAMBLE + LOADED, str(tmp_path_factory.mktemp("timm"))],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_places_and_class_token_are_those_of_the_architecture(said: Any) -> None:
    assert said["mean"] < 1e-5
    assert said["cls"] < 1e-5
    assert said["resnet"] < 1e-5


def test_the_encoder_is_found_in_a_masked_autoencoders_checkpoint(said: Any) -> None:
    assert said["mae"]


def test_safetensors_and_torchs_own_files_say_the_same(said: Any) -> None:
    assert said["safetensors"]


def test_a_tower_of_timms_is_found_in_a_folder_of_open_clip(said: Any) -> None:
    assert said["open_clip"]
    assert said["projection"] < 1e-4
    assert said["no projection"][0] == 4
    assert said["no weights"][0] == 3
    assert "holds none of open_clip_model.safetensors" in said["no weights"][1]


@pytest.mark.parametrize(
    ("tried", "code", "words"),
    [
        ("no torchvision", 3, "timm, which this teacher needs with torchvision, cannot be"),
        ("no such", 3, "has no architecture 'vit_of_nobody'"),
        ("hub", 3, "has no architecture 'hf-hub:somebody/model'"),
        ("absent", 3, "absent.pth cannot be read: No such file"),
        ("other", 4, "missing (the first is"),
        ("grey", 4, "cannot read images of 160 x 160 pixels in 1 channels"),
        ("no token", 4, "no class token"),
        ("cut", 4, "cut.pth is cut short"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(
    said: Any, tried: str, code: int, words: str
) -> None:
    found_code, message = said[tried]

    assert found_code == code
    assert words in message
    assert "\n" not in message


def test_without_timm_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    given = TeacherInput(side_px=8, mean=(0.5,), std=(0.5,))
    choice = TeacherChoice(kind="timm", name="test_vit", path="vit.pth", input=given)

    with pytest.raises(InputError, match="timm, which this teacher needs") as caught:
        load_teacher(choice, beside=tmp_path, weights=tmp_path)

    assert caught.value.hint.startswith("Install timm and the torchvision")
