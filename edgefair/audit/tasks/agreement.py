"""Agreement beyond shares: weighted kappa, mean recall over classes, and what lacks to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Estimates
from edgefair.audit.intervals import wilson_limits
from edgefair.audit.tasks.means import student_quantile

__all__ = ["Kappas", "Lack", "MeanRecalls"]

_Limits: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
_Quantile: TypeAlias = float | NDArray[np.float64]
_CLOSEST = 1 - 1e-12


@dataclass(frozen=True, slots=True)
class Kappas:
    """Quadratic weighted kappa in k groups.

    With population moments it is ``1 - mean((a - b)^2) / (var a + var b + (mean a - mean b)^2)``,
    which is also Lin's concordance coefficient. The limits are Student's on Fisher's scale with
    the jackknife's error: asymptotic; with 10 to 20 cases on five grades 95 % limits hold in 93
    to 97 % of simulated samples. Of cases that agree without exception, the lower limit is the
    exact one of "no disagreement in n", each unseen one counted as the widest there could be.

    Attributes
    ----------
    kappa : ndarray of float64, shape (k,)
        In [-1, 1]; nan where all grades are alike, or would be but for a single case.
    error : ndarray of float64, shape (k,)
        Standard error of kappa by the jackknife.
    widest : ndarray of float64, shape (k,)
        What a case adds to ``1 - kappa`` at most: the scale's span, squared, over what chance
        alone would show.
    n : ndarray of int64, shape (k,)

    References
    ----------
    .. [1] J. Cohen, "Weighted kappa", Psychological Bulletin 70 (1968) 213-220.
    .. [2] L. I. Lin, "A concordance correlation coefficient to evaluate reproducibility",
       Biometrics 45 (1989) 255-268.
    .. [3] J. W. Tukey, "Bias and confidence in not-quite large samples", Annals of Mathematical
       Statistics 29 (1958) 614.

    Examples
    --------
    >>> found = Kappas.of(np.array([0, 0, 1, 2, 2, 3]), np.array([0, 1, 1, 2, 1, 3]), span=3)
    >>> f"{found.estimate[0]:.3f}"
    '0.842'
    """

    kappa: NDArray[np.float64]
    error: NDArray[np.float64]
    widest: NDArray[np.float64]
    n: NDArray[np.int64]

    @classmethod
    def of(cls, first: NDArray[np.int64], second: NDArray[np.int64], *, span: float) -> Self:
        """Return the kappa of one group, as k = 1.

        Parameters
        ----------
        first, second : ndarray of int64, shape (n,)
            Grades of the same cases.
        span : float
            Highest grade of the scale less the lowest.
        """
        n = len(first)
        a, b = (grades.astype(np.float64) for grades in (first, second))
        sums = np.array([a.sum(), b.sum(), (a * a + b * b).sum(), ((a - b) ** 2).sum()])
        each = np.array([a, b, a * a + b * b, (a - b) ** 2])
        (kappa,), (chance,) = _kappa(sums[:, np.newaxis], n)
        without, _ = _kappa(sums[:, np.newaxis] - each, n - 1)
        spread = float(np.sum((without - without.mean()) ** 2)) if n else np.nan
        error = np.sqrt((n - 1) / n * spread) if n > 1 else np.nan
        kappa = kappa if np.isfinite(error) else np.nan
        widest = span**2 / chance if np.isfinite(kappa) else np.nan
        return cls(
            np.array([kappa], dtype=np.float64),
            np.array([error], dtype=np.float64),
            np.array([widest], dtype=np.float64),
            np.array([n]),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            np.concatenate([part.kappa for part in parts]),
            np.concatenate([part.error for part in parts]),
            np.concatenate([part.widest for part in parts]),
            np.concatenate([part.n for part in parts]),
        )

    @property
    def estimate(self) -> NDArray[np.float64]:
        """Kappa."""
        return self.kappa

    def limits(self, z: _Quantile) -> _Limits:
        """Return the lower and upper limits at the normal quantile `z`; nan without estimate."""
        from scipy.special import log_ndtr

        kappa = np.clip(self.kappa, -_CLOSEST, _CLOSEST)
        half = student_quantile(z, self.n - 1.0) * self.error / (1 - kappa**2)
        agreeing = self.kappa >= _CLOSEST
        unseen = -np.expm1(log_ndtr(-np.asarray(z)) / np.maximum(self.n, 1))
        lower = np.where(
            agreeing,
            np.maximum(-1, 1 - unseen * self.widest),
            np.tanh(np.arctanh(kappa) - half),
        )
        upper = np.where(agreeing, 1.0, np.tanh(np.arctanh(kappa) + half))
        return np.minimum(lower, self.kappa), np.maximum(upper, self.kappa)


def _kappa(sums: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return kappa, nan where chance alone would show no disagreement, and that of chance.

    `sums`, of shape (4, m), are those of a, b, a^2 + b^2 and (a - b)^2 over `n` cases.
    """
    n = max(n, 1)
    of_a, of_b, of_squares, of_apart = sums / n
    chance = of_squares - 2 * of_a * of_b
    # a scale of whole grades: whatever is below this is rounding
    known = chance > 1e-9
    return np.where(known, 1 - of_apart / np.where(known, chance, 1), np.nan), chance


