"""The agent at work: recorders as ordered, uploads, control and health, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import shutil
import signal
import sqlite3
import threading
import uuid
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edge_agent import __version__, metrics
from edge_agent.asked import Asked
from edge_agent.attention import Attention, attend
from edge_agent.budget import Budgets
from edge_agent.capture.choose import open_source
from edge_agent.chronicle import Chronicle
from edge_agent.clock import Clock, SystemClock
from edge_agent.cloud import Cloud, Patience
from edge_agent.control import Control
from edge_agent.errors import DiskFull, PortalRefused, PortalUnreachable, SpoolDamaged, TrustBroken
from edge_agent.flushing import Flusher
from edge_agent.happenings import Happenings
from edge_agent.health import Health
from edge_agent.identity import Identity, hold_state
from edge_agent.keys import PeriodKeys
from edge_agent.listening import Listeners
from edge_agent.networks import run_towards_cloud
from edge_agent.oddities import Noting
from edge_agent.orders import CameraSetup, Orders
from edge_agent.pace import Pace
from edge_agent.passwords.changing import Passwords
from edge_agent.passwords.ways import load_ways
from edge_agent.preroll import PreRollMemory
from edge_agent.publishing import Publishing
from edge_agent.rebuild import set_aside
from edge_agent.recorder import SourceFactory, StreamOrder, StreamRecorder, Ticker
from edge_agent.rollover import Rollover
from edge_agent.salvage import salvage
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import StreamChain
from edge_agent.seeing.watching import Seeing
from edge_agent.segmenter import main_limits, sub_limits
from edge_agent.settings import Settings
from edge_agent.spool import INDEX, Spool, SpoolSummary
from edge_agent.spool_settings import read_spool_settings
from edge_agent.status import Status
from edge_agent.supervision import Supervisor
from edge_agent.update import Updates
from edge_agent.upload import Uploader
from protocol.health import StreamHealth
from sealing.ids import GapReason, Stream
from sealing.record import Follows

logger = logging.getLogger(__name__)

SPOOL: Final = "spool"
SOFTWARE: Final = f"vsaas-agent {__version__}"
FLOOR_BYTES: Final = 256 * 1024 * 1024
_STOPPED: Final = "stopped-cleanly"
_GOODBYE_S: Final = 3.0
PASSWORDS_S: Final = 30.0
_REBUILDS_MOST: Final = 3

Key = tuple[uuid.UUID, Stream]


def floor_bytes(folder: Path) -> int:
    """Disk space to leave free: 256 MB, or a twentieth of a small disk."""
    return min(FLOOR_BYTES, shutil.disk_usage(folder).total // 20)


class Recorders:
    """The recorders of all streams, kept in step with the orders."""

    def __init__(
        self,
        spool: Spool,
        clock: Clock,
        sealing: Sealing,
        keys: PeriodKeys,
        open_source: SourceFactory = open_source,
        seeing: Seeing | None = None,
    ) -> None:
        self._seeing = seeing
        self._spool, self._clock = spool, clock
        self._memory = PreRollMemory()
        self._attention: dict[uuid.UUID, Attention] = {}
        self._sealing, self._keys, self._open_source = sealing, keys, open_source
        self._recorders: dict[Key, StreamRecorder] = {}
        self._lock = threading.Lock()
        self._following = threading.Lock()
        self._stopped = False
        clean = spool.meta(_STOPPED) == "yes"
        self._first_reason = GapReason.AGENT_STOPPED if clean else GapReason.AGENT_CRASHED
        self._seen: set[Key] = set()
        self._pending: dict[Key, GapReason] = {}
        self._followed = False
        with contextlib.suppress(DiskFull):
            spool.note(_STOPPED, "no").result()

    def all(self) -> list[StreamRecorder]:
        """The recorders of this moment."""
        with self._lock:
            return list(self._recorders.values())

    def of_cameras(self) -> list[StreamRecorder]:
        """Those of main streams, one a camera."""
        return [recorder for recorder in self.all() if recorder.order.stream is Stream.MAIN]

    def find(self, camera: uuid.UUID, stream: Stream) -> StreamRecorder | None:
        """The recorder of a stream, if it is ordered."""
        with self._lock:
            return self._recorders.get((camera, stream))

    def attention(self, camera: uuid.UUID) -> Attention:
        """What goes on before a camera, for all of its streams."""
        with self._lock:
            return self._attention.setdefault(camera, Attention())

    def follow(self, orders: Orders) -> None:
        """Start, stop and replace recorders so that they match the orders. Blocks while segments close. Raises DiskFull."""
        self._spool.room.budget_bytes = orders.settings.spool_budget_bytes
        self._keys.follow(orders.trust)
        with self._following:
            if not self._stopped:
                self._follow(self._wanted(orders))

    def _follow(self, wanted: dict[Key, StreamOrder]) -> None:
        with self._lock:
            stale = {key: r for key, r in self._recorders.items() if wanted.get(key) != r.order}
            for key in stale:
                del self._recorders[key]
            going_on = list(self._recorders.items())
        for key, recorder in going_on:
            recorder.follow_plan(wanted[key])
        self._stop_all(list(stale.values()))
        for key in self._pending.keys() - wanted.keys():
            if key in self._seen:
                self._pending[key] = GapReason.RECORDING_DISABLED
        # Every reason first: a start that fails (a full disk) is tried again, and must give the same one then.
        for key in wanted:
            if self.find(*key) is None and key not in self._pending:
                self._pending[key] = self._why(key, stale.get(key))
        for key, order in wanted.items():
            if self.find(*key) is None:
                self._start(key, order, self._pending[key])
                self._seen.add(key)
                del self._pending[key]
        self._followed = True

    def _why(self, key: Key, before: StreamRecorder | None) -> GapReason:
        """Return why nothing was recorded just before this recorder starts."""
        if before is not None and before.order.enabled:
            return (
                GapReason.CAMERA_STREAM_UNUSABLE
                if before.order.problem
                else GapReason.STREAM_PARAMETERS_CHANGED
            )
        seen = before is not None or key in self._seen or self._followed
        return GapReason.RECORDING_DISABLED if seen else self._first_reason

    def _wanted(self, orders: Orders) -> dict[Key, StreamOrder]:
        settings = orders.settings
        wanted: dict[Key, StreamOrder] = {}
        if orders.revoked:
            return wanted
        for setup in orders.cameras():
            for stream, url in ((Stream.MAIN, setup.source_main), (Stream.SUB, setup.source_sub)):
                if url is not None or stream in setup.unopened:
                    limits = (
                        main_limits(settings.segment_seconds_main)
                        if stream is Stream.MAIN
                        else sub_limits(settings.segment_seconds_sub)
                    )
                    wanted[setup.camera, stream] = _order(setup, stream, url, limits)
        return wanted

    def _start(self, key: Key, order: StreamOrder, reason: GapReason) -> None:
        recorder = StreamRecorder(
            order,
            spool=self._spool,
            clock=self._clock,
            identity=self._sealing,
            keys=self._keys,
            open_source=self._open_source,
            resume_reason=reason,
            attention=self.attention(order.camera),
            memory=self._memory,
            eye=None if self._seeing is None else self._seeing.eye(*key),
        )
        recorder.start()
        with self._lock:
            self._recorders[key] = recorder

    @staticmethod
    def _stop_all(recorders: list[StreamRecorder]) -> None:
        if not recorders:
            return
        with ThreadPoolExecutor(max_workers=min(32, len(recorders))) as pool:
            list(pool.map(StreamRecorder.stop, recorders))

    def stop(self) -> None:
        """Close every open segment; what follows is declared at the next start."""
        with self._following:
            self._stopped = True
            self._stop_all(self.all())
        with contextlib.suppress(DiskFull):
            self._spool.note(_STOPPED, "yes").result()


class Facts:
    """What health tells of spool, streams and uploads."""

    def __init__(
        self,
        spool: Spool,
        recorders: Recorders,
        uploader: Uploader,
        budgets: Budgets,
        passwords: Passwords,
        updates: Updates,
        listeners: Listeners,
        seeing: Seeing,
        rollover: Rollover,
    ) -> None:
        self._spool, self._recorders, self.update = spool, recorders, updates.health
        self._listeners, self._seeing, self._rollover = listeners, seeing, rollover
        self._uploader, self._budgets, self._passwords = uploader, budgets, passwords

    def spool_summary(self) -> SpoolSummary:
        return self._spool.summary()

    def streams(self) -> Iterable[StreamHealth]:
        oldest_us = {(camera, stream): us for camera, stream, us in self._spool.unsent()}
        told = [recorder.health() for recorder in self._recorders.all()]
        return [replace(item, oldest_unsent_us=oldest_us.get((item.camera, item.stream))) for item in told]

    def alarms(self) -> Iterable[str]:
        room, rebuilt = self._spool.room.alarm(), self._spool.rebuilt
        texts = [room] if room else []
        if rebuilt is not None:
            texts.append(
                f"the spool's index was damaged and is made anew: {rebuilt}; have the disk of this box checked"
            )
        # Both streams of a camera tell the same.
        cameras = dict.fromkeys(text for recorder in self._recorders.all() for text in recorder.alarms())
        told = (
            *(self._budgets, self._uploader, self._passwords),
            *(self._listeners, self._seeing, self._rollover),
        )
        return [*texts, *cameras, *(text for one in told for text in one.alarms)]


def _order(setup: CameraSetup, stream: Stream, url: str | None, limits: Any) -> StreamOrder:
    problem = "" if url is not None else setup.problem
    return StreamOrder(
        setup.camera,
        stream,
        setup.name,
        url or "",
        setup.audio,
        limits,
        setup.enabled,
        problem,
        setup.certificate,
        setup.plan,
        setup.source_sub is not None,
    )


class Agent:
    """Everything of one process."""

    def __init__(
        self, identity: Identity, orders: Orders, spool: Spool, clock: Clock, settings: Settings
    ) -> None:
        self.identity, self.orders, self.spool, self.clock = identity, orders, spool, clock
        self.settings, self.supervisor = settings, Supervisor()
        self.spool_settings = read_spool_settings(identity.state)
        inherits = {
            (tip.camera, tip.stream): Follows(tip.chain, tip.seq, tip.hash) for tip in identity.follows
        }
        self.sealing = Sealing(identity.tenant, identity.agent, identity.record, SOFTWARE, inherits)
        keys = PeriodKeys(spool, identity.tenant, identity.keys.wrapping_key())
        salvage(spool, clock, self.sealing, keys)
        source = functools.partial(open_source, interface=settings.network.camera_interface)
        self.passwords = Passwords(identity, orders, load_ways(settings.password_ways, orders.accepted))
        self.seeing = Seeing(orders)
        self.recorders = Recorders(spool, clock, self.sealing, keys, source, self.seeing)
        self._ticker = Ticker(self.recorders.all)
        self.happenings = Happenings()
        self.chronicle = Chronicle(self.happenings, clock, self._main_chain)
        self._flusher = Flusher(spool.objects, spool.room)
        self._looks, self._stopping, self._told_ready = 0, False, False

    async def main(self) -> None:
        """Work until SIGTERM or SIGINT. Raises what makes going on impossible, after closing what is open: SpoolDamaged when
        the index must be made anew."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)

        def damaged() -> None:
            loop.call_soon_threadsafe(stopping.set)

        self.spool.on_damage = damaged
        if self.spool.damaged:
            stopping.set()
        watchdog = asyncio.create_task(self.supervisor.keep_told(lambda: self._progress))
        try:
            await self._until(stopping)
        finally:
            watchdog.cancel()

    @property
    def _progress(self) -> int:
        """Grows while the recorders' thread goes round; once it was told to stop, with every look."""
        self._looks += 1
        return self._ticker.rounds + (self._looks if self._stopping else 0)

    async def _until(self, stopping: asyncio.Event) -> None:
        async with Cloud(self.identity, self.settings.network) as cloud:
            uploader = Uploader(self.spool, cloud, self.clock, self.sealing, self.orders)
            uploader.pace = cloud.pace = Pace(self.spool_settings.pacing)
            publishing = Publishing(self.identity, self.orders, cloud, self.clock, self.recorders.find)
            self.spool.on_record = uploader.listen()
            self.orders.on_tips = uploader.compare_tips
            self._ticker.start()
            self._flusher.start()
            work = asyncio.create_task(self._work(cloud, uploader, publishing))
            told = asyncio.create_task(stopping.wait())
            await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
            logger.info("stopping: closing open segments")
            self._stopping = True
            self.supervisor.tell("STOPPING=1", "STATUS=closing open segments")
            await publishing.close()
            self.chronicle.close()
            await asyncio.to_thread(self._stop_recording)
            self.spool.on_record = self.spool.on_damage = None
            told.cancel()
            work.cancel()
            try:
                await work
            except* (asyncio.CancelledError, SpoolDamaged):
                logger.debug("all work has ended")
            if self.spool.damaged:
                raise SpoolDamaged(self.spool.damaged)
            await uploader.flush(_GOODBYE_S)

    def _main_chain(self, camera: uuid.UUID) -> StreamChain | None:
        recorder = self.recorders.find(camera, Stream.MAIN)
        return None if recorder is None else recorder.chain

    def _name_of(self, camera: uuid.UUID) -> str:
        names = {item.camera: item.name for item in self.orders.command.cameras}
        return names.get(camera, f"camera {camera}")

    def _stop_recording(self) -> None:
        self._ticker.stop()
        try:
            try:
                self.chronicle.write()
            finally:
                # Whatever else fails: a recorder that goes on would record beside the next agent's.
                self.recorders.stop()
        except (SpoolDamaged, sqlite3.Error) as error:
            logger.error("what still waited to be written at the end is lost: %s", error)
        self._flusher.stop()

    async def _work(self, cloud: Cloud, uploader: Uploader, publishing: Publishing) -> None:
        asked = Asked(self.orders, cloud, uploader.urge, self.passwords)
        control = Control(cloud, self.orders, publishing, uploader.post_now, asked)
        budgets = Budgets(
            self.spool,
            self.clock,
            self.sealing,
            self.spool_settings,
            cloud,
            delete=uploader.delete_files,
            under_way=uploader.under_way,
            name_of=self._name_of,
        )
        updates = Updates(self.identity.state, self.orders, cloud)
        listeners = Listeners(self.orders, self.chronicle)
        rollover = Rollover(
            self.identity, self.orders, cloud, self.clock, self.sealing, self.spool, publishing.renew
        )
        facts = Facts(
            self.spool,
            self.recorders,
            uploader,
            budgets,
            self.passwords,
            updates,
            listeners,
            self.seeing,
            rollover,
        )
        health = Health(
            self.identity,
            self.orders,
            cloud,
            self.clock,
            facts,
            lambda: control.connected,
            self._tell_status,
            rollover.want,
        )
        jobs: list[Coroutine[Any, Any, None]] = [
            self._follow_orders(),
            self._ask_for_orders(cloud),
            uploader.run(),
            uploader.keep_house(),
            budgets.run(),
            control.run(),
            health.run(),
            attend(self.happenings, self.orders, self.recorders.attention, self.clock),
            self.chronicle.run(),
            Noting(self.chronicle, self.clock).run(self.recorders.of_cameras),
            listeners.run(),
            self.seeing.run(self.chronicle),
            self.passwords.run(cloud),
            updates.run(),
            rollover.run(),
        ]
        if self.settings.metrics_socket is not None:
            jobs.append(metrics.serve(self.settings.metrics_socket, health.newest))
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)

    async def _follow_orders(self) -> None:
        """Record what is ordered, and what is ordered next."""
        if self.passwords.busy:
            # A camera whose password may be another one now is asked first: a recorder's tries could lock it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.passwords.settled.wait(), PASSWORDS_S)
        while True:
            version = self.orders.version
            try:
                await asyncio.to_thread(self.recorders.follow, self.orders)
                self._ready()
            except (DiskFull, TrustBroken) as error:
                logger.error("the orders cannot be followed now: %s", error)
                self._ready()  # it runs as well as it can: a restart would make no room on the disk
                await asyncio.sleep(5)
                continue
            await self.orders.wait_change(version)

    def _tell_status(self, status: Status) -> None:
        if not self._stopping:
            self.supervisor.tell(f"STATUS={status.line()}")

    def _ready(self) -> None:
        if not self._told_ready:
            self._told_ready = True
            self.supervisor.tell("READY=1")

    async def _ask_for_orders(self, cloud: Cloud) -> None:
        """Ask for newer orders once after the start; later news comes with every batch."""
        patience = Patience()
        while True:
            try:
                await self.orders.refresh(cloud)
                return
            except TrustBroken as error:
                logger.error("%s", error)
                await asyncio.sleep(60)
            except (PortalUnreachable, PortalRefused) as error:
                wait_s = patience.after(error)
                logger.warning("no orders could be fetched: %s; trying again in %.0f s", error, wait_s)
                await asyncio.sleep(wait_s)


