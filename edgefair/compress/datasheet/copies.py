"""The same picture more than once: by its bytes, or by what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefair.compress.datasheet.looks import THUMB_PX, Looks

__all__ = ["MOST_BITS", "SAME_DETAIL", "Copies", "find_copies", "joined"]

MOST_BITS: Final = 8
"""Hash bits, of 64, in which two candidates may differ.

Measured on 100 chest radiographs stored anew (JPEG at quality 20 and 50, sides from 96 to 512
pixels, brightness, contrast, gamma, noise): at most 8. It only picks candidates: of 500,000
pairs of different radiographs 26 are as near.
"""

SAME_DETAIL: Final = 0.95
"""Correlation of fine detail from which two candidates show the same picture.

Measured as above: at least .987 for a picture stored anew, at most .89 for any two different
pictures, the same patient's included. Without its smooth part, since all chests are alike there:
on whole thumbnails different patients reach .96.
"""

_DETAIL_SIGMA: Final = 2.0
_BLOCK: Final = 1024

_Pairs: TypeAlias = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Which images show the same picture.

    Attributes
    ----------
    exact : ndarray of int64, shape (n,)
        Smallest index of an image with the same bytes; the own one where there is no other.
    same : ndarray of int64, shape (n,)
        Smallest index of an image with the same picture, by bytes or by a chain of near pairs.
    first, second : ndarray of int64, shape (pairs,)
        Near pairs, among images of different bytes.
    hamming : ndarray of int64, shape (pairs,)
    correlation : ndarray of float32, shape (pairs,)
    """

    exact: NDArray[np.int64] = field(repr=False)
    same: NDArray[np.int64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    second: NDArray[np.int64] = field(repr=False)
    hamming: NDArray[np.int64] = field(repr=False)
    correlation: NDArray[np.float32] = field(repr=False)


def find_copies(looks: Looks) -> Copies:
    """Return which of the images show the same picture.

    Hashes are compared block by block, every pair of them, so that no copy hides between bands;
    candidates are then compared by the correlation of their fine detail.
    """
    exact = _by_digest(looks)
    kept = np.flatnonzero(looks.readable & (exact == np.arange(len(looks))))
    firsts, seconds = _candidates(looks.hashes[kept])
    correlation = _detail_correlation(looks.thumbs[kept], firsts, seconds)
    is_same = correlation >= SAME_DETAIL
    first, second = kept[firsts[is_same]], kept[seconds[is_same]]
    hamming = np.bitwise_count(looks.hashes[first] ^ looks.hashes[second])
    return Copies(
        exact=exact,
        same=joined(exact, first, second),
        first=first,
        second=second,
        hamming=hamming.astype(np.int64),
        correlation=correlation[is_same],
    )


def joined(
    roots: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the smallest index that each index is linked to by any chain of pairs.

    Examples
    --------
    >>> joined(np.arange(5), np.array([3, 1]), np.array([4, 3])).tolist()
    [0, 1, 2, 1, 1]
    """
    parents = roots.tolist()

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    return np.array([root(place) for place in range(len(parents))], dtype=np.int64)


def _by_digest(looks: Looks) -> NDArray[np.int64]:
    seen: dict[str, int] = {}
    return np.array(
        [seen.setdefault(d, i) if d else i for i, d in enumerate(looks.digests)], dtype=np.int64
    )


def _candidates(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs, first < second, whose hashes are near, in blocks that fit the cache."""
    found: _Pairs = [(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))]
    for top in range(0, len(hashes), _BLOCK):
        rows = hashes[top : top + _BLOCK, np.newaxis]
        for left in range(top, len(hashes), _BLOCK):
            near = np.bitwise_count(rows ^ hashes[left : left + _BLOCK]) <= MOST_BITS
            first, second = np.nonzero(near)
            ordered = first + top < second + left
            found.append((first[ordered] + top, second[ordered] + left))
    firsts, seconds = zip(*found, strict=True)
    return np.concatenate(firsts), np.concatenate(seconds)


def _detail_correlation(
    thumbs: NDArray[np.uint8], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.float32]:
    correlation = np.zeros(len(first), dtype=np.float32)
    for start in range(0, len(first), _BLOCK):
        part = slice(start, start + _BLOCK)
        product = _detail(thumbs[first[part]]) * _detail(thumbs[second[part]])
        correlation[part] = product.sum(axis=1)
    return correlation


def _detail(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return each thumbnail less its smooth part, of mean 0 and length 1, shape (n, pixels)."""
    sharp = thumbs.astype(np.float32)
    smooth = [cv2.GaussianBlur(one, (0, 0), _DETAIL_SIGMA) for one in sharp]
    detail = (sharp - np.array(smooth)).reshape(-1, THUMB_PX * THUMB_PX)
    detail -= detail.mean(axis=1, keepdims=True)
    length = np.linalg.norm(detail, axis=1, keepdims=True)
    return np.asarray(detail / np.maximum(length, 1e-6), dtype=np.float32)
