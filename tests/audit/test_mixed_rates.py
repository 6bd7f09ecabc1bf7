"""Plain shares beside corrected ones in one family of verdicts."""

from __future__ import annotations

import numpy as np

from edgefair.audit.estimates import Rates
from edgefair.audit.mixed_rates import MixedRates
from edgefair.audit.verdict import judge
from edgefair.audit.verification import begg_greenes, verified_counts

HITS, CASES = np.array([20, 45, 3]), np.array([100, 90, 4])


def test_plain_rates_are_judged_as_if_they_were_alone() -> None:
    value, rest = Rates(HITS, CASES), Rates(HITS[::-1], CASES[::-1])
    plain = judge(value, rest, margin=0.1, alpha=0.05)
    mixed = judge(MixedRates((value,)), MixedRates((rest,)), margin=0.1, alpha=0.05)

    assert mixed.kind == plain.kind
    for name in ("lower", "upper", "needed"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(plain, name))


def test_each_part_keeps_its_own_limits_at_its_own_quantile() -> None:
    plain = Rates(HITS, CASES)
    truth = [1] * 30 + [0] * 10 + [-1] * 60 + [1] * 5 + [0] * 45 + [-1] * 350
    counts = verified_counts(truth, [True] * 100 + [False] * 400, [0] * 500, 1)
    corrected = begg_greenes(counts, "sensitivity")
    mixed = MixedRates.joined([MixedRates((plain,)), MixedRates((corrected,))])
    z = np.array([1.0, 2.0, 3.0, 1.5])

    lower, upper = mixed.limits(z)
    np.testing.assert_array_equal(lower[:3], plain.limits(z[:3])[0])
    np.testing.assert_array_equal(upper[3:], corrected.limits(z[3:])[1])
    assert mixed.plain is None
    assert MixedRates((plain,)).plain is plain


def test_a_corrected_rate_is_worth_fewer_cases_than_it_rests_on() -> None:
    truth = [1] * 90 + [0] * 10 + [1] * 4 + [0] * 46 + [-1] * 850
    counts = verified_counts(truth, [True] * 100 + [False] * 900, [0] * 1000, 1)
    mixed = MixedRates((begg_greenes(counts, "sensitivity"),))

    assert 1 <= mixed.effective[0] < 40 < mixed.n[0] == 94
