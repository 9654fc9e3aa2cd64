"""The changes of camera passwords on this box: one device at a time, settled after a power cut, reported until the portal knows.

Until the command document brings the new addresses, the agent records with the password that the journal says holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from edge_agent.alarms import Alarms
from edge_agent.capture.rtsp import Address
from edge_agent.cloud import Cloud
from edge_agent.errors import PortalRefused, PortalUnreachable, SourceFailed, StateUnusable
from edge_agent.identity import Identity
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.orders import CameraSetup, Orders
from edge_agent.passwords.journal import (
    ASKED,
    FAILED,
    NEITHER,
    NEW_HOLDS,
    PLANNED,
    REPORTED,
    TO_REPORT,
    TOLD,
    UNCERTAIN,
    VERIFIED,
    Entry,
    Journal,
)
from edge_agent.passwords.steps import Steps
from edge_agent.passwords.ways import Way
from protocol.command import CameraOrder
from protocol.errors import ProtocolError
from protocol.order import TAKEN, Answer
from protocol.passwords import (
    PASSWORD_BYTES_MAX,
    SEPARATE_KEPT,
    ChangedCamera,
    ChangePassword,
    PasswordReport,
    RestorePassword,
    seal_password,
)
from sealing.errors import SealingError
from sealing.ids import RecipientKind, Stream, box_kid

log = logging.getLogger(__name__)

STEPS_S: Final = 90.0
AGAIN_S: Final = 60.0
SOON_S: Final = 5.0
LOCKED_S: Final = 35 * 60.0
"""Cameras lock a user for half an hour."""
_JOURNAL: Final = "journal"
_ROUTE: Final = "/agent/v1/passwords"


class Passwords:
    """Used from the event loop; `over` may be called from any thread."""

    def __init__(self, identity: Identity, orders: Orders, ways: Mapping[str, Way]) -> None:
        """Raises StateUnusable."""
        self._orders, self._ways = orders, ways
        self._journal = Journal(identity.state, identity.keys)
        self._alarms = Alarms()
        self._fresh: set[uuid.UUID] = set()
        self._not_before_s: dict[uuid.UUID, float] = {}
        self._wake = asyncio.Event()
        self.settled = asyncio.Event()
        """Set once each change that a power cut broke off was looked at: recorders wait for it, for they would try a password
        that may not hold any more."""
        for name in self._journal.unreadable:
            self._alarms.put(
                name,
                f"the journal of a camera's password ({name}) cannot be read: if a camera is refused, type its password in the "
                "portal",
            )
        orders.passwords = self.over

    @property
    def alarms(self) -> list[str]:
        return self._alarms.texts()

    @property
    def busy(self) -> bool:
        """Whether something is to be settled before recording starts."""
        return any(entry.state in UNCERTAIN for entry in self._journal.all())

    def take(self, task: ChangePassword | RestorePassword) -> Answer:
        """Write an order down; it is carried out beside the control socket, and its end reported. The same twice is one."""
        if self._journal.find(task.change) is not None or self._journal.is_over(task.change):
            return Answer(TAKEN)
        entry = Entry(task.change, task.camera, task.service, task.way)
        if isinstance(task, RestorePassword):
            entry = self._restoring(entry, task)
        try:
            self._journal.put(entry)
        except StateUnusable as error:
            log.error("a camera's password is not changed: %s", error)
            return Answer("unusable")
        self._fresh.add(entry.change)
        self._wake.set()
        return Answer(TAKEN)

    def _restoring(self, entry: Entry, task: RestorePassword) -> Entry:
        """The entry with the former login; failed where the source from before cannot be opened here, as on another box."""
        try:
            former = Address.of(self._orders.open_former(task.camera, task.former))
        except (SealingError, ProtocolError, SourceFailed) as error:
            log.error("a camera's former address cannot be opened here (%s)", type(error).__name__)
            return entry.at(FAILED, "unusable")
        if not 1 <= len(former.password.encode()) <= PASSWORD_BYTES_MAX:
            return entry.at(FAILED, "unusable")
        if not self._journal.had(former.host, former.user, former.password):
            log.error("a password that this box never replaced is not put back")
            return entry.at(FAILED, "unknown-former")
        return replace(entry, host=former.host, user=former.user, new=former.password, restores=True)

    # What the journal says holds

    def over(self, setups: tuple[CameraSetup, ...]) -> tuple[CameraSetup, ...]:
        """The setups, with the password that holds where the command document does not know it yet."""
        known = [entry for entry in self._journal.all() if entry.state in NEW_HOLDS]
        if not known:
            return setups
        return tuple(self._one_over(setup, known) for setup in setups)

    @staticmethod
    def _one_over(setup: CameraSetup, known: list[Entry]) -> CameraSetup:
        for entry in known:
            setup = replace(
                setup,
                source_main=with_password(setup.source_main, entry),
                source_sub=with_password(setup.source_sub, entry),
            )
        return setup

    # The work

    async def run(self, cloud: Cloud) -> None:
        """For ever: settle, change, report."""
        while True:
            self._wake.clear()
            wait_s = AGAIN_S
            try:
                wait_s = await self._settle()
                self.settled.set()
                await self._tell(cloud)
                self._alarms.clear(_JOURNAL)
            except StateUnusable as error:
                self.settled.set()
                self._alarms.put(
                    _JOURNAL, f"the change of a camera's password cannot be written down: {error}"
                )
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                log.debug("nothing new about passwords")

    async def _settle(self) -> float:
        """Carry on what is due; how many seconds later to look again. Raises StateUnusable."""
        wait_s = AGAIN_S
        for entry in self._journal.all():
            if entry.state in UNCERTAIN and time.monotonic() >= self._not_before_s.get(entry.change, 0):
                wait_s = min(wait_s, await self._work(entry))
        return wait_s

    async def _tell(self, cloud: Cloud) -> None:
        """Report what is over, and forget what the command document brings. Raises StateUnusable."""
        for entry in self._journal.all():
            if entry.state in TO_REPORT:
                await self._report(cloud, entry)
        self._forget()

    async def _work(self, entry: Entry) -> float:
        """Carry one change on as far as it goes; how many seconds later to look at it again. Raises StateUnusable."""
        fresh = entry.change in self._fresh
        self._fresh.discard(entry.change)
        before = entry.state
        try:
            async with asyncio.timeout(STEPS_S):
                entry = await self._carried_on(entry, fresh=fresh)
        except (OnvifFailed, TimeoutError) as failure:
            cause = failure.cause if isinstance(failure, OnvifFailed) else "timeout"
            return self._broken_off(entry.change, cause)
        except StateUnusable:
            raise
        except Exception as error:  # noqa: BLE001 a stranger's camera stops no recording
            # Its kind alone: its text may quote a password.
            log.error("a camera's password: unexpected %s", type(error).__name__)
            return self._broken_off(entry.change, "unusable")
        log.info("the password of the device at %s: %s, now %s", entry.host or "?", before, entry.state)
        if entry.state == NEITHER:
            self._alarms.put(
                str(entry.change),
                f"the camera at {entry.host} takes neither its former password nor the new one: type one that it takes in the "
                "portal",
            )
        # Also where it failed: while it was set or undone, `cameras` gave the new one, and recorders may have it.
        self._orders.changed()
        return AGAIN_S

    async def _carried_on(self, entry: Entry, *, fresh: bool) -> Entry:
        if not fresh and entry.state in (ASKED, PLANNED):
            # The camera was not spoken to about it: the former password holds, and the portal asks again.
            return self._journal.put(entry.at(FAILED, "interrupted"))
        way = self._ways.get(entry.way)
        if way is None:
            return self._journal.put(entry.at(FAILED, "unknown-way"))
        if entry.state != ASKED:
            if not is_at(entry.service, entry.host):
                # Written down by an agent that asked wherever the portal said: the camera itself is asked what holds.
                entry = replace(entry, service="")
            return await self._steps(way, entry).settle(entry)
        setup = next((one for one in self._orders.cameras() if one.camera == entry.camera), None)
        if setup is None or setup.source_main is None:
            return self._journal.put(entry.at(FAILED, "unknown-camera"))
        login = Address.of(setup.source_main)
        if not login.user or (entry.restores and (login.host, login.user) != (entry.host, entry.user)):
            return self._journal.put(entry.at(FAILED, "no-user"))
        if not is_at(entry.service, login.host):
            log.error("the password of the camera at %s is not sent to another host", login.host)
            return self._journal.put(entry.at(FAILED, "forbidden-address"))
        if self._is_unsettled(login.host, entry.change):
            return self._journal.put(entry.at(FAILED, "unsettled"))
        entry = replace(entry, host=login.host, user=login.user, old=login.password)
        if entry.restores and entry.new == entry.old:
            return self._journal.put(entry.at(VERIFIED))
        return await self._steps(way, entry).begin(entry)

    def _steps(self, way: Way, entry: Entry) -> Steps:
        def streams(password: str) -> tuple[str, bytes | None] | None:
            for setup in self._orders.stored():
                if setup.source_main is not None and signs_in(setup.source_main, entry):
                    url = with_password(setup.source_main, replace(entry, new=password))
                    return url or "", setup.certificate
            return None

        return Steps(way, self._journal.put, streams)

    def _is_unsettled(self, host: str, change: uuid.UUID) -> bool:
        """Whether another change of the device is open: also one whose new password the command document does not bring yet."""
        return any(
            one.host == host for one in self._journal.all() if one.change != change and one.state != FAILED
        )

    def _broken_off(self, change: uuid.UUID, cause: str) -> float:
        """What is on disk says how far it came: before anything was set it has failed, else it is settled later."""
        entry = self._journal.find(change)
        if entry is None:
            return AGAIN_S
        log.warning("the password of the device at %s (%s): %s", entry.host or "?", entry.state, cause)
        if entry.state in (ASKED, PLANNED):
            self._journal.put(entry.at(FAILED, cause))
            return AGAIN_S
        first = change not in self._not_before_s
        wait_s = LOCKED_S if cause == "locked" else SOON_S if first else AGAIN_S
        self._not_before_s[change] = time.monotonic() + wait_s
        return wait_s

    # What is told

    async def _report(self, cloud: Cloud, entry: Entry) -> None:
        """Tell the portal; what it does not know any more counts as told."""
        try:
            await cloud.post_cbor(_ROUTE, self._told(entry).encode())
        except PortalUnreachable as error:
            log.info("the end of a password's change is told later: %s", error)
            return
        except PortalRefused as error:
            log.warning("the portal does not take the report on a camera's password: %s", error)
            if error.status not in (404, 410):
                return
        if entry.state == FAILED:
            self._journal.drop(entry)
        else:
            self._journal.put(entry.at(REPORTED if entry.state == VERIFIED else TOLD, entry.cause))

    def _told(self, entry: Entry) -> PasswordReport:
        """Where the device may have the new password though the change failed, it is told as well."""
        if entry.cause and entry.cause not in ("neither", SEPARATE_KEPT):
            return PasswordReport(entry.change, entry.cause)
        tenants = [one for one in self._orders.trust.recipients if one.kind is RecipientKind.TENANT]
        to = tenants[-1].public_key if tenants else None
        rows = []
        stored = {setup.camera: setup for setup in self._orders.stored()}
        for order in self._orders.command.cameras:
            setup = stored[order.camera]
            if setup.source_main is not None and signs_in(setup.source_main, entry):
                rows.append(self._changed(setup, entry, order, to))
        if entry.camera in stored and entry.camera not in {one.camera for one in rows}:
            # Somebody typed another address meanwhile: that stays, and the password must not be lost.
            sealed = self._sealed(entry, entry.camera, to)
            rows.append(ChangedCamera(entry.camera, b"", None, bytes(32), sealed))
        return PasswordReport(entry.change, entry.cause, b"" if to is None else box_kid(to), tuple(rows))

    def _sealed(self, entry: Entry, camera: uuid.UUID, to: bytes | None) -> bytes:
        if to is None:
            return b""
        return seal_password(self._orders.tenant, camera, entry.change, entry.new, to)

    def _changed(
        self, setup: CameraSetup, entry: Entry, order: CameraOrder, to: bytes | None
    ) -> ChangedCamera:
        password = self._sealed(entry, setup.camera, to)
        before = hashlib.sha256(order.source_main).digest()
        if entry.cause:
            return ChangedCamera(setup.camera, b"", None, before, password)
        urls = {
            stream: with_password(url, entry)
            for stream, url in ((Stream.MAIN, setup.source_main), (Stream.SUB, setup.source_sub))
        }
        try:
            sealed = {
                stream: self._orders.seal_to_self(setup.camera, stream, url)
                for stream, url in urls.items()
                if url
            }
        except ProtocolError as error:
            # With this password the address is longer than one may be: the password is told alone, so that it is not lost.
            log.warning("camera %s: its address with the new password: %s", order.name, error.detail)
            return ChangedCamera(setup.camera, b"", None, before, password)
        sub = sealed.get(Stream.SUB, order.source_sub)
        return ChangedCamera(setup.camera, sealed[Stream.MAIN], sub, before, password)

    def _forget(self) -> None:
        """Changes that were told and whose former password no camera of the command document has any more."""
        for entry in self._journal.all():
            if entry.state not in (REPORTED, TOLD):
                continue
            setups = self._orders.stored()
            if not any(one.source_main is not None and signs_in(one.source_main, entry) for one in setups):
                self._alarms.clear(str(entry.change))
                self._journal.drop(entry)


def is_at(service: str, host: str) -> bool:
    """Whether a service is at the camera's own host, the only one that is shown its password; "" is the usual place there."""
    return not service or urlsplit(service).hostname == host.lower()


def signs_in(url: str, entry: Entry) -> bool:
    """Whether an address is of the entry's device, with its user and former password."""
    try:
        address = Address.of(url)
    except SourceFailed:
        return False
    return (address.host, address.user, address.password) == (entry.host, entry.user, entry.old)


def with_password(url: str | None, entry: Entry) -> str | None:
    """The address with the entry's new password where it has the former one; else as it is."""
    if url is None or not signs_in(url, entry):
        return url
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    user = login.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(entry.new, safe='')}@{place}"))
