"""Period keys, segment keys, contexts and envelopes (SPEC.md sections 2.1 and 3)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .canonical import CBOR, Encodable, decode_canonical, encode_canonical
from .errors import BadField, BadLength, UnknownSuite, WrongEnvelope, WrongKey
from .fields import MAX_TIME_US, Fields, array, integer, octets
from .ids import CameraKeyKind, EnvelopePurpose, HpkeSuite, KeyPurpose, Rendition, Stream, box_kid

KEY_BYTES: Final = 32
MAX_ENVELOPE_BYTES: Final = 8192
_HPKE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_hpke_encrypt = _HPKE.encrypt
_ENVELOPE_VERSION: Final = "vsaas-env-v1"
_ENC_BYTES: Final = 32
_TAG_BYTES: Final = 16
_CLASSES: Final = (1, 2, 3, 0x83)


@dataclass(frozen=True)
class PeriodKey:
    """32 random bytes with a random id (16): a period key, or the session key of a live publish. Never printed."""

    key_id: bytes
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        octets(self.key_id, "key id", 16)
        octets(self.key, "period key", KEY_BYTES)

    @classmethod
    def new(cls) -> PeriodKey:
        """A fresh key from the operating system's randomness."""
        return cls(secrets.token_bytes(16), secrets.token_bytes(KEY_BYTES))

    @property
    def commitment(self) -> bytes:
        """SHA-256(key id ‖ key), 32 bytes: stands in records, so a key can be checked before it is used."""
        return hashlib.sha256(self.key_id + self.key).digest()

    def check(self, commitment: bytes) -> None:
        """Raise WrongKey unless this is the key that `commitment` was made from."""
        if not hmac.compare_digest(self.commitment, commitment):
            raise WrongKey(f"key {self.key_id.hex()} is not the one the record committed to")

    def segment_key(self, segment: uuid.UUID, rendition: Rendition) -> bytes:
        """Key (32 bytes) of one part of one segment; people are given these, never the period key."""
        info = b"seg-v1" + segment.bytes + bytes([rendition])
        return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(self.key)


def part_context(
    tenant: uuid.UUID,
    camera: uuid.UUID,
    stream: Stream,
    segment: uuid.UUID,
    rendition: Rendition,
    purpose: KeyPurpose = KeyPurpose.REC,
) -> bytes:
    """Context that a stored part is sealed under: it opens nowhere else."""
    return encode_canonical(
        ["vsaas-seg-v1", tenant.bytes, camera.bytes, stream, segment.bytes, rendition, purpose]
    )


@dataclass(frozen=True)
class RecScope:
    """Scope of a period key: one camera, rendition class and key period."""

    camera: uuid.UUID
    rendition_class: int
    period_start_us: int

    def encode(self) -> list[Encodable]:
        return [self.camera.bytes, self.rendition_class, self.period_start_us]


@dataclass(frozen=True)
class LiveScope:
    """Scope of a live session key, also of its release."""

    camera: uuid.UUID
    stream: Stream
    rendition: Rendition
    publish: bytes

    def encode(self) -> list[Encodable]:
        return [self.camera.bytes, self.stream, self.rendition, self.publish]


@dataclass(frozen=True)
class SegmentScope:
    """Scope of a released segment key."""

    camera: uuid.UUID
    segment: uuid.UUID
    rendition: Rendition

    def encode(self) -> list[Encodable]:
        return [self.camera.bytes, self.segment.bytes, self.rendition]


@dataclass(frozen=True)
class CameraScope:
    """Scope of a camera's source (its address with credentials)."""

    camera: uuid.UUID

    def encode(self) -> list[Encodable]:
        return [self.camera.bytes]


@dataclass(frozen=True)
class CameraShareScope:
    """Scope of a camera key's private half on its way to a person who may open the camera."""

    camera: uuid.UUID
    kind: CameraKeyKind
    epoch: int

    def encode(self) -> list[Encodable]:
        return [self.camera.bytes, self.kind, self.epoch]


