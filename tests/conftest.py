"""What several test modules need: the real data where at hand, and bundles made to measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper

from edgefair.bundle.archive import Bundle, PartContent, read_bundle, write_bundle
from edgefair.bundle.manifest import (
    CONTRACT_KEY,
    FORMAT,
    Accepts,
    Calibration,
    Contract,
    Input,
    Manifest,
    Normalize,
    OperatingPoint,
    Outputs,
    Reference,
    ResizeArea,
    Task,
    contract_to_json,
)
from edgefair.bundle.sealing import sign_bundle
from edgefair.bundle.shelf import find_bundle, trust_store_in
from edgefair.bundle.signing import Purpose, SigningKey, new_signing_key

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

collect_ignore = ["benchmarks"]

# a busy machine is no failed test; the same examples on every machine
settings.register_profile("edgefair", deadline=None, derandomize=True)
settings.load_profile("edgefair")

BundleMaker: TypeAlias = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what is installed and trusted on the developer's own PC out of every test."""
    home = tmp_path_factory.mktemp("home") / "edgefair"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEFAIR_HOME", str(home))
        yield home
    left = {path.name for path in home.iterdir()} if home.exists() else set()
    # every command that writes to a ledger notes where it lies
    assert left <= {"known-ledgers"}, "a test left something in the home that all tests share"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images and tables that lies beside a developer's checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images and tables are not beside this checkout (../shared/data)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def bare_phantom() -> Bundle:
    """Return the demo's model as older versions of edgefair packed it: no plan, no embeddings."""
    carried = read_bundle(find_bundle("phantom"))
    kept = tuple(p for p in carried.parts if p.role not in {"plan", "embedding_reference"})
    return replace(carried, parts=kept)


@pytest.fixture
def contract() -> Contract:
    """Return the contract of a model whose logit is the image's mean brightness, in 8 x 8."""
    return Contract(
        name="brightness",
        version="1.2.3",
        task=Task.BINARY,
        findings=("bright",),
        input=Input(name="image", channels=1, height_px=8, width_px=8),
        preprocessing=(ResizeArea(height_px=8, width_px=8), Normalize(mean=0.5, std=0.25)),
        outputs=Outputs(
            logits="logits",
            embedding="embedding",
            embedding_size=1,
            heat_map="heat_map",
            heat_map_height=8,
            heat_map_width=8,
        ),
    )


@pytest.fixture
def manifest(contract: Contract) -> Manifest:
    """Return the manifest of that model: probability .5 at medium grey."""
    return Manifest(
        format=FORMAT,
        contract=contract,
        intended_use="tests",
        accepts=Accepts(modalities=("CR", "DX"), body_parts=("CHEST",), min_side_px=8),
        calibration=(
            Calibration(
                finding="bright", method="platt", slope=1.0, intercept=0.0, fitted_on="nobody"
            ),
        ),
        operating_points=(
            OperatingPoint(
                name="middle",
                finding="bright",
                threshold=0.5,
                refer_half_width=0.01,
                chosen_for="medium grey",
                chosen_on="nobody",
            ),
            OperatingPoint(
                name="eager",
                finding="bright",
                threshold=0.1,
                refer_half_width=0.0,
                chosen_for="few misses",
                chosen_on="nobody",
            ),
        ),
        reference=Reference(
            measured_on="nobody",
            cells=(),
            score_histograms=(),
            embedding_mean=(0.0,),
            embedding_std=(1.0,),
        ),
        parts=(),
    )


@pytest.fixture
def graph(contract: Contract) -> onnx.ModelProto:
    """Return the graph of that model, in plain ONNX."""
    weight = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "weight")
    axes = numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    free: list[str | int | None] = ["n", 1, 8, 8]
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Conv", ["image", "weight"], ["heat_map"]),
                helper.make_node("ReduceMean", ["heat_map", "axes"], ["logits"], keepdims=0),
                helper.make_node("Identity", ["logits"], ["embedding"]),
            ],
            "brightness",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, free)],
            [
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1]),
                helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1]),
                helper.make_tensor_value_info("heat_map", TensorProto.FLOAT, free),
            ],
            initializer=[weight, axes],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    helper.set_model_props(model, {CONTRACT_KEY: contract_to_json(contract)})
    return model


@pytest.fixture
def make_bundle(tmp_path: Path, manifest: Manifest, graph: onnx.ModelProto) -> BundleMaker:
    """Return a function that writes the bundle, with any part of its manifest replaced."""

    def make(*, model: bytes | None = None, **changes: object) -> Path:
        path = tmp_path / "brightness-1.2.3.efb"
        changed = replace(manifest, **changes)  # type: ignore[arg-type]
        content = model if model is not None else graph.SerializeToString()
        card = PartContent(path="card.md", role="card", content=b"# Brightness\n")
        write_bundle(
            path, changed, [PartContent(path="m.onnx", role="model", content=content), card]
        )
        return path

    return make


@pytest.fixture(scope="session")
def ministry() -> SigningKey:
    """Return a builder's key, for bundles."""
    return new_signing_key("ministry", Purpose.BUNDLES)


@pytest.fixture(scope="session")
def root() -> SigningKey:
    """Return the builder's other key, for revocations."""
    return new_signing_key("ministry-root", Purpose.REVOCATIONS)


@pytest.fixture
def home(tmp_path: Path, ministry: SigningKey, root: SigningKey) -> Path:
    """Return the home of a clinic that trusts both keys and has installed nothing yet."""
    place = tmp_path / "clinic-home"
    for key in (ministry, root):
        trust_store_in(place).add_key(key.public)
    return place


@pytest.fixture
def make_signed(make_bundle: BundleMaker, tmp_path: Path, ministry: SigningKey) -> BundleMaker:
    """Return a function that writes the signed bundle of a number to a stick of its own."""

    def make(
        sequence: int = 1, *, key: SigningKey = ministry, expires: str = "", **changes: object
    ) -> Path:
        bundle = read_bundle(make_bundle(**changes))
        path = tmp_path / f"stick-{sequence}" / "brightness-1.2.3.efb"
        path.parent.mkdir(exist_ok=True)
        sign_bundle(bundle, path, key, sequence=sequence, expires=expires)
        return path

    return make
