"""Showing what a file of the format holds, without verifying anything."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .canonical import decode_canonical
from .cose import Signed, parse1
from .errors import BadFolder, SealingError
from .folder import MAX_FILE_BYTES
from .keys import parse_envelope
from .merkle import HEADER_BYTES, leaf_hashes, merkle_root
from .part import plaintext_length
from .record import MAX_OBJECT_BYTES, parse_payload
from .show import Json, plain
from .statement import parse_statement
from .tombstone import parse_tombstone

_SHOWN_ITEMS: Final = 10_000


def inspect(path: Path) -> Json:
    """What the file holds: a signed object, a list of them, an envelope, or sealed bytes.

    Raises BadFolder when it is none of these, OSError when it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_OBJECT_BYTES:
        raise BadFolder(f"{path}: longer than any file of the format")
    data = path.read_bytes()
    for read in (_signed, _list, _envelope, _sealed):
        shown = read(data)
        if shown is not None:
            return shown
    raise BadFolder(
        f"{path}: neither a signed object, nor a list of them, nor an envelope, nor sealed footage"
    )


def _signed(data: bytes) -> Json:
    if data[:1] != b"\xd2":
        return None
    try:
        return _shown(data)
    except SealingError:
        return None


def _shown(data: bytes) -> dict[str, Json]:
    """A signed object by the first kind of payload that fits. Raises SealingError for one that is not well formed."""
    signed = parse1(data)
    kind, content = _content(data, signed)
    return {
        "is": kind,
        "hash": signed.hash.hex(),
        "kid": signed.kid.hex(),
        "bytes": len(data),
        "content": content,
    }


def _content(data: bytes, signed: Signed) -> tuple[str, Json]:
    try:
        return "record", plain(parse_payload(signed.payload))
    except SealingError:
        pass  # not a record: the next kind may fit
    try:
        statement, _ = parse_statement(data)
    except SealingError:
        pass
    else:
        return "statement", {"kind": statement.body.kind.name.lower(), **_map(plain(statement))}
    try:
        return "tombstone", plain(parse_tombstone(data)[0])
    except SealingError:
        return "signed object of another kind", {"payload": signed.payload.hex()}


def _map(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _list(data: bytes) -> Json:
    try:
        value = decode_canonical(data, MAX_FILE_BYTES)
    except SealingError:
        return None
    if not isinstance(value, list) or not all(isinstance(item, bytes) for item in value):
        return None
    items: list[Json] = []
    for item in value[:_SHOWN_ITEMS]:
        assert isinstance(item, bytes)
        try:
            items.append(_shown(item))
        except SealingError as error:
            items.append({"is": "unreadable", "error": error.name, "message": str(error), "bytes": len(item)})
    return {"is": "list of signed objects", "count": len(value), "items": items}


def _envelope(data: bytes) -> Json:
    try:
        info, sealed = parse_envelope(data)
    except SealingError:
        return None
    return {"is": "envelope", "content": plain(info), "sealed_bytes": len(sealed)}


def _sealed(data: bytes) -> Json:
    """Sealed bytes look random: only their length can be told, and what one part of that length would be."""
    if len(data) < HEADER_BYTES:
        return None
    one: Json
    try:
        length = plaintext_length(len(data))
        leaves = leaf_hashes(data)
        one = {"plaintext_bytes": length, "leaves": len(leaves), "root": merkle_root(leaves).hex()}
    except SealingError as error:
        one = {"error": error.name, "message": str(error)}
    return {
        "is": "nothing that can be read without its record; sealed footage looks like this",
        "bytes": len(data),
        "as_one_part": one,
    }
