"""Distillation: the student learns the teacher's embedding, and what INT8 makes of the student."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgefair.compress.students.network import Network
from edgefair.compress.training.distill import distill
from edgefair.compress.training.fidelity import activation_spread, int8_fidelity
from edgefair.compress.training.noise import (
    fake_int8,
    fake_uint8,
    rounded_inputs,
    rounded_layers,
    rounded_weights,
)
from edgefair.compress.training.targets import fit_standard
from tests.compress.training.toy import CONTRACT, DISTILLATION, squares, state_of, student, targets

PICTURES = squares(200, 0).pictures


def _images(count: int) -> torch.Tensor:
    return torch.randn(count, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_student_learns_to_say_what_the_teacher_says_of_pictures_it_never_saw() -> None:
    plan = replace(DISTILLATION, epochs=12, augmentation=0.2, quantization_noise=0.0)

    log = distill(student(), PICTURES, targets(PICTURES, 4), plan, contract=CONTRACT, seed=0)

    assert log.held_out == 20
    assert log.r_squared > 0.3
    assert log.cosine > 0.5
    assert log.losses[-1] < 0.7 * log.losses[0]


def test_distillation_moves_the_backbone_and_leaves_the_classifier_ready_to_learn() -> None:
    network = student()
    names = list(network.state_dict())
    classifier = network.classifier.weight.detach().clone()
    before = state_of(network)

    distill(network, PICTURES, targets(PICTURES, 4), DISTILLATION, contract=CONTRACT, seed=0)

    assert list(network.state_dict()) == names
    assert torch.equal(network.classifier.weight, classifier)
    assert network.classifier.weight.requires_grad
    assert not np.array_equal(before, state_of(network))


def test_the_same_seed_distils_the_same_weights_to_the_last_bit() -> None:
    networks: list[Network] = []
    for seed in (1, 1, 2):
        networks.append(student())
        plan = replace(DISTILLATION, epochs=1)
        said = targets(PICTURES, 4)
        distill(networks[-1], PICTURES, said, plan, contract=CONTRACT, seed=seed)

    first, second, other = (state_of(network) for network in networks)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_every_picture_needs_a_target() -> None:
    with pytest.raises(ValueError, match="3 targets for 200 pictures"):
        distill(
            student(), PICTURES, targets(PICTURES[:3], 4), DISTILLATION, contract=CONTRACT, seed=0
        )


@given(st.integers(0, 50))
def test_isotropic_standardisation_keeps_angles_and_the_ratios_of_distances(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = (rng.normal(size=(20, 4)) * [100, 1, 0.1, 5] + 7).astype(np.float32)

    found = fit_standard(raw).of(raw)

    assert found.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-4)
    assert found.var(axis=0).mean() == pytest.approx(1, rel=1e-3)
    scale = (raw - raw.mean(axis=0)) / found
    assert scale == pytest.approx(np.full_like(scale, np.median(scale)), rel=0.05)


def test_whitening_leaves_no_correlation_and_drops_what_does_not_vary() -> None:
    rng = np.random.default_rng(0)
    some = rng.normal(size=(500, 2))
    raw = np.stack([some[:, 0], some[:, 0] + 0.1 * some[:, 1], np.full(500, 3.0)], axis=1)

    found = fit_standard(raw.astype(np.float32), "whitened").of(raw.astype(np.float32))

    spread = np.sort(np.diag(np.cov(found, rowvar=False)))
    assert spread == pytest.approx([0, 1, 1], abs=0.01)


def test_weights_are_rounded_for_each_output_channel_and_given_back() -> None:
    network = student()
    layer = rounded_layers(network.backbone)[0][1].get_parameter("weight")
    true = layer.detach().clone()

    with rounded_weights(network.backbone):
        rounded = layer.detach().clone()

    assert torch.equal(layer, true)
    for channel, exact in zip(rounded, true, strict=True):
        steps = channel / (exact.abs().max() / 127)
        assert steps.round().numpy() == pytest.approx(steps.numpy(), abs=1e-3)
        assert (channel - exact).abs().max() <= exact.abs().max() / 254 + 1e-7


def test_rounding_twice_is_rounding_once() -> None:
    weights = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(1))

    assert torch.allclose(fake_int8(fake_int8(weights)), fake_int8(weights), atol=1e-6)


@given(st.floats(-50, 50, width=32), st.floats(-50, 0, width=32), st.floats(0, 50, width=32))
def test_a_value_within_the_range_moves_by_half_a_step_at_most(
    value: float, low: float, high: float
) -> None:
    inside = min(max(value, low), high)

    rounded = fake_uint8(torch.tensor([inside]), low, high).item()

    assert abs(rounded - inside) <= (high - low) / 255 * 1.001 + 1e-6


def test_gradients_pass_through_the_rounding_as_if_it_were_not_there() -> None:
    layer = torch.nn.Linear(4, 2)
    inputs = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)

    with rounded_weights(layer), rounded_inputs(layer):
        layer(inputs).sum().backward()
        rounded = fake_int8(layer.weight.detach())

    assert layer.weight.grad is not None
    assert inputs.grad is not None
    assert inputs.grad == pytest.approx(rounded.sum(dim=0).expand(3, 4), abs=1e-5)
    assert layer.weight.grad[0].numpy() == pytest.approx(
        inputs.detach().sum(dim=0).numpy(), abs=0.1
    )


def test_an_ordinary_student_bears_int8() -> None:
    found = int8_fidelity(student(), PICTURES[:32], CONTRACT)

    assert found.cosine > 0.9
    assert found.worst_cosine <= found.cosine
    assert len(found.layers) == 10
    assert found.widest.peak_to_rms >= max(layer.peak_to_rms for layer in found.layers)


def test_a_layer_with_one_huge_channel_is_found_and_costs_the_embedding() -> None:
    network = student()
    plain = int8_fidelity(network, PICTURES[:32], CONTRACT)
    layers = dict(network.backbone.named_modules())
    with torch.no_grad():
        # one channel is a thousand times the others, and the next layer makes up for it
        layers["layers.6"].get_parameter("weight")[0] *= 1000
        layers["layers.9"].get_parameter("weight")[0] *= 1000
    for name in ("layers.8", "layers.11"):
        network.backbone.get_submodule("layers")._modules[name.split(".")[1]] = torch.nn.ReLU()

    spoilt = int8_fidelity(network, PICTURES[:32], CONTRACT)

    assert spoilt.widest.peak_to_rms > 1.5 * plain.widest.peak_to_rms
    assert spoilt.relative_error > plain.relative_error


def test_spreads_are_those_of_the_numbers_that_go_in() -> None:
    network = student()
    seen: list[torch.Tensor] = []
    first = rounded_layers(network.backbone)[0][1]
    with first.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0])):
        spread = activation_spread(network, PICTURES[:8], CONTRACT)[0]

    values = torch.cat(seen).double().flatten()
    assert spread.name == "layers.0"
    assert spread.low == pytest.approx(values.min().item())
    assert spread.high == pytest.approx(values.max().item())
    rms = values.square().mean().sqrt()
    assert spread.peak_to_rms == pytest.approx((values.abs().max() / rms).item(), rel=1e-4)
    centred = values - values.mean()
    kurtosis = centred.pow(4).mean() / centred.square().mean() ** 2
    assert spread.kurtosis == pytest.approx(kurtosis.item(), rel=1e-3)
