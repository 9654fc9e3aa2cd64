"""Plug-ins that wrap the private keys of tenants. The database holds wrapped keys only.

`VSAAS_KMS` names the plug-in and where its own key is: `keyfile:PATH`. A wrapped key is bound to what it is for: the
same bytes under another purpose, tenant or key id do not open.
"""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealing.canonical import encode_canonical
from vsaas.common.private_file import create_whole
from vsaas.keys.errors import KmsError

_HEADER = "vsaas-kms-key-v1"
_BLOB_VERSION = b"\x01"


@dataclass(frozen=True)
class WrapContext:
    """What a wrapped key is bound to. `purpose`: "root", "command", …; `key_id`: 16 bytes."""

    purpose: str
    tenant_id: UUID
    key_id: bytes

    def encode(self) -> bytes:
        return encode_canonical(["vsaas-kms-v1", self.purpose, self.tenant_id.bytes, self.key_id])


class Kms(Protocol):
    """A plug-in. Both methods raise KmsError; neither says anything about the key in the message."""

    def wrap(self, key: bytes, context: WrapContext) -> bytes:
        """`key` as a blob only this KMS opens, under the same context alone."""

    def unwrap(self, blob: bytes, context: WrapContext) -> bytes:
        """The key in `blob`."""


class KeyFileKms:
    """Wraps with AES-256-GCM under one random key in a file only the portal's user may read.

    Blob: 0x01 ‖ id of the file's key (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16); additional data: the context.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        key = _read_key(path)
        self._id = hashlib.sha256(b"vsaas-kms-id-v1" + key).digest()[:8]
        self._aead = AESGCM(key)

    def wrap(self, key: bytes, context: WrapContext) -> bytes:
        nonce = os.urandom(12)
        return _BLOB_VERSION + self._id + nonce + self._aead.encrypt(nonce, key, context.encode())

    def unwrap(self, blob: bytes, context: WrapContext) -> bytes:
        if len(blob) < 37 or blob[:1] != _BLOB_VERSION:
            raise KmsError(
                f"cannot open the {context.purpose} key of tenant {context.tenant_id}: it is damaged"
            )
        if blob[1:9] != self._id:
            raise KmsError(
                f"cannot open the {context.purpose} key of tenant {context.tenant_id}: it was wrapped under another "
                f"key file than {self.path}; put the right file back"
            )
        try:
            return self._aead.decrypt(blob[9:21], blob[21:], context.encode())
        except InvalidTag as error:
            raise KmsError(
                f"cannot open the {context.purpose} key of tenant {context.tenant_id}: it was altered, or is another's"
            ) from error


def create_key_file(path: Path) -> bool:
    """Makes a key file with a random key, mode 0600, never over an existing one.

    Returns False when a sound key file is there already. Raises KmsError when it cannot be made or is unsound.
    """
    try:
        create_whole(path, f"{_HEADER} {base64.b64encode(os.urandom(32)).decode()}\n".encode())
    except FileExistsError:
        _read_key(path)
        return False
    except OSError as error:
        raise KmsError(f"cannot make the key file {path}: {error.strerror}") from error
    return True


def key_file_of(setting: str) -> Path:
    """The path in `keyfile:PATH`. Raises KmsError for another plug-in."""
    scheme, _, rest = setting.partition(":")
    if scheme != "keyfile" or not rest:
        raise KmsError(f"unknown KMS plug-in {scheme!r}: set VSAAS_KMS to keyfile:PATH")
    return Path(rest)


def _read_key(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            text = file.read(200)
    except FileNotFoundError as error:
        raise KmsError(f"there is no key file {path}: make it with manage.py kms_init") from error
    except OSError as error:
        raise KmsError(f"cannot read the key file {path}: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode) or info.st_mode & 0o077:
        raise KmsError(
            f"the key file {path} must be a plain file only its owner may read: chmod 600 {path}, "
            "and ask who could read it until now"
        )
    if info.st_uid not in (os.geteuid(), 0):
        raise KmsError(f"the key file {path} belongs to another user: chown it to the portal's user")
    return _parse_key(path, text)


def _parse_key(path: Path, text: bytes) -> bytes:
    header, _, encoded = text.strip().partition(b" ")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if header.decode("ascii", "replace") != _HEADER or len(key) != 32:
        raise KmsError(f"the key file {path} is damaged: restore it from its copy")
    return key


PLUGINS: dict[str, Callable[[str], Kms]] = {
    "keyfile": lambda rest: KeyFileKms(Path(rest)),
}


@lru_cache(maxsize=4)
def _open(setting: str) -> Kms:
    scheme, _, rest = setting.partition(":")
    plugin = PLUGINS.get(scheme)
    if plugin is None or not rest:
        raise KmsError(f"unknown KMS plug-in {scheme!r}: set VSAAS_KMS to one of {', '.join(PLUGINS)}:…")
    return plugin(rest)


def kms() -> Kms:
    """The plug-in the settings name; opened once per process."""
    from django.conf import settings

    return _open(settings.ENV.kms)
