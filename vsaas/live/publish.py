"""One publish: what an agent sends for one camera and stream while somebody watches.

The hub keeps no more than a newcomer needs: the tracks' init messages, and everything since the last proof before the
newest key frame, so that a late viewer can check the hash chain from a signature on and starts at a key frame.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from protocol.control import LiveKey
from sealing.ids import Rendition
from sealing.live import SYNC, EndMessage, FragmentMessage, InitMessage, Message, ProofMessage
from vsaas.live.errors import LiveMessageRefused

BURST_BYTES_MOST = 24 * 1024 * 1024
"""The largest group of pictures kept for newcomers (48 s at 4 Mbit/s); beyond it they wait for the next key frame."""
KEYS_KEPT_PER_RENDITION = 2
"""The key in use and the one before: what a burst may hold."""


@dataclass
class Publish:
    """State of one publish id. Counters never go back; a new connection of the agent means a new publish."""

    id: UUID
    tenant: UUID
    agent: UUID
    camera: UUID
    stream: int
    keys: dict[int, list[LiveKey]] = field(default_factory=dict)
    keys_version: int = 0
    counter: int = -1
    connected: bool = False
    asked_at: float = field(default_factory=time.monotonic)
    _keys_changed: asyncio.Event = field(default_factory=asyncio.Event)
    _inits: dict[Rendition, bytes] = field(default_factory=dict)
    _inits_before: dict[Rendition, bytes] = field(default_factory=dict)
    _burst: list[bytes] = field(default_factory=list)
    _burst_bytes: int = 0
    _since_proof: list[bytes] = field(default_factory=list)
    _since_proof_bytes: int = 0
    _inits_at_proof: dict[Rendition, bytes] = field(default_factory=dict)
    _has_group: bool = False

    def add_keys(self, keys: tuple[LiveKey, ...]) -> None:
        """Session keys, sealed to the tenant, that messages will soon be sealed under."""
        for key in keys:
            known = self.keys.setdefault(key.rendition, [])
            if all(key.key_id != other.key_id for other in known):
                known.append(key)
                del known[:-KEYS_KEPT_PER_RENDITION]
        self.keys_version += 1
        self._keys_changed.set()
        self._keys_changed = asyncio.Event()

    def knows_key(self, key_id: bytes) -> bool:
        return any(key.key_id == key_id for key in self.all_keys())

    async def key_known(self, key_id: bytes, within_s: float) -> None:
        """Waits for a key that comes over the control socket. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not self.knows_key(key_id):
                await self._keys_changed.wait()

    def all_keys(self) -> tuple[LiveKey, ...]:
        return tuple(key for keys in self.keys.values() for key in keys)

    def opens_group(self, message: Message) -> bool:
        """Whether a viewer can start at this message: a key frame of the video."""
        if not isinstance(message, FragmentMessage) or message.rendition is Rendition.AUDIO:
            return False
        return bool(message.flags & SYNC)

    def accept(self, message: Message, encoded: bytes) -> None:
        """Takes the next message into account.

        Raises LiveMessageRefused when it is of another publish or its counter does not grow.
        """
        if message.publish_id != self.id.bytes:
            raise LiveMessageRefused("the message is of another publish than this socket")
        match message:
            case InitMessage():
                self._inits[message.rendition] = encoded
                self._keep(encoded)
            case FragmentMessage():
                if message.counter <= self.counter:
                    raise LiveMessageRefused(f"replayed: counter {message.counter} after {self.counter}")
                self.counter = message.counter
                if self.opens_group(message):
                    self._begin_group()
                self._keep(encoded)
            case ProofMessage():
                self._keep(encoded)
                self._since_proof, self._since_proof_bytes = [encoded], len(encoded)
                self._inits_at_proof = dict(self._inits)
            case EndMessage():
                self._forget()

    def _keep(self, encoded: bytes) -> None:
        self._since_proof.append(encoded)
        self._since_proof_bytes += len(encoded)
        if self._has_group:
            self._burst.append(encoded)
            self._burst_bytes += len(encoded)
        if max(self._burst_bytes, self._since_proof_bytes) > BURST_BYTES_MOST:
            self._forget()

    def _begin_group(self) -> None:
        self._burst = list(self._since_proof)
        self._burst_bytes = self._since_proof_bytes
        self._inits_before = dict(self._inits_at_proof)
        self._has_group = True

    def _forget(self) -> None:
        self._burst, self._burst_bytes, self._has_group = [], 0, False
        self._since_proof, self._since_proof_bytes = [], 0

    @property
    def has_group(self) -> bool:
        """Whether a newcomer could start now."""
        return self._has_group

    def inits(self) -> Iterator[bytes]:
        """The init messages in force."""
        yield from self._inits.values()

    def burst(self) -> Iterator[bytes]:
        """What a newcomer gets: init messages in force, the last proof before the newest key frame, all since."""
        yield from self._inits_before.values()
        yield from self._burst
