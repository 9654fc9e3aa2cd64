"""Live: sealed fragments, their hash chain and the proofs over it (SPEC.md section 7)."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Final

from .canonical import CBOR, Encodable, decode_canonical, encode_canonical
from .cose import Purpose, Signer, sign1, verify1
from .errors import BadField, BrokenLive, Replayed, UnknownCritical, WrongKey, WrongScope
from .fields import MAX_TIME_US, Fields, array, integer, octets
from .ids import Rendition, Stream
from .keys import PeriodKey
from .part import seal_part
from .reader import open_part
from .record import MAX_CODEC_BYTES, MAX_INIT_BYTES

VERSION: Final = 1
INIT, FRAGMENT, PROOF, END = 1, 2, 3, 4
SYNC: Final = 1
MAX_FRAGMENT_BYTES: Final = 4 << 20
MAX_MESSAGE_BYTES: Final = MAX_FRAGMENT_BYTES + (MAX_FRAGMENT_BYTES >> 9)
MAX_PROOF_BYTES: Final = 4096
MAX_REASON_BYTES: Final = 100
_RENDITIONS: Final = (Rendition.MAIN, Rendition.SUB, Rendition.AUDIO)


@dataclass(frozen=True)
class Publish:
    """One publish of one camera's stream; `publish_id` is 16 random bytes."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    publish_id: bytes

    def context(self, rendition: Rendition, counter: int | None, capture_us: int | None) -> bytes:
        """Context of a sealed fragment, or of an init segment (counter and capture time None)."""
        place: list[Encodable] = [
            "vsaas-live-v1",
            self.tenant.bytes,
            self.camera.bytes,
            self.stream,
            self.publish_id,
        ]
        return encode_canonical([*place, rendition, counter, capture_us])

    def first_hash(self) -> bytes:
        """Where the hash chain begins."""
        return hashlib.sha256(b"vsaas-live-v1" + self.publish_id).digest()


def chained(before: bytes, message: bytes) -> bytes:
    """The chain's hash after an init or fragment message."""
    return hashlib.sha256(before + hashlib.sha256(message).digest()).digest()


@dataclass(frozen=True)
class InitMessage:
    """Init segment of a track: at the start, with a new key, or when parameters changed."""

    publish_id: bytes
    rendition: Rendition
    codec: str
    key_id: bytes
    commitment: bytes
    sealed: bytes


@dataclass(frozen=True)
class FragmentMessage:
    """One sealed fragment. `flags` bit 0: starts with a sync sample."""

    publish_id: bytes
    rendition: Rendition
    counter: int
    capture_us: int
    flags: int
    sealed: bytes


@dataclass(frozen=True)
class ProofMessage:
    """The agent's signature over the chain after fragment `counter`."""

    publish_id: bytes
    counter: int
    signed: bytes


@dataclass(frozen=True)
class EndMessage:
    """The publish ends, and why (text for people)."""

    publish_id: bytes
    reason: str


Message = InitMessage | FragmentMessage | ProofMessage | EndMessage


def parse_message(data: bytes) -> Message:
    """One message of the media socket; nothing is opened or verified. This is all a relay needs.

    Raises NotCanonical, BadField or UnknownCritical (a kind of message of a later release).
    """
    items = array(decode_canonical(data, MAX_MESSAGE_BYTES), "live message", 2, 16)
    kind = integer(items[0], "live message: kind")
    read = {INIT: (_init, 7), FRAGMENT: (_fragment, 7), PROOF: (_proof, 4), END: (_end, 3)}.get(kind)
    if read is None:
        raise UnknownCritical(f"live message: kind {kind} is not known to this version")
    if len(items) != read[1]:
        raise BadField(f"live message: kind {kind} has {read[1]} items")
    return read[0](octets(items[1], "live message: publish id", 16), items)


def _init(publish_id: bytes, items: list[CBOR]) -> Message:
    return InitMessage(
        publish_id,
        _rendition(items[2]),
        _text(items[3], "codec", MAX_CODEC_BYTES),
        octets(items[4], "live message: key id", 16),
        octets(items[5], "live message: commitment", 32),
        _sealed(items[6], MAX_INIT_BYTES + 4096),
    )


def _fragment(publish_id: bytes, items: list[CBOR]) -> Message:
    return FragmentMessage(
        publish_id,
        _rendition(items[2]),
        integer(items[3], "live message: counter"),
        integer(items[4], "live message: capture time", 0, MAX_TIME_US),
        integer(items[5], "live message: flags", 0, 255),
        _sealed(items[6], MAX_MESSAGE_BYTES),
    )


def _proof(publish_id: bytes, items: list[CBOR]) -> Message:
    return ProofMessage(
        publish_id, integer(items[2], "live message: counter"), _sealed(items[3], MAX_PROOF_BYTES)
    )


