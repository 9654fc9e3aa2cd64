"""One RTSP connection: requests in, replies and interleaved media out."""

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING

from vsaas.onebox.demo_camera import messages, rtp
from vsaas.onebox.demo_camera.digest import DigestGate
from vsaas.onebox.demo_camera.messages import Request, RtspError
from vsaas.onebox.demo_camera.stream import AUDIO, VIDEO, Stream

if TYPE_CHECKING:
    from vsaas.onebox.demo_camera.camera import DemoCamera

log = logging.getLogger(__name__)

REALM = "Demo camera"
SERVER = "Demo camera"
# A client that does not read is skipped to the next key picture beyond the first limit, and cut beyond
# the second.
SLOW_BYTES, STUCK_BYTES = 2 << 20, 8 << 20
REFUSALS_BEFORE_CUT = 10


class Connection:
    """Serves one client until it leaves, stays silent beyond the session timeout, or is cut."""

    def __init__(
        self, camera: "DemoCamera", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._camera = camera
        self._reader = reader
        self._writer = writer
        config = camera.config
        self._gate = DigestGate(REALM, config.username, camera.password, config.digest_algorithms)
        self._refusals = 0
        self._forget_session()

    def _forget_session(self) -> None:
        self._session = ""
        self._stream: Stream | None = None
        self._channels: dict[int, tuple[int, int]] = {}
        self._playing = False
        self._waits_for_key = True

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        try:
            await self._serve()
        except (ConnectionError, asyncio.IncompleteReadError):
            log.debug("a client left without a word")
        except TimeoutError:
            log.info("a client was silent for %s s and is cut", self._camera.config.session_timeout_seconds)
        finally:
            self._stop_playing()
            self._writer.close()

    async def _serve(self) -> None:
        closes = False
        while not closes:
            async with asyncio.timeout(self._camera.config.session_timeout_seconds):
                reply, closes = await self._exchange()
            if reply:
                self._write(reply)

    async def _exchange(self) -> tuple[bytes, bool]:
        """Read one message; return the reply (empty for interleaved data) and whether to hang up."""
        try:
            request = await self._read_request()
            if request is None:
                return b"", False
            self._camera.requests[request.method] += 1
            if self._camera.faults.garbage_kind == "answers":
                return b"\x00\xff\x17RTSQ/9.9 two hundred \xfe\r\r\n:::\r\n\r\n", False
            return await self._answer(request), False
        except RtspError as error:
            log.info("a request is answered %s: %s", error.status, error)
            pairs = [("CSeq", error.cseq)] if error.cseq else []
            pairs += [*error.headers.items(), ("Server", SERVER)]
            if error.status == 401:
                pairs += self._gate.challenges()
            return messages.format_response(error.status, pairs), error.closes

    async def _read_request(self) -> Request | None:
        first = await self._reader.readexactly(1)
        if first == b"$":
            header = await self._reader.readexactly(3)
            await self._reader.readexactly(int.from_bytes(header[1:3], "big"))
            return None
        if first in b"\r\n":
            return None
        try:
            head = first + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise RtspError(413, "the request's head is too large", closes=True) from error
        request = messages.parse_request(head[:-4])
        await self._reader.readexactly(request.content_length)
        return request

    # Requests.

    async def _answer(self, request: Request) -> bytes:
        if request.method not in messages.METHODS:
            raise RtspError(501, f"{request.method} is not supported", cseq=request.cseq)
        if "require" in request.headers:
            error = RtspError(551, "an extension is required", cseq=request.cseq)
            error.headers["Unsupported"] = request.headers["require"]
            raise error
        if request.method == "OPTIONS":
            return self._ok(request, {"Public": ", ".join(messages.METHODS)})
        self._check_credentials(request)
        self._check_session(request)
        match request.method:
            case "DESCRIBE":
                return await self._describe(request)
            case "SETUP":
                return self._set_up(request)
            case "PLAY":
                return self._play(request)
            case "PAUSE":
                return self._pause(request)
            case "TEARDOWN":
                return self._tear_down(request)
            case _:
                return self._ok(request, self._session_header())

    def _check_credentials(self, request: Request) -> None:
        admitted = self._gate.admits(request.method, request.uri, request.headers.get("authorization"))
        if admitted and not self._camera.faults.credentials_refused:
            return
        if "authorization" in request.headers:
            self._camera.refused_logins += 1
            self._refusals += 1
        raise RtspError(
            401,
            "the credentials are missing or wrong",
            cseq=request.cseq,
            closes=self._refusals >= REFUSALS_BEFORE_CUT,
        )

    def _check_session(self, request: Request) -> None:
        named = request.headers.get("session", "").partition(";")[0].strip()
        needed = request.method in ("PLAY", "PAUSE", "TEARDOWN")
        if needed and not self._session:
            raise RtspError(455, f"{request.method} needs a SETUP first", cseq=request.cseq)
        if (named or needed) and named != self._session:
            raise RtspError(454, "there is no such session on this connection", cseq=request.cseq)

    def _find_stream(self, request: Request) -> Stream:
        stream = self._camera.streams.get(request.path[0]) if request.path else None
        if stream is None:
            raise RtspError(404, "there is no such stream", cseq=request.cseq)
        return stream

    async def _describe(self, request: Request) -> bytes:
        stream = self._find_stream(request)
        if len(request.path) != 1:
            raise RtspError(404, "there is no such stream", cseq=request.cseq)
        accepted = request.headers.get("accept", "application/sdp")
        if not any(kind in accepted for kind in ("application/sdp", "application/*", "*/*")):
            raise RtspError(406, "a description is only offered as application/sdp", cseq=request.cseq)
        body = await stream.describe(self._writer.get_extra_info("sockname")[0])
        if self._camera.faults.garbage_kind == "sdp":
            body = b"v=zero\r\nm=video never RTP/XYZ \xff\xfe\r\na=fmtp:;;;=\r\n"
        base = request.uri.partition("?")[0].rstrip("/") + "/"
        return self._ok(request, {"Content-Base": base, "Content-Type": "application/sdp"}, body)

    def _set_up(self, request: Request) -> bytes:
        stream, path = self._find_stream(request), request.path
        numbers = [f"trackID={i}" for i in range(stream.track_count)]
        if len(path) != 2 or path[1] not in numbers:
            raise RtspError(404 if len(path) > 1 else 459, "SETUP names no track", cseq=request.cseq)
        if self._playing:
            raise RtspError(455, "SETUP comes before PLAY", cseq=request.cseq)
        if self._stream not in (None, stream):
            raise RtspError(455, "a session holds one stream", cseq=request.cseq)
        track = numbers.index(path[1])
        channels = messages.interleaved_channels(request.headers.get("transport", ""), request.cseq)
        channels = channels or self._free_channels()
        taken = [channel for other, pair in self._channels.items() if other != track for channel in pair]
        if set(channels) & set(taken):
            raise RtspError(400, "the interleaved channels are taken", cseq=request.cseq)
        self._stream = stream
        self._channels[track] = channels
        self._session = self._session or secrets.token_hex(8)
        ssrc = stream.ssrc(track)
        transport = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]};ssrc={ssrc:08X}"
        return self._ok(request, {"Transport": transport, **self._session_header()})

    def _free_channels(self) -> tuple[int, int]:
        first = 1 + max((channel for pair in self._channels.values() for channel in pair), default=-1)
        return first, first + 1

    def _play(self, request: Request) -> bytes:
        stream = self._own_stream(request)
        if not self._playing:
            self._playing = True
            self._waits_for_key = self._camera.config.key_frame_on_join
            # Joined only once the reply is on its way: media must not overtake it. No RTP-Info: which
            # packet comes first is only known when the next key picture is encoded.
            asyncio.get_running_loop().call_soon(self._join, stream)
        return self._ok(request, {"Range": "npt=now-", **self._session_header()})

    def _join(self, stream: Stream) -> None:
        if self._playing and not self._writer.is_closing():
            stream.join(self)
            for track in self._channels:
                if track == AUDIO:
                    self.send_report(track, stream.report(track))

    def _pause(self, request: Request) -> bytes:
        self._own_stream(request)
        self._stop_playing()
        return self._ok(request, self._session_header())

    def _tear_down(self, request: Request) -> bytes:
        self._own_stream(request)
        self._stop_playing()
        self._forget_session()
        return self._ok(request, {})

    def _own_stream(self, request: Request) -> Stream:
        stream = self._find_stream(request)
        if self._stream is not stream:
            raise RtspError(454, "this session holds another stream", cseq=request.cseq)
        return stream

    def _session_header(self) -> dict[str, str]:
        if not self._session:
            return {}
        return {"Session": f"{self._session};timeout={self._camera.config.session_timeout_seconds}"}

    def _ok(self, request: Request, headers: dict[str, str], body: bytes = b"") -> bytes:
        return messages.format_response(200, {"CSeq": request.cseq, "Server": SERVER, **headers}, body)

    # Media, called by the stream.

    def send_packets(self, track: int, packets: list[bytes], *, starts_gop: bool) -> None:
        """Send a track's packets, where this client asked for the track and can take them."""
        if track not in self._channels or self._stream is None:
            return
        if track == VIDEO and self._skips(starts_gop):
            return
        channel = self._channels[track][0]
        self._write(b"".join(rtp.interleave(channel, packet) for packet in packets))

    def _skips(self, starts_gop: bool) -> bool:
        """Say whether this picture is left out because the client waits for a key picture or is slow."""
        backlog = self._writer.transport.get_write_buffer_size()
        if self._camera.faults.stalled or backlog > SLOW_BYTES:
            self._waits_for_key = True
            return True
        if self._waits_for_key and starts_gop and self._stream is not None:
            self._waits_for_key = False
            self.send_report(VIDEO, self._stream.report(VIDEO))
        return self._waits_for_key

    def send_report(self, track: int, report: bytes) -> None:
        """Send a sender report, where this client asked for the track."""
        if track in self._channels:
            self._write(rtp.interleave(self._channels[track][1], report))

    def _write(self, data: bytes) -> None:
        if self._camera.faults.stalled or self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > STUCK_BYTES:
            log.info("a client no longer reads and is cut")
            self.abort()
            return
        self._writer.write(data)

    def _stop_playing(self) -> None:
        self._playing = False
        if self._stream is not None:
            self._stream.leave(self)

    def say_goodbye(self) -> None:
        """End the media properly (RTCP BYE) and hang up, as a camera that is switched off."""
        if self._playing and self._stream is not None:
            for track, (_, control) in self._channels.items():
                self._write(rtp.interleave(control, self._stream.goodbye(track)))
        self._stop_playing()
        self._writer.close()

    def abort(self) -> None:
        """Cut the connection at once."""
        self._stop_playing()
        self._writer.transport.abort()
