"""Whether images look as before, by what a model makes of them: their embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["EmbeddingShift", "EmbeddingSummary", "maximum_mean_discrepancy", "mean_shift"]

_FEWEST: Final = 10
"""Images here below which nothing is said."""

_FLAT: Final = 1e-6
"""Standard deviation, as a share of the largest, below which a dimension says nothing."""

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingSummary:
    """What a bundle keeps of the reference's embeddings.

    Attributes
    ----------
    mean, std : ndarray of float64, shape (d,)
    n : int
        Images they were taken over.
    """

    mean: _Floats
    std: _Floats
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingShift:
    """Two clouds of embeddings compared.

    Attributes
    ----------
    statistic : float
        Squared distance, in the units of its test; nan where there are too few images.
    p_value : float
        nan likewise.
    """

    statistic: float
    p_value: float


def mean_shift(reference: EmbeddingSummary, current: ArrayLike) -> EmbeddingShift:
    """Return whether embeddings lie around the mean of a reference of which no image is here.

    The statistic is the mean squared distance of the two means over the dimensions, each in the
    reference's standard deviations; more dimensions than images are no trouble. It sees that the
    cloud moved, not that it changed its form.

    Parameters
    ----------
    reference : EmbeddingSummary
    current : array_like of float, shape (n, d)

    Notes
    -----
    Without any shift the squared distance is a sum of chi-squared variables weighted by the
    eigenvalues of the dimensions' correlations, and is taken as a multiple of one chi-squared
    with the same mean and variance (Welch and Satterthwaite), over an estimate of that mean with
    n - 1 times its degrees of freedom. The correlations are those of the images here, as a bundle
    carries none; the test is asymptotic.

    References
    ----------
    .. [1] J.-T. Zhang, J. Guo, B. Zhou, M.-Y. Cheng, "A simple two-sample test in high dimensions
       based on L2-norm", Journal of the American Statistical Association 115 (2020) 1011-1027.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before = EmbeddingSummary(mean=np.zeros(64), std=np.ones(64), n=500)
    >>> there, moved = rng.normal(size=(40, 64)), rng.normal(0.2, 1, size=(40, 64))
    >>> f"{mean_shift(before, there).p_value:.2f} {mean_shift(before, moved).p_value:.4f}"
    '0.65 0.0000'
    """
    here = np.asarray(current, dtype=np.float64)
    if len(here) < _FEWEST or reference.n < 2:
        return EmbeddingShift(statistic=nan, p_value=nan)
    varies = reference.std > _FLAT * reference.std.max(initial=0.0)
    if not varies.any():
        return EmbeddingShift(statistic=nan, p_value=nan)
    scaled = (here[:, varies] - reference.mean[varies]) / reference.std[varies]
    centre = scaled.mean(axis=0)
    trace, trace_of_square = _traces(scaled - centre)
    if trace <= _FLAT**2 * varies.sum():  # the same image over and over
        return EmbeddingShift(statistic=nan, p_value=nan)
    expected = trace / len(here) + varies.sum() / reference.n
    variance = trace_of_square * (1 / len(here) + 1 / reference.n) ** 2
    squared = float((centre**2).sum())
    degrees = expected**2 / variance
    from scipy.special import fdtrc

    return EmbeddingShift(
        statistic=squared / int(varies.sum()),
        p_value=float(fdtrc(degrees, degrees * (len(here) - 1), squared / expected)),
    )


def _traces(centred: _Floats) -> tuple[float, float]:
    """Return the trace of the covariance, and that of its square, both without bias."""
    n, d = centred.shape
    nu = n - 1
    gram = centred @ centred.T if n < d else centred.T @ centred
    trace = float(np.trace(gram)) / nu
    square = float((gram**2).sum()) / nu**2
    unbiased = nu**2 / ((nu - 1) * (nu + 2)) * (square - trace**2 / nu)
    # of d eigenvalues with that sum the squares add up to no less
    return trace, max(unbiased, trace**2 / d)


def maximum_mean_discrepancy(
    reference: ArrayLike,
    current: ArrayLike,
    *,
    seed: int,
    permutations: int = 499,
    most: int = 500,
) -> EmbeddingShift:
    """Return whether two samples of embeddings are of one distribution, of whatever form.

    Gaussian kernel at the median distance; the p-value is by permutation, so that it is exact
    for the images taken.

    Parameters
    ----------
    reference, current : array_like of float, shape (n, d) and (m, d)
    seed : int
        The same seed gives the same p-value.
    permutations : int, default=499
        The smallest p-value is ``1 / (permutations + 1)``.
    most : int, default=500
        Images taken of either sample, drawn at random where there are more.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Scholkopf, A. Smola, "A kernel two-sample
       test", Journal of Machine Learning Research 13 (2012) 723-773.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before, wider = rng.normal(size=(80, 8)), rng.normal(0, 1.6, size=(60, 8))
    >>> maximum_mean_discrepancy(before, wider, seed=0).p_value
    0.002
    """
    rng = np.random.default_rng(seed)
    one = _taken(np.asarray(reference, dtype=np.float64), most, rng)
    other = _taken(np.asarray(current, dtype=np.float64), most, rng)
    if min(len(one), len(other)) < _FEWEST:
        return EmbeddingShift(statistic=nan, p_value=nan)
    kernel = _gaussian(np.concatenate([one, other]))
    signs = np.concatenate([np.full(len(one), 1 / len(one)), np.full(len(other), -1 / len(other))])
    tried = np.stack([signs, *(rng.permutation(signs) for _ in range(permutations))])
    squared = np.einsum("pi,pi->p", tried @ kernel, tried)
    reached = int((squared[1:] >= squared[0] - 1e-12).sum())
    return EmbeddingShift(statistic=float(squared[0]), p_value=(1 + reached) / (1 + permutations))


def _taken(cloud: _Floats, most: int, rng: np.random.Generator) -> _Floats:
    return cloud if len(cloud) <= most else cloud[rng.permutation(len(cloud))[:most]]


def _gaussian(points: _Floats) -> _Floats:
    # around the mean, so that little is lost where the cloud lies far from the origin
    points = points - points.mean(axis=0)
    norms = (points**2).sum(axis=1)
    squared = np.maximum(norms[:, np.newaxis] + norms - 2 * points @ points.T, 0)
    apart = squared[np.triu_indices(len(points), 1)]
    width = float(np.median(apart))
    return np.asarray(np.exp(-squared / width) if width > 0 else np.ones_like(squared))
