"""Canonical CBOR: RFC 8949 section 4.2.1, cut down to the types of SPEC.md section 1.1.

Encoding uses cbor2 after putting map keys in order ourselves, because its `canonical` option sorts shorter keys first (RFC 7049).
Decoding is our own: a general decoder turns tags into dates, big numbers and expressions before one can refuse them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import cbor2

from .errors import BadField, NotCanonical

CBOR: TypeAlias = "bool | int | bytes | str | list[CBOR] | dict[int, CBOR] | None"
Encodable: TypeAlias = "bool | int | bytes | str | Sequence[Encodable] | Mapping[int, Encodable] | None"

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 16
_INT_END: Final = 1 << 64


def encode_canonical(value: Encodable) -> bytes:
    """The one canonical encoding of `value`.

    Raises BadField for a type, an integer or a depth that the format does not have.
    """
    return cbor2.dumps(_in_order(value, 0))


def _in_order(value: Encodable, depth: int) -> object:
    kind = type(value)
    if value is None or kind is bool or kind is bytes:
        return value
    if isinstance(value, str):
        return _utf8_text(value)
    if isinstance(value, int):
        if not -_INT_END <= value < _INT_END:
            raise BadField("an integer does not fit 64 bits")
        return int(value)
    if depth >= MAX_DEPTH:
        raise BadField(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        if any(type(key) is bool or not isinstance(key, int) for key in value):
            raise BadField("map keys must be integers")
        return {int(key): _in_order(value[key], depth + 1) for key in sorted(value, key=_key_order)}
    if isinstance(value, list | tuple):
        return [_in_order(item, depth + 1) for item in value]
    raise BadField(f"{kind.__name__} has no place in the format")


def _key_order(key: int) -> tuple[bool, int]:
    """Bytewise order of encoded integer keys: 0, 1, 2 … and then −1, −2, −3 …"""
    return (key < 0, key if key >= 0 else -1 - key)


def _utf8_text(value: str) -> str:
    if value.isascii():
        return str(value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadField("text holds a lone surrogate") from error
    return str(value)


def decode_canonical(data: bytes, max_bytes: int = MAX_BYTES) -> CBOR:
    """The value whose canonical encoding is exactly `data`.

    Raises NotCanonical for everything else: other types, tags, floats, longer forms than needed, indefinite lengths, keys out of
    order or twice, bytes after the end, nesting deeper than 16, or more than `max_bytes`.
    """
    if len(data) > max_bytes:
        raise NotCanonical(f"{len(data)} bytes are more than the {max_bytes} allowed")
    try:
        value, end = _item(data, 0, 0)
    except IndexError:
        raise NotCanonical("ends in the middle of an item") from None
    if end != len(data):
        raise NotCanonical(f"{len(data) - end} bytes follow the end")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[CBOR, int]:
    """One item that begins at offset `at`, and the offset after it; IndexError where `data` ends before it does.

    The portal runs this for every field of every record, so the common short forms are read in place.
    """
    first = data[at]
    at += 1
    if first < 24:
        return first, at
    if first >= 0xC0:
        return _simple(first), at
    argument = first & 31
    if argument == 24:
        argument = data[at]
        at += 1
        if argument < 24:
            raise NotCanonical(_NOT_SHORTEST)
    elif argument > 24:
        argument, at = _argument(data, at, argument)
    if first < 0x40:
        return (argument if first < 0x20 else -1 - argument), at
    if first < 0x80:
        end = at + argument
        if end > len(data):
            raise NotCanonical("ends in the middle of a string")
        return (data[at:end] if first < 0x60 else _text(data[at:end])), end
    _check_room(data, at, argument, depth)
    if first < 0xA0:
        return _array(data, at, argument, depth + 1)
    return _map(data, at, argument, depth + 1)


def _simple(first: int) -> CBOR:
    if first == 0xF4:
        return False
    if first == 0xF5:
        return True
    if first == 0xF6:
        return None
    raise NotCanonical("tags, floats, undefined and other simple values have no place in the format")


_NOT_SHORTEST: Final = "a number or length is not in its shortest form"
_MULTI_BYTE: Final = {25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
"""By the low five bits of an item's first byte: bytes of the argument, and the least value that needs as many."""


def _argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    """An argument of two bytes or more (RFC 8949 section 3), and the offset after it."""
    if info > 27:
        raise NotCanonical("indefinite lengths have no place in the format")
    size, least = _MULTI_BYTE[info]
    end = at + size
    if end > len(data):
        raise NotCanonical("ends in the middle of an item")
    value = int.from_bytes(data[at:end], "big")
    if value < least:
        raise NotCanonical(_NOT_SHORTEST)
    return value, end


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotCanonical("text is not UTF-8") from error


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[CBOR, int]:
    items: list[CBOR] = []
    for _ in range(count):
        item, at = _item(data, at, depth)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[CBOR, int]:
    result: dict[int, CBOR] = {}
    before = -1
    for _ in range(count):
        key = data[at]
        if key < 24:
            at += 1
        else:
            item, at = _item(data, at, depth)
            if type(item) is not int:
                raise NotCanonical("map keys must be integers")
            key = item
        rank = key if key >= 0 else _INT_END - key
        if rank <= before:
            raise NotCanonical("map keys are out of order or stand twice")
        before = rank
        result[key], at = _item(data, at, depth)
    return result, at


def _check_room(data: bytes, at: int, items: int, depth: int) -> None:
    """Refuse before building: every item takes at least one byte."""
    if depth >= MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}")
    if items > len(data) - at:
        raise NotCanonical("ends in the middle of an array or map")
