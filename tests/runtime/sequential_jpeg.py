"""A JPEG decoder that shares nothing with the package's: slow, in floating point, to check it.

Written from ITU-T T.81: sequential DCT with Huffman coding (processes 1 to 4), one component,
8 or 12 bits, no restarts.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

import numpy as np
from numpy.typing import NDArray

SIDE = 8
LAST = 63
Codes = dict[tuple[int, int], int]


def decode_jpeg(stream: bytes) -> NDArray[np.float64]:
    """Return the samples, shape (h, w), neither rounded nor clipped."""
    quantisation: dict[int, NDArray[np.float64]] = {}
    codes: dict[int, Codes] = {}
    precision = height = width = table = 0
    for marker, body, after in _segments(stream):
        if marker == 0xDB:
            quantisation |= _quantisation(body)
        elif marker == 0xC4:
            codes |= _huffman(body)
        elif marker in (0xC0, 0xC1):
            precision, height, width, _, _, _, table = unpack_from(">BHHBBBB", body)
        elif marker == 0xDA:
            dc, ac = codes[body[2] >> 4], codes[0x10 | body[2] & 15]
            blocks = _blocks(_bits(stream, after), dc, ac, -(-height // 8) * -(-width // 8))
            break
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    shaped = blocks * quantisation[table]
    square = np.zeros((rows * columns, SIDE * SIDE))
    square[:, _zigzag()] = shaped
    basis = _cosines()
    spatial = basis.T @ square.reshape(-1, SIDE, SIDE) @ basis
    image = spatial.reshape(rows, columns, SIDE, SIDE).swapaxes(1, 2)
    image = image.reshape(rows * SIDE, columns * SIDE)[:height, :width]
    return np.asarray(image + (1 << (precision - 1)))


def _segments(stream: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, content and where the next segment begins (T.81, B.1.1.4)."""
    position = 2
    while True:
        marker, length = unpack_from(">xBH", stream, position)
        after = position + 2 + length
        yield marker, stream[position + 4 : after], after
        position = after


def _quantisation(body: bytes) -> dict[int, NDArray[np.float64]]:
    """Return the tables by number, in zigzag order (B.2.4.1)."""
    tables, position = {}, 0
    while position < len(body):
        wide, number = body[position] >> 4, body[position] & 15
        values = np.frombuffer(body, ">u2" if wide else "u1", 64, position + 1)
        tables[number] = values.astype(np.float64)
        position += 1 + values.nbytes
    return tables


def _huffman(body: bytes) -> dict[int, Codes]:
    """Return symbols by length and code, the tables by class and number (B.2.4.2, C.2)."""
    tables, position = {}, 0
    while position < len(body):
        counts = body[position + 1 : position + 17]
        symbols = iter(body[position + 17 : position + 17 + sum(counts)])
        code, codes = 0, {}
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                codes[length, code] = next(symbols)
                code += 1
            code <<= 1
        tables[body[position]] = codes
        position += 17 + sum(counts)
    return tables


def _bits(stream: bytes, position: int) -> Iterator[int]:
    """Yield the bits of the entropy-coded segment, then zeros (F.2.2.5)."""
    while True:
        byte = stream[position]
        if byte == 0xFF and stream[position + 1] != 0:
            break
        position += 2 if byte == 0xFF else 1
        yield from (byte >> shift & 1 for shift in range(7, -1, -1))
    while True:
        yield 0


def _symbol(bits: Iterator[int], codes: Codes) -> int:
    code = 0
    for length in range(1, 17):
        code = code << 1 | next(bits)
        if (length, code) in codes:
            return codes[length, code]
    raise ValueError("no such Huffman code")


def _extended(bits: Iterator[int], size: int) -> int:
    """Return the signed number in the next `size` bits (F.2.2.1)."""
    value = 0
    for _ in range(size):
        value = value << 1 | next(bits)
    return value if size == 0 or value >> (size - 1) else value - (1 << size) + 1


def _blocks(bits: Iterator[int], dc: Codes, ac: Codes, count: int) -> NDArray[np.float64]:
    """Return the coefficients, shape (count, 64), in zigzag order (F.2.1, F.2.2)."""
    blocks, previous = np.zeros((count, LAST + 1)), 0
    for block in blocks:
        previous += _extended(bits, _symbol(bits, dc))
        block[0] = previous
        index = 0
        while index < LAST:
            run, size = divmod(_symbol(bits, ac), 16)
            if size == 0 and run < 15:
                break
            index += run + 1
            block[index] = _extended(bits, size)
    return blocks


def _zigzag() -> list[int]:
    """Return where in the square each coefficient lies (A.3.6)."""
    places = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    places.sort(key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
    return [row * SIDE + column for row, column in places]


def _cosines() -> NDArray[np.float64]:
    """Return the basis, shape (frequency, sample) (A.3.3)."""
    frequency, sample = np.arange(SIDE)[:, None], np.arange(SIDE)
    basis = np.cos((2 * sample + 1) * frequency * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)