@dataclass(frozen=True)
class VaultScope:
    """Scope of a customer's vault secret on its way to a person who may hold it."""

    vault: uuid.UUID

    def encode(self) -> list[Encodable]:
        return [self.vault.bytes]


Scope = RecScope | LiveScope | SegmentScope | CameraScope | CameraShareScope | VaultScope


@dataclass(frozen=True)
class Release:
    """To whom and until when a key is released."""

    session: bytes
    account: uuid.UUID
    expires_us: int


@dataclass(frozen=True)
class EnvelopeInfo:
    """Everything an envelope is bound to. `recipient` is `box_kid` of the recipient's X25519 key."""

    purpose: EnvelopePurpose
    tenant: uuid.UUID
    scope: Scope
    key_id: bytes
    recipient: bytes
    epoch: int
    release: Release | None = None
    suite: HpkeSuite = HpkeSuite.X25519_SHA256_AES256GCM

    def __post_init__(self) -> None:
        allowed = {
            EnvelopePurpose.REC: (RecScope,),
            EnvelopePurpose.LIVE: (LiveScope,),
            EnvelopePurpose.RELEASE: (SegmentScope, LiveScope),
            EnvelopePurpose.CAMERA_SOURCE: (CameraScope,),
            EnvelopePurpose.CAMERA_SHARE: (CameraShareScope,),
            EnvelopePurpose.VAULT_SHARE: (VaultScope,),
        }[self.purpose]
        if not isinstance(self.scope, allowed):
            raise BadField(f"envelope: this scope does not fit the purpose {self.purpose.name}")
        if (self.release is not None) != (self.purpose is EnvelopePurpose.RELEASE):
            raise BadField("envelope: session, account and expiry belong to a release and only there")

    def encode(self) -> bytes:
        """Canonical CBOR: the HPKE `info`."""
        return encode_canonical(self.as_map())

    def as_map(self) -> dict[int, Encodable]:
        result: dict[int, Encodable] = {
            1: _ENVELOPE_VERSION,
            2: self.purpose,
            3: self.suite,
            4: self.tenant.bytes,
            5: self.scope.encode(),
            6: self.key_id,
            7: self.recipient,
            8: self.epoch,
        }
        if self.release is not None:
            result[9] = {1: self.release.session, 2: self.release.account.bytes, 3: self.release.expires_us}
        return result


def _stream(value: CBOR) -> Stream:
    return Stream(integer(value, "envelope: stream", 1, 2))


def _rendition(value: CBOR) -> Rendition:
    return Rendition(integer(value, "envelope: rendition", 1, 7))


def _uuid(value: CBOR, what: str) -> uuid.UUID:
    return uuid.UUID(bytes=octets(value, f"envelope: {what}", 16))


def _parse_scope(purpose: EnvelopePurpose, value: CBOR) -> Scope:
    items = array(value, "envelope: scope", 1, 4)
    if purpose is EnvelopePurpose.VAULT_SHARE and len(items) == 1:
        return VaultScope(_uuid(items[0], "vault"))
    camera = _uuid(items[0], "camera")
    if purpose is EnvelopePurpose.CAMERA_SOURCE and len(items) == 1:
        return CameraScope(camera)
    if purpose is EnvelopePurpose.CAMERA_SHARE and len(items) == 3:
        kind = CameraKeyKind(integer(items[1], "envelope: kind of camera key", 0, 1))
        return CameraShareScope(camera, kind, integer(items[2], "envelope: epoch", 1))
    if purpose is EnvelopePurpose.REC and len(items) == 3:
        klass = integer(items[1], "envelope: rendition class", 1, 0x83)
        if klass not in _CLASSES:
            raise BadField(f"envelope: rendition class {klass} does not exist")
        return RecScope(camera, klass, integer(items[2], "envelope: period start", 0, MAX_TIME_US))
    if purpose is EnvelopePurpose.RELEASE and len(items) == 3:
        return SegmentScope(camera, _uuid(items[1], "segment"), _rendition(items[2]))
    if purpose in (EnvelopePurpose.LIVE, EnvelopePurpose.RELEASE) and len(items) == 4:
        publish = octets(items[3], "envelope: publish id", 16)
        return LiveScope(camera, _stream(items[1]), _rendition(items[2]), publish)
    raise BadField(f"envelope: this scope does not fit the purpose {purpose.name}")


