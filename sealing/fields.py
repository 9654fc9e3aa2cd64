"""Reading maps field by field, so that each parser states its fields, limits and errors in one place. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final, TypeVar

from .canonical import CBOR
from .errors import BadField, UnknownCritical

T = TypeVar("T")
MAX_INT: Final = (1 << 63) - 1
MAX_TIME_US: Final = 253_402_300_800_000_000 - 1
"""The last microsecond of the year 9999: later times have no object name."""
_ABSENT: Final = object()


class Fields:
    """The fields of one decoded map, taken one by one; `done()` refuses what is left over.

    Every reader raises BadField, naming the object and the key, when the field is absent, of another type or outside its limits.
    """

    def __init__(self, value: CBOR, what: str) -> None:
        if not isinstance(value, dict):
            raise BadField(f"{what}: not a map")
        self._left = value.copy()
        self._what = what

    def __contains__(self, key: int) -> bool:
        return key in self._left

    def take(self, key: int) -> CBOR:
        """The raw value of `key`."""
        try:
            return self._left.pop(key)
        except KeyError:
            raise self.fail(key, "is missing") from None

    def fail(self, key: int, why: str) -> BadField:
        """The error to raise for field `key`."""
        return BadField(f"{self._what}: field {key} {why}")

    def _refused(self, key: int, value: object, why: str) -> BadField:
        return self.fail(key, "is missing" if value is _ABSENT else why)

    def integer(self, key: int, low: int = 0, high: int = MAX_INT) -> int:
        value = self._left.pop(key, _ABSENT)
        if type(value) is int and low <= value <= high:
            return value
        raise self._refused(key, value, f"must be an integer from {low} to {high}")

    def time_us(self, key: int) -> int:
        """UTC microseconds since 1970, at most the year 9999."""
        return self.integer(key, 0, MAX_TIME_US)

    def octets(self, key: int, length: int) -> bytes:
        value = self._left.pop(key, _ABSENT)
        if type(value) is bytes and len(value) == length:
            return value
        raise self._refused(key, value, f"must be {length} bytes")

    def blob(self, key: int, low: int, high: int) -> bytes:
        value = self.take(key)
        if type(value) is not bytes or not low <= len(value) <= high:
            raise self.fail(key, f"must be {low} to {high} bytes")
        return value

    def text(self, key: int, max_bytes: int) -> str:
        value = self.take(key)
        if type(value) is not str or len(value.encode()) > max_bytes:
            raise self.fail(key, f"must be text of at most {max_bytes} bytes")
        return value

    def uuid(self, key: int) -> uuid.UUID:
        return uuid.UUID(int=int.from_bytes(self.octets(key, 16), "big"))

    def array(self, key: int, low: int = 0, high: int = 65536) -> list[CBOR]:
        value = self.take(key)
        if type(value) is not list or not low <= len(value) <= high:
            raise self.fail(key, f"must be an array of {low} to {high} items")
        return value

    def optional(self, key: int, read: Callable[[int], T]) -> T | None:
        """`read(key)` when the field is there, else None."""
        return read(key) if key in self._left else None

    def done(self) -> dict[int, CBOR]:
        """Refuse unknown critical keys (UnknownCritical) and give the ignorable extensions (keys < 0)."""
        for key in self._left:
            if key >= 0:
                raise UnknownCritical(f"{self._what}: field {key} is not known to this version")
        return self._left


def integer(value: CBOR, what: str, low: int = 0, high: int = MAX_INT) -> int:
    """`value` as an integer in [low, high]; raises BadField."""
    if type(value) is not int or not low <= value <= high:
        raise BadField(f"{what} must be an integer from {low} to {high}")
    return value


def octets(value: CBOR, what: str, length: int) -> bytes:
    """`value` as exactly `length` bytes; raises BadField."""
    if not isinstance(value, bytes) or len(value) != length:
        raise BadField(f"{what} must be {length} bytes")
    return value


def array(value: CBOR, what: str, low: int, high: int) -> list[CBOR]:
    """`value` as an array of `low` to `high` items; raises BadField."""
    if not isinstance(value, list) or not low <= len(value) <= high:
        raise BadField(f"{what} must be an array of {low} to {high} items")
    return value
