"""Embeddings made small: a few numbers an image, by the same arithmetic before release and here.

What a site keeps of an image beside its scores must be small, and must mean the same on every
computer; so what makes it small comes with the bundle, and each vector is kept with its name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SIZE", "Projection", "unpacked"]

SIZE: Final = 16
"""Numbers that are kept of an image: 32 bytes."""

_LARGEST: Final = 6e4
"""Of a float16, nearly."""

_LEAST_REST: Final = 1e-12

_FLAT: Final = 0.01
"""Standard deviation, as a share of the largest, below which a dimension is left out."""

_Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """From an embedding of d numbers to k.

    Attributes
    ----------
    centre : ndarray of float32, shape (d,)
    directions : ndarray of float32, shape (k, d), or (k - 1, d) with a rest
    scales : ndarray of float32, shape of the directions' first
        What each coordinate is multiplied by.
    rest : (float, float) or None
        Where the last number tells how far the embedding lies from the directions' span: mean
        of the logarithm of the squared distance, and what it is multiplied by. Images of a kind
        never seen are often far from what images vary by, and not along it. The directions are
        orthonormal then.

    References
    ----------
    .. [1] J. E. Jackson, G. S. Mudholkar, "Control procedures for residuals associated with
       principal component analysis", Technometrics 21 (1979) 341-349.
    """

    centre: _Floats = field(repr=False)
    directions: _Floats = field(repr=False)
    scales: _Floats = field(repr=False)
    rest: tuple[float, float] | None

    @classmethod
    def by_signs(cls, mean: ArrayLike, std: ArrayLike) -> Self:
        """Return the projection for a bundle that brings none: sums with signs by lot.

        The signs are the bits of SHA-256, so that they are the same on every computer and in
        every version. Distances between embeddings are kept as well as so few numbers can, but
        nothing is known of what images mostly vary by.

        Parameters
        ----------
        mean, std : array_like of float, shape (d,)
            Of the reference's embeddings.

        References
        ----------
        .. [1] D. Achlioptas, "Database-friendly random projections: Johnson-Lindenstrauss with
           binary coins", Journal of Computer and System Sciences 66 (2003) 671-687.

        Examples
        --------
        >>> made = Projection.by_signs(np.zeros(96), np.ones(96))
        >>> made.of(np.ones((2, 96))).shape, made.name
        ((2, 16), '2098cfc0')
        """
        spread = np.nan_to_num(np.asarray(std, dtype=np.float64), posinf=0.0)
        varies = spread > _FLAT * spread.max(initial=0.0)
        weights = (
            np.where(varies, 1 / np.where(varies, spread, 1), 0) / max(1, varies.sum()) ** 0.5
        )
        return cls(
            centre=np.nan_to_num(np.asarray(mean, dtype=np.float32)),
            directions=(_signs(SIZE, len(spread)) * weights).astype(np.float32),
            scales=np.ones(SIZE, np.float32),
            rest=None,
        )

    @property
    def name(self) -> str:
        """What tells this projection from every other, 8 hexadecimal digits."""
        told = hashlib.sha256(repr((self.directions.shape, self.rest)).encode())
        for array in (self.centre, self.directions, self.scales):
            told.update(array.astype("<f4").tobytes())
        return told.hexdigest()[:8]

    def of(self, embeddings: ArrayLike) -> NDArray[np.float32]:
        """Return the small embeddings, shape (n, k), of embeddings of shape (n, d)."""
        centred = np.asarray(embeddings, dtype=np.float32) - self.centre
        along = centred @ self.directions.T
        made = along * self.scales
        if self.rest is not None:
            mean, scale = self.rest
            left = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
            far = (np.log(np.maximum(left, _LEAST_REST)) - mean) * scale
            made = np.column_stack([made, far])
        return np.asarray(np.clip(made, -_LARGEST, _LARGEST), dtype=np.float32)

    def packed(self, embedding: ArrayLike) -> bytes:
        """Return the small embedding of one image, shape (d,), as it is kept; see `unpacked`."""
        small: bytes = self.of(np.asarray(embedding)[np.newaxis])[0].astype("<f2").tobytes()
        return small


def unpacked(vector: bytes) -> NDArray[np.float32]:
    r"""Return a small embedding that was kept, shape (k,).

    Examples
    --------
    >>> unpacked(b"\x00<\x00\xc0").tolist()
    [1.0, -2.0]
    """
    return np.frombuffer(vector, dtype="<f2").astype(np.float32)


def _signs(rows: int, columns: int) -> NDArray[np.float64]:
    """Return -1 and 1 by lot, shape (rows, columns)."""
    count = -(-rows * columns // 256)
    drawn = b"".join(hashlib.sha256(b"edgefair signs %d" % i).digest() for i in range(count))
    bits = np.unpackbits(np.frombuffer(drawn, np.uint8))[: rows * columns]
    return 2.0 * bits.reshape(rows, columns).astype(np.float64) - 1.0
