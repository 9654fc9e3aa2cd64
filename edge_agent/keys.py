"""The box's own keys, and the period keys in use.

Private keys lie in files of their own (0600 in a folder 0700), made on the box and never sent. They come in generations,
because they are rolled over (`rollover.py`): `record.key`, after that `record.1.key` and so on. Period keys in use lie in the
spool wrapped (AES-KW, RFC 3394) under a key of this disk: a restart goes on with the hour's key.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from edge_agent.errors import NotEnrolled, StateUnusable
from edge_agent.files import make_private_folder, read_private, sync_folder, write_private
from edge_agent.spool import Spool
from sealing.cose import Ed25519Signer
from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid, camera_key_kind, kid, rendition_class
from sealing.keys import EnvelopeInfo, PeriodKey, RecScope, parse_envelope, seal_envelope
from sealing.statement import CameraKey, Recipient, Trust

HOUR_US = 3_600_000_000
_NAMES = ("transport", "record", "box")
_DISK = "disk.key"


@dataclass(frozen=True)
class BoxKeys:
    """Private keys of this box: raw 32 bytes each. Never printed.

    `disk`: what at-rest keys are derived from; it outlives the others. `others`: box keys beside the one in force, while they
    are rolled over: the one before and the one to come.
    """

    transport: bytes = field(repr=False)
    record: bytes = field(repr=False)
    box: bytes = field(repr=False)
    disk: bytes = field(repr=False)
    others: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def new(cls, disk: bytes | None = None) -> BoxKeys:
        """Make fresh keys; `disk` stays where it is given."""
        box = X25519PrivateKey.generate().private_bytes_raw()
        return cls(
            Ed25519PrivateKey.generate().private_bytes_raw(),
            Ed25519PrivateKey.generate().private_bytes_raw(),
            box,
            disk or _of_box(box),
        )

    @classmethod
    def load(cls, folder: Path, generation: int = 0) -> BoxKeys:
        """Read the keys of an enrolled box. Raises NotEnrolled or StateUnusable."""
        keys = {name: _read(key_file(folder, name, generation)) for name in _NAMES}
        # Until a first rollover writes the file, the disk's key is what follows from the box key.
        disk = _read(folder / _DISK) if (folder / _DISK).exists() else _of_box(keys["box"])
        beside = [key_file(folder, "box", other) for other in (generation - 1, generation + 1)]
        return cls(**keys, disk=disk, others=tuple(_read(path) for path in beside if path.exists()))

    def save(self, folder: Path, generation: int = 0) -> None:
        """Write the keys, readable for the owner only."""
        make_private_folder(folder)
        if generation:
            write_private(folder / _DISK, self.disk)
        for name in _NAMES:
            write_private(key_file(folder, name, generation), getattr(self, name))

    def beside(self, *others: bytes) -> BoxKeys:
        """These keys, with other box keys that open what is sealed to them."""
        return replace(self, others=others)

    def box_for(self, envelope: bytes) -> tuple[bytes, bytes]:
        """Private and public half of the box key to which an envelope is sealed; of the one in force where it is none of
        ours, so that opening it fails as it does for a stranger's. Raises SealingError."""
        to = parse_envelope(envelope)[0].recipient
        for private in (self.box, *self.others):
            public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
            if box_kid(public) == to:
                return private, public
        return self.box, self.box_public

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
    def record_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.record)

    @property
    def record_signer(self) -> Ed25519Signer:
        return Ed25519Signer(self.record)

    @property
    def record_public(self) -> bytes:
        return self.record_key.public_key().public_bytes_raw()

    @property
    def box_public(self) -> bytes:
        return X25519PrivateKey.from_private_bytes(self.box).public_key().public_bytes_raw()

    @property
    def box_kid(self) -> bytes:
        return box_kid(self.box_public)

    def wrapping_key(self) -> bytes:
        """The key (32 bytes) that wraps period keys at rest."""
        return self.at_rest(b"vsaas-agent-wrap-v1")

    def at_rest(self, what: bytes) -> bytes:
        """The key (32 bytes) under which this disk keeps something; it stays when the others are rolled over."""
        return HKDFExpand(algorithm=SHA256(), length=32, info=what).derive(self.disk)


def key_file(folder: Path, name: str, generation: int) -> Path:
    """Where a private key lies; those a box was enrolled with are generation 0."""
    return folder / (f"{name}.{generation}.key" if generation else f"{name}.key")


def remove_keys(folder: Path, generation: int, *names: str) -> None:
    """Remove private keys of a generation, if they are there, and what a power cut left of writing them. Raises StateUnusable."""
    for name in names:
        path = key_file(folder, name, generation)
        try:
            for left in (path, *folder.glob(f".{path.name}.*")):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise StateUnusable(f"cannot remove {path}: {error.strerror}") from error
    sync_folder(folder)


def _read(path: Path) -> bytes:
    if not path.exists():
        raise NotEnrolled(f"{path} is missing: enrol this box first")
    key = read_private(path, most_bytes=64)
    if len(key) != 32:
        raise StateUnusable(f"{path} is damaged: restore it, or enrol this box anew")
    return key


def _of_box(box: bytes) -> bytes:
    """HKDF-Extract (RFC 5869, no salt) of the box key: nobody gets that back out of it."""
    extract = HMAC(bytes(32), SHA256())
    extract.update(box)
    return extract.finalize()


