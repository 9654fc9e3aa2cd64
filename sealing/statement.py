"""Statements: what the tenant root signs, and the trust that follows from them (SPEC.md section 5)."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .canonical import CBOR, Encodable, decode_canonical, encode_canonical
from .cose import Purpose, Signed, Signer, check1, parse1, sign1
from .errors import (
    BadField,
    BrokenStatements,
    RevokedSigner,
    RolledBack,
    SealingError,
    UnknownCritical,
    UnknownSigner,
    WrongRootKey,
    WrongScope,
)
from .fields import Fields, array, integer, octets
from .ids import CameraKeyKind, RecipientKind, StatementKind, box_kid, fingerprint, kid, show_fingerprint
from .record import ZERO_HASH, Genesis, SignedRecord

VERSION: Final = 1
MAX_STATEMENT_BYTES: Final = 65536
MAX_RECIPIENTS: Final = 1024
MAX_CAMERA_KEYS: Final = 500
MAX_MEMBER_KEYS: Final = 500
REVOKED_CHAINS_MAX: Final = 1000
"""Chains in one agent-revoked statement: about 57 bytes each."""


@dataclass(frozen=True)
class RootBody:
    """The tenant's root key (Ed25519, 32 bytes)."""

    kind: ClassVar = StatementKind.ROOT
    public_key: bytes

    def encode(self) -> dict[int, Encodable]:
        return {1: self.public_key}


@dataclass(frozen=True)
class AgentKeys:
    """An agent's keys: `record` and `transport` Ed25519, `box` X25519, 32 bytes each."""

    kind: ClassVar = StatementKind.AGENT_KEYS
    agent: uuid.UUID
    record: bytes
    transport: bytes
    box: bytes

    def encode(self) -> dict[int, Encodable]:
        return {1: self.agent.bytes, 2: self.record, 3: self.transport, 4: self.box}


@dataclass(frozen=True)
class Recipient:
    """One to whom envelopes are sealed; `public_key` X25519, 32 bytes."""

    kind: RecipientKind
    public_key: bytes
    epoch: int

    @property
    def kid(self) -> bytes:
        return box_kid(self.public_key)


@dataclass(frozen=True)
class Recipients:
    """Everyone to whom envelopes are sealed from now on; replaces the list before."""

    kind: ClassVar = StatementKind.RECIPIENTS
    recipients: tuple[Recipient, ...]

    def encode(self) -> dict[int, Encodable]:
        return {1: [[item.kind, item.public_key, item.epoch] for item in self.recipients]}


@dataclass(frozen=True)
class CommandKey:
    """The key that signs command documents from now on."""

    kind: ClassVar = StatementKind.COMMAND_KEY
    public_key: bytes

    def encode(self) -> dict[int, Encodable]:
        return {1: self.public_key}


@dataclass(frozen=True)
class DeletionKey:
    """The key that signs tombstones from now on."""

    kind: ClassVar = StatementKind.DELETION_KEY
    public_key: bytes

    def encode(self) -> dict[int, Encodable]:
        return {1: self.public_key}


@dataclass(frozen=True)
class TrustedUpTo:
    """The last record of a chain that is still trusted after its agent was revoked."""

    chain: bytes
    seq: int
    hash: bytes


@dataclass(frozen=True)
class AgentRevoked:
    """The agent is revoked: of its chains only those named are trusted, up to the record named.

    At most REVOKED_CHAINS_MAX chains; more go into further statements of the same agent.
    """

    kind: ClassVar = StatementKind.AGENT_REVOKED
    agent: uuid.UUID
    chains: tuple[TrustedUpTo, ...]

    def encode(self) -> dict[int, Encodable]:
        return {1: self.agent.bytes, 2: [[item.chain, item.seq, item.hash] for item in self.chains]}


@dataclass(frozen=True)
class RootHandover:
    """A new root signs from the next number on; it countersigns, and so vouches for every statement before."""

    kind: ClassVar = StatementKind.ROOT_HANDOVER
    public_key: bytes
    countersignature: bytes

    def encode(self) -> dict[int, Encodable]:
        return {1: self.public_key, 2: self.countersignature}


@dataclass(frozen=True)
class CameraKey:
    """The key to which agents seal what one camera records; `public_key` X25519, 32 bytes. `epoch` only grows."""

    camera: uuid.UUID
    what: CameraKeyKind
    public_key: bytes
    epoch: int

    @property
    def kid(self) -> bytes:
        return box_kid(self.public_key)


