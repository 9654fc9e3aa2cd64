"""The box's own keys, and the period keys in use.

Private keys lie in files of their own (0600 in a folder 0700), made on the box and never sent. Period keys in use lie
in the spool wrapped (AES-KW, RFC 3394) under a key derived from the box key: a restart goes on with the hour's key.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from edge_agent.errors import NotEnrolled, StateUnusable
from edge_agent.files import make_private_folder, read_private, write_private
from edge_agent.spool import Spool
from sealing.cose import Ed25519Signer
from sealing.ids import EnvelopePurpose, RecipientKind, Rendition, Stream, box_kid, kid, rendition_class
from sealing.keys import EnvelopeInfo, PeriodKey, RecScope, seal_envelope
from sealing.statement import Recipient

HOUR_US = 3_600_000_000
_NAMES = ("transport", "record", "box")


@dataclass(frozen=True)
class BoxKeys:
    """Private keys of this box: raw 32 bytes each. Never printed."""

    transport: bytes = field(repr=False)
    record: bytes = field(repr=False)
    box: bytes = field(repr=False)

    @classmethod
    def new(cls) -> BoxKeys:
        """Make fresh keys."""
        return cls(
            Ed25519PrivateKey.generate().private_bytes_raw(),
            Ed25519PrivateKey.generate().private_bytes_raw(),
            X25519PrivateKey.generate().private_bytes_raw(),
        )

    @classmethod
    def load(cls, folder: Path) -> BoxKeys:
        """Read the keys of an enrolled box. Raises NotEnrolled or StateUnusable."""
        keys: dict[str, bytes] = {}
        for name in _NAMES:
            path = folder / f"{name}.key"
            if not path.exists():
                raise NotEnrolled(f"{path} is missing: enrol this box first")
            keys[name] = read_private(path, most_bytes=64)
            if len(keys[name]) != 32:
                raise StateUnusable(f"{path} is damaged: restore it, or enrol this box anew")
        return cls(**keys)

    def save(self, folder: Path) -> None:
        """Write the keys, readable for the owner only."""
        make_private_folder(folder)
        for name in _NAMES:
            write_private(folder / f"{name}.key", getattr(self, name))

    @property
    def transport_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.transport)

    @property
    def transport_public(self) -> bytes:
        return self.transport_key.public_key().public_bytes_raw()

    @property
    def transport_kid(self) -> str:
        """Key id of the transport key as requests name it (hex)."""
        return kid(self.transport_public).hex()

    @property
    def record_signer(self) -> Ed25519Signer:
        return Ed25519Signer(self.record)

    @property
    def record_public(self) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.record).public_key().public_bytes_raw()

    @property
    def box_public(self) -> bytes:
        return X25519PrivateKey.from_private_bytes(self.box).public_key().public_bytes_raw()

    @property
    def box_kid(self) -> bytes:
        return box_kid(self.box_public)

    def wrapping_key(self) -> bytes:
        """The key (32 bytes) that wraps period keys at rest."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"vsaas-agent-wrap-v1").derive(self.box)


class PeriodKeys:
    """The period keys of all cameras: one per camera, rendition class and UTC hour. Thread-safe: one stream, one thread."""

    def __init__(self, spool: Spool, tenant: uuid.UUID, wrapping_key: bytes) -> None:
        self._spool, self._tenant = spool, tenant
        self._wrapping_key = wrapping_key
        self._in_use: dict[tuple[uuid.UUID, int], tuple[int, PeriodKey]] = {}
        self.recipients: tuple[Recipient, ...] = ()

    def key_for(self, camera: uuid.UUID, stream: Stream, rendition: Rendition, at_us: int) -> PeriodKey:
        """Return the key of the hour that holds `at_us`; a new one is on disk with its envelopes before it is used.

        Raises StateUnusable when no statement names a recipient, DiskFull.
        """
        klass = rendition_class(stream, rendition)
        period_us = at_us - at_us % HOUR_US
        in_use = self._in_use.get((camera, klass))
        if in_use is not None and in_use[0] == period_us:
            return in_use[1]
        key = self._from_spool(camera, klass, period_us) or self._new(camera, klass, period_us)
        self._in_use[camera, klass] = (period_us, key)
        return key

    def kept(self, key_id: bytes) -> PeriodKey | None:
        """Return a period key that is still here, by its id; None where it is not, or lies under another box key."""
        rows = self._spool.read("SELECT wrapped FROM period_keys WHERE key_id = ?", (key_id,))
        try:
            return PeriodKey(key_id, aes_key_unwrap(self._wrapping_key, rows[0][0])) if rows else None
        except InvalidUnwrap:
            return None

    def _from_spool(self, camera: uuid.UUID, klass: int, period_us: int) -> PeriodKey | None:
        rows = self._spool.read(
            "SELECT key_id, wrapped FROM period_keys WHERE camera = ? AND class = ? AND period_start_us = ?",
            (camera.bytes, klass, period_us),
        )
        for key_id, wrapped in rows:
            try:
                return PeriodKey(key_id, aes_key_unwrap(self._wrapping_key, wrapped))
            except InvalidUnwrap:
                continue  # wrapped under another box key: a new key is allowed at any time
        return None

    def _new(self, camera: uuid.UUID, klass: int, period_us: int) -> PeriodKey:
        recipients = [item for item in self.recipients if item.kind is RecipientKind.TENANT]
        if not recipients:
            raise StateUnusable(
                "no statement names a recipient: nothing can be sealed, so nothing is recorded"
            )
        key = PeriodKey.new()
        envelopes = [
            seal_envelope(
                EnvelopeInfo(
                    EnvelopePurpose.REC,
                    self._tenant,
                    RecScope(camera, klass, period_us),
                    key.key_id,
                    item.kid,
                    item.epoch,
                ),
                key.key,
                item.public_key,
            )
            for item in recipients
        ]
        wrapped = aes_key_wrap(self._wrapping_key, key.key)

        def put(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM period_keys WHERE camera = ? AND class = ? AND period_start_us < ?",
                (camera.bytes, klass, period_us),
            )
            connection.execute(
                "INSERT INTO period_keys VALUES (?, ?, ?, ?, ?)",
                (key.key_id, camera.bytes, klass, period_us, wrapped),
            )
            connection.executemany(
                "INSERT INTO envelopes (key_id, envelope) VALUES (?, ?)",
                [(key.key_id, item) for item in envelopes],
            )

        self._spool.write(put).result()
        return key