@dataclass(frozen=True, slots=True)
class MeanRecalls:
    """The mean over c classes of the share found of each, in k groups: macro recall.

    Each class counts alike, however rare. Wilson's limits of the classes are combined by squares.

    Attributes
    ----------
    hits, cases : ndarray of int64, shape (k, c)

    References
    ----------
    .. [1] G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a
       general approach", Statistics in Medicine 27 (2008) 1693-1702.

    Examples
    --------
    >>> MeanRecalls(np.array([[9, 1]]), np.array([[10, 2]])).estimate.tolist()
    [0.7]
    """

    hits: NDArray[np.int64]
    cases: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            np.concatenate([part.hits for part in parts]),
            np.concatenate([part.cases for part in parts]),
        )

    @property
    def n(self) -> NDArray[np.int64]:
        """Cases of each group."""
        return np.asarray(self.cases.sum(axis=1), dtype=np.int64)

    @property
    def estimate(self) -> NDArray[np.float64]:
        """The mean; nan where any class has no case, as it could not be compared with others."""
        means = (self.hits / np.maximum(self.cases, 1)).mean(axis=1)
        return np.where((self.cases > 0).all(axis=1), means, np.nan)

    def limits(self, z: _Quantile) -> _Limits:
        """Return the lower and upper limits at the normal quantile `z`; nan without estimate."""
        quantile = np.asarray(z)[..., np.newaxis] if np.ndim(z) else z
        lower, upper = wilson_limits(self.hits, self.cases, quantile)
        shares = self.hits / np.maximum(self.cases, 1)
        below = np.sqrt(np.sum((shares - lower) ** 2, axis=1)) / shares.shape[1]
        above = np.sqrt(np.sum((upper - shares) ** 2, axis=1)) / shares.shape[1]
        return np.maximum(self.estimate - below, 0), np.minimum(self.estimate + above, 1)


@dataclass(frozen=True, slots=True)
class Lack:
    """What a measure of agreement lacks to 1: an error, larger for worse.

    Examples
    --------
    >>> agreed = MeanRecalls(np.array([[9, 1]]), np.array([[10, 2]]))
    >>> f"{Lack(agreed).estimate[0]:.1f}"
    '0.3'
    """

    of: Estimates

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one; all lack the same measure."""
        return cls(parts[0].of.joined([part.of for part in parts]))

    @property
    def n(self) -> NDArray[np.int64]:
        """Cases of each group."""
        return self.of.n

    @property
    def estimate(self) -> NDArray[np.float64]:
        """What lacks to 1."""
        return 1 - self.of.estimate

    def limits(self, z: _Quantile) -> _Limits:
        """Return the lower and upper limits at the normal quantile `z`."""
        lower, upper = self.of.limits(z)
        return 1 - upper, 1 - lower
