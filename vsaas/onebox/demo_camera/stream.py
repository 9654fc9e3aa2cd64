"""One stream of the camera: encodes while somebody plays it, once, and hands the packets to all of them."""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from vsaas.onebox.demo_camera import clock, rtp, sdp
from vsaas.onebox.demo_camera.audio import FORMATS, AudioEncoder, AudioUnit, config_of
from vsaas.onebox.demo_camera.clock import Instant
from vsaas.onebox.demo_camera.config import DemoCameraConfig, VideoSettings
from vsaas.onebox.demo_camera.faults import Faults
from vsaas.onebox.demo_camera.video import AccessUnit, ParameterSets, VideoEncoder

log = logging.getLogger(__name__)

VIDEO, AUDIO = 0, 1
# How long each picture lasts, in usual frame times, one after the other, with the variable-rate fault.
UNEVEN_PACE = (1.0, 0.5, 0.5, 2.0, 1.0, 3.0, 0.5, 1.5)


class Listener(Protocol):
    """A client that plays a stream."""

    def send_packets(self, track: int, packets: list[bytes], *, starts_gop: bool) -> None: ...

    def send_report(self, track: int, report: bytes) -> None: ...

    def abort(self) -> None: ...


class Stream:
    """Encodes and packetizes one path. All methods belong to the event loop except the setters of faults."""

    def __init__(self, name: str, settings: VideoSettings, config: DemoCameraConfig, faults: Faults) -> None:
        self.name = name
        self.settings = settings
        self.audio_on = True
        self._config = config
        self._faults = faults
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._encoder: VideoEncoder | None = None
        self._encoders_made = 0
        self._key_wanted = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"demo-camera-{name}")
        self._audio_format = FORMATS[config.audio] if config.audio else None
        self._audio_config = config_of(config.audio) if config.audio else b""
        self._tracks = [rtp.RtpTrack(sdp.VIDEO_PAYLOAD_TYPE, sdp.VIDEO_CLOCK_HZ)]
        if self._audio_format:
            self._tracks.append(rtp.RtpTrack(self._audio_format.payload_type, self._audio_format.rate_hz))

    @property
    def playing(self) -> int:
        """How many clients play this stream."""
        return len(self._listeners)

    @property
    def track_count(self) -> int:
        return len(self._tracks)

    def ssrc(self, track: int) -> int:
        """Return the RTP source number of a track."""
        return self._tracks[track].ssrc

    def jump_timestamps(self, seconds: float) -> None:
        for track in self._tracks:
            track.jump(seconds)

    def change_video(self, **changes: Any) -> None:
        """Encode with other settings from the next picture on. May be called from any thread."""
        self.settings = replace(self.settings, **changes)

    async def describe(self, host: str) -> bytes:
        """Return the SDP as it holds now."""
        sets, settings = await self._in_thread_parameter_sets()
        audio = (self._audio_format, self._audio_config) if self._audio_format and self.audio_on else None
        return sdp.describe(host, self._encoders_made, settings, sets, audio)

    def report(self, track: int) -> bytes:
        """Return a sender report of a track for this moment."""
        present = clock.now()
        claimed = Instant(
            present.media_ns, present.utc_ns + round(self._config.clock_error_seconds * 1_000_000_000)
        )
        return self._tracks[track].sender_report(claimed, "demo-camera")

    def goodbye(self, track: int) -> bytes:
        return self._tracks[track].goodbye()

    def join(self, listener: Listener) -> None:
        """Let a client have the packets from now on; the first one starts the encoder."""
        self._listeners.append(listener)
        self._key_wanted |= self._config.key_frame_on_join
        if not self._tasks:
            self._start(self._run_video())
            self._start(self._run_reports())
            if self._audio_format:
                self._start(self._run_audio())

    def leave(self, listener: Listener) -> None:
        """Forget a client; the last one stops the encoder."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def close(self) -> None:
        """Stop everything; the encoder's thread ends."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._executor.shutdown(wait=True)

    # Encoding, in the stream's own thread.

    async def _in_thread_parameter_sets(self) -> tuple[ParameterSets, VideoSettings]:
        def read() -> tuple[ParameterSets, VideoSettings]:
            encoder = self._current_encoder()[0]
            return encoder.parameter_sets, encoder.settings

        return await asyncio.get_running_loop().run_in_executor(self._executor, read)

    def _current_encoder(self) -> tuple[VideoEncoder, list[AccessUnit]]:
        """Return the encoder for the settings wanted now, and what a replaced one still held."""
        wanted, rest = self.settings, list[AccessUnit]()
        if self._encoder is None or self._encoder.settings != wanted:
            if self._encoder is not None:
                rest = self._encoder.drain()
            self._encoder = VideoEncoder(wanted, self.name)
            self._encoders_made += 1
        return self._encoder, rest

    def _restart(self) -> None:
        self._current_encoder()[0].restart()

    def _encode(self, instant: Instant, force_key: bool) -> list[AccessUnit]:
        encoder, rest = self._current_encoder()
        return rest + encoder.encode(instant, force_key=force_key)

    # Running, on the event loop.

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        log.error("the %s stream failed; its clients are cut", self.name, exc_info=task.exception())
        for listener in list(self._listeners):
            listener.abort()

    async def _run_video(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._restart)
        due_ns, shown = clock.now().media_ns, 0
        while True:
            await _until(due_ns)
            force, self._key_wanted = self._key_wanted, False
            for unit in await loop.run_in_executor(self._executor, self._encode, clock.at(due_ns), force):
                self._send_video(unit)
            shown += 1
            due_ns = self._next_due(due_ns, shown)

    def _next_due(self, due_ns: int, shown: int) -> int:
        """Return when the next picture is taken. A camera that cannot keep up leaves pictures out."""
        settings = self.settings
        pace = UNEVEN_PACE[shown % len(UNEVEN_PACE)] if settings.variable_frame_rate else 1.0
        interval_ns = round(pace * 1_000_000_000 / settings.fps)
        late_ns = clock.now().media_ns - (due_ns + interval_ns)
        return due_ns + interval_ns * (1 + max(0, late_ns // interval_ns))

    async def _run_audio(self) -> None:
        if self._audio_format is None:
            return
        encoder = AudioEncoder(self._audio_format, clock.now())
        while True:
            await _until(encoder.next_media_ns)
            for unit in encoder.encode():
                if self.audio_on:
                    self._send_audio(unit)

    async def _run_reports(self) -> None:
        while True:
            await asyncio.sleep(self._config.report_interval_seconds)
            for track in range(VIDEO, len(self._tracks)):
                report = self.report(track)
                for listener in list(self._listeners):
                    listener.send_report(track, report)

    def _send_video(self, unit: AccessUnit) -> None:
        sets = unit.parameter_sets
        payloads = rtp.h264_payloads(unit.nals, (sets.sps, sets.pps) if sets else ())
        self._send(VIDEO, payloads, unit.instant.media_ns, starts_gop=unit.is_key)

    def _send_audio(self, unit: AudioUnit) -> None:
        # In AAC-hbr every packet ends an access unit and is marked; in G.711 the mark means the start
        # of talk after silence, so none is.
        is_aac = self._config.audio == "aac"
        payload = rtp.aac_payload(unit.data) if is_aac else unit.data
        self._send(AUDIO, [payload], unit.media_ns, mark_last=is_aac)

    def _send(
        self,
        track: int,
        payloads: list[bytes],
        media_ns: int,
        *,
        mark_last: bool = True,
        starts_gop: bool = False,
    ) -> None:
        packets = self._tracks[track].pack(payloads, media_ns, mark_last=mark_last)
        faults = self._faults
        if faults.garbage_kind == "media":
            packets = [packet[:12] + faults.random.randbytes(len(packet) - 12) for packet in packets]
        if faults.lost_share:
            packets = [packet for packet in packets if not faults.loses()]
        for listener in list(self._listeners):
            listener.send_packets(track, packets, starts_gop=starts_gop)


async def _until(media_ns: int) -> None:
    await asyncio.sleep(max(0, media_ns - clock.now().media_ns) / 1_000_000_000)
