"""The one-time code an installer types or scans, and the messages of enrolment.

A code carries a secret of 80 bits and the whole fingerprint of the tenant root, so that a false portal is noticed by the
box itself: `SSSS-SSSS-SSSS-SSSS-FFFF-…` in RFC 4648 base32, upper case, dashes and spaces ignored.
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from protocol import b64
from protocol.errors import ProtocolError
from protocol.tips import ChainTip
from protocol.tips import uuid_of as uuid_of

SECRET_BYTES: Final = 10
SECRET_CHARS: Final = 16
FINGERPRINT_CHARS: Final = 52
NAME_CHARS_MAX: Final = 80


@dataclass(frozen=True)
class EnrolmentCode:
    """`secret` proves the right to enrol once; `fingerprint` (32 bytes) is the tenant root the box must meet."""

    secret: bytes
    fingerprint: bytes

    def text(self) -> str:
        """The code as people see it: groups of four."""
        raw = base64.b32encode(self.secret).decode() + base64.b32encode(self.fingerprint).decode().rstrip("=")
        return "-".join(raw[i : i + 4] for i in range(0, len(raw), 4))


def parse_code(text: str) -> EnrolmentCode:
    """Parse what was typed. Raises ProtocolError `bad-code` saying what is wrong with it."""
    raw = re.sub(r"[\s-]", "", text).upper()
    expected = SECRET_CHARS + FINGERPRINT_CHARS
    if len(raw) != expected:
        raise ProtocolError(
            "bad-code", f"the code has {len(raw)} letters and digits, expected {expected}: copy all of it"
        )
    if not re.fullmatch(r"[A-Z2-7]+", raw):
        raise ProtocolError(
            "bad-code", "the code holds a character that no code has (only A to Z and 2 to 7)"
        )
    secret = base64.b32decode(raw[:SECRET_CHARS])
    fingerprint = base64.b32decode(raw[SECRET_CHARS:] + "====")
    code = EnrolmentCode(secret, fingerprint)
    if code.text().replace("-", "") != raw:
        raise ProtocolError("bad-code", "the code's last character is mistyped")
    return code


def _text(value: object, what: str, limit: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > limit or not value.isprintable():
        raise ProtocolError("bad-field", f"{what} must be 1 to {limit} printable characters")
    return value.strip()


@dataclass(frozen=True)
class EnrolRequest:
    """What a box says to become an agent: its three public keys (32 raw bytes each). The request itself is signed by the transport key."""

    secret: bytes
    name: str
    record_public: bytes
    transport_public: bytes
    box_public: bytes
    software: str

    def to_json(self) -> dict[str, Any]:
        return {
            "code_secret": b64.encode(self.secret),
            "name": self.name,
            "record_public": b64.encode(self.record_public),
            "transport_public": b64.encode(self.transport_public),
            "box_public": b64.encode(self.box_public),
            "software": self.software,
        }

    @classmethod
    def from_json(cls, data: object) -> EnrolRequest:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict):
            raise ProtocolError("bad-field", "the enrolment request is not a JSON object")
        request = cls(
            secret=b64.decode(data.get("code_secret"), length=SECRET_BYTES, what="code_secret"),
            name=_text(data.get("name"), "name", NAME_CHARS_MAX),
            record_public=b64.decode(data.get("record_public"), length=32, what="record_public"),
            transport_public=b64.decode(data.get("transport_public"), length=32, what="transport_public"),
            box_public=b64.decode(data.get("box_public"), length=32, what="box_public"),
            software=_text(data.get("software"), "software", NAME_CHARS_MAX),
        )
        if len({request.record_public, request.transport_public, request.box_public}) != 3:
            raise ProtocolError("bad-field", "the three keys of an agent must differ")
        return request


@dataclass(frozen=True)
class EnrolReply:
    """What the portal answers: identities, the signed statements from number 0, and the first command document."""

    tenant: uuid.UUID
    tenant_slug: str
    agent: uuid.UUID
    statements: tuple[bytes, ...]
    command: bytes
    live_url: str
    follows: tuple[ChainTip, ...] = ()
    """Where the box takes the place of another: the newest chain of each stream of that one."""

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": str(self.tenant),
            "tenant_slug": self.tenant_slug,
            "agent": str(self.agent),
            "statements": [b64.encode(item) for item in self.statements],
            "command": b64.encode(self.command),
            "live_url": self.live_url,
            "follows": [tip.to_json() for tip in self.follows],
        }

    @classmethod
    def from_json(cls, data: object) -> EnrolReply:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict) or not isinstance(data.get("statements"), list):
            raise ProtocolError(
                "bad-field", "the reply to the enrolment is not what a portal of this version says"
            )
        return cls(
            tenant=uuid_of(data.get("tenant"), "tenant"),
            tenant_slug=_text(data.get("tenant_slug"), "tenant_slug", NAME_CHARS_MAX),
            agent=uuid_of(data.get("agent"), "agent"),
            statements=tuple(b64.decode(item, what="statement") for item in data["statements"]),
            command=b64.decode(data.get("command"), what="command"),
            live_url=_text(data.get("live_url"), "live_url", 500),
            follows=tuple(ChainTip.from_json(item) for item in _listed(data.get("follows"))),
        )


def _listed(value: object) -> list[object]:
    """A portal of an earlier release names none."""
    if value is not None and not isinstance(value, list):
        raise ProtocolError("bad-field", "follows is not a list")
    return value or []
