"""base64url without padding (RFC 4648 section 5), as every JSON message carries bytes."""

from __future__ import annotations

import base64
import binascii
import re

from protocol.errors import ProtocolError

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z")


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: object, *, length: int | None = None, what: str = "value") -> bytes:
    """Decode `text`; `length` is the exact number of bytes expected.

    Raises ProtocolError `bad-field` for anything else than unpadded base64url of that length.
    """
    if not isinstance(text, str) or not _ALPHABET.match(text):
        raise ProtocolError("bad-field", f"{what} is not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ProtocolError("bad-field", f"{what} is not base64url") from error
    if encode(data) != text:
        raise ProtocolError("bad-field", f"{what} has stray bits at its end")
    if length is not None and len(data) != length:
        raise ProtocolError("bad-field", f"{what} has {len(data)} bytes, expected {length}")
    return data
