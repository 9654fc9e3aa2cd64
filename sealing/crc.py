"""CRC-32C (Castagnoli), as S3 checks it at upload, and joining the sums of parts that were sealed side by side."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import google_crc32c

_POLYNOMIAL: Final = 0x82F63B78
_ONE: Final = 1 << 31


def crc32c(data: bytes, before: int = 0) -> int:
    """CRC-32C of `data`, going on from `before`."""
    return int(google_crc32c.extend(before, data))


def combine(first: int, second: int, second_length: int) -> int:
    """CRC of two byte strings one after the other, from their CRCs and the length in bytes of the second.

    A CRC is a polynomial over GF(2): appending n bytes multiplies what came before by x^(8n) modulo the generator.
    """
    return _multiply(_x_to_bytes(second_length), first) ^ second


def _multiply(left: int, right: int) -> int:
    """Product of two polynomials modulo the generator, both in the reflected form (bit 31 is x^0)."""
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return product


@lru_cache(maxsize=64)
def _x_to_power_of_two(exponent: int) -> int:
    """x^(8·2^exponent) modulo the generator."""
    if exponent == 0:
        return _ONE >> 8
    half = _x_to_power_of_two(exponent - 1)
    return _multiply(half, half)


def _x_to_bytes(count: int) -> int:
    """x^(8·count) modulo the generator."""
    result = _ONE
    for exponent in range(count.bit_length()):
        if count >> exponent & 1:
            result = _multiply(_x_to_power_of_two(exponent), result)
    return result
