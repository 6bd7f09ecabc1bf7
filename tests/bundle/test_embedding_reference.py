"""What a bundle tells of embeddings: read back as written, refused whatever is wrong with it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefair.audit.mean_maps import frequencies_for, mean_map_of
from edgefair.bundle.archive import Bundle, PartContent, read_bundle, write_bundle
from edgefair.bundle.embedding_reference import (
    PATH,
    ROLE,
    EmbeddingReference,
    GroupLook,
    embedding_reference_from_json,
    embedding_reference_of,
    embedding_reference_to_json,
    projection_of,
)
from edgefair.bundle.projection import SIZE, Projection, unpacked
from edgefair.clinic.models import self_test
from edgefair.errors import ContractMismatch
from edgefair.records import Attribute, Group

DIMENSIONS = 96
MEN = Group(attributes=(Attribute(name="sex", value="M"),))


@pytest.fixture(scope="module")
def reference() -> EmbeddingReference:
    rng = np.random.default_rng(0)
    axes, _ = np.linalg.qr(rng.normal(size=(DIMENSIONS, SIZE - 1)))
    points = rng.normal(size=(60, SIZE))
    frequencies = frequencies_for(points, waves=8, seed=0).astype(np.float32).astype(np.float64)
    mapped = mean_map_of(points, frequencies)
    return EmbeddingReference(
        measured_on="sixty images",
        projection=Projection(
            centre=rng.normal(size=DIMENSIONS).astype(np.float32),
            directions=axes.T.astype(np.float16).astype(np.float32),
            scales=np.full(SIZE - 1, 0.5, np.float32),
            rest=(3.0, 2.0),
        ),
        frequencies=frequencies,
        looks=tuple(
            GroupLook(
                group=group,
                n=60,
                mean=points.mean(axis=0),
                spread=16.0,
                waves=mapped.waves,
                traces=mapped.traces,
            )
            for group in (Group(), MEN)
        ),
    )


@pytest.fixture
def tree(reference: EmbeddingReference) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(embedding_reference_to_json(reference))
    return loaded


@pytest.fixture(scope="module")
def bundle(bare_phantom: Bundle) -> Bundle:
    return bare_phantom


def test_it_is_read_back_as_it_was_written(reference: EmbeddingReference) -> None:
    content = embedding_reference_to_json(reference)
    found = embedding_reference_from_json(content, embedding_size=DIMENSIONS)

    assert embedding_reference_to_json(found) == content
    assert found.projection.name == reference.projection.name
    assert [look.group for look in found.looks] == [Group(), MEN]
    assert np.array_equal(found.frequencies, reference.frequencies)


def test_a_small_embedding_is_kept_in_32_bytes_that_mean_the_same(
    reference: EmbeddingReference,
) -> None:
    embedding = np.random.default_rng(1).normal(size=DIMENSIONS).astype(np.float32)
    packed = reference.projection.packed(embedding)

    assert len(packed) == 2 * SIZE
    expected = reference.projection.of(embedding[np.newaxis])[0]
    np.testing.assert_allclose(unpacked(packed), expected, rtol=1e-3)


def test_the_last_number_tells_how_far_an_image_lies_from_what_images_vary_by(
    reference: EmbeddingReference,
) -> None:
    projection = reference.projection
    along = projection.centre + 5 * projection.directions[0]
    across = np.random.default_rng(2).normal(size=DIMENSIONS)
    across -= projection.directions.T @ (projection.directions @ across)
    near, far = projection.of(np.stack([along, projection.centre + 5 * across]))

    assert near[0] == pytest.approx(2.5, rel=0.01)
    assert near[-1] < far[-1]


def test_a_bundle_without_it_is_projected_by_signs(bundle: Bundle) -> None:
    projection = projection_of(bundle)
    mean = np.array(bundle.manifest.reference.embedding_mean)

    assert embedding_reference_of(bundle) is None
    assert projection.name == projection_of(bundle).name
    np.testing.assert_allclose(projection.of(mean[np.newaxis])[0], 0, atol=1e-5)


def _without(tree: dict[str, Any]) -> None:
    del tree["frequencies"]


def _of_another_kind(tree: dict[str, Any]) -> None:
    tree["looks"][0]["n"] = "60"


def _with_more(tree: dict[str, Any]) -> None:
    tree["rows"] = [[0.0] * SIZE]


def _with_infinity(tree: dict[str, Any]) -> None:
    tree["looks"][0]["mean"][3] = float("inf")


def _with_nan_in_base64(tree: dict[str, Any]) -> None:
    values = np.full((8, SIZE), np.nan, "<f4")
    tree["frequencies"] = b64encode(values.tobytes()).decode()


def _too_short(tree: dict[str, Any]) -> None:
    tree["directions"] = tree["directions"][:400]


def _no_base64(tree: dict[str, Any]) -> None:
    tree["centre"] = "*" * len(tree["centre"])


def _of_another_model(tree: dict[str, Any]) -> None:
    tree["embedding_size"] = 10**9


def _a_few_patients(tree: dict[str, Any]) -> None:
    tree["looks"][1]["n"] = 3


def _a_group_twice(tree: dict[str, Any]) -> None:
    tree["looks"].append(tree["looks"][1])


def _nobody(tree: dict[str, Any]) -> None:
    tree["looks"] = []


def _waves_out_of_range(tree: dict[str, Any]) -> None:
    tree["looks"][0]["waves"][0] = 1.5


def _waves_of_two_lengths(tree: dict[str, Any]) -> None:
    del tree["looks"][1]["waves"][:2]


def _negative(tree: dict[str, Any]) -> None:
    tree["looks"][0]["traces"][1] = -1.0


def _of_another_format(tree: dict[str, Any]) -> None:
    tree["format"] = 2


@pytest.mark.parametrize(
    "harm",
    [
        _without,
        _of_another_kind,
        _with_more,
        _with_infinity,
        _with_nan_in_base64,
        _too_short,
        _no_base64,
        _of_another_model,
        _a_few_patients,
        _a_group_twice,
        _nobody,
        _waves_out_of_range,
        _waves_of_two_lengths,
        _negative,
        _of_another_format,
    ],
)
def test_what_is_not_as_it_must_be_is_refused(
    tree: dict[str, Any], harm: Callable[[dict[str, Any]], None]
) -> None:
    harm(tree)

    with pytest.raises(ContractMismatch, match="reference's embeddings does not hold"):
        embedding_reference_from_json(json.dumps(tree).encode(), embedding_size=DIMENSIONS)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b"[]", b" " * 5_000_000])
def test_what_is_no_such_json_is_refused(content: bytes) -> None:
    with pytest.raises(ContractMismatch):
        embedding_reference_from_json(content, embedding_size=DIMENSIONS)


def test_a_bundle_with_a_bad_one_does_not_pass_the_self_test(
    bundle: Bundle, reference: EmbeddingReference, tmp_path: Path
) -> None:
    good = embedding_reference_to_json(reference)
    paths = []
    for name, content in (("good", good), ("bad", good.replace(b'"n": 60', b'"n": 6'))):
        part = PartContent(path=PATH, role=ROLE, content=content)
        write_bundle(tmp_path / name, bundle.manifest, (*bundle.parts, part))
        paths.append(tmp_path / name)

    self_test(read_bundle(paths[0]))
    with pytest.raises(ContractMismatch, match="n must be 30 or more"):
        self_test(read_bundle(paths[1]))


def test_a_model_of_impossible_size_is_not_projected(bundle: Bundle) -> None:
    outputs = replace(bundle.manifest.contract.outputs, embedding_size=10**9)
    contract = replace(bundle.manifest.contract, outputs=outputs)
    manifest = replace(bundle.manifest, contract=contract)

    with pytest.raises(ContractMismatch, match="embedding_size is 1000000000"):
        projection_of(replace(bundle, manifest=manifest))
