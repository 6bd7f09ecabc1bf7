"""The model: whole, by whom, run in the way that holds here, and answering as at its builder's."""

from __future__ import annotations

from typing import Final

from edgefair.bundle.archive import Bundle
from edgefair.bundle.golden import EngineAnswers, Golden, golden_of
from edgefair.bundle.home import default_home
from edgefair.bundle.shelf import open_bundle
from edgefair.clinic.doctor.checks import Area, Check, Result
from edgefair.errors import ModelError
from edgefair.records import Prediction
from edgefair.runtime.engine import VERSION
from edgefair.runtime.pipeline import Model
from edgefair.runtime.saturation import EXPECTED, probe

__all__ = ["check_answers", "check_engine", "check_signature", "check_sums", "examine_model"]

_AGAIN: Final = "Do not use it. Copy the bundle again from where it came, or ask its builder."


def examine_model(name: str) -> tuple[Check, ...]:
    """Return all checks of the bundle of that name or path, and of the arithmetic here."""
    sums = check_sums(probe())
    try:
        bundle = open_bundle(name, default_home(), allow_unsigned=True)
    except ModelError as error:
        return (
            _check("bundle", Result.FAILED, error.message, error.hint),
            _not_reached("signature"),
            sums,
            *map(_not_reached, ("engine", "answers")),
        )
    count = len(bundle.parts)
    whole = f"{bundle.manifest.label} is whole: {count} parts match their SHA-256 sums."
    about = (_check("bundle", Result.OK, whole), check_signature(bundle), sums)
    try:
        model = Model(bundle, threads=1)
    except ModelError as error:
        failed = _check("engine", Result.FAILED, error.message, error.hint)
        return (*about, failed, _not_reached("answers"))
    return (*about, check_engine(model), check_answers(bundle, model))


def check_signature(bundle: Bundle) -> Check:
    """Say who vouches for a bundle."""
    label, trust = bundle.manifest.label, bundle.trust
    match trust.kind:
        case "signed":
            told = f"{label} is signed by {trust.signed_by}, whom this computer trusts."
            return _check("signature", Result.OK, told)
        case "carried":
            told = f"{label} came with this edgefair, whose list of bundles names it."
            return _check("signature", Result.OK, told)
    told = f"{label} is unsigned: nobody vouches for where it comes from."
    return _check("signature", Result.WARNING, told, "Use it only if you know who made it.")


def check_sums(found: int) -> Check:
    """Say whether this processor adds INT8 products exactly, from the probe's sum."""
    if found == EXPECTED:
        return _check("INT8 sums", Result.OK, f"Exact on this processor: {found:,} as expected.")
    told = (
        f"Cut off on this processor: {found:,} in place of {EXPECTED:,}. INT8 models are run "
        "with exact sums instead, which is slower and as right."
    )
    return _check("INT8 sums", Result.OK, told)


def check_engine(model: Model) -> Check:
    """Say which form of the model runs here, and whether it had to be another than meant."""
    if model.note:
        hint = "Results hold; tell the builder, with this page."
        return _check("engine", Result.WARNING, model.note, hint)
    return _check("engine", Result.OK, f"Runs as {model.engine}, in onnxruntime {VERSION}.")


def check_answers(bundle: Bundle, model: Model) -> Check:
    """Say whether the model answers the golden images as it did on its builder's machine.

    The images go the whole way of a prediction: decoded, prepared, run.
    """
    try:
        golden = golden_of(bundle)
    except ModelError as error:
        return _check("answers", Result.FAILED, error.message, error.hint)
    if golden is None:
        told = f"{bundle.manifest.label} carries no golden answers to compare with."
        return _check("answers", Result.WARNING, told, "Ask its builder for a newer version.")
    expected = next((each for each in golden.answers if each.engine == model.engine), None)
    if expected is None:
        told = f"The bundle tells no golden answers for {model.engine}."
        return _check("answers", Result.WARNING, told, "Ask its builder for a newer version.")
    try:
        found = model.predict([bundle.at(path) for path in golden.images])
    except ModelError as error:
        return _check("answers", Result.FAILED, error.message, error.hint)
    return _compared(golden, expected, found)


def _compared(golden: Golden, expected: EngineAnswers, found: list[Prediction]) -> Check:
    refused = next((prediction for prediction in found if not prediction.scores), None)
    if refused is not None or len(found) != len(expected.logits):
        why = refused.message if refused else f"{len(found)} predictions"
        told = f"The golden images were not read as at the builder's: {why}"
        return _check("answers", Result.FAILED, told, _AGAIN)
    off = max(
        abs(score.logit - logit)
        for prediction, logits in zip(found, expected.logits, strict=True)
        for score, logit in zip(prediction.scores, logits, strict=True)
    )
    images = f"{len(found)} synthetic images"
    if not off <= expected.tolerance:
        told = (
            f"{images} are answered otherwise than at the builder's: logits differ by up to "
            f"{off:.3g}, allowed are {expected.tolerance:.2g}."
        )
        hint = "Do not use this model on this computer."
        if f"onnxruntime {VERSION}" != golden.made_with:
            hint += f" It was made with {golden.made_with}, here is {VERSION}."
        return _check("answers", Result.FAILED, told, hint)
    same = "to the last bit" if off == 0 else f"within {off:.2g}"
    told = (
        f"{images} are answered as at the builder's, {same} (logits; allowed "
        f"{expected.tolerance:.2g})."
    )
    return _check("answers", Result.OK, told)


def _not_reached(name: str) -> Check:
    return _check(name, Result.NOT_CHECKED, "The bundle could not be used.")


def _check(name: str, result: Result, sentence: str, hint: str = "") -> Check:
    return Check(area=Area.MODEL, name=name, result=result, sentence=sentence, hint=hint)
