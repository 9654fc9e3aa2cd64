"""Reading decoded CBOR with clear refusals: each reader names the field it could not read."""

from __future__ import annotations

import uuid
from typing import Any

from protocol.errors import ProtocolError


def bad(what: str, expected: str) -> ProtocolError:
    return ProtocolError("bad-field", f"{what} is not {expected}")


def array(value: object, what: str, *, length: int | None = None, most: int | None = None) -> list[Any]:
    if not isinstance(value, list):
        raise bad(what, "an array")
    if length is not None and len(value) != length:
        raise bad(what, f"an array of {length}")
    if most is not None and len(value) > most:
        raise ProtocolError("too-large", f"{what} has {len(value)} entries, at most {most} are taken")
    return value


def mapping(value: object, what: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise bad(what, "a map")
    return value


def data(value: object, what: str, *, length: int | None = None, most: int | None = None) -> bytes:
    if not isinstance(value, bytes):
        raise bad(what, "a byte string")
    if length is not None and len(value) != length:
        raise bad(what, f"{length} bytes")
    if most is not None and len(value) > most:
        raise ProtocolError("too-large", f"{what} has {len(value)} bytes, at most {most} are taken")
    return value


def uint(value: object, what: str, *, most: int = 2**63 - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise bad(what, f"an integer from 0 to {most}")
    return value


def boolean(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise bad(what, "true or false")
    return value


def text(value: object, what: str, *, most: int = 200) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise bad(what, f"a text of at most {most} characters")
    return value


def uid(value: object, what: str) -> uuid.UUID:
    return uuid.UUID(bytes=data(value, what, length=16))
