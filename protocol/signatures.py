"""Signed requests of agents: HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530).

Covered: method, target URI, authority, the body's digest where there is a body; parameters created, nonce, keyid,
alg and tag. Freshness rests on the nonce, which answers a challenge of the portal and is used once; the agent's clock
decides nothing, so a wrong clock on the box does no harm.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from protocol.errors import ProtocolError

TAG: Final = "vsaas-agent-v1"
NONCE_HEADER: Final = "VSaaS-Nonce"
COMPONENTS: Final = ("@method", "@authority", "@target-uri")
_LABEL: Final = "agent"


@dataclass
class SignedMessage:
    """The parts of a request a signature covers: `url` absolute with the authority as the other side names it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verified:
    """A signature that holds: who signed (hex key id), and the nonce it answers."""

    key_id: str
    nonce: str


class _OneKey(HTTPSignatureKeyResolver):
    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return self._private


class _LookUp(HTTPSignatureKeyResolver):
    def __init__(self, find: Callable[[str], Ed25519PublicKey | None]) -> None:
        self._find = find

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        return self._find(key_id)


class _Verifier(HTTPMessageVerifier):
    # The nonce is what proves freshness; an hour's error of the agent's clock must not lock it out.
    max_clock_skew = datetime.timedelta(days=36500)


def sign_request(
    method: str,
    url: str,
    *,
    key: Ed25519PrivateKey,
    key_id: str,
    nonce: str,
    created: datetime.datetime,
    body: bytes | None = None,
) -> dict[str, str]:
    """Headers to add to the request: Signature-Input, Signature and, with a body, Content-Digest.

    `url` is absolute, as the portal names itself; WebSocket handshakes sign the http(s) form of their URL with
    method GET. `created` must be timezone-aware.
    """
    message = SignedMessage(method, url)
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_OneKey(key))
    signer.sign(
        message,
        key_id=key_id,
        created=created,
        nonce=nonce,
        label=_LABEL,
        tag=TAG,
        covered_component_ids=COMPONENTS,
        body=body if body else None,
    )
    return dict(message.headers)


def verify_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    find_key: Callable[[str], Ed25519PublicKey | None],
    body: bytes | None = None,
) -> Verified:
    """Verify a request's signature and its body's digest.

    `find_key` gives the registered public key of a key id, or None. Raises ProtocolError `bad-signature`; its text is
    safe to send. The caller checks the nonce (single use, fresh) and what the key may do.
    """
    names = ("signature", "signature-input", "content-digest")
    wanted = {name: value for name, value in headers.items() if name.lower() in names}
    message = SignedMessage(method, url, wanted)
    verifier = _Verifier(signature_algorithm=ED25519, key_resolver=_LookUp(find_key))
    try:
        results = verifier.verify(
            message, max_age=None, expect_tag=TAG, require_components=COMPONENTS, body=body if body else None
        )
    except (InvalidSignature, HTTPMessageSignaturesException, ValueError) as error:
        raise ProtocolError("bad-signature", f"the request's signature does not hold: {error}") from error
    if len(results) != 1:
        raise ProtocolError("bad-signature", "the request carries more than one signature of this kind")
    result = results[0]
    key_id = result.parameters["keyid"]
    if not isinstance(key_id, str) or not result.nonce:
        raise ProtocolError("bad-signature", "the request's signature carries no nonce")
    return Verified(key_id=key_id, nonce=result.nonce)
