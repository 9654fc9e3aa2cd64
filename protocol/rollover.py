"""Rolling an agent's keys over (`POST /agent/v1/keys`, JSON).

The portal asks for it in its reply to a heartbeat (`{"roll_over": id}`). The agent offers keys it has made and proves that it
holds them; the portal has the tenant's root state them, or its holders, and says so. The agent uses them once it has that
statement. What is sealed to the box key before is handed over by `POST /agent/v1/adoption` in its own name (`adoption.py`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol import b64
from protocol.errors import ProtocolError
from protocol.tips import uuid_of
from sealing.canonical import encode_canonical

PATH: Final = "/agent/v1/keys"
WANTED: Final = "roll_over"
"""The field in the reply to a heartbeat that asks for new keys."""
SETTLING = "settling"
"""Offered; the portal waits whether another box speaks with the same identity."""
FOR_HOLDER = "waits-for-holder"
STATED = "stated"
STATES: Final = (SETTLING, FOR_HOLDER, STATED)


@dataclass(frozen=True)
class KeyOffer:
    """New public keys of an agent (32 raw bytes each), as `instance` of its process offers them; the proofs are Ed25519
    signatures by the offered record and transport key."""

    instance: uuid.UUID
    record_public: bytes
    transport_public: bytes
    box_public: bytes
    record_proof: bytes = field(repr=False)
    transport_proof: bytes = field(repr=False)

    @classmethod
    def sign(
        cls,
        tenant: uuid.UUID,
        agent: uuid.UUID,
        instance: uuid.UUID,
        record: Ed25519PrivateKey,
        transport: Ed25519PrivateKey,
        box_public: bytes,
    ) -> KeyOffer:
        """Offer the public halves of these."""
        publics = (
            record.public_key().public_bytes_raw(),
            transport.public_key().public_bytes_raw(),
            box_public,
        )
        said = _said(tenant, agent, *publics)
        return cls(instance, *publics, record.sign(said), transport.sign(said))

    def check(self, tenant: uuid.UUID, agent: uuid.UUID) -> None:
        """Return when whoever offers these keys holds them. Raises ProtocolError `bad-proof`."""
        said = _said(tenant, agent, self.record_public, self.transport_public, self.box_public)
        for public, proof in (
            (self.record_public, self.record_proof),
            (self.transport_public, self.transport_proof),
        ):
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(proof, said)
            except (InvalidSignature, ValueError) as error:
                raise ProtocolError(
                    "bad-proof", "the offer does not prove that these keys are held"
                ) from error

    def to_json(self) -> dict[str, Any]:
        return {
            "instance": str(self.instance),
            "record_public": b64.encode(self.record_public),
            "transport_public": b64.encode(self.transport_public),
            "box_public": b64.encode(self.box_public),
            "record_proof": b64.encode(self.record_proof),
            "transport_proof": b64.encode(self.transport_proof),
        }

    @classmethod
    def from_json(cls, data: object) -> KeyOffer:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict):
            raise ProtocolError("bad-field", "this is not an offer of keys")
        offer = cls(
            uuid_of(data.get("instance"), "instance"),
            b64.decode(data.get("record_public"), length=32, what="record_public"),
            b64.decode(data.get("transport_public"), length=32, what="transport_public"),
            b64.decode(data.get("box_public"), length=32, what="box_public"),
            b64.decode(data.get("record_proof"), length=64, what="record_proof"),
            b64.decode(data.get("transport_proof"), length=64, what="transport_proof"),
        )
        if len({offer.record_public, offer.transport_public, offer.box_public}) != 3:
            raise ProtocolError("bad-field", "the three keys of an agent must differ")
        return offer


def _said(tenant: uuid.UUID, agent: uuid.UUID, record: bytes, transport: bytes, box: bytes) -> bytes:
    return encode_canonical(["vsaas-rollover-v1", tenant.bytes, agent.bytes, record, transport, box])


@dataclass(frozen=True)
class OfferReply:
    """How far the portal is with the keys offered: one of STATES."""

    state: str

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state}

    @classmethod
    def from_json(cls, data: object) -> OfferReply:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict) or data.get("state") not in STATES:
            raise ProtocolError("bad-field", "this is not the reply to an offer of keys")
        return cls(data["state"])
