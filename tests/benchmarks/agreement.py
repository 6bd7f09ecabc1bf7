"""How near two INT8 forms of a network stay to full precision, and which is nearer, by pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["Compared", "Head", "compare", "fit_probe"]

Array: TypeAlias = NDArray[np.float32]
Head: TypeAlias = Callable[[Array], NDArray[np.float64]]
"""From embeddings (n, size) to scores: (n,) of one finding, (n, classes) of several."""

RESAMPLES: Final = 2000
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure of both forms on the same images.

    Attributes
    ----------
    measure : str
    ours, theirs : float
    lower, upper : float
        95 % limits of ours less theirs: percentiles over resampled images, both forms' together.
    is_agreement : bool
        Whether more is better; less is for an error.
    """

    measure: str
    ours: float
    theirs: float
    lower: float
    upper: float
    is_agreement: bool

    @property
    def better(self) -> str:
        """Whose form is nearer to full precision, if the interval leaves out zero."""
        if self.lower <= 0 <= self.upper:
            return "neither"
        return "ours" if (self.lower > 0) == self.is_agreement else "OpenVINO"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """What each image adds to one measure, ours and theirs, and to what it is relative to."""

    name: str
    ours: NDArray[np.float64] = field(repr=False)
    theirs: NDArray[np.float64] = field(repr=False)
    spread: NDArray[np.float64] | None = field(repr=False, default=None)

    def of(self, which: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the measure with each image counted so often, weights (..., n)."""
        if self.spread is None:
            return np.asarray(weights @ which / weights.sum(axis=-1))
        return np.sqrt(weights @ which / (weights @ self.spread))


def fit_probe(embeddings: Array, labels: NDArray[np.int64]) -> Head:
    """Return the logit of a logistic regression on full precision's embeddings."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    probe.fit(embeddings, labels)
    return lambda found: np.asarray(probe.decision_function(found))


def compare(
    exact: Array, ours: Array, theirs: Array, *, heads: Mapping[str, Head], seed: int
) -> list[Compared]:
    """Return each measure of the embeddings (n, size) of two INT8 forms against full precision's.

    The embedding's error is relative: root mean square of the change over that of the spread
    over images. A head of several scores agrees where the largest is the same, one of one score
    where the sign is; of the latter the error is given too.
    """
    measures = [_embedding_error(exact, ours, theirs)]
    for name, head in heads.items():
        measures += _of_head(name, *(head(each) for each in (exact, ours, theirs)))
    resample = np.random.default_rng(seed)
    count = len(exact)
    weights = resample.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)
    return [_compared(measure, weights) for measure in measures]


def _compared(measure: _Measure, weights: NDArray[np.float64]) -> Compared:
    once = np.ones(weights.shape[-1])
    differences = measure.of(measure.ours, weights) - measure.of(measure.theirs, weights)
    lower, upper = np.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Compared(
        measure=measure.name,
        ours=float(measure.of(measure.ours, once)),
        theirs=float(measure.of(measure.theirs, once)),
        lower=float(lower),
        upper=float(upper),
        is_agreement=measure.spread is None,
    )


def _embedding_error(exact: Array, ours: Array, theirs: Array) -> _Measure:
    ours_off, theirs_off = (np.square(each - exact).sum(axis=1) for each in (ours, theirs))
    return _Measure(
        name="embedding error",
        ours=ours_off.astype(np.float64),
        theirs=theirs_off.astype(np.float64),
        spread=np.square(exact - exact.mean(axis=0)).sum(axis=1).astype(np.float64),
    )


def _of_head(
    name: str,
    exact: NDArray[np.float64],
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
) -> list[_Measure]:
    if exact.ndim > 1:
        first, ours_first, theirs_first = (each.argmax(axis=1) for each in (exact, ours, theirs))
        return [
            _Measure(
                name=f"{name} agreement",
                ours=(ours_first == first).astype(float),
                theirs=(theirs_first == first).astype(float),
            )
        ]
    return [
        _Measure(
            name=f"{name} agreement",
            ours=((ours > 0) == (exact > 0)).astype(float),
            theirs=((theirs > 0) == (exact > 0)).astype(float),
        ),
        _Measure(
            name=f"{name} error",
            ours=np.square(ours - exact),
            theirs=np.square(theirs - exact),
            spread=np.square(exact - exact.mean()),
        ),
    ]
