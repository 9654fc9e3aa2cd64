"""Access tokens as they are written. Pure: what a token looks like, and what is kept of it.

    vsaas_pat_<43 characters: 256 random bits><6 characters: CRC-32 of all before>        digits, A–Z, a–z

The fixed beginning and the checksum let a scanner of source code and logs find a leaked token without asking anybody
(`vsaas_pat_[0-9A-Za-z]{49}`), and let a mistyped one be refused without a look-up. What is kept is a SHA-256: 256 random
bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "vsaas_pat_"
PATTERN = r"vsaas_pat_[0-9A-Za-z]{49}"
HINT_CHARS = len(PREFIX) + 4

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_BYTES = 32
_SECRET_CHARS = 43  # 62^43 > 2^256
_CHECK_CHARS = 6  # 62^6 > 2^32
_WHOLE = re.compile(PATTERN)


def new_token() -> str:
    """A fresh token."""
    body = PREFIX + _written(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_CHARS)
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Whether this reads as a token, checksum included; says nothing of whether it was ever issued."""
    if _WHOLE.fullmatch(text) is None:
        return False
    body, check = text[:-_CHECK_CHARS], text[-_CHECK_CHARS:]
    return _checksum(body) == check


def token_hash(token: str) -> bytes:
    """What is kept of a token: 32 bytes."""
    return hashlib.sha256(b"vsaas-pat-v1" + token.encode()).digest()


def hint_of(token: str) -> str:
    """The beginning of a token, by which its owner tells it from others."""
    return token[:HINT_CHARS]


def _checksum(body: str) -> str:
    return _written(zlib.crc32(body.encode()), _CHECK_CHARS)


def _written(number: int, chars: int) -> str:
    text = ""
    for _ in range(chars):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
