"""Equating: one model's logits on another's scale, whatever the first one's scale is."""

from __future__ import annotations

import numpy as np
import pytest

from edgefair.compress.evidence.equating import equated


def test_a_model_that_is_another_one_stretched_and_moved_becomes_that_one() -> None:
    rng = np.random.default_rng(0)
    logits, own = (rng.normal(size=(40, 2)).astype(np.float32) for _ in range(2))
    slope, shift = np.array([2.0, 0.5], np.float32), np.array([-1.0, 3.0], np.float32)

    found = equated(slope * logits + shift, slope * own + shift, own)

    assert found == pytest.approx(logits, abs=1e-5)


def test_the_order_of_the_cases_stays() -> None:
    rng = np.random.default_rng(1)
    logits, own, other = (rng.normal(size=(40, 1)).astype(np.float32) for _ in range(3))

    found = equated(logits, own, 5 * other - 2)

    assert np.array_equal(np.argsort(found[:, 0]), np.argsort(logits[:, 0]))


def test_a_model_that_says_the_same_of_everybody_is_moved_alone() -> None:
    own, other = np.full((3, 1), 2.0, np.float32), np.array([[4.0], [5.0], [6.0]], np.float32)

    assert equated(own, own, other).tolist() == [[5.0]] * 3
