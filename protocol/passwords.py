"""Camera passwords: what an agent is asked to change, and what it reports (`POST passwords`).

The agent makes the password, so no portal ever does. Its report holds the camera's addresses sealed to the agent itself, and
the password sealed (HPKE: X25519, HKDF-SHA256, AES-256-GCM; `enc ‖ ciphertext`) to the newest recipient the tenant's
statements name: whoever holds that key can reveal it, and nobody else.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocol import fields
from protocol.errors import ProtocolError
from protocol.finding import LOOK_CAUSES, check_service
from sealing.canonical import decode_canonical, encode_canonical
from sealing.ids import box_kid

VERSION: Final = 1
REPORT_BYTES_MAX: Final = 256 * 1024
CAMERAS_MAX: Final = 256
"""Streams of one recorder or device that share its login."""
PASSWORD_BYTES_MAX: Final = 128
ONVIF: Final = "onvif"
SEPARATE_KEPT: Final = "separate-kept"
_WAY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

CAUSES: Final = LOOK_CAUSES | {
    "interrupted",
    "unknown-camera",
    "unknown-former",
    "unknown-way",
    "no-user",
    "rules",
    "separate-users",
    SEPARATE_KEPT,
    "not-kept",
    "unsettled",
    "neither",
}
"""Why a password was not changed. `neither`: the camera takes neither the former password nor the new one. `separate-kept`: its
streams take the former one alone, its users by ONVIF the new one, which it did not let go. With every other cause the former
one holds."""

_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def check_way(way: str) -> str:
    """The name of a way to change passwords: `onvif`, or a plug-in's. Raises ProtocolError `bad-field`."""
    if not _WAY.fullmatch(way):
        raise ProtocolError("bad-field", "a way has 1 to 40 small letters, digits and -")
    return way


@dataclass(frozen=True)
class ChangePassword:
    """Give the device of `camera` a new password of its user. `service`: its ONVIF device service, or where the plug-in `way`
    finds it; "": the usual place at the host in the camera's address."""

    change: uuid.UUID
    camera: uuid.UUID
    service: str = ""
    way: str = ONVIF

    def row(self) -> list[Any]:
        return [6, self.change.bytes, self.camera.bytes, self.service, self.way]

    @classmethod
    def of(cls, change: object, camera: object, service: object, way: object) -> ChangePassword:
        """Raises ProtocolError."""
        return cls(*_common(change, camera, service, way))


@dataclass(frozen=True)
class RestorePassword:
    """Give the device back the password in `former`: the envelope of the camera's main source from before."""

    change: uuid.UUID
    camera: uuid.UUID
    former: bytes = field(repr=False)
    service: str = ""
    way: str = ONVIF

    def row(self) -> list[Any]:
        return [7, self.change.bytes, self.camera.bytes, self.former, self.service, self.way]

    @classmethod
    def of(
        cls, change: object, camera: object, former: object, service: object, way: object
    ) -> RestorePassword:
        """Raises ProtocolError."""
        one, two, where, how = _common(change, camera, service, way)
        return cls(one, two, fields.data(former, "former source", most=8192), where, how)


def _common(
    change: object, camera: object, service: object, way: object
) -> tuple[uuid.UUID, uuid.UUID, str, str]:
    url = fields.text(service, "service", most=1000)
    if url:
        check_service(url)
    how = check_way(fields.text(way, "way", most=40))
    return fields.uid(change, "change"), fields.uid(camera, "camera"), url, how


@dataclass(frozen=True)
class ChangedCamera:
    """One camera that signs in with the new password. `main`, `sub`: its sources with it, sealed to the agent; `before`: SHA-256
    of the main source's envelope they were made from. `password`: the new one, sealed to the tenant (`seal_password`); empty where
    no statement names a recipient. Without `main` the sources stay: the change failed, and its password may be needed."""

    camera: uuid.UUID
    main: bytes = field(repr=False)
    sub: bytes | None = field(repr=False)
    before: bytes
    password: bytes = field(repr=False)

    def row(self) -> list[Any]:
        return [self.camera.bytes, self.main, self.sub, self.before, self.password]

    @classmethod
    def of(cls, value: object) -> ChangedCamera:
        """Raises ProtocolError."""
        camera, main, sub, before, password = fields.array(value, "changed camera", length=5)
        return cls(
            fields.uid(camera, "camera"),
            fields.data(main, "main source", most=8192),
            None if sub is None else fields.data(sub, "sub source", most=8192),
            fields.data(before, "digest", length=32),
            fields.data(password, "sealed password", most=1024),
        )


@dataclass(frozen=True)
class PasswordReport:
    """How one change ended. `cause`: "" when the new password holds, else one of CAUSES. `recipient`: to whom passwords are
    sealed (kid, 16 bytes)."""

    change: uuid.UUID
    cause: str
    recipient: bytes = b""
    cameras: tuple[ChangedCamera, ...] = ()

    def encode(self) -> bytes:
        rows = [one.row() for one in self.cameras]
        return encode_canonical([VERSION, self.change.bytes, self.cause, self.recipient, rows])

    @classmethod
    def decode(cls, data: bytes) -> PasswordReport:
        """Raises ProtocolError or SealingError."""
        row = fields.array(decode_canonical(data, max_bytes=REPORT_BYTES_MAX), "report", length=5)
        if row[0] != VERSION:
            raise ProtocolError("unknown-version", f"password report version {row[0]!r} is not known")
        cause = fields.text(row[2], "cause", most=40)
        if cause and cause not in CAUSES:
            raise ProtocolError("bad-field", "a report with a cause that does not exist")
        recipient = fields.data(row[3], "recipient", most=16)
        cameras = tuple(
            ChangedCamera.of(item) for item in fields.array(row[4], "changed cameras", most=CAMERAS_MAX)
        )
        return cls(fields.uid(row[1], "change"), cause, recipient, cameras)


def _info(tenant: uuid.UUID, camera: uuid.UUID, change: uuid.UUID, recipient: bytes) -> bytes:
    return encode_canonical(["vsaas-password-v1", tenant.bytes, camera.bytes, change.bytes, recipient])


def seal_password(
    tenant: uuid.UUID, camera: uuid.UUID, change: uuid.UUID, password: str, recipient_public: bytes
) -> bytes:
    """A camera's password for whoever holds the recipient's private key. Raises ProtocolError."""
    secret = password.encode()
    if not 1 <= len(secret) <= PASSWORD_BYTES_MAX:
        raise ProtocolError("bad-field", f"a password has 1 to {PASSWORD_BYTES_MAX} bytes")
    try:
        public = X25519PublicKey.from_public_bytes(recipient_public)
        return _SUITE.encrypt(secret, public, _info(tenant, camera, change, box_kid(recipient_public)))
    except ValueError:
        raise ProtocolError("bad-field", "the recipient's key is none") from None


def open_password(
    tenant: uuid.UUID, camera: uuid.UUID, change: uuid.UUID, sealed: bytes, private_key: bytes
) -> str:
    """What `seal_password` sealed for this very camera and change. Raises ProtocolError `wrong-envelope`."""
    private = X25519PrivateKey.from_private_bytes(private_key)
    kid = box_kid(private.public_key().public_bytes_raw())
    try:
        return _SUITE.decrypt(sealed, private, _info(tenant, camera, change, kid)).decode()
    except (InvalidTag, ValueError):
        raise ProtocolError("wrong-envelope", "the sealed password does not open with this key") from None