@dataclass(frozen=True)
class CameraKeys:
    """Keys of cameras: each replaces the one of the same camera and kind."""

    kind: ClassVar = StatementKind.CAMERA_KEYS
    keys: tuple[CameraKey, ...]

    def encode(self) -> dict[int, Encodable]:
        return {1: [[item.camera.bytes, item.what, item.public_key, item.epoch] for item in self.keys]}


@dataclass(frozen=True)
class MemberKeys:
    """Own keys (X25519, 32 bytes) of people by account, to which camera keys may be sealed; and whose count no more."""

    kind: ClassVar = StatementKind.MEMBER_KEYS
    named: tuple[tuple[uuid.UUID, bytes], ...]
    ended: tuple[uuid.UUID, ...] = ()

    def encode(self) -> dict[int, Encodable]:
        return {
            1: [[account.bytes, key] for account, key in self.named],
            2: [item.bytes for item in self.ended],
        }


Body = (
    RootBody
    | AgentKeys
    | Recipients
    | CommandKey
    | DeletionKey
    | AgentRevoked
    | RootHandover
    | CameraKeys
    | MemberKeys
)


@dataclass(frozen=True)
class Statement:
    """One numbered statement."""

    tenant: uuid.UUID
    number: int
    prev: bytes
    issued_us: int
    body: Body


@dataclass(frozen=True)
class Seen:
    """The highest statement a verifier has seen: keep it, and give it to the next verification."""

    number: int
    hash: bytes


def sign_statement(statement: Statement, signer: Signer) -> bytes:
    """The signed object. Raises BadField for what no reader would accept."""
    payload = encode_canonical(
        {
            1: VERSION,
            2: statement.body.kind,
            3: statement.tenant.bytes,
            4: statement.number,
            5: statement.prev,
            6: statement.issued_us,
            7: statement.body.encode(),
        }
    )
    _parse_payload(payload)
    return sign1(payload, Purpose.STATEMENT, signer)


def countersign_handover(
    tenant: uuid.UUID, number: int, prev: bytes, issued_us: int, new_root: Signer
) -> RootHandover:
    """The body of the statement of this number, time and predecessor by which `new_root` takes over."""
    public = new_root.public_key
    return RootHandover(public, new_root.sign(_countersigned(tenant, number, prev, issued_us, public)))


def _countersigned(tenant: uuid.UUID, number: int, prev: bytes, issued_us: int, public: bytes) -> bytes:
    return encode_canonical(["vsaas-root-handover-v1", tenant.bytes, number, prev, issued_us, public])


def parse_statement(data: bytes) -> tuple[Statement, Signed]:
    """A statement as it came; its signature is not checked. Raises what `parse1` raises, BadField or UnknownCritical."""
    signed = parse1(data, MAX_STATEMENT_BYTES)
    return _parse_payload(signed.payload), signed


def _parse_payload(payload: bytes) -> Statement:
    fields = Fields(decode_canonical(payload, MAX_STATEMENT_BYTES), "statement")
    if fields.integer(1) != VERSION:
        raise UnknownCritical("statement: unknown version")
    kind = fields.integer(2)
    read = _READERS.get(kind)
    if read is None:
        raise UnknownCritical(f"statement: kind {kind} is not known to this version")
    tenant, number, prev = fields.uuid(3), fields.integer(4), fields.octets(5, 32)
    issued_us = fields.time_us(6)
    body_fields = Fields(fields.take(7), "statement body")
    body = read(body_fields)
    body_fields.done()
    fields.done()
    return Statement(tenant, number, prev, issued_us, body)


def _recipient(value: CBOR) -> Recipient:
    items = array(value, "recipient", 3, 3)
    kind = RecipientKind(integer(items[0], "recipient: kind", 1, 4))
    return Recipient(kind, octets(items[1], "recipient: key", 32), integer(items[2], "recipient: epoch"))


def _trusted_up_to(value: CBOR) -> TrustedUpTo:
    items = array(value, "revocation", 3, 3)
    return TrustedUpTo(
        octets(items[0], "revocation: chain", 16),
        integer(items[1], "revocation: seq"),
        octets(items[2], "revocation: hash", 32),
    )


def _agent_keys(fields: Fields) -> AgentKeys:
    return AgentKeys(fields.uuid(1), fields.octets(2, 32), fields.octets(3, 32), fields.octets(4, 32))