class _InUse(NamedTuple):
    period_us: int
    recipient: bytes
    key: PeriodKey


class PeriodKeys:
    """The period keys of all cameras: one per camera, rendition class and UTC hour. Thread-safe: one stream, one thread."""

    def __init__(self, spool: Spool, tenant: uuid.UUID, wrapping_key: bytes) -> None:
        self._spool, self._tenant = spool, tenant
        self._wrapping_key = wrapping_key
        self._in_use: dict[tuple[uuid.UUID, int], _InUse] = {}
        self._trust: Trust | None = None

    def follow(self, trust: Trust) -> None:
        """Seal to whom `trust` says from now on: new keys, and those the portal was not given yet. A customer who takes over
        the keys, or rolls a camera's, would else never open what was recorded meanwhile. Raises DiskFull."""
        if trust is self._trust:
            return
        self._trust = trust
        self._seal_unsent_again()

    def key_for(self, camera: uuid.UUID, stream: Stream, rendition: Rendition, at_us: int) -> PeriodKey:
        """Return the key of the hour that holds `at_us`; a new one is on disk with its envelope before it is used. One that
        was sealed to a recipient who is not in force any more is not used again.

        Raises StateUnusable when no statement names a recipient, DiskFull.
        """
        klass = rendition_class(stream, rendition)
        period_us = at_us - at_us % HOUR_US
        to = self._recipient(camera, klass)
        in_use = self._in_use.get((camera, klass))
        if in_use is not None and (in_use.period_us, in_use.recipient) == (period_us, to.kid):
            return in_use.key
        key = self._from_spool(camera, klass, period_us, to) or self._new(camera, klass, period_us, to)
        self._in_use[camera, klass] = _InUse(period_us, to.kid, key)
        return key

    def kept(self, key_id: bytes) -> PeriodKey | None:
        """Return a period key that is still here, by its id; None where it is not, or lies under another box key."""
        rows = self._spool.read("SELECT wrapped FROM period_keys WHERE key_id = ?", (key_id,))
        return self._unwrapped(key_id, rows[0][0]) if rows else None

    def _recipient(self, camera: uuid.UUID, klass: int) -> Recipient | CameraKey:
        to = None if self._trust is None else self._trust.recipient_for(camera, camera_key_kind(klass))
        if to is None:
            raise StateUnusable(
                "no statement names a recipient: nothing can be sealed, so nothing is recorded"
            )
        return to

    def _from_spool(
        self, camera: uuid.UUID, klass: int, period_us: int, to: Recipient | CameraKey
    ) -> PeriodKey | None:
        rows = self._spool.read(
            "SELECT key_id, wrapped, envelope FROM period_keys JOIN envelopes USING (key_id) "
            "WHERE camera = ? AND class = ? AND period_start_us = ?",
            (camera.bytes, klass, period_us),
        )
        for key_id, wrapped, envelope in rows:
            key = self._unwrapped(key_id, wrapped)
            if key is not None and parse_envelope(envelope)[0].recipient == to.kid:
                return key
        return None

    def _unwrapped(self, key_id: bytes, wrapped: bytes) -> PeriodKey | None:
        """None where it was wrapped under another box key: a new key is allowed at any time."""
        try:
            return PeriodKey(key_id, aes_key_unwrap(self._wrapping_key, wrapped))
        except InvalidUnwrap:
            return None

    def _new(self, camera: uuid.UUID, klass: int, period_us: int, to: Recipient | CameraKey) -> PeriodKey:
        key = PeriodKey.new()
        envelope = self._envelope(RecScope(camera, klass, period_us), key, to)
        wrapped = aes_key_wrap(self._wrapping_key, key.key)

        def put(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM period_keys WHERE camera = ? AND class = ? AND period_start_us < ? AND NOT EXISTS "
                "(SELECT 1 FROM envelopes WHERE key_id = period_keys.key_id AND sent_us IS NULL)",
                (camera.bytes, klass, period_us),
            )
            connection.execute(
                "INSERT INTO period_keys VALUES (?, ?, ?, ?, ?)",
                (key.key_id, camera.bytes, klass, period_us, wrapped),
            )
            connection.execute(
                "INSERT INTO envelopes (key_id, envelope) VALUES (?, ?)", (key.key_id, envelope)
            )

        self._spool.write(put).result()
        return key

    def _envelope(self, scope: RecScope, key: PeriodKey, to: Recipient | CameraKey) -> bytes:
        info = EnvelopeInfo(EnvelopePurpose.REC, self._tenant, scope, key.key_id, to.kid, to.epoch)
        return seal_envelope(info, key.key, to.public_key)

    def _seal_unsent_again(self) -> None:
        rows = self._spool.read(
            "SELECT id, envelope, key_id, wrapped FROM envelopes JOIN period_keys USING (key_id) WHERE sent_us IS NULL"
        )
        again: list[tuple[bytes, int]] = []
        for row, envelope, key_id, wrapped in rows:
            info, _ = parse_envelope(envelope)
            key = self._unwrapped(key_id, wrapped)
            if key is None or not isinstance(info.scope, RecScope):
                continue
            to = self._recipient(info.scope.camera, info.scope.rendition_class)
            if to.kid != info.recipient:
                again.append((self._envelope(info.scope, key, to), row))
        if again:
            statement = "UPDATE envelopes SET envelope = ? WHERE id = ? AND sent_us IS NULL"
            self._spool.write(lambda connection: connection.executemany(statement, again)).result()
