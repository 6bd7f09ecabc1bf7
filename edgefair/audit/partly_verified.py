"""One finding of which only some cases were verified, and those not at random.

Rates of the verified alone would say that the model misses nobody: whom it cleared is seldom
looked into again. So they are corrected where enough was verified by lot, and refused where not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.adjusted import Adjusted
from edgefair.audit.corrected_clusters import Alike, design_effect
from edgefair.audit.corrected_prevalence import CorrectedPrevalence
from edgefair.audit.corrected_rates import CorrectedRates
from edgefair.audit.estimates import Estimates
from edgefair.audit.groups import Grouping
from edgefair.audit.powered_prevalence import PoweredGroup, powered_group, stratum_of
from edgefair.audit.rates import DECISION_RATES
from edgefair.audit.verification import inclusion_probabilities, inverse_probability
from edgefair.audit.verification_state import (
    VerificationState,
    is_representative,
    sensitivity_allowed,
)
from edgefair.audit.weighted_auroc import WeightedAurocs, weighted_auroc
from edgefair.records import Group, VerifiedBecause

__all__ = ["REASONS", "PartlyVerified"]

REASONS: Final = tuple(VerifiedBecause)
"""What `PartlyVerified.because` numbers, from 0."""

_NEARLY_ALL: Final = 0.95

_TO_VARY: Final = 2
"""Labels from which on they can be seen to differ."""

_Ints: TypeAlias = NDArray[np.int64]
_Bools: TypeAlias = NDArray[np.bool_]
_Drawn: TypeAlias = tuple[NDArray[np.float64], _Ints]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartlyVerified:
    """All cases of one finding that the model scored, each array of shape (n,).

    Attributes
    ----------
    y_true : ndarray of int64
        1, 0, or -1 where nobody verified it.
    flagged : ndarray of bool
    because : ndarray of int64
        Place in `REASONS` of why it was verified; -1 where it was not.
    drawn_from : ndarray of int64
        Group that it was or would have been drawn from, from 0; one number for all if no draw
        told groups apart.
    patients : ndarray of int64, or None
        Number of each case's patient; None if every case is of another one.
    y_score : ndarray of float64, or None
        Finite, larger for more suspicious; without it there is no area under the curve.
    """

    y_true: _Ints
    flagged: _Bools
    because: _Ints
    drawn_from: _Ints
    patients: _Ints | None = None
    y_score: NDArray[np.float64] | None = None

    def is_plain(self, groupings: Sequence[Grouping]) -> bool:
        """Whether nearly all cases (95 %) of every group are verified, so that rates stand."""
        known = self.y_true >= 0
        parts = [
            codes * 2 + self.flagged
            for codes in (np.zeros_like(self.y_true), *(g.codes for g in groupings))
        ]
        return all(
            (np.bincount(part, known) >= _NEARLY_ALL * np.bincount(part)).all() for part in parts
        )

    def adjusted(self, grouping: Grouping) -> Adjusted:
        """Return the rates in every group of a grouping over these cases, and in its rest."""
        drawn = self._chances(grouping.codes)
        among = [grouping.codes == place for place in range(len(grouping.groups))]
        others = [~rows for rows in among]
        states = tuple(self._state(rows) for rows in among)
        states_of_rest = tuple(self._state(rows) for rows in others)
        return Adjusted(
            value=self._rates(among, drawn, states),
            rest=self._rates(others, drawn, states_of_rest),
            states=states,
            states_of_rest=states_of_rest,
        )

    def powered(self, grouping: Grouping, *, level: float) -> tuple[PoweredGroup, ...]:
        """Return how many have the finding with the help of the scores, where that can be said.

        Groups are left out where sensitivity is refused or labels are too few; all are where
        there are no scores, or several images of one patient, which it takes no account of.
        """
        if self.y_score is None or self.patients is not None:
            return ()
        drawn = self._chances(grouping.codes)
        found = (
            self._powered(rows, drawn, group, level)
            for place, group in enumerate(grouping.groups)
            for rows in (grouping.codes == place,)
            if self._state(rows).allowed
        )
        return tuple(one for one in found if one)

    def _powered(
        self, rows: _Bools, drawn: _Drawn, group: Group, level: float
    ) -> PoweredGroup | None:
        assert self.y_score is not None
        chance, strata = drawn
        known = rows & (self.y_true >= 0)
        by_lot, nobody = known & (chance < 1), rows & (self.y_true < 0)
        parts = [
            (by_lot & (strata == one), nobody & (strata == one))
            for one in np.unique(strata[by_lot | nobody]).tolist()
        ]
        if any(labelled.sum() < _TO_VARY or not others.any() for labelled, others in parts):
            return None
        return powered_group(
            group,
            [
                stratum_of(
                    self.y_true[labelled].astype(np.float64),
                    self.y_score[labelled],
                    self.y_score[others],
                )
                for labelled, others in parts
            ],
            known=int((known & ~by_lot).sum()),
            known_positives=int(self.y_true[known & ~by_lot].sum()),
            level=level,
        )

    def _state(self, rows: _Bools) -> VerificationState:
        cleared = self.because[rows & ~self.flagged]
        counted = np.bincount(cleared + 1, minlength=len(REASONS) + 1).tolist()
        return sensitivity_allowed(
            dict(zip(REASONS, counted[1:], strict=True)), unverified=counted[0]
        )

    def _chances(self, codes: _Ints) -> _Drawn:
        """Return the chance of each verified case, and the stratum in which it had it."""
        known = self.y_true >= 0
        stands = np.array(
            [[False, *(is_representative(r, flagged=f) for r in REASONS)] for f in (False, True)]
        )
        picked = stands[self.flagged.astype(int), self.because + 1]
        fine = np.unique(
            np.stack([codes, self.flagged.astype(np.int64), self.drawn_from]),
            axis=1,
            return_inverse=True,
        )[1].reshape(-1)
        side = 2 * codes + self.flagged
        strata = _collapsed(fine, side, known, picked)
        return inclusion_probabilities(strata, known, picked), strata

    def _rates(
        self,
        parts: Sequence[_Bools],
        drawn: _Drawn,
        states: Sequence[VerificationState],
    ) -> dict[str, Estimates]:
        refused, (chance, _) = np.array([not state.allowed for state in states], bool), drawn
        rates: dict[str, CorrectedRates] = {}
        for metric in DECISION_RATES:
            joined = CorrectedRates.joined(
                [self._one(rows, chance, metric) for rows in parts],
            )
            rates[metric] = replace(joined, p_cleared=np.where(refused, np.nan, joined.p_cleared))
        known = np.array([int((self.y_true[rows] >= 0).sum()) for rows in parts], np.int64)
        alike = Alike.joined([(self._alike(rows, chance, "prevalence"), 1) for rows in parts])
        whole: dict[str, Estimates] = {
            **rates,
            "prevalence": CorrectedPrevalence.of(rates["npv"], known, alike),
        }
        if self.y_score is not None:
            areas = [self._area(rows, drawn, self.y_score) for rows in parts]
            whole["auroc"] = replace(
                WeightedAurocs.joined(areas), sensitivity=rates["sensitivity"]
            )
        return whole

    def _area(self, rows: _Bools, drawn: _Drawn, y_score: NDArray[np.float64]) -> WeightedAurocs:
        chance, strata = drawn
        return weighted_auroc(
            self.y_true[rows],
            self.flagged[rows],
            y_score[rows],
            (chance[rows], strata[rows]),
            self._one(rows, chance, "sensitivity"),
            patients=None if self.patients is None else self.patients[rows],
        )

    def _alike(self, rows: _Bools, chance: NDArray[np.float64], metric: str) -> Alike | None:
        if self.patients is None or not rows.any():
            return None
        effect, freedom = design_effect(
            self.y_true[rows], self.flagged[rows], chance[rows], self.patients[rows], metric
        )
        return Alike(effect=np.array([effect]), freedom=np.array([freedom]))

    def _one(self, rows: _Bools, chance: NDArray[np.float64], metric: str) -> CorrectedRates:
        if not rows.any():
            none, unknown = np.zeros(1, np.int64), np.full(1, np.nan)
            return CorrectedRates(
                metric=metric,
                n=none,
                flagged=none,
                cleared=none,
                p_flagged=unknown,
                p_cleared=unknown,
                n_flagged=np.zeros(1),
                n_cleared=np.zeros(1),
            )
        codes = np.zeros(int(rows.sum()), np.int64)
        found = inverse_probability(
            self.y_true[rows], self.flagged[rows], codes, chance[rows], metric
        )
        return replace(found, alike=self._alike(rows, chance, metric))


def _collapsed(fine: _Ints, side: _Ints, known: _Bools, picked: _Bools) -> _Ints:
    """Return the strata, those that nobody stands for joined to the largest of the same side.

    Where some of a stratum are unknown and none was drawn, it is taken to be as its neighbours
    are: of the same group and decision.
    """
    strata = fine.copy()
    size = int(fine.max(initial=-1)) + 1
    drawn = np.bincount(fine, known & picked, minlength=size)
    left = np.bincount(fine, ~known, minlength=size)
    of_side = np.zeros(size, np.int64)
    of_side[fine] = side
    for needy in np.flatnonzero((left > 0) & (drawn == 0)).tolist():
        alike = np.flatnonzero((of_side == of_side[needy]) & (drawn > 0))
        if len(alike):
            strata[fine == needy] = alike[int(np.argmax(drawn[alike]))]
    return strata