def _recipients(fields: Fields) -> Recipients:
    return Recipients(tuple(_recipient(item) for item in fields.array(1, 0, MAX_RECIPIENTS)))


def _root_handover(fields: Fields) -> RootHandover:
    return RootHandover(fields.octets(1, 32), fields.octets(2, 64))


def _camera_key(value: CBOR) -> CameraKey:
    items = array(value, "camera key", 4, 4)
    return CameraKey(
        uuid.UUID(bytes=octets(items[0], "camera key: camera", 16)),
        CameraKeyKind(integer(items[1], "camera key: kind", 0, 1)),
        octets(items[2], "camera key: key", 32),
        integer(items[3], "camera key: epoch", 1),
    )


def _member_key(value: CBOR) -> tuple[uuid.UUID, bytes]:
    items = array(value, "member key", 2, 2)
    account = uuid.UUID(bytes=octets(items[0], "member key: account", 16))
    return account, octets(items[1], "member key: key", 32)


def _member_keys(fields: Fields) -> MemberKeys:
    named = tuple(_member_key(item) for item in fields.array(1, 0, MAX_MEMBER_KEYS))
    ended = fields.array(2, 0, MAX_MEMBER_KEYS)
    return MemberKeys(
        named, tuple(uuid.UUID(bytes=octets(item, "member keys: account", 16)) for item in ended)
    )


def _camera_keys(fields: Fields) -> CameraKeys:
    return CameraKeys(tuple(_camera_key(item) for item in fields.array(1, 1, MAX_CAMERA_KEYS)))


def _agent_revoked(fields: Fields) -> AgentRevoked:
    return AgentRevoked(fields.uuid(1), tuple(_trusted_up_to(item) for item in fields.array(2)))


_READERS: Final[dict[int, Callable[[Fields], Body]]] = {
    StatementKind.ROOT: lambda fields: RootBody(fields.octets(1, 32)),
    StatementKind.AGENT_KEYS: _agent_keys,
    StatementKind.RECIPIENTS: _recipients,
    StatementKind.COMMAND_KEY: lambda fields: CommandKey(fields.octets(1, 32)),
    StatementKind.DELETION_KEY: lambda fields: DeletionKey(fields.octets(1, 32)),
    StatementKind.AGENT_REVOKED: _agent_revoked,
    StatementKind.ROOT_HANDOVER: _root_handover,
    StatementKind.CAMERA_KEYS: _camera_keys,
    StatementKind.MEMBER_KEYS: _member_keys,
}


