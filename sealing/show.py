"""Format objects as plain JSON values, for `inspect` and for the vectors."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TypeAlias

from .record import Record

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


def plain(value: object) -> Json:
    """`value` with ids as UUID text, bytes as hex, enums as their numbers.

    Dataclasses become maps by field name, records with their kind besides. Raises TypeError for anything else.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if is_dataclass(value):
        result = {item.name: plain(getattr(value, item.name)) for item in fields(value)}
        return {"kind": value.kind.name.lower(), **result} if isinstance(value, Record) else result
    raise TypeError(f"{type(value).__name__} has no plain form")
