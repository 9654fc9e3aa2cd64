"""Challenges for agents: a nonce names its own time of issue, so nothing is stored until one is used.

Nonce: base64url(issued µs (8) ‖ random (8) ‖ HMAC-SHA-256 truncated to 16). Used once: Redis keeps it until it is too
old to pass anyway. When Redis is away nothing passes.
"""

import hashlib
import hmac
import os
from functools import lru_cache

import redis
from django.conf import settings

from protocol import b64, limits
from protocol.errors import ProtocolError
from vsaas.common import clock
from vsaas.common.errors import StaleNonce, Unavailable
from vsaas.common.redis import client

_BYTES = 32
# Portals of one installation issue nonces for each other; their clocks may differ by this much.
_AHEAD_US = 10_000_000


def fresh_nonce() -> str:
    """A new challenge for the reply header `VSaaS-Nonce` (also for refusals of a WebSocket)."""
    head = clock.now_us().to_bytes(8, "big") + os.urandom(8)
    return b64.encode(head + _tag(head))


def use_nonce(nonce: str) -> None:
    """Takes a nonce once. Raises StaleNonce when it is not ours, too old or used; Unavailable without Redis."""
    try:
        raw = b64.decode(nonce, length=_BYTES, what="nonce")
    except ProtocolError as error:
        raise stale("the nonce is not one of this portal's") from error
    head, tag = raw[:16], raw[16:]
    if not hmac.compare_digest(tag, _tag(head)):
        raise stale("the nonce is not one of this portal's")
    age_us = clock.now_us() - int.from_bytes(head[:8], "big")
    if not -_AHEAD_US <= age_us <= limits.NONCE_SECONDS * 1_000_000:
        raise stale("the nonce is too old")
    if not _first_use(raw):
        raise stale("the nonce was used before")


def stale(detail: str) -> StaleNonce:
    """The error that hands a fresh nonce back; the agent signs again with it, once."""
    return StaleNonce(f"{detail}: sign again with the one in this reply's VSaaS-Nonce header")


def _first_use(raw: bytes) -> bool:
    # Kept longer than a nonce lives by both allowances, so that no clock lets it pass a second time.
    keep_s = limits.NONCE_SECONDS + 2 * (_AHEAD_US // 1_000_000)
    try:
        return bool(client().set(b"vsaas:nonce:" + raw, b"1", nx=True, ex=keep_s))
    except redis.RedisError as error:
        raise Unavailable("cannot check the nonce now: try again in a few seconds") from error


def _tag(head: bytes) -> bytes:
    return hmac.digest(_key(settings.SECRET_KEY), head, hashlib.sha256)[:16]


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"vsaas-agent-nonce-v1" + secret.encode()).digest()
