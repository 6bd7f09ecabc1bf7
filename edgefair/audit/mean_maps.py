"""Two clouds of small embeddings compared in every respect, where of one only means are at hand.

The mean of random waves over a cloud tells the cloud: two have the same means for all waves if,
and only if, they are the same distribution. So a bundle carries a few such means and no image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan, sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.embedding_shift import EmbeddingShift

__all__ = [
    "FEWEST",
    "MeanMap",
    "Movement",
    "frequencies_for",
    "mean_map_of",
    "mean_map_shift",
    "movement",
    "waves_of",
]

FEWEST: Final = 20
"""Images here below which nothing is said."""

_NARROW: Final = 1e-9

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanMap:
    """The mean of random Fourier features over a cloud, and what chance does to it.

    Attributes
    ----------
    n : int
        Independent images.
    waves : ndarray of float64, shape (2 waves,)
    traces : (float, float, float)
        Estimates, without bias for a normal cloud, of the trace of the features' covariance, of
        its square and of its cube.
    """

    n: int
    waves: _Floats = field(repr=False)
    traces: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """How far a cloud has moved, in units that a reader knows.

    Attributes
    ----------
    deviations : float
        Distance of the two means in standard deviations of single images in that direction, less
        what chance alone would show; 0 where that is more. nan where there are too few images.
    told_apart : float
        Of pairs of one image from before and one from here, the share that a straight cut in
        that direction puts right, .5 by a coin.
    """

    deviations: float
    told_apart: float


def frequencies_for(points: ArrayLike, *, waves: int, seed: int) -> _Floats:
    """Return random frequencies, shape (waves, k), for the Gaussian kernel at median distance.

    Parameters
    ----------
    points : array_like of float, shape (n, k)
        n at least 2.
    waves : int
    seed : int

    References
    ----------
    .. [1] A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NeurIPS (2007).
    .. [2] J. Zhao, D. Meng, "FastMMD: ensemble of circular discrepancy for efficient two-sample
       test", Neural Computation 27 (2015) 1345-1372.
    """
    cloud = np.asarray(points, dtype=np.float64)
    cloud = cloud - cloud.mean(axis=0)
    norms = (cloud**2).sum(axis=1)
    squared = norms[:, np.newaxis] + norms - 2 * cloud @ cloud.T
    width = float(np.median(squared[np.triu_indices(len(cloud), 1)]))
    drawn = np.random.default_rng(seed).normal(size=(waves, cloud.shape[1]))
    # exp(-|x - y|^2 / width) is the Fourier transform of a normal with variance 2 / width
    return drawn * sqrt(2 / max(width, _NARROW))


def waves_of(points: ArrayLike, frequencies: _Floats) -> _Floats:
    """Return the features of points, shape (n, 2 waves): their inner products are the kernel.

    Examples
    --------
    >>> waves_of([[0.0]], np.array([[1.0]])).tolist()
    [[1.0, 0.0]]
    """
    angles = np.asarray(points, dtype=np.float64) @ frequencies.T
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / sqrt(len(frequencies))


def mean_map_of(points: ArrayLike, frequencies: _Floats) -> MeanMap:
    """Return the mean map of a cloud of shape (n, k), n at least 4.

    Notes
    -----
    With nu = n - 1 and the sample's covariance S, tr S^2 and tr S^3 are too large by terms in
    tr S, tr S tr S^2 and tr^3 S; the moments of a Wishart matrix say by how much.

    References
    ----------
    .. [1] J.-T. Zhang, B. Zhou, J. Guo, "Linear hypothesis testing in high-dimensional
       heteroscedastic one-way MANOVA: a normal reference L2-norm based test", Journal of
       Multivariate Analysis 187 (2022) 104816.
    """
    features = waves_of(points, frequencies)
    n, q = features.shape
    if n < 4:
        raise ValueError(f"a mean map needs at least 4 images, not {n}")
    nu = n - 1
    centred = features - features.mean(axis=0)
    covariance = centred.T @ centred / nu
    squared = covariance @ covariance
    one, two = float(np.trace(covariance)), float(np.trace(squared))
    three = float((squared * covariance).sum())
    square = nu**2 / ((nu - 1) * (nu + 2)) * (two - one**2 / nu)
    cube = nu**4 / ((nu**2 + nu - 6) * (nu**2 - 2 * nu - 3) or 1)
    cube *= three - 3 / nu * one * two + 2 / nu**2 * one**3
    # of q eigenvalues with that sum the powers add up to no less
    square = max(square, one**2 / q)
    cube = max(cube, square**2 / one if one > 0 else 0.0)
    return MeanMap(n=n, waves=features.mean(axis=0), traces=(one, square, cube))


def mean_map_shift(before: MeanMap, points: ArrayLike, frequencies: _Floats) -> EmbeddingShift:
    """Return whether a cloud here is of the distribution of one of which only means are known.

    The statistic is the squared maximum mean discrepancy for the kernel of these frequencies,
    less its mean by chance.

    Parameters
    ----------
    before : MeanMap
    points : array_like of float, shape (n, k)
    frequencies : ndarray of float64, shape (waves, k)

    Notes
    -----
    If both are of one distribution, the difference of the two means of bounded features is
    nearly normal, with the covariance that was measured before; its squared length is a sum of
    chi-squared variables weighted by the eigenvalues, and is taken as a shifted multiple of one
    chi-squared with the same first three cumulants. The test is asymptotic, and takes images as
    independent: give one a patient.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Scholkopf, A. Smola, "A kernel two-sample
       test", Journal of Machine Learning Research 13 (2012) 723-773.
    .. [2] J.-T. Zhang, L. Smaga, "Two-sample test for equal distributions in separate metric
       space: new maximum mean discrepancy based approaches", Electronic Journal of Statistics 16
       (2022) 4090-4132.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cloud, wider = rng.normal(size=(400, 4)), rng.normal(0, 1.4, size=(100, 4))
    >>> frequencies = frequencies_for(cloud, waves=64, seed=0)
    >>> before = mean_map_of(cloud, frequencies)
    >>> there = mean_map_shift(before, rng.normal(size=(100, 4)), frequencies)
    >>> moved = mean_map_shift(before, wider, frequencies)
    >>> there.p_value > 0.05, moved.p_value < 0.001
    (True, True)
    """
    here = np.asarray(points, dtype=np.float64)
    one, two, three = before.traces
    if len(here) < FEWEST or before.n < FEWEST or one <= _NARROW:
        return EmbeddingShift(statistic=nan, p_value=nan)
    from scipy.special import chdtrc

    apart = waves_of(here, frequencies).mean(axis=0) - before.waves
    squared = float(apart @ apart)
    share = 1 / before.n + 1 / len(here)
    expected, variance, third = share * one, 2 * share**2 * two, 8 * share**3 * three
    scale = third / (4 * variance)
    degrees = 8 * variance**3 / third**2
    start = expected - degrees * scale
    reached = max(0.0, (squared - start) / scale)
    return EmbeddingShift(statistic=squared - expected, p_value=float(chdtrc(degrees, reached)))


def movement(before: ArrayLike, points: ArrayLike, *, n: int) -> Movement:
    """Return how far a cloud lies from the mean of another.

    Parameters
    ----------
    before : array_like of float, shape (k,)
        The other's mean.
    points : array_like of float, shape (m, k)
    n : int
        Images of the other.

    Notes
    -----
    The squared distance of two means is too large by the trace of the covariance times 1/m + 1/n,
    which is taken off; a distance of d standard deviations lets a cut half way tell a pair apart
    with chance Phi(d / sqrt 2), if both clouds are normal and as wide as this one.

    References
    ----------
    .. [1] K. O. McGraw, S. P. Wong, "A common language effect size statistic", Psychological
       Bulletin 111 (1992) 361-365.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> far = movement(np.zeros(3), rng.normal([1, 0, 0], 1, size=(500, 3)), n=500)
    >>> f"{far.deviations:.1f} {far.told_apart:.2f}"
    '0.9 0.73'
    """
    here = np.asarray(points, dtype=np.float64)
    if len(here) < FEWEST:
        return Movement(deviations=nan, told_apart=nan)
    from scipy.special import ndtr

    centre = here.mean(axis=0)
    covariance = (here - centre).T @ (here - centre) / (len(here) - 1)
    difference = centre - np.asarray(before, dtype=np.float64)
    length = float(difference @ difference)
    real = max(0.0, length - float(np.trace(covariance)) * (1 / len(here) + 1 / n))
    along = float(difference @ covariance @ difference) / length if length > 0 else 0.0
    deviations = sqrt(real / along) if along > 0 else 0.0
    return Movement(deviations=deviations, told_apart=float(ndtr(deviations / sqrt(2))))
