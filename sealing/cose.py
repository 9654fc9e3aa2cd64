"""Signed objects: COSE_Sign1 (RFC 9052 section 4.2) with Ed25519, bound to one purpose each (SPEC.md section 1.3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .canonical import decode_canonical, encode_canonical
from .errors import BadField, BadLength, BadSignature, NotCanonical, UnknownSuite, WrongPurpose
from .fields import Fields, array, octets
from .ids import kid

EDDSA: Final = -8
MAX_SIGNED_BYTES: Final = 1 << 20
_TAG: Final = b"\xd2"


class Purpose(StrEnum):
    """What a signature is for; it enters every signature, so an object of one purpose never passes as another."""

    RECORD = "vsaas-record-v1"
    STATEMENT = "vsaas-statement-v1"
    COMMAND = "vsaas-command-v1"
    LIVE = "vsaas-live-v1"
    TOMBSTONE = "vsaas-tombstone-v1"
    ORDER = "vsaas-order-v1"
    RELEASE = "vsaas-release-v1"
    COMMISSIONING = "vsaas-commissioning-v1"


class Signer(Protocol):
    """Something that holds a private Ed25519 key: in memory, in a KMS plug-in, in a TPM."""

    @property
    def public_key(self) -> bytes:
        """Raw public key, 32 bytes."""

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature (64 bytes) over `data`."""


class Ed25519Signer:
    """A signer whose private key is in memory."""

    def __init__(self, private_key: bytes) -> None:
        """`private_key`: the raw 32-byte seed of RFC 8032."""
        self._key = Ed25519PrivateKey.from_private_bytes(private_key)
        self.public_key: bytes = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


@dataclass(frozen=True)
class Signed:
    """A signed object as parsed; its signature holds only when it came from `verify1`."""

    encoded: bytes
    protected: bytes
    kid: bytes
    payload: bytes
    signature: bytes

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of the whole encoding, tag included."""
        return hashlib.sha256(self.encoded).digest()


def _to_be_signed(protected: bytes, purpose: Purpose, payload: bytes) -> bytes:
    """Sig_structure of RFC 9052 section 4.4."""
    return encode_canonical(["Signature1", protected, purpose.value.encode(), payload])


def sign1(payload: bytes, purpose: Purpose, signer: Signer) -> bytes:
    """The COSE_Sign1 encoding over `payload`. Raises BadLength when the object would be too long."""
    protected = encode_canonical({1: EDDSA, 4: kid(signer.public_key)})
    signature = signer.sign(_to_be_signed(protected, purpose, payload))
    encoded = _TAG + encode_canonical([protected, {}, payload, signature])
    if len(encoded) > MAX_SIGNED_BYTES:
        raise BadLength(f"a signed object is at most {MAX_SIGNED_BYTES} bytes, this would be {len(encoded)}")
    return encoded


def parse1(data: bytes, max_bytes: int = MAX_SIGNED_BYTES) -> Signed:
    """The parts of a signed object; the signature is not checked yet.

    Raises BadLength, NotCanonical, BadField, UnknownCritical (a protected header unknown here) or UnknownSuite (algorithm).
    """
    if len(data) > max_bytes:
        raise BadLength(f"a signed object of this kind is at most {max_bytes} bytes, this has {len(data)}")
    if data[:1] != _TAG:
        raise NotCanonical("a signed object begins with CBOR tag 18")
    items = array(decode_canonical(data[1:]), "signed object", 4, 4)
    protected, unprotected, payload, signature = items
    if not isinstance(protected, bytes) or not isinstance(payload, bytes):
        raise BadField("signed object: protected header and payload must be bytes")
    if unprotected != {}:
        raise BadField("signed object: the unprotected header must be an empty map")
    header = Fields(decode_canonical(protected), "protected header")
    algorithm = header.integer(1, -(1 << 16), 1 << 16)
    key_id = header.octets(4, 16)
    header.done()
    if algorithm != EDDSA:
        raise UnknownSuite(f"signature algorithm {algorithm} is not known")
    return Signed(data, protected, key_id, payload, octets(signature, "signed object: signature", 64))


def check1(signed: Signed, purpose: Purpose, public_key: bytes) -> Signed:
    """Check a parsed object's signature by the raw public key (32 bytes).

    Raises WrongPurpose when it was made for another purpose, and BadSignature otherwise, also when the object names another key.
    """
    if signed.kid != kid(public_key):
        raise BadSignature(f"signed by key {signed.kid.hex()}, not by {kid(public_key).hex()}")
    key = _public_key(public_key)
    if _holds(key, signed, purpose):
        return signed
    for other in Purpose:
        if other is not purpose and _holds(key, signed, other):
            raise WrongPurpose(f"signed as {other.value}, not as {purpose.value}")
    raise BadSignature(f"the signature of key {signed.kid.hex()} does not hold")


@lru_cache(maxsize=1024)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


def _holds(key: Ed25519PublicKey, signed: Signed, purpose: Purpose) -> bool:
    try:
        key.verify(signed.signature, _to_be_signed(signed.protected, purpose, signed.payload))
    except InvalidSignature:
        return False
    return True


def verify1(data: bytes, purpose: Purpose, public_key: bytes, max_bytes: int = MAX_SIGNED_BYTES) -> Signed:
    """`parse1` and `check1` in one."""
    return check1(parse1(data, max_bytes), purpose, public_key)
