"""Certificates that the organisation's own authority issues to cameras (ONVIF Advanced Security).

The portal orders it (order 16). The agent has the camera make a key of its own and a request for a certificate (PKCS #10), sends
that on (`POST /agent/v1/certificates`, canonical CBOR: `[1, change, host, request]` → `[certificate, authority]`, DER), gives the
camera the certificate, looks whether it shows it, and tells the end (`[2, change, cause]` → `[1]`).
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from protocol import fields
from protocol.errors import ProtocolError
from protocol.finding import LOOK_CAUSES
from sealing.canonical import decode_canonical, encode_canonical

PATH: Final = "/agent/v1/certificates"
REQUEST_BYTES_MAX: Final = 8192
CERTIFICATE_BYTES_MAX: Final = 8192
MESSAGE_BYTES_MAX: Final = 16_384
OTHER_SHOWN: Final = "other-certificate"
NOT_SIGNED: Final = "not-signed"
INTERRUPTED: Final = "interrupted"
CAUSES: Final = LOOK_CAUSES | {OTHER_SHOWN, NOT_SIGNED, INTERRUPTED}
"""Why a camera has no certificate of the authority. `other-certificate`: it took it and shows another; `not-signed`: the portal
did not sign its request; `interrupted`: the agent was stopped meanwhile."""
_SERVICE_MAX: Final = 1000
_HOST_MAX: Final = 253
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


@dataclass(frozen=True)
class IssueCertificate:
    """`service`: the camera's ONVIF device service; "": the usual place at its host."""

    change: uuid.UUID
    camera: uuid.UUID
    service: str = ""

    def row(self) -> list[Any]:
        return [16, self.change.bytes, self.camera.bytes, self.service]

    @classmethod
    def of(cls, change: object, camera: object, service: object) -> IssueCertificate:
        """Raises ProtocolError."""
        return cls(
            fields.uid(change, "change"),
            fields.uid(camera, "camera"),
            "" if service == "" else fields.text(service, "service", most=_SERVICE_MAX),
        )


@dataclass(frozen=True)
class CertificateRequest:
    """A camera's request: `host`, where it is reached (an address or a name), and the PKCS #10 request (DER)."""

    change: uuid.UUID
    host: str
    request: bytes

    def encode(self) -> bytes:
        return encode_canonical([1, self.change.bytes, self.host, self.request])


@dataclass(frozen=True)
class CertificateEnd:
    """How it ended: "" or one of CAUSES."""

    change: uuid.UUID
    cause: str

    def encode(self) -> bytes:
        return encode_canonical([2, self.change.bytes, self.cause])


def decode_message(data: bytes) -> CertificateRequest | CertificateEnd:
    """Raises ProtocolError or SealingError."""
    row = fields.array(decode_canonical(data, max_bytes=MESSAGE_BYTES_MAX), "certificate message", most=4)
    match row:
        case [1, change, host, request]:
            name = fields.text(host, "host", most=_HOST_MAX)
            if not is_host(name):
                raise ProtocolError("bad-field", "host is neither an address nor a name")
            return CertificateRequest(
                fields.uid(change, "change"), name, fields.data(request, "request", most=REQUEST_BYTES_MAX)
            )
        case [2, change, cause]:
            word = "" if cause == "" else fields.text(cause, "cause", most=40)
            if word and word not in CAUSES:
                raise ProtocolError("bad-field", "a cause that does not exist")
            return CertificateEnd(fields.uid(change, "change"), word)
    raise ProtocolError("bad-field", "a message about a certificate that does not exist")


def is_host(text: str) -> bool:
    """Whether it is an IP address or a DNS name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _NAME.fullmatch(text) is not None
    return True


@dataclass(frozen=True)
class Issued:
    """A certificate and the authority that issued it, DER."""

    certificate: bytes
    authority: bytes

    def encode(self) -> bytes:
        return encode_canonical([self.certificate, self.authority])

    @classmethod
    def decode(cls, data: bytes) -> Issued:
        """Raises ProtocolError or SealingError."""
        row = fields.array(decode_canonical(data, max_bytes=MESSAGE_BYTES_MAX), "certificate", length=2)
        return cls(*(fields.data(one, "certificate", most=CERTIFICATE_BYTES_MAX) for one in row))
