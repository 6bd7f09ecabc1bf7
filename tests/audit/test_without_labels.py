"""Guesses without labels: right where their assumption holds, blind where it does not."""

import numpy as np
import pytest

from edgefair.audit.without_labels import (
    EarlyWarning,
    average_thresholded_confidence,
    confidence_based,
    difference_of_confidences,
)


def of(found: tuple[EarlyWarning, ...], metric: str) -> EarlyWarning:
    return next(one for one in found if one.metric == metric)


def test_calibrated_probabilities_tell_the_rates_of_every_group() -> None:
    rng = np.random.default_rng(0)
    p, codes = rng.beta(0.5, 1.5, 60_000), rng.integers(0, 3, 60_000)
    y, flagged = rng.random(60_000) < p, p > 0.3
    guessed = confidence_based(p, flagged, codes, 3)

    for k in range(3):
        inside = codes == k
        assert of(guessed, "sensitivity").estimate[k] == pytest.approx(
            flagged[y & inside].mean(), abs=0.015
        )
        assert of(guessed, "specificity").estimate[k] == pytest.approx(
            1 - flagged[~y & inside].mean(), abs=0.015
        )
        assert of(guessed, "ppv").estimate[k] == pytest.approx(
            y[flagged & inside].mean(), abs=0.015
        )
        assert of(guessed, "npv").estimate[k] == pytest.approx(
            1 - y[~flagged & inside].mean(), abs=0.015
        )


def test_a_group_whose_probabilities_are_wrong_looks_like_the_others() -> None:
    rng = np.random.default_rng(1)
    p, codes = rng.beta(0.8, 1.6, 80_000), np.repeat([0, 1], 40_000)
    # patients of the second group are ill more often than their images are taken to say
    truly = np.where(codes == 1, 1 / (1 + np.exp(-(np.log(p / (1 - p)) + 1.0))), p)
    y, flagged = rng.random(80_000) < truly, p > 0.4
    true = [flagged[y & (codes == k)].mean() for k in (0, 1)]
    guessed = of(confidence_based(p, flagged, codes, 2), "sensitivity").estimate

    assert true[0] - true[1] > 0.05
    assert abs(guessed[0] - guessed[1]) < 0.01


def test_accuracy_is_carried_over_where_confidence_tells_right_from_wrong() -> None:
    rng = np.random.default_rng(2)
    before, here = rng.beta(0.4, 0.4, 20_000), rng.beta(1.2, 1.2, 20_000)
    correct, correct_here = ((rng.random(20_000) < p) == (p > 0.5) for p in (before, here))
    codes = np.zeros(20_000, int)
    by_confidence = difference_of_confidences((before, correct), here, codes, 1)
    by_threshold = average_thresholded_confidence((before, correct), here, codes, 1)

    assert by_confidence.estimate[0] == pytest.approx(correct_here.mean(), abs=0.015)
    assert by_threshold.estimate[0] == pytest.approx(correct_here.mean(), abs=0.15)


def test_on_the_reference_itself_accuracy_comes_out_as_it_was() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(1000)
    correct = rng.random(1000) < np.maximum(p, 1 - p)
    codes = np.zeros(1000, int)

    for method in (difference_of_confidences, average_thresholded_confidence):
        assert method((p, correct), p, codes, 1).estimate[0] == pytest.approx(correct.mean())


def test_a_model_that_was_always_wrong_is_expected_to_be_so_again() -> None:
    found = average_thresholded_confidence(([0.1, 0.8], [False, False]), [0.9], [0], 1)

    assert found.estimate[0] == 0


def test_an_empty_group_has_no_guess() -> None:
    guessed = confidence_based([0.2, 0.8], [False, True], [0, 0], 2)

    assert np.isnan(of(guessed, "sensitivity").estimate[1])
    assert guessed[0].n.tolist() == [2, 0]


def test_every_guess_says_that_it_is_no_evidence_of_fairness() -> None:
    reference = ([0.1, 0.9], [True, False])
    guesses = (
        *confidence_based([0.5], [True], [0], 1),
        average_thresholded_confidence(reference, [0.5], [0], 1),
        difference_of_confidences(reference, [0.5], [0], 1),
    )

    assert all("an early warning and no evidence of fairness" in one.caution for one in guesses)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        confidence_based([1.2], [True], [0], 1)
    with pytest.raises(ValueError, match="at least one"):
        average_thresholded_confidence(([], []), [0.5], [0], 1)