def _parse_release(value: CBOR) -> Release:
    fields = Fields(value, "release")
    release = Release(fields.octets(1, 16), fields.uuid(2), fields.time_us(3))
    if fields.done():
        raise BadField("release: extensions have no place in an envelope")
    return release


def _parse_info(value: CBOR) -> EnvelopeInfo:
    fields = Fields(value, "envelope")
    if fields.text(1, 32) != _ENVELOPE_VERSION:
        raise UnknownSuite("envelope: unknown version")
    purpose = EnvelopePurpose(fields.integer(2, 1, 6))
    suite = fields.integer(3)
    if suite != HpkeSuite.X25519_SHA256_AES256GCM:
        raise UnknownSuite(f"envelope: suite {suite} is not known")
    tenant, scope = fields.uuid(4), _parse_scope(purpose, fields.take(5))
    key_id, recipient, epoch = fields.octets(6, 16), fields.octets(7, 16), fields.integer(8)
    release = _parse_release(fields.take(9)) if 9 in fields else None
    if fields.done():
        raise BadField("envelope: extensions have no place in an envelope")
    return EnvelopeInfo(purpose, tenant, scope, key_id, recipient, epoch, release)


def parse_envelope(data: bytes) -> tuple[EnvelopeInfo, bytes]:
    """What an envelope says it is, and its sealed bytes. Nothing is proven until it opens.

    Raises BadLength, NotCanonical, BadField, UnknownCritical or UnknownSuite.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise BadLength(f"an envelope is at most {MAX_ENVELOPE_BYTES} bytes, this has {len(data)}")
    fields = Fields(decode_canonical(data), "envelope")
    info = _parse_info(fields.take(1))
    sealed = fields.blob(2, _ENC_BYTES + _TAG_BYTES + 1, MAX_ENVELOPE_BYTES)
    if fields.done():
        raise BadField("envelope: extensions have no place in an envelope")
    return info, sealed


def seal_envelope(info: EnvelopeInfo, secret: bytes, recipient_public: bytes) -> bytes:
    """Seal `secret` (32 bytes, or a source of at most 4096) to a raw X25519 public key (32 bytes).

    Raises WrongEnvelope when `info` names another recipient, BadField for a public key or secret that cannot be.
    """
    _check_secret(info, secret)
    if info.recipient != box_kid(recipient_public):
        raise WrongEnvelope("this public key is not the recipient named in the envelope")
    try:
        sealed = _hpke_encrypt(secret, X25519PublicKey.from_public_bytes(recipient_public), info.encode())
    except ValueError as error:
        raise BadField("recipient: not a usable X25519 public key") from error
    return encode_canonical({1: info.as_map(), 2: sealed})


def open_envelope(data: bytes, expected: EnvelopeInfo, private_key: bytes) -> bytes:
    """The secret inside, when every field is what the caller expects.

    `private_key`: raw X25519 private key, 32 bytes. Raises WrongEnvelope naming the first field that differs or when it does not
    open, and whatever `parse_envelope` raises.
    """
    info, sealed = parse_envelope(data)
    for name in ("purpose", "suite", "tenant", "scope", "key_id", "recipient", "epoch", "release"):
        if getattr(info, name) != getattr(expected, name):
            raise WrongEnvelope(f"the envelope's {name.replace('_', ' ')} is not the expected one")
    try:
        secret = _HPKE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private_key), info.encode())
    except (InvalidTag, ValueError) as error:
        raise WrongEnvelope("the envelope does not open with this key") from error
    _check_secret(info, secret)
    return secret


def _check_secret(info: EnvelopeInfo, secret: bytes) -> None:
    if info.purpose is EnvelopePurpose.CAMERA_SOURCE:
        if not 1 <= len(secret) <= 4096:
            raise BadField("envelope: a camera source is 1 to 4096 bytes")
    elif len(secret) != KEY_BYTES:
        raise BadField(f"envelope: a key is {KEY_BYTES} bytes")