class Trust:
    """What follows from a verified run of statements. Make one with `verify_statements`; `extend` gives a new one."""

    def __init__(self, root: Statement, encoded: bytes, seen: Seen) -> None:
        assert isinstance(root.body, RootBody)
        self.tenant = root.tenant
        self.root_public = root.body.public_key
        """The key that signs now: the first root's until it is handed over."""
        self.fingerprints: tuple[bytes, ...] = (fingerprint(self.root_public),)
        """Of every root, the one in force last."""
        self.seen = seen
        self.statements: tuple[bytes, ...] = (encoded,)
        self.recipients: tuple[Recipient, ...] = ()
        self.command_key: bytes | None = None
        self.command_keys: dict[bytes, bytes] = {}
        """By kid, every one there was."""
        self.camera_keys: dict[tuple[uuid.UUID, CameraKeyKind], CameraKey] = {}
        self.member_keys: dict[uuid.UUID, bytes] = {}
        self._signers: dict[bytes, AgentKeys] = {}
        self._agents: dict[uuid.UUID, AgentKeys] = {}
        self._deletion_keys: dict[int, bytes] = {}
        self._revoked: dict[uuid.UUID, dict[bytes, TrustedUpTo]] = {}

    @property
    def fingerprint(self) -> bytes:
        """Of the root in force."""
        return self.fingerprints[-1]

    @property
    def customer_held(self) -> bool:
        """Whether the root was handed over to the customer: the portal can sign no statement any more."""
        return len(self.fingerprints) > 1

    def recipient_for(self, camera: uuid.UUID, what: CameraKeyKind) -> Recipient | CameraKey | None:
        """To whom an agent seals what a camera records: the camera's own key where one is stated, else the newest tenant
        recipient; None without either."""
        key = self.camera_keys.get((camera, what))
        if key is not None:
            return key
        tenants = [item for item in self.recipients if item.kind is RecipientKind.TENANT]
        return tenants[-1] if tenants else None

    def agent(self, agent: uuid.UUID) -> AgentKeys:
        """The newest keys of an agent. Raises UnknownSigner."""
        if agent not in self._agents:
            raise UnknownSigner(f"no statement names the agent {agent}")
        return self._agents[agent]

    def signer(self, record_kid: bytes) -> AgentKeys:
        """The agent whose record key has this kid, newest or replaced. Raises UnknownSigner."""
        if record_kid not in self._signers:
            raise UnknownSigner(f"no statement names the record key {record_kid.hex()}")
        return self._signers[record_kid]

    @property
    def agents(self) -> tuple[AgentKeys, ...]:
        """Newest keys of every agent, revoked ones too."""
        return tuple(self._agents.values())

    def deletion_key(self, number: int) -> bytes:
        """The deletion key that statement `number` states. Raises UnknownSigner."""
        if number not in self._deletion_keys:
            raise UnknownSigner(f"statement {number} states no deletion key")
        return self._deletion_keys[number]

    @property
    def newest_deletion_key(self) -> tuple[int, bytes] | None:
        """Statement number and key of the deletion key in force."""
        return max(self._deletion_keys.items(), default=None)

    def is_revoked(self, agent: uuid.UUID) -> bool:
        return agent in self._revoked

    def trusted_up_to(self, agent: uuid.UUID, chain: bytes) -> TrustedUpTo | None:
        """Where trust in a revoked agent's chain ends; None for a chain no revocation names, or an agent not revoked."""
        return self._revoked.get(agent, {}).get(chain)

    def check_record(self, record: SignedRecord) -> AgentKeys:
        """The agent that may have signed this record; its signature is the caller's to check.

        Raises UnknownSigner, WrongScope (another tenant, or a genesis in another agent's name) or RevokedSigner.
        """
        keys, head = self.signer(record.signed.kid), record.record
        if head.tenant != self.tenant:
            raise WrongScope("the record belongs to another tenant")
        if isinstance(head, Genesis) and (head.agent, head.record_public) != (keys.agent, keys.record):
            raise WrongScope("the genesis names another agent or key than the statements do")
        revoked = self._revoked.get(keys.agent)
        if revoked is not None and not _still_trusted(revoked, record):
            raise RevokedSigner(
                f"agent {keys.agent} was revoked and this record is not among those still trusted"
            )
        return keys

    def extend(self, statements: Sequence[bytes]) -> Trust:
        """Trust after further statements, which must follow directly. Raises BrokenStatements."""
        result = Trust.__new__(Trust)
        result.__dict__.update({name: _copied(value) for name, value in self.__dict__.items()})
        for data in statements:
            result._add(data)
        return result

    def _add(self, data: bytes) -> None:
        statement, signed = _checked(data, self.root_public, self.seen.number + 1)
        if statement.tenant != self.tenant or statement.prev != self.seen.hash:
            raise BrokenStatements(f"statement {statement.number} does not follow the one before it")
        self._take(statement)
        self.seen = Seen(statement.number, signed.hash)
        self.statements = (*self.statements, data)

    def _take(self, statement: Statement) -> None:
        body = statement.body
        if isinstance(body, AgentKeys):
            owner = self._signers.setdefault(kid(body.record), body)
            if owner.agent != body.agent:
                raise BrokenStatements(f"statement {statement.number} gives one record key to two agents")
            self._signers[kid(body.record)] = self._agents[body.agent] = body
        elif isinstance(body, Recipients):
            self.recipients = body.recipients
        elif isinstance(body, CommandKey):
            self.command_key = body.public_key
            self.command_keys[kid(body.public_key)] = body.public_key
        elif isinstance(body, DeletionKey):
            self._deletion_keys[statement.number] = body.public_key
        elif isinstance(body, AgentRevoked):
            # Several statements where one has no room for all chains: their lists are joined.
            before = self._revoked.get(body.agent, {})
            self._revoked[body.agent] = before | {item.chain: item for item in body.chains}
        elif isinstance(body, RootHandover):
            self._hand_over(statement, body)
        elif isinstance(body, CameraKeys):
            self._take_camera_keys(statement.number, body)
        elif isinstance(body, MemberKeys):
            self.member_keys |= dict(body.named)
            for account in body.ended:
                self.member_keys.pop(account, None)
        else:
            raise BrokenStatements(f"statement {statement.number} names a second root")

    def _hand_over(self, statement: Statement, body: RootHandover) -> None:
        signed = _countersigned(
            statement.tenant, statement.number, statement.prev, statement.issued_us, body.public_key
        )
        if not _signed_by(body.public_key, body.countersignature, signed):
            raise BrokenStatements(f"statement {statement.number}: the new root did not countersign it")
        new = fingerprint(body.public_key)
        if new in self.fingerprints:
            raise BrokenStatements(
                f"statement {statement.number} hands over to a root that was in force already"
            )
        self.root_public, self.fingerprints = body.public_key, (*self.fingerprints, new)

    def _take_camera_keys(self, number: int, body: CameraKeys) -> None:
        for key in body.keys:
            before = self.camera_keys.get((key.camera, key.what))
            if before is not None and key.epoch <= before.epoch:
                raise BrokenStatements(
                    f"statement {number}: the key of camera {key.camera} goes back to an earlier epoch"
                )
            self.camera_keys[key.camera, key.what] = key


