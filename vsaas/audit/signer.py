"""The audit key, and what it remembers having signed: files that only the worker has (VSAAS_AUDIT_KEY).

The portal cannot read them, and no role of the database can. So whoever holds the database, its owner included, can
neither sign an altered log nor take back what was signed: beside the key lies, for each log, the newest checkpoint signed
(its tip), and a log that is shorter than its tip, or goes on from something else, is signed no more.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from vsaas.audit.proof import Checkpoint, Pruning
from vsaas.common.errors import VsaasError
from vsaas.common.private_file import create_whole

_HEADER = "vsaas-audit-key-v1"
Signed = TypeVar("Signed", Checkpoint, Pruning)


class AuditKeyError(VsaasError):
    """The audit key is absent, damaged, or others can read it."""

    problem = "audit-key"


class Signer:
    """Signs under the key in a file; keeps a tip for each log in the folder beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tips = path.with_name(path.name + ".tips")
        self._key = Ed25519PrivateKey.from_private_bytes(_read_key(path))
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, statement: Signed) -> Signed:
        """The statement with its signature. What may be signed is the caller's to decide."""
        return replace(statement, signature=self._key.sign(statement.signed_bytes()))

    def tip(self, log: UUID) -> Checkpoint | None:
        """The newest checkpoint this machine signed of a log. Raises AuditKeyError when it is unreadable."""
        path = self.tips / f"{log}.json"
        try:
            kept = json.loads(path.read_text())
            found = Checkpoint(
                log,
                kept["size"],
                bytes.fromhex(kept["head"]),
                kept["at_us"],
                bytes.fromhex(kept["signature"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AuditKeyError(f"cannot read {path}, what was signed last of this log: {error}") from error
        if not found.holds(self.public_key):
            raise AuditKeyError(
                f"{path} is not signed by the key {self.path}: another key was put there. Move the folder {self.tips} "
                "aside when that was meant"
            )
        return found

    def remember(self, signed: Checkpoint) -> None:
        """Keep a checkpoint as its log's tip, unless a later one is kept."""
        with self._locked():
            known = self.tip(signed.log)
            if known is not None and known.size >= signed.size:
                return
            kept = {
                "size": signed.size,
                "head": signed.head.hex(),
                "at_us": signed.at_us,
                "signature": signed.signature.hex(),
            }
            path = self.tips / f"{signed.log}.json"
            aside = path.with_suffix(".new")
            with open(aside, "w", opener=_private) as file:
                file.write(json.dumps(kept))
            aside.replace(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.tips.mkdir(mode=0o700, exist_ok=True)
        with open(self.tips / ".lock", "w", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def create_key_file(path: Path) -> bool:
    """Makes the key file, mode 0600, never over an existing one; False when a sound one is there. Raises AuditKeyError."""
    try:
        create_whole(path, f"{_HEADER} {base64.b64encode(os.urandom(32)).decode()}\n".encode())
    except FileExistsError:
        _read_key(path)
        return False
    except OSError as error:
        raise AuditKeyError(f"cannot make the audit key {path}: {error.strerror}") from error
    return True


def check_key_file(path: Path) -> None:
    """Raises AuditKeyError where the file is absent, damaged, or to be read by others."""
    _read_key(path)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            text = file.read(200)
    except FileNotFoundError as error:
        raise AuditKeyError(f"there is no audit key {path}: make it with manage.py audit_init") from error
    except OSError as error:
        raise AuditKeyError(f"cannot read the audit key {path}: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode) or info.st_mode & 0o077 or info.st_uid not in (os.geteuid(), 0):
        raise AuditKeyError(
            f"the audit key {path} must be a plain file of the worker's user that nobody else may read (chmod 600)"
        )
    header, _, encoded = text.strip().partition(b" ")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if header != _HEADER.encode() or len(key) != 32:
        raise AuditKeyError(f"the audit key {path} is damaged: restore it from its copy")
    return key


@lru_cache(maxsize=4)
def _open(path: Path) -> Signer:
    return Signer(path)


def signer() -> Signer | None:
    """The signer of this process; None where VSAAS_AUDIT_KEY is not set (portal and hub). Raises AuditKeyError."""
    path = settings.ENV.audit_key
    return _open(Path(path)) if path else None
