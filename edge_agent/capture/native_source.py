"""RTSP over TCP read by ourselves: few calls to the system, few objects, exact times and sequence numbers.

FFmpeg asks the system for one byte, three bytes and the rest of every packet; this reads what is there.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from typing import Final

from edge_agent import __version__
from edge_agent.capture.connection import Connection, SecureConnection, connect
from edge_agent.capture.rtp import AudioAssembler, Clockwork, VideoAssembler
from edge_agent.capture.rtsp import (
    REPLY_BYTES_MAX,
    Address,
    Authorizer,
    Description,
    Reply,
    parse_description,
    parse_head,
    unusable,
    whole,
)
from edge_agent.capture.source import AccessUnit, CameraClock, DeviceNamed, Event, PacketsLost, TrackChanged
from edge_agent.errors import CertificateChanged, SourceFailed
from edge_agent.mp4 import VIDEO_TIMESCALE
from sealing.ids import GapReason

_BUFFER_BYTES: Final = 512 * 1024
_HEAD: Final = struct.Struct(">BBHI")
_REPORT: Final = struct.Struct(">BBHIIII")
_OPEN_FACTOR: Final = 3
"""All requests up to PLAY together may take so many times as long as one."""
_KEEP_ALIVE_S: Final = 25.0
_MOVES_MAX: Final = 3
STALL_S: Final = 4.0
_FIRST_PICTURES: Final = 3
_FIRST_FACTOR: Final = 2.5
_SLOW_FACTOR: Final = 4
_UNREADABLE_PACKETS: Final = 2000
_REST_S: Final = 0.45
_ROOM_SHARE: Final = 3
_NTP_TO_UNIX_S: Final = 2_208_988_800
AUDIBLE_S: Final = 0.06


class NotForUs(Exception):
    """The camera needs what only the general source can do; the text says what."""


class _Moved(Exception):
    """The camera answered with another address (RFC 2326 section 11.3)."""

    def __init__(self, location: str) -> None:
        super().__init__("moved")
        self.location = location


class NativeSource:
    """One RTSP stream over TCP, in TLS for rtsps. Blocking; used by one thread."""

    def __init__(
        self,
        url: str,
        *,
        audio: bool,
        open_timeout_s: float = 10.0,
        stall_timeout_s: float = STALL_S,
        accepted: bytes | None = None,
        interface: str = "",
    ) -> None:
        """Connect, describe, set up and play. Raises SourceFailed, or NotForUs.

        `stall_timeout_s`: so long without a picture the camera stalls; longer until it has shown how far apart its pictures
        are, and where they are far apart. `accepted`: SHA-256 of the only certificate the camera may show. `interface`: the
        only one to reach it by.
        """
        self._accepted, self._interface = accepted, interface
        self.certificate = ""
        self._patience = Patience(stall_timeout_s)
        self.hurried = False
        address = Address.of(url)
        for _ in range(_MOVES_MAX):
            try:
                self._open(address, audio, open_timeout_s)
                return
            except _Moved as moved:
                address = address.moved(moved.location)
        raise unusable("the camera sends us from address to address", "moved")

    def _open(self, address: Address, audio: bool, open_timeout_s: float) -> None:
        self._address = address
        self._authorizer = Authorizer(self._address)
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0
        self._sequence = 0
        self._session = ""
        self._keep_alive_s = _KEEP_ALIVE_S
        self._keep_alive_method = "GET_PARAMETER"
        self._asked_s = time.monotonic()
        self._opened_by_s = self._asked_s + _OPEN_FACTOR * open_timeout_s
        try:
            self._socket: Connection = connect(
                address.host,
                address.port,
                open_timeout_s,
                secure=address.secure,
                accepted=self._accepted,
                interface=self._interface,
            )
            if isinstance(self._socket, SecureConnection):
                self.certificate = self._socket.certificate
        except CertificateChanged as changed:
            raise _another_certificate(changed.shown) from None
        except OSError as error:
            raise _unreachable(error, open_timeout_s) from None
        try:
            description = self._describe()
            self._video = VideoAssembler(description.video.codec, description.video.sets)
            offer = description.audio if audio else None
            self._audio = AudioAssembler(offer.track, offer.headers) if offer is not None else None
            self._set_up(description.video.url, 0)
            if offer is not None:
                self._set_up(offer.url, 2)
            self._types = (description.video.payload_type, offer.payload_type if offer is not None else -1)
            self._clocks = (Clockwork(), Clockwork())
            self._align = _Alignment(offer.track.rate if offer is not None else 1)
            self._play(description, offer.url if offer is not None else "")
        except OSError as error:
            self.close()
            raise _unreachable(error, open_timeout_s) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    # Conversation

    def _describe(self) -> Description:
        reply = self._ask("DESCRIBE", self._address.url, {"Accept": "application/sdp"})
        base = reply.header("content-base") or reply.header("content-location") or self._address.url
        # Cameras behind an address translation name themselves wrongly; only the path of what they say counts.
        return parse_description(reply.body.decode("utf-8", "replace"), base)

    def _set_up(self, url: str, channel: int) -> None:
        transport = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        reply = self._ask("SETUP", url, {"Transport": transport})
        said = re.search(r"interleaved\s*=\s*(\d+)", reply.header("transport"))
        if said is not None and whole(said[1]) != channel:
            raise NotForUs("it chooses its own channels")
        session, _, options = reply.header("session").partition(";")
        self._session = session.strip() or self._session
        timeout = re.search(r"timeout\s*=\s*(\d+)", options)
        seconds = None if timeout is None else whole(timeout[1])
        if seconds:
            self._keep_alive_s = min(_KEEP_ALIVE_S, max(1.0, seconds * 0.4))

    def _play(self, description: Description, audio_url: str) -> None:
        reply = self._ask("PLAY", description.url, {"Range": "npt=0.000-"})
        for item in reply.header("rtp-info").split(","):
            url = re.search(r"url\s*=\s*([^;,\s]+)", item)
            stamp = re.search(r"rtptime\s*=\s*(\d+)", item)
            moment = None if stamp is None else whole(stamp[1])
            if url is None or moment is None:
                continue
            is_audio = bool(audio_url) and audio_url.endswith(url[1].rpartition("/")[2])
            self._align.starts(1 if is_audio else 0, moment)

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        """One request with its reply, credentials included where asked for. Raises SourceFailed, NotForUs, OSError."""
        self._send(method, url, headers)
        reply = self._reply()
        for _ in range(2):
            if reply.status != 401:
                break
            if not self._authorizer.learn(reply.headers.get("www-authenticate", [])):
                break
            self._send(method, url, headers)
            reply = self._reply()
        if reply.status in (401, 403):
            raise SourceFailed(
                GapReason.CAMERA_REFUSED_CREDENTIALS,
                "the camera refused the user name or password: check them in the portal",
            )
        if reply.status == 404:
            raise unusable("the camera has no stream at this address: check its path", "no-path")
        if reply.status in (301, 302, 303, 307, 308) and method == "DESCRIBE":
            raise _Moved(reply.header("location"))
        if reply.status == 461:
            raise NotForUs(f"it answers {method} with {reply.status}")
        if reply.status >= 500:
            raise SourceFailed(
                GapReason.CAMERA_UNREACHABLE,
                f"the camera cannot serve now (status {reply.status} to {method})",
                "busy-camera",
            )
        if not 200 <= reply.status < 300:
            raise unusable(f"the camera answers {method} with status {reply.status}")
        return reply

    def _send(self, method: str, url: str, headers: dict[str, str]) -> None:
        self._sequence += 1
        lines = [
            f"{method} {url} RTSP/1.0",
            f"CSeq: {self._sequence}",
            f"User-Agent: vsaas-agent/{__version__}",
        ]
        if self._session:
            lines.append(f"Session: {self._session}")
        authorization = self._authorizer.header(method, url)
        if authorization is not None:
            lines.append(f"Authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._asked_s = time.monotonic()

    def _reply(self) -> Reply:
        """Read the reply under way; media that comes before it is left out (nothing plays yet)."""
        while True:
            if time.monotonic() > self._opened_by_s:
                raise TimeoutError  # one that drips its answers is as bad as one that gives none
            first = self._buffer[self._begin] if self._begin < self._end else -1
            if first == 0x24:
                if not self._skip_packet():
                    self._receive()
                continue
            reply = self._take_reply()
            if reply is not None:
                return reply
            self._receive()

    def _skip_packet(self) -> bool:
        if self._end - self._begin < 4:
            return False
        size = 4 + int.from_bytes(self._view[self._begin + 2 : self._begin + 4], "big")
        if self._end - self._begin < size:
            return False
        self._begin += size
        return True

    def _take_reply(self) -> Reply | None:
        """Take a whole reply out of the buffer; None while it is incomplete. Raises SourceFailed."""
        available = self._end - self._begin
        if available >= 5 and self._buffer[self._begin : self._begin + 5] != b"RTSP/":
            raise unusable("the camera does not answer in RTSP", "not-rtsp")
        at = self._buffer.find(b"\r\n\r\n", self._begin, self._end)
        if at < 0:
            if available > REPLY_BYTES_MAX:
                raise unusable("the camera's answer never ends")
            return None
        reply = parse_head(bytes(self._view[self._begin : at]))
        length = whole(reply.header("content-length") or "0")
        if length is None or length > REPLY_BYTES_MAX:
            raise unusable("the camera's answer names an impossible length")
        body = at + 4
        if self._end - body < length:
            return None
        self._begin = body + length
        return Reply(reply.status, reply.headers, bytes(self._view[body : self._begin]))

    def _receive(self) -> int:
        """Read what is there; return how many bytes. Raises SourceFailed at the end of the connection, OSError."""
        begin, end = self._begin, self._end
        if begin == end:
            begin = end = 0
        elif end > _BUFFER_BYTES - 70_000:
            rest = end - begin
            self._view[:rest] = bytes(self._view[begin:end])
            begin, end = 0, rest
        count = self._socket.recv_into(self._view[end:])
        self._begin, self._end = begin, end + count
        if count == 0:
            raise SourceFailed(GapReason.CAMERA_UNREACHABLE, "the camera closed the connection")
        return count

    # Media

    def events(self) -> Iterator[Event]:
        # Before each read the reader may have rested: that time counts as waiting.
        self._socket.settimeout(self._patience.seconds - _REST_S)
        if self._authorizer.realm:
            yield DeviceNamed(self._authorizer.realm)
        if self._video.changed is not None:
            track, self._video.changed = self._video.changed, None
            yield TrackChanged("video", track)
        if self._audio is not None:
            yield TrackChanged("audio", self._audio.track)
        try:
            yield from self._media()
        except TimeoutError:
            failure = _stalled(self._patience.seconds)
        except OSError as error:
            failure = SourceFailed(
                GapReason.CAMERA_UNREACHABLE, f"the connection to the camera broke: {error.strerror or error}"
            )
        raise failure

    def _media(self) -> Iterator[Event]:
        buffer, view, video = self._buffer, self._view, self._video
        monotonic_ns = time.monotonic_ns
        alive_ns = monotonic_ns()
        unreadable = 0
        done: list[AccessUnit] = []
        rest_s = _REST_S / 4
        unread = self._end - self._begin
        while True:
            if not self.hurried:
                # Nobody watches: reading twice a second costs half of reading each picture as it comes. No longer than
                # the system's own buffer holds, though: half of it is what the camera may send ahead, and a camera must
                # never wait. The system lets it grow to four times what is read at once, so a third leaves it room to.
                time.sleep(rest_s)
            # What came along with the reply to PLAY waits already.
            count, unread = unread or self._receive(), 0
            room = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _ROOM_SHARE
            rest_s = min(_REST_S, rest_s * (1.2 if count < room else room / count))
            now_ns = monotonic_ns()
            begin, end = self._begin, self._end
            while True:
                begin = video.run(buffer, view, begin, end, now_ns, done)
                if not done:
                    if end - begin < 4 or buffer[begin] != 0x24:
                        break
                    size = buffer[begin + 2] << 8 | buffer[begin + 3]
                    if end - begin < size + 4:
                        break
                    at, begin = begin + 4, begin + size + 4
                    channel, packet = buffer[at - 3], view[at:begin]
                    self._begin = begin
                    if channel == 0:
                        missing = self._video_packet(packet, now_ns, done)
                        if missing:
                            yield PacketsLost(missing)
                        unreadable += 1
                        if unreadable > _UNREADABLE_PACKETS and not done:
                            raise unusable("the camera sends no readable pictures")
                    elif channel == 2:
                        yield from self._audio_packet(packet, now_ns)
                    elif channel in (1, 3):
                        yield from self._report(channel >> 1, packet)
                if done:
                    unreadable = 0
                    if self._patience.learn((now_ns - alive_ns) / 1e9):
                        self._socket.settimeout(self._patience.seconds - _REST_S)
                    alive_ns = now_ns
                    if video.changed is not None:
                        track, video.changed = video.changed, None
                        yield TrackChanged("video", track)
                    yield from done
                    done.clear()
            self._begin = begin
            if end - begin >= 1 and buffer[begin] != 0x24:
                self._heed(self._take_reply())
            if now_ns - alive_ns > self._patience.seconds * 1e9:
                raise _stalled(self._patience.seconds)
            if now_ns / 1e9 - self._asked_s > self._keep_alive_s:
                self._send(self._keep_alive_method, self._address.url, {})

    def _heed(self, reply: Reply | None) -> None:
        """The reply to a sign of life: a new challenge is answered next time, an unknown method is replaced."""
        if reply is None:
            return
        if reply.status == 401:
            self._authorizer.learn(reply.headers.get("www-authenticate", []))
            self._asked_s = 0.0
        elif reply.status in (405, 501):
            self._keep_alive_method = "OPTIONS"

    def _video_packet(self, packet: memoryview, now_ns: int, done: list[AccessUnit]) -> int:
        """One RTP packet of the picture; what it completes is put into `done`. Returns how many are missing before it."""
        payload = _payload(packet)
        if payload is None:
            return 0
        _, kind, sequence, stamp = _HEAD.unpack_from(packet)
        if kind & 0x7F != self._types[0]:
            return 0
        clock, video = self._clocks[0], self._video
        missing = clock.missing(sequence)
        if missing < 0:
            return 0
        if missing:
            video.lost()
        moment = self._align.time(0, clock.unwrap(stamp), now_ns)
        done += video.push(moment, kind & 0x80 != 0, payload, now_ns)
        # Most packets go on with the picture under way; from here on those take the short way.
        video.expect(packet, clock)
        return missing

    def _audio_packet(self, packet: memoryview, now_ns: int) -> list[Event]:
        payload = _payload(packet)
        if payload is None or self._audio is None:
            return []
        _, kind, sequence, stamp = _HEAD.unpack_from(packet)
        if kind & 0x7F != self._types[1] or self._clocks[1].missing(sequence) < 0:
            return []
        moment = self._align.time(1, self._clocks[1].unwrap(stamp), now_ns)
        return list(self._audio.push(moment, payload, now_ns))

    def _report(self, track: int, packet: memoryview) -> list[Event]:
        """An RTCP compound packet: its sender report says which instant a time stamp is (RFC 3550 section 6.4.1)."""
        if len(packet) >= 20 and packet[1] == 200:
            _, _, _, _, seconds, fraction, stamp = (
                *_REPORT.unpack_from(packet)[:4],
                *_REPORT.unpack_from(packet)[4:],
            )
            ntp_us = seconds * 1_000_000 + (fraction * 1_000_000 >> 32)
            self._align.report(track, ntp_us, stamp)
            # Cameras without a clock count from zero, or send zero: that is no time of day.
            if track == 0 and seconds > _NTP_TO_UNIX_S:
                return [CameraClock(ntp_us - _NTP_TO_UNIX_S * 1_000_000 - time.time_ns() // 1000)]
        return []


def _payload(packet: memoryview) -> memoryview | None:
    """The payload of an RTP packet, without extension and padding; None for what is none (RFC 3550 section 5.1)."""
    if len(packet) < 12:
        return None
    first = packet[0]
    if first == 0x80:
        return packet[12:]
    if first >> 6 != 2:
        return None
    at = 12 + 4 * (first & 15)
    if first & 0x10:
        if len(packet) < at + 4:
            return None
        at += 4 + 4 * (packet[at + 2] << 8 | packet[at + 3])
    end = len(packet)
    if first & 0x20:
        end -= packet[-1]
    return packet[at:end] if at <= end else None


class _Alignment:
    """Gives picture and sound one origin: by what PLAY said, by arrival, and by sender reports once both sent one."""

    def __init__(self, audio_rate: int) -> None:
        self._rates = (VIDEO_TIMESCALE, audio_rate)
        self._origins: list[int | None] = [None, None]
        self._first_ns: int | None = None
        self._reports: list[tuple[int, int] | None] = [None, None]
        self._settled = False
        self._newest = [0, 0]

    def starts(self, track: int, stamp: int) -> None:
        """PLAY named the time stamp that playing starts with."""
        self._origins[track] = stamp

    def time(self, track: int, unwrapped: int, now_ns: int) -> int:
        """Return a track's time counted from the common origin."""
        origin = self._origins[track]
        if self._first_ns is None:
            self._first_ns = now_ns
        far = origin is not None and abs(unwrapped - origin) > 10 * self._rates[track]
        if origin is None or (far and not self._newest[track]):
            waited = (now_ns - self._first_ns) * self._rates[track] // 1_000_000_000
            origin = self._origins[track] = unwrapped - waited
        self._newest[track] = unwrapped
        if not self._settled:
            self._settle()
            origin = self._origins[track] or 0
        return unwrapped - origin

    def report(self, track: int, ntp_us: int, stamp: int) -> None:
        """A sender report: at `ntp_us` by the camera's clock the track's time stamp was `stamp`."""
        newest = self._newest[track]
        if newest:
            stamp = newest + ((stamp - newest + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        self._reports[track] = (ntp_us, stamp)
        self._settle()

    def _settle(self) -> None:
        """Once, as soon as both tracks were reported: place the sound by the camera's own clock, if it is off audibly."""
        video, audio = self._reports
        if self._settled or video is None or audio is None or self._origins[0] is None:
            return
        self._settled = True
        audio_s = (video[1] - self._origins[0]) / self._rates[0] + (audio[0] - video[0]) / 1e6
        origin = audio[1] - round(audio_s * self._rates[1])
        before = self._origins[1]
        if before is None or not self._newest[1] or abs(origin - before) > AUDIBLE_S * self._rates[1]:
            self._origins[1] = origin


class Patience:
    """How long to wait for the next picture: `usual_s`, longer at first, and for cameras whose pictures are far apart."""

    def __init__(self, usual_s: float) -> None:
        self._usual_s = usual_s
        self._seen = 0
        self._apart_s = 0.0
        self.seconds = usual_s * _FIRST_FACTOR

    def learn(self, apart_s: float) -> bool:
        """A picture came so long after the one before. Returns whether `seconds` changed."""
        self._seen += 1
        if self._seen > 1:  # the first one came after connecting, not after a picture
            self._apart_s = apart_s if self._seen == 2 else self._apart_s * 0.9 + apart_s * 0.1
        if self._seen < _FIRST_PICTURES:
            return False
        seconds = max(self._usual_s, self._apart_s * _SLOW_FACTOR)
        if abs(seconds - self.seconds) < 0.1 * self.seconds:
            return False
        self.seconds = seconds
        return True


def _stalled(seconds: float) -> SourceFailed:
    return SourceFailed(GapReason.CAMERA_STALLED, f"the camera sent nothing for {seconds:.0f} s")


def _another_certificate(shown: str) -> SourceFailed:
    text = (
        f"the camera shows another certificate than the accepted one (SHA-256 {shown[:16]}…): if its certificate was "
        "renewed, accept the new one in the portal; if not, something stands between camera and agent"
    )
    return SourceFailed(GapReason.CAMERA_UNREACHABLE, text, "certificate", shown)


def _unreachable(error: OSError, timeout_s: float) -> SourceFailed:
    if isinstance(error, ssl.SSLError):
        text = (
            "the camera does not speak TLS at this port, or too old a one: try rtsp://, or update the camera"
        )
        return SourceFailed(GapReason.CAMERA_UNREACHABLE, text, "tls")
    if isinstance(error, TimeoutError):
        text = f"no answer from the camera within {timeout_s:.0f} s"
    else:
        text = f"the camera cannot be reached: {error.strerror or error}"
    return SourceFailed(GapReason.CAMERA_UNREACHABLE, text)