def _end(publish_id: bytes, items: list[CBOR]) -> Message:
    return EndMessage(publish_id, _text(items[2], "reason", MAX_REASON_BYTES))


def _rendition(value: CBOR) -> Rendition:
    return Rendition(integer(value, "live message: rendition", 1, 3))


def _text(value: CBOR, what: str, max_bytes: int) -> str:
    if not isinstance(value, str) or len(value.encode()) > max_bytes:
        raise BadField(f"live message: {what} must be text of at most {max_bytes} bytes")
    return value


def _sealed(value: CBOR, max_bytes: int) -> bytes:
    if not isinstance(value, bytes) or len(value) > max_bytes:
        raise BadField(f"live message: the last item must be at most {max_bytes} bytes")
    return value


@dataclass(frozen=True)
class Proof:
    """Payload of a proof: the chain's hash after fragment `counter`, and the hash of the init message in force per rendition."""

    publish: Publish
    counter: int
    hash: bytes
    utc_us: int
    inits: dict[Rendition, bytes]

    def encode(self) -> bytes:
        publish = self.publish
        return encode_canonical(
            {
                1: VERSION,
                2: publish.tenant.bytes,
                3: publish.camera.bytes,
                4: publish.stream,
                5: publish.publish_id,
                6: self.counter,
                7: self.hash,
                8: self.utc_us,
                9: {int(rendition): value for rendition, value in self.inits.items()},
            }
        )


def verify_proof(signed: bytes, publish: Publish, record_public: bytes) -> Proof:
    """A proof of this publish, signed by the agent's record key.

    Raises BadSignature, WrongPurpose, WrongScope (of another publish), BadField, UnknownCritical.
    """
    fields = Fields(
        decode_canonical(verify1(signed, Purpose.LIVE, record_public, MAX_PROOF_BYTES).payload), "proof"
    )
    if fields.integer(1) != VERSION:
        raise UnknownCritical("proof: unknown version")
    tenant, camera = fields.uuid(2), fields.uuid(3)
    said = Publish(tenant, camera, Stream(fields.integer(4, 1, 2)), fields.octets(5, 16))
    if said != publish:
        raise WrongScope("the proof belongs to another publish")
    counter, value, utc_us = fields.integer(6), fields.octets(7, 32), fields.time_us(8)
    inits = fields.take(9)
    if not isinstance(inits, dict):
        raise BadField("proof: field 9 must be a map")
    hashes = {_rendition(key): octets(item, "proof: init hash", 32) for key, item in inits.items()}
    fields.done()
    return Proof(publish, counter, value, utc_us, hashes)


class LivePublisher:
    """The agent's side of one publish: seals in order and keeps counter and chain. Messages must be sent in the order made."""

    def __init__(self, publish: Publish, signer: Signer) -> None:
        """`signer`: the agent's record key."""
        self.publish = publish
        self._signer = signer
        self._keys: dict[Rendition, PeriodKey] = {}
        self._inits: dict[Rendition, bytes] = {}
        self._hash = publish.first_hash()
        self._next = 0

    def init(self, rendition: Rendition, key: PeriodKey, codec: str, init: bytes) -> bytes:
        """The init message of a track; from now on its fragments are sealed under `key`."""
        if rendition not in _RENDITIONS:
            raise BadField(f"{rendition.name} has no place in live")
        if not 0 < len(init) <= MAX_INIT_BYTES or len(codec.encode()) > MAX_CODEC_BYTES:
            raise BadField("live: the init segment or codec string is too long")
        sealed, _ = seal_part(key.key, self.publish.context(rendition, None, None), init)
        message = encode_canonical(
            [INIT, self.publish.publish_id, rendition, codec, key.key_id, key.commitment, sealed]
        )
        self._keys[rendition] = key
        self._inits[rendition] = hashlib.sha256(message).digest()
        self._hash = chained(self._hash, message)
        return message

    def fragment(self, rendition: Rendition, capture_us: int, sync: bool, data: bytes) -> bytes:
        """The next fragment's message. `capture_us`: wall clock of its first sample."""
        if rendition not in self._keys:
            raise ValueError(f"{rendition.name} has had no init message")
        if len(data) > MAX_FRAGMENT_BYTES:
            raise BadField(f"live: a fragment is at most {MAX_FRAGMENT_BYTES} bytes")
        context = self.publish.context(rendition, self._next, capture_us)
        sealed, _ = seal_part(self._keys[rendition].key, context, data)
        flags = SYNC if sync else 0
        message = encode_canonical(
            [FRAGMENT, self.publish.publish_id, rendition, self._next, capture_us, flags, sealed]
        )
        self._hash = chained(self._hash, message)
        self._next += 1
        return message

    def proof(self, utc_us: int) -> bytes:
        """The proof over everything so far. Needs at least one fragment."""
        if self._next == 0:
            raise ValueError("there is no fragment to prove yet")
        counter = self._next - 1
        payload = Proof(self.publish, counter, self._hash, utc_us, self._inits).encode()
        return encode_canonical(
            [PROOF, self.publish.publish_id, counter, sign1(payload, Purpose.LIVE, self._signer)]
        )

    def end(self, reason: str) -> bytes:
        """The last message."""
        return encode_canonical([END, self.publish.publish_id, reason])


