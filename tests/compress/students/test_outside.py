"""Students from timm and transformers: as maps, or in one sentence why not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edgefair.compress.students.build import build_backbone
from edgefair.errors import InputError

HERE = Path(__file__).parent

needs_timm = pytest.mark.skipif(
    importlib.util.find_spec("timm") is None, reason="timm is not installed"
)
needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)

TIMM = """
import json, sys, warnings
warnings.simplefilter("ignore")  # of timm's own
sys.path.insert(0, sys.argv[1])
from torchvision_stand_in import stand_in
stand_in()
import timm, torch
from edgefair.compress.students.build import build_backbone
from edgefair.errors import InputError

torch.set_num_threads(1)
shapes = {}
for name in ("convnext_atto", "vit_tiny_patch16_224", "mobilenetv4_conv_small"):
    backbone = build_backbone(f"timm:{name}", side_px=64).eval()
    with torch.inference_mode():
        shapes[name] = list(backbone(torch.rand(2, 1, 64, 64)).shape)
theirs = timm.create_model("mobilenetv4_conv_small").eval()
grey = torch.rand(1, 1, 64, 64)
apart = []
for name in ("mobilenetv4-conv-small", "timm:mobilenetv4_conv_small"):
    backbone = build_backbone(name, side_px=64).eval()
    backbone.load_pretrained(theirs.state_dict())
    with torch.inference_mode():
        expected = theirs.forward_features(grey.repeat(1, 3, 1, 1))
        apart.append(((backbone(grey) - expected).norm() / expected.norm()).item())
try:
    build_backbone("timm:no_such_network")
except InputError as error:
    said = str(error)
print(json.dumps({"shapes": shapes, "apart": apart, "said": said}))
"""


@needs_timm
def test_timms_architectures_are_students_and_ours_answers_as_timms() -> None:
    run = subprocess.run(
        [sys.executable, "-c", TIMM, str(HERE)], check=True, capture_output=True, text=True
    )

    found = json.loads(run.stdout)
    assert found["shapes"] == {
        "convnext_atto": [2, 320, 2, 2],
        "vit_tiny_patch16_224": [2, 192, 4, 4],
        "mobilenetv4_conv_small": [2, 960, 2, 2],
    }
    assert max(found["apart"]) < 1e-4
    assert "has no architecture no_such_network" in found["said"]


@pytest.mark.parametrize("package", ["timm", "transformers"])
def test_a_missing_package_is_one_sentence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(InputError, match=f"needs the package {package}") as caught:
        build_backbone(f"{package}:resnet")

    assert caught.value.exit_code == 3
    assert f"pip install {package}" in caught.value.hint


@needs_transformers
@pytest.mark.filterwarnings("ignore")  # of transformers' own
def test_a_local_folder_of_transformers_comes_with_its_weights(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=64,
    )
    theirs = transformers.ViTModel(config, add_pooling_layer=False).eval()
    theirs.save_pretrained(tmp_path)
    grey = torch.rand(2, 1, 64, 64)

    backbone = build_backbone(f"transformers:{tmp_path}", side_px=64).eval()

    with torch.inference_mode():
        expected = theirs(pixel_values=grey.repeat(1, 3, 1, 1)).last_hidden_state
        features = backbone(grey)
    assert backbone.is_pretrained
    assert (backbone.feature_size, backbone.stride) == (32, 16)
    torch.testing.assert_close(features.flatten(2).transpose(1, 2), expected[:, 1:])


@needs_transformers
@pytest.mark.filterwarnings("ignore")
def test_a_type_of_transformers_is_built_in_its_default_configuration() -> None:
    backbone = build_backbone("transformers:mobilenet_v1", side_px=64).eval()

    with torch.inference_mode():
        features = backbone(torch.rand(1, 1, 64, 64))

    assert features.shape == (1, backbone.feature_size, 2, 2)
    assert not backbone.is_pretrained


@needs_transformers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "said"),
    [("nothing-of-that-name", "cannot build nothing-of-that-name"), ("bert", "no square feature")],
)
def test_what_is_no_vision_model_is_one_sentence(model: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        build_backbone(f"transformers:{model}", side_px=64)

    assert len(str(caught.value)) < 400
