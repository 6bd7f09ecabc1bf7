"""One look for shift: planted causes are told apart, and chance alone is seldom called a shift."""

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from edgefair.audit.shift import ShiftFinding, ShiftKind, look_for_shift
from edgefair.audit.shift_reference import (
    DecisionReference,
    MixReference,
    ScoreReference,
    ShiftReference,
    Stream,
)
from edgefair.bundle.manifest import Reference, ReferenceCell, ScoreHistogram
from edgefair.records import Attribute, Confusion, Group

SEXES = tuple(Group(attributes=(Attribute(name="sex", value=v),)) for v in "FM")


def histogram(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(values, bins=512, range=(0, 1))[0]


def before(rng: np.random.Generator) -> ShiftReference:
    return ShiftReference(
        mixes=(MixReference(attribute="sex", groups=SEXES, counts=(520, 480)),),
        scores=(
            ScoreReference(
                finding="tb",
                group=Group(),
                positives=histogram(rng.beta(4, 2, 200)),
                negatives=histogram(rng.beta(1.5, 6, 1800)),
            ),
        ),
        decisions=tuple(
            DecisionReference(
                finding="tb",
                group=sex,
                confusion=Confusion(
                    true_positives=80, false_negatives=20, true_negatives=810, false_positives=90
                ),
            )
            for sex in SEXES
        ),
        embeddings=rng.normal(size=(150, 8)),
    )


def stream(
    rng: np.random.Generator,
    *,
    women: float = 0.52,
    prevalence: float = 0.1,
    brighter: float = 0.0,
) -> Stream:
    ill, flagged = rng.binomial(400, prevalence), 0.8 * prevalence + 0.1 * (1 - prevalence)
    f = int(rng.binomial(400, women))
    scores = np.concatenate([rng.beta(4, 2, ill), rng.beta(1.5, 6, 400 - ill)]) + brighter
    return Stream(
        mixes=((f, 400 - f),),
        scores=(np.clip(scores, 0, 1),),
        decisions=tuple((int(rng.binomial(200, flagged)), 200) for _ in SEXES),
        embeddings=rng.normal(5 * brighter, 1, size=(60, 8)),
    )


def shown(found: tuple[ShiftFinding, ...]) -> set[str]:
    return {one.test for one in found if one.is_shown}


def of(found: tuple[ShiftFinding, ...], test: str) -> ShiftFinding:
    return next(one for one in found if one.test == test)


def test_chance_alone_is_seldom_called_a_shift() -> None:
    rng = np.random.default_rng(0)
    alarms = []
    for seed in range(60):
        reference, here = before(rng), stream(rng)
        alarms.append(
            shown(
                look_for_shift(
                    replace(reference, embeddings=None), replace(here, embeddings=None), seed=seed
                )
            )
        )

    assert sum(map(bool, alarms)) <= 6


def test_other_patients_are_named() -> None:
    rng = np.random.default_rng(1)
    found = look_for_shift(before(rng), stream(rng, women=0.2), seed=0)

    assert shown(found) == {"mix of groups"}
    assert found[0].sentence == "The mix by sex has shifted: fewer sex F, more sex M."


def test_more_illness_is_told_from_other_images() -> None:
    rng = np.random.default_rng(2)
    found = look_for_shift(before(rng), stream(rng, prevalence=0.3), seed=0)
    prevalence = of(found, "prevalence")

    assert {"prevalence", "scores", "flagged share"} <= shown(found)
    assert "misfit" not in shown(found)
    assert prevalence.kind is ShiftKind.PREVALENCE
    assert prevalence.prevalence is not None
    assert prevalence.prevalence.lower < 0.3 < prevalence.prevalence.upper
    assert "Tb has become more frequent" in prevalence.sentence
    decided = of(found, "flagged share").prevalence
    assert decided is not None
    assert decided.lower < 0.3 < decided.upper


def test_other_images_are_told_from_more_illness() -> None:
    rng = np.random.default_rng(3)
    found = look_for_shift(before(rng), stream(rng, brighter=0.15), seed=0)

    assert {"misfit", "scores", "images"} <= shown(found)
    assert of(found, "scores").kind in (ShiftKind.COVARIATE, ShiftKind.MIXED)
    assert "other than any prevalence would explain" in of(found, "misfit").sentence
    assert of(found, "images").kind is None


def test_p_values_are_corrected_as_scipy_does() -> None:
    rng = np.random.default_rng(4)
    found = look_for_shift(before(rng), stream(rng, women=0.45, prevalence=0.13), seed=0)

    assert [one.adjusted for one in found] == pytest.approx(
        false_discovery_control([one.p_value for one in found])
    )


def test_too_few_cases_stay_in_the_list_and_say_so() -> None:
    rng = np.random.default_rng(5)
    few = Stream(
        mixes=((0, 0),),
        scores=(np.array([0.2, 0.9]),),
        decisions=((0, 0), (1, 4)),
        embeddings=np.zeros((3, 8)),
    )
    found = look_for_shift(before(rng), few, seed=0)

    assert len(found) == 7
    assert isnan(of(found, "misfit").p_value)
    assert (
        of(found, "mix of groups").sentence == "Too few cases to tell a shift in the mix by sex."
    )
    assert not shown(found)


def test_what_is_not_shown_is_not_ruled_out() -> None:
    rng = np.random.default_rng(6)
    found = look_for_shift(before(rng), stream(rng), seed=0)

    assert "does not rule one out" in of(found, "images").sentence


def test_the_seed_fixes_every_finding() -> None:
    rng = np.random.default_rng(7)
    reference, here = before(rng), stream(rng)
    one, again = (look_for_shift(reference, here, seed=3) for _ in range(2))

    assert one == again


def test_a_bundle_brings_its_mixes_scores_decisions_and_embeddings() -> None:
    counts = Confusion(true_positives=8, false_negatives=2, true_negatives=35, false_positives=5)
    cells = [
        ReferenceCell(finding="tb", group=group, confusion=counts, auroc=None)
        for group in (Group(), *SEXES)
    ]
    reference = ShiftReference.of_bundle(
        Reference(
            measured_on="test split, 100 images",
            cells=tuple(cells),
            score_histograms=(
                ScoreHistogram(finding="tb", positives=(5, 15), negatives=(70, 10)),
            ),
            embedding_mean=(0.0, 1.0),
            embedding_std=(1.0, 2.0),
        )
    )

    assert reference.mixes == (MixReference(attribute="sex", groups=SEXES, counts=(50, 50)),)
    assert reference.scores[0].prevalence == pytest.approx(0.2)
    assert reference.scores[0].counted([0.1, 0.5, 1.0]).tolist() == [1, 2]
    assert [str(one.group) for one in reference.decisions] == ["everybody", "sex F", "sex M"]
    assert reference.embeddings is not None
    assert getattr(reference.embeddings, "n", None) == 100


def test_nothing_to_compare_with_finds_nothing() -> None:
    assert look_for_shift(ShiftReference(), Stream(), seed=0) == ()


def test_an_alpha_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        look_for_shift(ShiftReference(), Stream(), seed=0, alpha=5)