def _signed_by(public_key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _copied(value: object) -> object:
    return dict(value) if isinstance(value, dict) else value


def _still_trusted(chains: Mapping[bytes, TrustedUpTo], record: SignedRecord) -> bool:
    last, seq = chains.get(record.record.chain), record.record.seq
    return last is not None and (seq < last.seq or (seq == last.seq and record.hash == last.hash))


def _checked(data: bytes, root_public: bytes, number: int) -> tuple[Statement, Signed]:
    """Statement `number`, its signature checked by the root key. Raises BrokenStatements for whatever is wrong with it."""
    try:
        statement, signed = parse_statement(data)
        check1(signed, Purpose.STATEMENT, root_public)
    except UnknownCritical:
        raise
    except SealingError as error:
        raise BrokenStatements(f"statement {number}: {error}") from error
    if statement.number != number:
        raise BrokenStatements(f"statement {statement.number} stands where {number} must")
    return statement, signed


def verify_statements(statements: Sequence[bytes], trusted: bytes, seen: Seen | None = None) -> Trust:
    """Verify a tenant's statements from number 0 on.

    `trusted`: fingerprint (32 bytes) of the root, or of one it was handed over to: that one countersigned the handover, and
    so vouches for what stands before it. `seen`: what an earlier verification ended with. Raises WrongRootKey,
    BrokenStatements, UnknownCritical (a statement of a later release) or RolledBack.
    """
    if not statements:
        raise BrokenStatements("there are no statements")
    try:
        statement, signed = parse_statement(statements[0])
    except UnknownCritical:
        raise
    except SealingError as error:
        raise BrokenStatements(f"statement 0: {error}") from error
    if not isinstance(statement.body, RootBody):
        raise BrokenStatements("statement 0 must name the root key")
    if not any(
        hmac.compare_digest(claimed, trusted) for claimed in _claimed_roots(statement.body, statements)
    ):
        shown = show_fingerprint(fingerprint(statement.body.public_key))
        raise WrongRootKey(f"these statements come from another root, whose fingerprint is {shown}")
    _checked(statements[0], statement.body.public_key, 0)
    if statement.prev != ZERO_HASH:
        raise BrokenStatements("statement 0 has nothing before it")
    trust = Trust(statement, statements[0], Seen(0, signed.hash)).extend(statements[1:])
    if seen is not None:
        _check_seen(statements, seen)
    return trust


def _claimed_roots(first: RootBody, statements: Sequence[bytes]) -> Iterator[bytes]:
    """Fingerprints of all roots that are named, nothing verified: whether they are, the walk over the statements says."""
    yield fingerprint(first.public_key)
    for data in statements[1:]:
        try:
            body = parse_statement(data)[0].body
        except SealingError:
            return  # the walk says what is wrong with it
        if isinstance(body, RootHandover):
            yield fingerprint(body.public_key)


def _check_seen(statements: Sequence[bytes], seen: Seen) -> None:
    if len(statements) <= seen.number:
        raise RolledBack(f"{len(statements)} statements came, {seen.number + 1} were there before")
    if parse1(statements[seen.number]).hash != seen.hash:
        raise RolledBack(f"statement {seen.number} is not the one that was there before")


def root_fingerprint(statements: Sequence[bytes]) -> bytes:
    """Fingerprint that these statements claim, for showing only: nothing is verified. Raises BrokenStatements or BadField."""
    if not statements:
        raise BrokenStatements("there are no statements")
    statement, _ = parse_statement(statements[0])
    if not isinstance(statement.body, RootBody):
        raise BadField("statement 0 must name the root key")
    return fingerprint(statement.body.public_key)
