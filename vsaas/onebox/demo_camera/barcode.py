"""The machine-readable wall clock in the demo camera's picture: one row of black and white blocks.

Layout, all positions as fractions of the picture's width and height, from the top left corner:

- The row lies in x from 0.1 to 0.9 and y from 8/9 (0.8889) to 43/45 (0.9556).
- It holds 64 blocks of equal width (0.0125 of the picture), without spaces between them. White is 1.
- Blocks 0 to 2 are the start marker ``1 0 1``; blocks 61 to 63 are the end marker ``0 1 1``.
- Blocks 3 to 44 are 42 bits, most significant first: milliseconds since 1970-01-01T00:00:00Z
  (enough until the year 2109).
- Blocks 45 to 60 are 16 bits, most significant first: CRC-16/CCITT-FALSE (polynomial 0x1021, start
  0xFFFF, no reflection, no final xor) over the 42-bit number written as 6 bytes, big-endian.

To read it anywhere (a canvas, a screenshot), for a picture of W x H pixels:

1. For block i take the pixels with ``x`` in ``W * (0.1 + 0.0125 * (i + 0.25))`` to
   ``W * (0.1 + 0.0125 * (i + 0.75))`` and ``y`` in ``H * (8/9 + 1/60)`` to ``H * (8/9 + 3/60)``,
   at least one pixel each way, and average their grey values: ``v[i]``.
2. ``white = (v[0] + v[2] + v[62] + v[63]) / 4``, ``black = (v[1] + v[61]) / 2``. Give up when
   ``white - black`` is less than 48 of 255.
3. ``t = (v[i] - black) / (white - black)``: bit 1 when t > 0.6, bit 0 when t < 0.4, else give up.
4. Check the markers and the CRC; give up when they do not hold.

In JavaScript 42 bits do not fit the bit operators: add up with ``n = n * 2 + bit``. Screenshots must be
cropped to the picture first (no letterbox, no page around it). The row stays readable down to a picture
about 256 pixels wide.
"""

import binascii

import numpy as np
import numpy.typing as npt

LEFT = 0.1
WIDTH = 0.8
TOP = 8 / 9
HEIGHT = 1 / 15
BLOCKS = 64
START_MARKER = (1, 0, 1)
END_MARKER = (0, 1, 1)
TIME_BITS = 42
CRC_BITS = 16
MINIMUM_CONTRAST = 48.0

Pixels = npt.NDArray[np.uint8]


class BarcodeUnreadable(ValueError):
    """The picture holds no readable time row: no markers, too little contrast, or a wrong checksum."""


def _bits(number: int, count: int) -> tuple[int, ...]:
    return tuple((number >> shift) & 1 for shift in range(count - 1, -1, -1))


def _number(bits: list[int]) -> int:
    total = 0
    for bit in bits:
        total = total * 2 + bit
    return total


def _crc(utc_ms: int) -> int:
    return binascii.crc_hqx(utc_ms.to_bytes(6, "big"), 0xFFFF)


def blocks(utc_ms: int) -> tuple[int, ...]:
    """Return the 64 blocks (1 is white) for a time in milliseconds since 1970 UTC.

    Raises ValueError when the time does not fit 42 bits.
    """
    if not 0 <= utc_ms < 1 << TIME_BITS:
        raise ValueError(f"cannot draw the time {utc_ms} ms: it does not fit {TIME_BITS} bits")
    return START_MARKER + _bits(utc_ms, TIME_BITS) + _bits(_crc(utc_ms), CRC_BITS) + END_MARKER


def block_edges(width: int) -> list[int]:
    """Return the 65 x positions (pixels) where blocks begin and end in a picture of this width."""
    return [round(width * (LEFT + WIDTH * i / BLOCKS)) for i in range(BLOCKS + 1)]


def draw(array: Pixels, utc_ms: int, *, black: int = 0, white: int = 255) -> None:
    """Draw the row for `utc_ms` into `array`, in place.

    `array` is the whole picture, (height, width) grey or luma, or (height, width, 3) RGB, uint8. For a
    limited-range luma plane pass black=16, white=235. Raises ValueError when the time does not fit.
    """
    height, width = array.shape[:2]
    edges = block_edges(width)
    row = np.empty(edges[-1] - edges[0], dtype=np.uint8)
    for i, bit in enumerate(blocks(utc_ms)):
        row[edges[i] - edges[0] : edges[i + 1] - edges[0]] = white if bit else black
    top, bottom = round(height * TOP), round(height * (TOP + HEIGHT))
    array[top:bottom, edges[0] : edges[-1]] = row if array.ndim == 2 else row[:, np.newaxis]


def _block_values(array: Pixels) -> list[float]:
    height, width = array.shape[:2]
    top = int(height * (TOP + HEIGHT / 4))
    bottom = max(top + 1, int(height * (TOP + HEIGHT * 3 / 4)))
    cell = width * WIDTH / BLOCKS
    values = []
    for i in range(BLOCKS):
        left = int(width * LEFT + cell * (i + 0.25))
        right = max(left + 1, int(width * LEFT + cell * (i + 0.75)))
        values.append(float(array[top:bottom, left:right, ...].mean()))
    return values


def read(array: Pixels) -> int:
    """Read the time row from a whole picture and return milliseconds since 1970 UTC.

    `array` is (height, width) grey, or (height, width, 3) RGB, uint8, of any size from about 256 pixels
    wide. An alpha channel must be removed first. Raises BarcodeUnreadable when anything does not hold;
    a wrong time passes the checksum with a chance of 1 in 65536.
    """
    if array.ndim not in (2, 3) or array.shape[0] < 1 or array.shape[1] < BLOCKS:
        raise BarcodeUnreadable(f"cannot read the time: {array.shape} is not a picture")
    values = _block_values(array)
    white = (values[0] + values[2] + values[62] + values[63]) / 4
    black = (values[1] + values[61]) / 2
    if white - black < MINIMUM_CONTRAST:
        raise BarcodeUnreadable(f"cannot read the time: contrast {white - black:.0f} of 255 is too low")
    bits = []
    for i, value in enumerate(values):
        share = (value - black) / (white - black)
        if 0.4 <= share <= 0.6:
            raise BarcodeUnreadable(f"cannot read the time: block {i} is neither black nor white")
        bits.append(1 if share > 0.6 else 0)
    if tuple(bits[:3]) != START_MARKER or tuple(bits[-3:]) != END_MARKER:
        raise BarcodeUnreadable("cannot read the time: the markers are missing")
    utc_ms = _number(bits[3 : 3 + TIME_BITS])
    if _number(bits[3 + TIME_BITS : 3 + TIME_BITS + CRC_BITS]) != _crc(utc_ms):
        raise BarcodeUnreadable("cannot read the time: the checksum does not match")
    return utc_ms
