"""The model's checks: what holds passes, what was planted fails."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgefair.bundle.archive import Bundle, PartContent, read_bundle, write_bundle
from edgefair.bundle.golden import GOLDEN_ROLE, Golden, golden_of, golden_to_json
from edgefair.bundle.shelf import carried_bundles
from edgefair.clinic.doctor.checks import Check, Result
from edgefair.clinic.doctor.model import check_answers, check_sums, examine_model
from edgefair.compress.evidence.golden import golden_parts
from edgefair.runtime.pipeline import Model
from edgefair.runtime.saturation import EXPECTED

BundleMaker = Callable[..., Path]


@pytest.fixture
def bundle(make_bundle: BundleMaker) -> Bundle:
    """Return the brightness model with golden answers."""
    path = make_bundle()
    made = read_bundle(path)
    return write_bundle(
        path, made.manifest, (*made.parts, *golden_parts(made.manifest, made.parts))
    )


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def altered(bundle: Bundle, **changes: object) -> Bundle:
    """Return the bundle with other golden answers."""
    golden = golden_of(bundle)
    assert golden is not None
    content = golden_to_json(replace(golden, **changes))  # type: ignore[arg-type]
    parts = tuple(
        replace(part, content=content) if part.role == GOLDEN_ROLE else part
        for part in bundle.parts
    )
    return replace(bundle, parts=parts)


def answered(bundle: Bundle) -> Check:
    return check_answers(bundle, Model(bundle, threads=1))


@pytest.mark.parametrize("path", carried_bundles(), ids=lambda path: path.stem)
def test_the_bundles_that_edgefair_carries_answer_here_as_at_their_builders(path: Path) -> None:
    checks = by_name(examine_model(str(path)))

    assert checks["answers"].result is Result.OK, checks["answers"].sentence
    assert not [check for check in checks.values() if check.result is Result.FAILED]


def test_the_same_machine_answers_to_the_last_bit(bundle: Bundle) -> None:
    check = answered(bundle)

    assert check.result is Result.OK
    assert "6 synthetic images are answered as at the builder's, to the last bit" in check.sentence


def test_answers_that_are_off_fail_with_the_largest_difference(bundle: Bundle) -> None:
    golden = golden_of(bundle)
    assert golden is not None
    (told,) = golden.answers
    first, *rest = told.logits
    moved = replace(told, logits=((first[0] + 0.25,), *rest))

    check = answered(altered(bundle, answers=(moved,)))

    assert check.result is Result.FAILED
    assert "logits differ by up to 0.25" in check.sentence
    assert check.hint == "Do not use this model on this computer."


def test_answers_of_another_onnxruntime_that_are_off_say_so(bundle: Bundle) -> None:
    golden = golden_of(bundle)
    assert golden is not None
    (told,) = golden.answers
    moved = replace(told, logits=tuple((logit + 1,) for (logit,) in told.logits))

    check = answered(altered(bundle, answers=(moved,), made_with="onnxruntime 0.1"))

    assert "made with onnxruntime 0.1" in check.hint


def test_answers_within_the_tolerance_pass_and_tell_how_far(bundle: Bundle) -> None:
    golden = golden_of(bundle)
    assert golden is not None
    (told,) = golden.answers
    wide = replace(told, tolerance=0.5, logits=tuple((z + 0.25,) for (z,) in told.logits))

    check = answered(altered(bundle, answers=(wide,)))

    assert check.result is Result.OK
    assert "within 0.25" in check.sentence


def test_a_golden_image_that_cannot_be_read_fails(bundle: Bundle) -> None:
    golden = golden_of(bundle)
    assert golden is not None
    parts = tuple(
        replace(part, content=part.content[:200]) if part.path == golden.images[2] else part
        for part in bundle.parts
    )

    check = answered(replace(bundle, parts=parts))

    assert check.result is Result.FAILED
    assert "not read as at the builder's" in check.sentence


def test_golden_answers_for_other_findings_fail(bundle: Bundle) -> None:
    check = answered(altered(bundle, findings=("dark",)))

    assert check.result is Result.FAILED
    assert "other findings" in check.sentence


def test_a_bundle_without_golden_answers_or_for_this_engine_warns(
    bundle: Bundle, make_bundle: BundleMaker
) -> None:
    plain = read_bundle(make_bundle())

    assert answered(plain).result is Result.WARNING
    assert answered(altered(bundle, answers=())).result is Result.WARNING


def test_a_part_with_another_hash_fails_and_nothing_else_of_the_model_is_claimed(
    make_bundle: BundleMaker,
) -> None:
    path = make_bundle()
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content.replace(b"# Brightness", b"# Brightmess"))

    checks = by_name(examine_model(str(path)))

    assert checks["bundle"].result is Result.FAILED
    assert "changed" in checks["bundle"].sentence
    assert "Copy it again" in checks["bundle"].hint
    not_reached = {checks[name].result for name in ("signature", "engine", "answers")}
    assert not_reached == {Result.NOT_CHECKED}


def test_a_model_that_contradicts_its_manifest_fails(
    bundle: Bundle, tmp_path: Path, graph: onnx.ModelProto
) -> None:
    del graph.metadata_props[:]
    part = PartContent(path="m.onnx", role="model", content=graph.SerializeToString())
    write_bundle(tmp_path / "b.efb", bundle.manifest, [part])

    checks = by_name(examine_model(str(tmp_path / "b.efb")))

    assert checks["engine"].result is Result.FAILED
    assert checks["answers"].result is Result.NOT_CHECKED


def test_a_bundle_that_is_not_there_fails_with_those_that_are() -> None:
    checks = by_name(examine_model("no-such-model"))

    assert checks["bundle"].result is Result.FAILED
    assert "phantom-" in checks["bundle"].hint


def test_an_unsigned_bundle_warns(bundle: Bundle, tmp_path: Path) -> None:
    check = by_name(examine_model(str(tmp_path / "brightness-1.2.3.efb")))["signature"]

    assert check.result is Result.WARNING
    assert "unsigned" in check.sentence


def test_sums_that_are_cut_off_are_told_with_both_numbers() -> None:
    assert "exact" in check_sums(EXPECTED).sentence.lower()
    assert "524,272 in place of 1,036,320" in check_sums(524_272).sentence
    assert "exact sums instead" in check_sums(524_272).sentence


def test_golden_answers_come_back_from_the_bundle_to_the_last_bit(bundle: Bundle) -> None:
    golden = golden_of(bundle)
    assert isinstance(golden, Golden)

    assert golden_to_json(golden) == bundle.content(GOLDEN_ROLE)
