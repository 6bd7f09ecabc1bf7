"""Evidence at any time against confseq, the reference implementation of its authors.

confseq takes a C++ compiler and the headers of Boost to install, so what it says is kept in
golden/confseq.json; made with confseq 0.0.11 (pip install --no-build-isolation confseq, beside
pybind11 2, scikit-build, cmake 3 and ninja, and libboost-dev), again by

    UPDATE_GOLDEN=1 pytest tests/audit/test_confseq.py

Its beta-binomial mixture for a Bernoulli mean p puts a Beta distribution with the parameters
``r / (1 - p)`` and ``r / p`` on the mean, where r follows from the time that it is tuned for; the
one-sided form cuts it off at p. Here any Beta prior can be had, so that the two meet at priors
whose mean is p. confseq's confidence sequence takes another prior at each p, and ours one for
all, so that these two are compared where they share one: at the p that is the prior's mean.
"""

from __future__ import annotations

import json
import os
from itertools import product
from math import exp, isinf, log
from pathlib import Path

import pytest

from edgefair.audit.sequential import confidence_sequence, log_e_value

GOLDEN = Path(__file__).parent / "golden" / "confseq.json"
TUNED_AT = 0.05
CASES = [
    {"p": p, "tuned_for": tuned_for, "errors": errors, "n": n}
    for p, tuned_for, (errors, n) in product(
        (0.05, 0.2, 0.5, 0.9),
        (3.0, 40.0),
        ((0, 1), (1, 1), (3, 40), (10, 20), (60, 100), (40, 1000), (700, 1000)),
    )
]

Case = dict[str, float]


def by_confseq(case: Case) -> Case:
    """Return the logarithms of confseq's one- and two-sided mixtures."""
    from confseq import boundaries  # type: ignore[import-not-found]  # see above

    p, n = case["p"], case["n"]
    said = (
        float(
            boundaries.beta_binomial_log_mixture(
                case["errors"] - n * p,
                n * p * (1 - p),
                case["tuned_for"],
                p,
                1 - p,
                TUNED_AT,
                is_one_sided,
            )
        )
        for is_one_sided in (True, False)
    )
    return case | dict(zip(("one_sided", "two_sided"), said, strict=True))


def golden() -> list[Case]:
    if os.environ.get("UPDATE_GOLDEN"):
        rows = [json.dumps(by_confseq(case), sort_keys=True) for case in CASES]
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    # confseq's one-sided mixture is -Infinity where the tail beyond p is too small for a number
    found: list[Case] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


def prior(case: Case, alpha: float) -> tuple[float, float]:
    """Return the Beta prior that confseq tunes so."""
    far = 2 * log(1 / alpha)
    p = case["p"]
    spread = p * (1 - p)
    r = max(case["tuned_for"] / (far + log(1 + far)) - spread, 1e-3 * spread)
    return r / (1 - p), r / p


@pytest.fixture(scope="module")
def said() -> list[Case]:
    return golden()


def test_the_e_value_is_confseqs_one_sided_beta_binomial_mixture(said: list[Case]) -> None:
    assert len(said) == len(CASES)
    for case in said:
        found = log_e_value(
            int(case["errors"]), int(case["n"]), limit=case["p"], prior=prior(case, 2 * TUNED_AT)
        )
        if isinf(case["one_sided"]):  # its tail has underflowed, and ours has not
            assert -20 < float(found) < 0
            continue
        assert float(found) == pytest.approx(case["one_sided"], rel=1e-9, abs=1e-9)


def test_the_confidence_sequence_ends_where_confseqs_mixture_reaches_its_bound(
    said: list[Case],
) -> None:
    compared = 0
    for case in said:
        if not 1e-3 < case["two_sided"] < 700:  # at no level does a limit lie there
            continue
        lower, upper = confidence_sequence(
            int(case["errors"]),
            int(case["n"]),
            alpha=exp(-case["two_sided"]),
            prior=prior(case, TUNED_AT),
        )
        is_above = case["errors"] > case["n"] * case["p"]
        assert float(lower if is_above else upper) == pytest.approx(case["p"], abs=1e-9)
        compared += 1
    assert compared > len(CASES) / 2
