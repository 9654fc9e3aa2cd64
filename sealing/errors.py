"""The one error tree of the formats.

Every refusal of this package is a `SealingError` whose `name` stands in SPEC.md section 10. The TypeScript reader raises the same
names and the vectors are written in them. Messages say cause, object and next step, and never hold a key or plaintext.
"""

from __future__ import annotations

from typing import ClassVar


class SealingError(Exception):
    """Something sealed, signed or chained was refused.

    `name` is the stable name of SPEC.md section 10, for programs; `str(error)` is for people.
    """

    name: ClassVar[str] = "sealing-error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.name)

    def __str__(self) -> str:
        return str(self.args[0])


class NotCanonical(SealingError):
    """The bytes are not the canonical CBOR of anything (section 1.1)."""

    name = "not-canonical"


class UnknownCritical(SealingError):
    """A map holds a key, kind or version this reader must understand and does not."""

    name = "unknown-critical"


class BadField(SealingError):
    """A field is missing, has the wrong type or lies outside its limits."""

    name = "bad-field"


class BadSignature(SealingError):
    """The signature does not hold under the key it must hold under."""

    name = "bad-signature"


class WrongPurpose(SealingError):
    """The signature holds, but for an object of another purpose."""

    name = "wrong-purpose"


class UnknownSigner(SealingError):
    """No verified statement names the key that signed."""

    name = "unknown-signer"


class RevokedSigner(SealingError):
    """The signing agent was revoked and this record is not among those still trusted."""

    name = "revoked-signer"


class UnknownSuite(SealingError):
    """A signature algorithm or sealing suite this reader does not have."""

    name = "unknown-suite"


class WrongKey(SealingError):
    """The key or the context is not the one the bytes were sealed with; both show alike."""

    name = "wrong-key"


class MissingKey(SealingError):
    """No key was given for a part that must be opened."""

    name = "missing-key"


class WrongRoot(SealingError):
    """Leaf hashes or sealed bytes do not give the Merkle root in the record."""

    name = "wrong-root"


class LeafTampered(SealingError):
    """A leaf's sealed bytes do not have the hash that the index part states."""

    name = "leaf-tampered"


class ChunkTampered(SealingError):
    """A chunk's authentication tag does not hold."""

    name = "chunk-tampered"


class Truncated(SealingError):
    """The sealed bytes end before the message does."""

    name = "truncated"


class BadLength(SealingError):
    """A length that no valid object can have, or not the length that was stated."""

    name = "bad-length"


class WrongEnvelope(SealingError):
    """The envelope is for something or somebody else, or does not open with this key."""

    name = "wrong-envelope"


class WrongScope(SealingError):
    """Tenant, camera, stream or agent do not belong together."""

    name = "wrong-scope"


class BadParts(SealingError):
    """The parts do not tile the object, or stand in an order or combination that cannot be."""

    name = "bad-parts"


class BadIndex(SealingError):
    """The index part does not describe the parts of its record."""

    name = "bad-index"


class NoGenesis(SealingError):
    """An unknown chain does not begin with a genesis of seq 0."""

    name = "no-genesis"


class OutOfOrder(SealingError):
    """A record's seq is beyond the one that comes next."""

    name = "out-of-order"


class BrokenChain(SealingError):
    """A record does not name the hash of the one before it, or contradicts its chain."""

    name = "broken-chain"


class Fork(SealingError):
    """Two different records stand at one seq of one chain."""

    name = "fork"


class BrokenStatements(SealingError):
    """The tenant's statements do not form one chain from the root."""

    name = "broken-statements"


class WrongRootKey(SealingError):
    """The root statement's key does not have the trusted fingerprint."""

    name = "wrong-root-key"


class RolledBack(SealingError):
    """Fewer or other statements than were seen before."""

    name = "rolled-back"


class Replayed(SealingError):
    """A live counter did not grow."""

    name = "replayed"


class BrokenLive(SealingError):
    """Live messages do not give the hash that the agent signed."""

    name = "broken-live"


class MissingObject(SealingError):
    """An object that a record describes is absent."""

    name = "missing-object"


class MissingRecord(SealingError):
    """Records that another record names are absent."""

    name = "missing-record"


class UndeclaredGap(SealingError):
    """Time that no segment and no gap record speaks of."""

    name = "undeclared-gap"


class BadFolder(SealingError):
    """A footage folder or key file cannot be read as section 8.1 lays down."""

    name = "bad-folder"


ERRORS: dict[str, type[SealingError]] = {cls.name: cls for cls in SealingError.__subclasses__()}
"""Every error by its name."""
