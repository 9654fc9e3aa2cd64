"""What an approval covers. Pure.

digest = SHA-256("vsaas-approval-v1" ‖ canonical CBOR of [1, tenant (16 bytes), request (16 bytes), act, [[name, value], …]
of the parameters, [[object, version], …], reason, requester (16 bytes), session (16 bytes), expires at µs]), pairs sorted
by name. So an approval of one request is none of another, nor of the same one about other things, by another person, from
another session, or later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sealing.canonical import encode_canonical

PREFIX = b"vsaas-approval-v1"


def digest(
    *,
    tenant_id: UUID,
    request_id: UUID,
    act: str,
    parameters: Mapping[str, Any],
    versions: Mapping[str, str],
    reason: str,
    requester_id: UUID,
    session_id: UUID,
    expires_us: int,
) -> bytes:
    """The 32 bytes. Raises `sealing.errors.BadField` for a parameter of a type that has no canonical form."""
    body = [
        1,
        tenant_id.bytes,
        request_id.bytes,
        act,
        _pairs(parameters),
        _pairs(versions),
        reason,
        requester_id.bytes,
        session_id.bytes,
        expires_us,
    ]
    return hashlib.sha256(PREFIX + encode_canonical(body)).digest()


def _pairs(values: Mapping[str, Any]) -> list[list[Any]]:
    return [[name, values[name]] for name in sorted(values)]
