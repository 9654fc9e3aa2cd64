"""What the tenant orders: statements of its root, and the command document with this agent's cameras.

Everything is checked from the root's fingerprint on, kept on disk, and checked again at each start, so that the agent
records after a restart without any portal. Numbers only grow: a portal that forgot statements, or that shows an older
or another command document, is not obeyed; what was there before goes on, and an alarm is raised.

Folder `orders/` in the state folder: `statements.cbor` (canonical array of byte strings, from number 0),
`command.cbor` (the signed document), `portal.json` (the hub's address).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge_agent.cloud import Cloud
from edge_agent.errors import PortalUnreachable, StateUnusable, TrustBroken
from edge_agent.files import make_private_folder, read_private, write_private
from edge_agent.identity import Identity, is_loopback
from edge_agent.keys import BoxKeys
from protocol.camera_source import open_source, seal_source
from protocol.command import AgentSettings, CameraOrder, CommandDocument, EventsOrder
from protocol.detection import Detection
from protocol.errors import ProtocolError
from protocol.finding import Target
from protocol.order import Order, TryAddress
from protocol.plan import RecordingPlan
from protocol.state import STATEMENTS_AT_ONCE, AgentState, ChainTip
from sealing.canonical import decode_canonical, encode_canonical
from sealing.cose import Purpose, parse1, verify1
from sealing.errors import SealingError, UnknownCritical
from sealing.ids import Stream
from sealing.ids import kid as key_id
from sealing.statement import CommandKey, Trust, parse_statement, verify_statements

log = logging.getLogger(__name__)

FOLDER: Final = "orders"
_STATEMENTS: Final = "statements.cbor"
_COMMAND: Final = "command.cbor"
_PORTAL: Final = "portal.json"
_STATEMENTS_BYTES_MAX: Final = 256 * 1024 * 1024
_COMMAND_BYTES_MAX: Final = 1024 * 1024

REFUSED_S: Final = 60.0

ROLLED_BACK: Final = "statements-rolled-back"
BROKEN: Final = "statements-broken"
COMMAND: Final = "command-refused"
LIVE_ADDRESS: Final = "live-address"
NOT_KEPT: Final = "not-kept"
REVOKED: Final = "revoked"


@dataclass(frozen=True)
class CameraSetup:
    """One camera to record. Sources hold passwords: never shown. `problem` says why those of `unopened` could not be opened."""

    camera: uuid.UUID
    name: str
    enabled: bool
    audio: bool
    source_main: str | None = field(repr=False)
    source_sub: str | None = field(repr=False)
    problem: str = ""
    unopened: frozenset[Stream] = frozenset()
    certificate: bytes | None = None
    plan: RecordingPlan | None = None
    events: EventsOrder | None = None
    detection: Detection | None = None


class Orders:
    """The newest orders that hold. Used from the event loop; `trust`, `command` and the like are replaced, never changed."""

    def __init__(
        self,
        folder: Path,
        tenant: uuid.UUID,
        agent: uuid.UUID,
        keys: BoxKeys,
        trust: Trust,
        signed_command: bytes,
        live_url: str,
    ) -> None:
        """Use `load`. Raises TrustBroken or SealingError when the command document does not hold under `trust`."""
        self._folder = folder
        self.tenant, self.agent = tenant, agent
        self.keys = keys
        """Of this box; others stand here once they are rolled over."""
        self.trust = trust
        self.command = _read_kept_command(trust, tenant, agent, signed_command)
        self._signed_command = signed_command
        self.live_url = live_url
        self.on_tips: Callable[[Sequence[ChainTip]], Awaitable[None]] | None = None
        self.passwords: Callable[[tuple[CameraSetup, ...]], tuple[CameraSetup, ...]] | None = None
        """Puts passwords into the setups that were changed on this box and that the command document does not know yet."""
        self.version = 0
        self._setups: tuple[CommandDocument | None, tuple[CameraSetup, ...]] = (None, ())
        self._alarms: dict[str, str] = {}
        self._refused_numbers: tuple[int, int] | None = None
        self._refused_until_s = 0.0
        self._changed = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._note_revocation()

    @classmethod
    def load(cls, identity: Identity) -> Orders:
        """The orders on disk, checked again. Raises StateUnusable."""
        folder = identity.state / FOLDER
        try:
            value = decode_canonical(
                read_private(folder / _STATEMENTS, most_bytes=_STATEMENTS_BYTES_MAX), _STATEMENTS_BYTES_MAX
            )
            if not isinstance(value, list) or not all(isinstance(item, bytes) for item in value):
                raise TrustBroken("the file of statements is damaged")
            statements = [item for item in value if isinstance(item, bytes)]
            trust = verify_statements(statements, identity.fingerprint)
            portal = json.loads(read_private(folder / _PORTAL, most_bytes=65536))
            return cls(
                folder,
                identity.tenant,
                identity.agent,
                identity.keys,
                trust,
                read_private(folder / _COMMAND, most_bytes=_COMMAND_BYTES_MAX),
                check_live_url(identity.portal, str(portal["live_url"])),
            )
        except (SealingError, ProtocolError, TrustBroken, ValueError, KeyError, TypeError) as error:
            raise StateUnusable(
                f"the orders in {folder} do not hold ({error}): restore the folder, or enrol this box anew"
            ) from error

    def save(self) -> None:
        """Put everything on disk. Raises StateUnusable."""
        make_private_folder(self._folder)
        self._save_statements(self.trust)
        write_private(self._folder / _COMMAND, self._signed_command)
        self._save_portal(self.live_url)

    def _save_statements(self, trust: Trust) -> None:
        write_private(self._folder / _STATEMENTS, encode_canonical(list(trust.statements)))

    def _save_portal(self, live_url: str) -> None:
        write_private(self._folder / _PORTAL, json.dumps({"live_url": live_url}).encode())

    # What they say

    @property
    def settings(self) -> AgentSettings:
        return self.command.settings

    @property
    def statement_number(self) -> int:
        """The highest statement seen; it never goes back."""
        return self.trust.seen.number

    @property
    def command_number(self) -> int:
        return self.command.number

    @property
    def revoked(self) -> bool:
        """The tenant says this agent is not trusted any more: its new records would count for nothing."""
        return self.trust.is_revoked(self.agent)

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person must look at, in words."""
        unread = [order for order in self.command.cameras if order.plan_unread]
        texts = list(self._alarms.values())
        if unread:
            names = ", ".join(order.name for order in unread)
            texts.append(
                f"recording plans cannot be read here ({unread[0].plan_unread}), so everything is recorded, of: {names}; "
                "update this agent"
            )
        return tuple(texts)

    def cameras(self) -> tuple[CameraSetup, ...]:
        """The cameras of this agent, their sources opened with the box key, each with the password that holds."""
        setups = self.stored()
        return setups if self.passwords is None else self.passwords(setups)

    def accepted(self, url: str) -> frozenset[bytes]:
        """The certificates (SHA-256) that people accepted of the cameras at the address's host."""
        host = urlsplit(url).hostname
        return frozenset(
            setup.certificate
            for setup in self.stored()
            if setup.certificate is not None
            and host in {urlsplit(source or "").hostname for source in (setup.source_main, setup.source_sub)}
        )

    def stored(self) -> tuple[CameraSetup, ...]:
        """The cameras as the command document has them."""
        command, setups = self._setups
        if command is not self.command:
            command = self.command
            setups = tuple(self._setup(order) for order in command.cameras)
            self._setups = command, setups
        return setups

    def _setup(self, order: CameraOrder) -> CameraSetup:
        sources: dict[Stream, str] = {}
        unopened: set[Stream] = set()
        problem = ""
        for stream, envelope in ((Stream.MAIN, order.source_main), (Stream.SUB, order.source_sub)):
            if envelope is None:
                continue
            try:
                sources[stream] = self._open(order, stream, envelope)
            except (SealingError, ProtocolError) as error:
                unopened.add(stream)
                problem = (
                    f"the camera's address cannot be opened here ({error.name}): type it again in the portal"
                )
                log.error("camera %s (%s): %s", order.name, stream.name.lower(), problem)
        if order.plan_unread:
            log.error("camera %s: its recording plan cannot be read: %s", order.name, order.plan_unread)
        return CameraSetup(
            order.camera,
            order.name,
            order.enabled,
            order.audio,
            sources.get(Stream.MAIN),
            sources.get(Stream.SUB),
            problem,
            frozenset(unopened),
            order.certificate,
            order.plan,
            order.events,
            order.detection,
        )

    def _open(self, order: CameraOrder, stream: Stream, envelope: bytes) -> str:
        return self._opened(order.camera, stream, envelope)

    def _opened(self, scope: uuid.UUID, stream: Stream, envelope: bytes) -> str:
        """Raises SealingError or ProtocolError."""
        return open_source(self.tenant, scope, stream, envelope, *self.keys.box_for(envelope))

    def read_order(self, signed: bytes) -> Order:
        """An order the tenant's command key signed for this agent. Raises TrustBroken; its time is the caller's to look at."""
        key = self.trust.command_key
        if key is None:
            raise TrustBroken("no statement names a command key")
        try:
            order = Order.from_payload(verify1(signed, Purpose.ORDER, key).payload)
        except (SealingError, ProtocolError) as error:
            raise TrustBroken(f"it does not hold ({error.name})") from error
        if order.tenant != self.tenant or order.agent != self.agent or self.revoked:
            raise TrustBroken("it is meant for another agent")
        return order

    def open_target(self, target: Target) -> str:
        """The address whose user and password are to be used on a camera. Raises SealingError or ProtocolError."""
        return self._opened(target.scope, Stream.MAIN, target.source)

    def open_former(self, camera: uuid.UUID, envelope: bytes) -> str:
        """A main source the camera had before. Raises SealingError or ProtocolError."""
        return self._opened(camera, Stream.MAIN, envelope)

    def changed(self) -> None:
        """Have whoever follows the orders look at them again: `cameras` gives others now."""
        self._tell()

    def seal_to_self(self, scope: uuid.UUID, stream: Stream, url: str) -> bytes:
        """A camera's source as the portal would seal it for this agent. Raises ProtocolError `bad-source`."""
        return seal_source(self.tenant, scope, stream, url, self.keys.box_public)

    def open_tried(self, task: TryAddress) -> str:
        """The address to be tried, with its password. Raises SealingError or ProtocolError."""
        stream = Stream(task.stream) if task.stream in list(Stream) else Stream.MAIN
        return self._opened(task.camera, stream, task.source)

    async def wait_change(self, seen_version: int) -> int:
        """Wait until `version` is another than `seen_version`; return it."""
        while self.version == seen_version:
            await self._changed.wait()
        return self.version

    # What comes in

    async def refresh(self, cloud: Cloud) -> None:
        """Fetch what is newer. Raises PortalUnreachable, PortalRefused; TrustBroken when what came is not obeyed."""
        async with self._refreshing:
            while True:
                # From the newest one we have on: the portal must show that it still has it.
                state = await _ask_state(cloud, self.statement_number)
                # Also from a portal that is not obeyed: one restored from a backup has forgotten statements and records alike.
                if self.on_tips is not None:
                    await self.on_tips(state.tips)
                before = self.statement_number
                self.offer_state(state, cloud.portal)
                if self.statement_number == before or len(state.statements) < STATEMENTS_AT_ONCE:
                    return

    async def heard(self, cloud: Cloud, statement_number: int, command_number: int) -> None:
        """The portal named its newest numbers: fetch when they differ from ours. Raises as `refresh`.

        What was refused is not fetched again for a minute, so that a portal that forgot does not double its traffic.
        """
        told = (statement_number, command_number)
        if told == (self.statement_number, self.command_number):
            return
        if told == self._refused_numbers and time.monotonic() < self._refused_until_s:
            return
        try:
            await self.refresh(cloud)
        except TrustBroken:
            self._refused_numbers, self._refused_until_s = told, time.monotonic() + REFUSED_S
            raise

    async def pushed(self, cloud: Cloud, signed: bytes) -> None:
        """A command document came over the control socket; statements it builds on are fetched first. Raises as `refresh`."""
        if signed == self._signed_command:
            return
        try:
            builds_on = CommandDocument.from_payload(parse1(signed).payload).statement_number
        except (SealingError, ProtocolError) as error:
            raise self._refuse_command(f"it cannot be read ({error})") from error
        if builds_on > self.statement_number:
            await self.refresh(cloud)
        self.offer_command(signed)

    def offer_state(self, state: AgentState, portal: str) -> None:
        """Take what the portal says into account. Raises TrustBroken for what is not obeyed; the rest stays as it was."""
        with self._kept():
            self._take_state(state, portal)

    def offer_command(self, signed: bytes) -> bool:
        """Obey a command document if it is newer; False for one that is older or known. Raises TrustBroken."""
        with self._kept():
            return self._take_command(signed, newest=False)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """What cannot be written down is not obeyed: after a restart the box would fall back behind it."""
        try:
            yield
        except StateUnusable as error:
            raise self._alarm(
                NOT_KEPT, f"newer orders are not obeyed, for they cannot be kept: {error}"
            ) from error
        self._alarms.pop(NOT_KEPT, None)

    def _take_state(self, state: AgentState, portal: str) -> None:
        trust = self._extended(state)
        if trust is not self.trust:
            self._save_statements(trust)
            self.trust = trust
            self._note_revocation()
            self._tell()
        self._alarms.pop(ROLLED_BACK, None)
        self._alarms.pop(BROKEN, None)
        self._take_live_url(portal, state.live_url)
        self._take_command(state.command, newest=True)

    def _extended(self, state: AgentState) -> Trust:
        """Trust with the portal's newer statements. Raises TrustBroken after noting the alarm."""
        mine = self.trust.seen
        if state.statements_from != mine.number or not state.statements:
            raise self._alarm(
                ROLLED_BACK,
                f"the portal has lost statements: it does not show number {mine.number}, which this box has seen. "
                "It was restored from an old backup, or somebody else answers in its place",
            )
        try:
            overlap = parse1(state.statements[0]).hash
            extended = self.trust.extend(state.statements[1:]) if len(state.statements) > 1 else self.trust
        except UnknownCritical as error:
            raise self._alarm(
                BROKEN, f"the portal's new statements are of a later release ({error}): update this agent"
            ) from error
        except SealingError as error:
            raise self._alarm(
                BROKEN,
                f"the portal's new statements do not hold ({error.name}: {error}): they are not obeyed",
            ) from error
        if overlap != mine.hash:
            raise self._alarm(
                ROLLED_BACK,
                f"the portal shows another statement {mine.number} than this box has seen: it is not obeyed",
            )
        return extended

    def _take_live_url(self, portal: str, stated: str) -> None:
        try:
            live_url = check_live_url(portal, stated)
        except TrustBroken as error:
            self._alarm(LIVE_ADDRESS, str(error))
            return
        self._alarms.pop(LIVE_ADDRESS, None)
        if live_url != self.live_url:
            self._save_portal(live_url)
            self.live_url = live_url
            self._tell()

    def _take_command(self, signed: bytes, *, newest: bool) -> bool:
        """`newest`: the portal says that it has no newer one, so an older one means that it forgot."""
        if signed == self._signed_command:
            self._alarms.pop(COMMAND, None)
            return False
        try:
            command = read_command(self.trust, self.tenant, self.agent, signed)
        except TrustBroken as error:
            raise self._refuse_command(str(error)) from error
        if command.number == self.command.number:
            raise self._refuse_command(
                f"it differs from the one with the same number {command.number} seen before"
            )
        if command.number < self.command.number:
            if newest:
                raise self._refuse_command(
                    f"its number {command.number} is below {self.command.number}, which was seen before: "
                    "the portal was restored from an old backup"
                )
            log.warning(
                "command document %d is older than %d and not obeyed", command.number, self.command.number
            )
            return False
        write_private(self._folder / _COMMAND, signed)
        self._signed_command, self.command = signed, command
        self._alarms.pop(COMMAND, None)
        log.info("command document %d: %d cameras", command.number, len(command.cameras))
        self._tell()
        return True

    def _refuse_command(self, why: str) -> TrustBroken:
        return self._alarm(
            COMMAND,
            f"the portal's command document is not obeyed: {why}; document {self.command.number} stays in force",
        )

    def _note_revocation(self) -> None:
        if self.revoked:
            text = "this agent was revoked: what it records now counts for nothing; enrol this box anew with a new code"
            self._alarm(REVOKED, text)

    def _alarm(self, kind: str, text: str) -> TrustBroken:
        if self._alarms.get(kind) != text:
            log.error("%s", text)
        self._alarms[kind] = text
        return TrustBroken(text)

    def _tell(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()


def read_command(trust: Trust, tenant: uuid.UUID, agent: uuid.UUID, signed: bytes) -> CommandDocument:
    """The command document, when the tenant's command key signed it for this agent. Raises TrustBroken."""
    if trust.command_key is None:
        raise TrustBroken("no statement names a command key")
    return _read_command(trust.command_key, tenant, agent, signed)


def _read_command(key: bytes, tenant: uuid.UUID, agent: uuid.UUID, signed: bytes) -> CommandDocument:
    try:
        document = CommandDocument.from_payload(verify1(signed, Purpose.COMMAND, key).payload)
    except (SealingError, ProtocolError) as error:
        raise TrustBroken(f"it does not hold ({error.name})") from error
    if document.tenant != tenant or document.agent != agent:
        raise TrustBroken("it is meant for another agent")
    return document


def _read_kept_command(trust: Trust, tenant: uuid.UUID, agent: uuid.UUID, signed: bytes) -> CommandDocument:
    """A document obeyed earlier: it may be signed by a command key that was replaced since. Raises TrustBroken."""
    kid = parse1(signed).kid
    for data in trust.statements:
        body = parse_statement(data)[0].body
        if isinstance(body, CommandKey) and key_id(body.public_key) == kid:
            return _read_command(body.public_key, tenant, agent, signed)
    raise TrustBroken("no command key of this organisation signed the command document")


def move_live_url(state: Path, portal: str) -> None:
    """Before the portal moves to the address `portal`: where the hub's address kept here is not protected as that is, the
    portal's own stands in its place until the portal names another. Raises StateUnusable."""
    file = state / FOLDER / _PORTAL
    if not file.exists():
        return
    try:
        check_live_url(portal, str(json.loads(read_private(file, most_bytes=65536))["live_url"]))
    except TrustBroken:
        write_private(file, json.dumps({"live_url": "ws" + portal.removeprefix("http")}).encode())
    except (ValueError, KeyError, TypeError) as error:
        raise StateUnusable(f"{file} is damaged ({error}): restore it, or enrol this box anew") from error


def check_live_url(portal: str, live_url: str) -> str:
    """The hub's address, when it is as well protected as the portal's. Raises TrustBroken."""
    try:
        parts = urlsplit(live_url)
        host = parts.hostname or ""
    except ValueError as error:
        raise TrustBroken("the portal names a live address that cannot be read") from error
    secure = parts.scheme == "wss" or (
        parts.scheme == "ws" and is_loopback(host) and portal.startswith("http://")
    )
    if not secure or not host or parts.username is not None or parts.query or parts.fragment:
        raise TrustBroken(
            f"the portal names {parts.scheme}://{host} for live view, which is not protected: it must begin with wss://"
        )
    return live_url.rstrip("/")


async def _ask_state(cloud: Cloud, first_statement: int) -> AgentState:
    answer = await cloud.get_json(f"/agent/v1/state?statements={first_statement}")
    try:
        return AgentState.from_json(answer)
    except ProtocolError as error:
        raise PortalUnreachable(
            f"what {cloud.portal} says about this agent cannot be read ({error.detail}): is it the portal, and not too old?"
        ) from error