def run(state: Path, settings: Settings) -> int:
    """Record and upload until told to stop. Returns the exit code. Raises NotEnrolled, StateUnusable."""
    identity = Identity.load(state)
    with hold_state(state):
        for _ in range(_REBUILDS_MOST):
            code = _work(identity, state, settings)
            if code is not None:
                return code
    logger.error("the spool's index was damaged %d times: have the disk of this box checked", _REBUILDS_MOST)
    return SpoolDamaged.exit_code


def _work(identity: Identity, state: Path, settings: Settings) -> int | None:
    """Record and upload until told to stop; None when the spool's index was damaged and is to be made anew."""
    orders = Orders.load(identity)
    spool = Spool(
        state / SPOOL,
        budget_bytes=orders.settings.spool_budget_bytes,
        floor_bytes=floor_bytes(state),
    )
    code: int | None = 0
    try:
        agent = Agent(identity, orders, spool, SystemClock(), settings)
        run_towards_cloud(agent.main(), settings.network)
    except* SpoolDamaged as damaged:
        logger.error("the spool's index is damaged (%s): recording begins anew with another one", damaged)
        code = None
    except* sqlite3.DatabaseError:
        logger.exception(
            "the spool's index %s cannot be used: move the folder away and start again", spool.folder
        )
        code = 4
    finally:
        spool.close()
    if code is None:
        set_aside(spool.folder / INDEX)
    return code
