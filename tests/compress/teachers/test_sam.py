"""The SAM family's encoder: its published names, its attention by the book, its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.load import load_teacher
from edgefair.compress.teachers.teacher import Teacher
from edgefair.compress.teachers.tiny_vit import TinyVit, _Attention, _Block
from edgefair.errors import InputError, ModelError, UnsafeModel

SMALL = TeacherInput(side_px=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
CHOICE = TeacherChoice(kind="sam", name="lite-medsam", path="lite.pth", input=SMALL)

# of the names and shapes in the published checkpoints, less MobileSAM's classifier
PUBLISHED = {
    1: "78a56117ea295a1b9bedfc56030e1e58c885e164a58d6b9bdac530389085b456",
    3: "5b822631a33cfbe892046af9434d8cbb52a85353338cce20674f2e2a893e8304",
}


def names_and_shapes(tensors: dict[str, Tensor]) -> str:
    lines = sorted(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def checkpoint() -> dict[str, Tensor]:
    """Return what a checkpoint holds: an encoder, here of random weights, and other things."""
    torch.manual_seed(1)
    encoder = TinyVit(kernel=1).state_dict()
    tensors = {f"image_encoder.{name}": tensor for name, tensor in encoder.items()}
    return {**tensors, "mask_decoder.iou_token.weight": torch.zeros(1, 256)}


@pytest.fixture
def load(tmp_path: Path, checkpoint: dict[str, Tensor]) -> Callable[..., Teacher]:
    """Return what loads a teacher from a checkpoint with some tensors changed or taken out."""

    def load(choice: TeacherChoice = CHOICE, **changes: Tensor | None) -> Teacher:
        changed = {name.replace("__", "."): tensor for name, tensor in changes.items()}
        tensors = {name: t for name, t in {**checkpoint, **changed}.items() if t is not None}
        torch.save(tensors, tmp_path / "lite.pth")
        return load_teacher(choice, beside=tmp_path, weights=tmp_path)

    return load


@pytest.mark.parametrize("kernel", [1, 3])
def test_parameters_are_named_and_shaped_as_in_the_published_checkpoints(kernel: int) -> None:
    assert names_and_shapes(TinyVit(kernel=kernel).state_dict()) == PUBLISHED[kernel]


@pytest.mark.parametrize(("kernel", "stride"), [(1, 4), (3, 16)])
def test_the_encoder_takes_images_of_any_shape(kernel: int, stride: int) -> None:
    encoder = TinyVit(kernel=kernel).eval()

    with torch.inference_mode():
        features, after_neck = encoder(torch.rand(1, 3, 64, 48))

    assert features.shape == (1, 320, 64 // stride, 48 // stride)
    assert after_neck.shape == (1, 256, 64 // stride, 48 // stride)


def test_attention_is_what_the_paper_says() -> None:
    torch.manual_seed(2)
    attention = _Attention(8, heads=2, window=3).eval()
    torch.nn.init.normal_(attention.attention_biases)
    tokens = torch.rand(1, 9, 8)

    normed = attention.norm(tokens)[0]
    joint = attention.qkv(normed).reshape(9, 2, 12)
    heads = []
    for head in range(2):
        query, key, value = joint[:, head].split(4, dim=1)
        scores = query @ key.T / 4**0.5
        for a in range(9):
            for b in range(9):
                down, across = abs(a // 3 - b // 3), abs(a % 3 - b % 3)
                scores[a, b] += attention.attention_biases[head, 3 * down + across]
        heads.append(scores.softmax(dim=1) @ value)
    expected = attention.proj(torch.cat(heads, dim=1))

    assert torch.allclose(attention(tokens)[0], expected, atol=1e-6)


def test_windows_do_not_see_one_another() -> None:
    torch.manual_seed(3)
    block = _Block(1).eval()
    places = torch.rand(1, 10, 17, 128)
    changed = places.clone()
    changed[:, 7:, 14:] = 0

    before, after = block._attend(places), block._attend(changed)

    assert before.shape == places.shape
    assert torch.equal(before[:, :7, :14], after[:, :7, :14])
    assert torch.equal(before[:, 7:, :14], after[:, 7:, :14])
    assert not torch.equal(before[:, 7:, 14:], after[:, 7:, 14:])


def test_an_embedding_depends_on_the_image_alone(load: Callable[..., Teacher]) -> None:
    teacher = load()
    images = np.random.default_rng(0).random((2, 80, 70), dtype=np.float32)

    together = teacher.embed(images)

    assert together.shape == (2, teacher.embedding_size)
    assert together.dtype == np.float32
    assert together[1].tolist() == teacher.embed(images[1:2])[0].tolist()
    assert together[0].tolist() != together[1].tolist()


def test_contrast_is_stretched_as_medsam_was_trained(load: Callable[..., Teacher]) -> None:
    teacher = load()
    images = np.random.default_rng(0).random((1, 32, 32), dtype=np.float32)
    full = (images - images.min()) / (images.max() - images.min())

    assert teacher.embed(0.25 + full / 2) == pytest.approx(teacher.embed(full), abs=1e-4)


def test_the_digest_tells_weights_and_inputs_apart(load: Callable[..., Teacher]) -> None:
    first = load()
    again = load()
    smaller = load(replace(CHOICE, input=replace(SMALL, side_px=48)))
    retrained = load(image_encoder__neck__1__bias=torch.ones(256))

    assert first.digest == again.digest
    assert len({first.digest, smaller.digest, retrained.digest}) == 3


def test_a_checkpoint_that_does_not_fit_is_said_with_counts(load: Callable[..., Teacher]) -> None:
    with pytest.raises(ModelError, match="1 missing") as missing:
        load(image_encoder__neck__1__bias=None)
    with pytest.raises(ModelError, match="1 unexpected") as unexpected:
        load(image_encoder__extra=torch.ones(1))
    with pytest.raises(ModelError, match="1 of another shape") as misshapen:
        load(image_encoder__neck__1__bias=torch.ones(3))

    assert "the first is neck.1.bias" in missing.value.message
    assert "the first is extra" in unexpected.value.message
    assert "the first is neck.1.bias" in misshapen.value.message
    assert {error.value.exit_code for error in (missing, unexpected, misshapen)} == {4}


def test_another_members_checkpoint_is_refused(load: Callable[..., Teacher]) -> None:
    with pytest.raises(ModelError, match=r"2 of another shape .*patch_embed"):
        load(replace(CHOICE, name="mobile-sam"))


def test_weights_that_are_not_finite_are_refused(load: Callable[..., Teacher]) -> None:
    with pytest.raises(ModelError, match="not finite"):
        load(image_encoder__layers__3__blocks__1__mlp__fc2__bias=torch.full((320,), torch.nan))


def test_an_unknown_member_and_a_class_token_are_refused(load: Callable[..., Teacher]) -> None:
    with pytest.raises(InputError, match="has no 'sam-h'"):
        load(replace(CHOICE, name="sam-h"))
    with pytest.raises(ModelError, match="no class token"):
        load(replace(CHOICE, pooling="cls"))


def test_a_grey_input_is_refused(load: Callable[..., Teacher]) -> None:
    grey = TeacherInput(side_px=32, mean=(0.0,), std=(1.0,))

    with pytest.raises(ModelError, match="32 x 32 pixels in 1 channels"):
        load(replace(CHOICE, input=grey))


def test_a_truncated_checkpoint_is_refused(tmp_path: Path, load: Callable[..., Teacher]) -> None:
    load()
    path = tmp_path / "lite.pth"
    path.write_bytes(path.read_bytes()[:-5000])

    with pytest.raises(UnsafeModel, match=r"lite\.pth is cut short"):
        load_teacher(CHOICE, beside=tmp_path, weights=tmp_path)