@dataclass(frozen=True)
class OpenedInit:
    """`data` is None when this player was given no key for the rendition."""

    rendition: Rendition
    codec: str
    data: bytes | None


@dataclass(frozen=True)
class OpenedFragment:
    """`data` is None without a key. `chained`: nothing is missing since the last anchor, so the next proof will cover it."""

    rendition: Rendition
    counter: int
    capture_us: int
    sync: bool
    data: bytes | None
    chained: bool


@dataclass(frozen=True)
class Proven:
    """The agent signed everything up to `counter` that was chained."""

    counter: int
    utc_us: int


@dataclass(frozen=True)
class Ended:
    """The publish ended."""

    reason: str


class LivePlayer:
    """A viewer's side of one publish. After a refusal the state is as before, and the message must be dropped."""

    def __init__(self, publish: Publish, record_public: bytes) -> None:
        """`record_public`: the agent's record key out of verified statements."""
        self.publish = publish
        self._record_public = record_public
        self._keys: dict[bytes, PeriodKey] = {}
        self._inits: dict[Rendition, InitMessage] = {}
        self._init_hashes: dict[Rendition, bytes] = {}
        self._hash = publish.first_hash()
        self._anchored = True
        self._last = -1
        self.proven_through: int | None = None

    def add_key(self, key: PeriodKey) -> None:
        """A session key released to this viewer."""
        self._keys[key.key_id] = key

    def receive(self, data: bytes) -> OpenedInit | OpenedFragment | Proven | Ended:
        """Take the next message.

        Raises what `parse_message` and `verify_proof` raise, WrongScope (another publish), Replayed (a counter did not grow),
        WrongKey or ChunkTampered (does not open), BrokenLive (not what the agent signed).
        """
        message = parse_message(data)
        if message.publish_id != self.publish.publish_id:
            raise WrongScope("the message belongs to another publish")
        if isinstance(message, InitMessage):
            return self._take_init(message, data)
        if isinstance(message, FragmentMessage):
            return self._take_fragment(message, data)
        if isinstance(message, ProofMessage):
            return self._take_proof(message)
        return Ended(message.reason)

    def _open(
        self, init: InitMessage, counter: int | None, capture_us: int | None, sealed: bytes
    ) -> bytes | None:
        key = self._keys.get(init.key_id)
        if key is None:
            return None
        key.check(init.commitment)
        return open_part(key.key, self.publish.context(init.rendition, counter, capture_us), sealed)

    def _take_init(self, message: InitMessage, data: bytes) -> OpenedInit:
        opened = self._open(message, None, None, message.sealed)
        self._inits[message.rendition] = message
        self._init_hashes[message.rendition] = hashlib.sha256(data).digest()
        self._hash = chained(self._hash, data)
        return OpenedInit(message.rendition, message.codec, opened)

    def _take_fragment(self, message: FragmentMessage, data: bytes) -> OpenedFragment:
        if message.counter <= self._last:
            raise Replayed(f"fragment {message.counter} came after {self._last}")
        init = self._inits.get(message.rendition)
        if init is None:
            raise WrongKey(f"a fragment of {message.rendition.name} came before its init message")
        opened = self._open(init, message.counter, message.capture_us, message.sealed)
        self._anchored = self._anchored and message.counter == self._last + 1
        self._last = message.counter
        self._hash = chained(self._hash, data)
        sync = bool(message.flags & SYNC)
        return OpenedFragment(
            message.rendition, message.counter, message.capture_us, sync, opened, self._anchored
        )

    def _take_proof(self, message: ProofMessage) -> Proven:
        proof = verify_proof(message.signed, self.publish, self._record_public)
        if proof.counter != message.counter:
            raise BrokenLive("the message and the proof inside it name different fragments")
        if proof.counter < self._last:
            raise Replayed(f"a proof for fragment {proof.counter} came after fragment {self._last}")
        if any(proof.inits.get(rendition) != value for rendition, value in self._init_hashes.items()):
            raise BrokenLive("an init segment is not the one the agent signed")
        if self._anchored and proof.counter == self._last and not hmac.compare_digest(proof.hash, self._hash):
            raise BrokenLive(f"the fragments up to {proof.counter} are not those the agent signed")
        covered = self._anchored and proof.counter == self._last
        self._hash, self._last, self._anchored = proof.hash, proof.counter, True
        if covered:
            self.proven_through = proof.counter
        return Proven(proof.counter, proof.utc_us)
