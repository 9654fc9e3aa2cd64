"""A stand for the player: footage sealed by `sealing`, handed out over HTTP as portal and object store do, with faults to switch on.

It answers the browser API's routes for one camera from memory, so that the player can be tried by itself in a real browser. Nothing
of the product uses it. `python -m tests.frontend.stand` serves it for a look by hand.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from protocol import b64
from sealing.chain import ChainHead
from sealing.ids import (
    ClockSource,
    EnvelopePurpose,
    GapReason,
    GenesisReason,
    Rendition,
    Stream,
    box_kid,
    uuid7,
)
from sealing.keys import EnvelopeInfo, PeriodKey, Release, SegmentScope, seal_envelope
from sealing.motion import MotionMap, Moved
from sealing.record import Segment, Stamp
from sealing.segment import SegmentPlace, SegmentWriter
from tenants.hours import intersect, subtract, union
from tests.frontend.pictures import Coded, tone, video
from tests.sealing.footage import Tenant

DIST = Path(__file__).resolve().parents[2] / "frontend" / "dist"
US = 1_000_000


@dataclass
class Stored:
    """One segment as the portal would know it."""

    segment: uuid.UUID
    start_us: int
    end_us: int
    record: bytes
    parts: tuple[Any, ...]
    index: bytes
    keys: dict[Rendition, PeriodKey]
    run: bytes
    continues: uuid.UUID | None
    state: str = "stored"


@dataclass
class Stand:
    """Footage of one camera from `start_us` on, and what is asked of it."""

    start_us: int
    tenant: Tenant = field(default_factory=Tenant)
    camera: uuid.UUID = field(default_factory=uuid.uuid4)
    segments: dict[Stream, list[Stored]] = field(default_factory=lambda: {Stream.MAIN: [], Stream.SUB: []})
    objects: dict[str, bytearray] = field(default_factory=dict)
    gaps: list[tuple[int, int, GapReason]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    grant_seconds: int = 120
    grants: dict[str, int] = field(default_factory=dict)
    live_url: str | None = None
    may_clip: bool = True
    agent_away: str = ""
    """Why the agent cannot be asked, in the portal's words."""
    uploads: list[tuple[int, int]] = field(default_factory=list)
    clips: list[dict[str, Any]] = field(default_factory=list)
    tickets: dict[str, tuple[bytes, bytes, uuid.UUID]] = field(default_factory=dict)
    name: str = "Gate"
    beside: list[Stand] = field(default_factory=list)
    """Other cameras of the same tenant, served with this one."""
    reachable: threading.Event = field(default_factory=threading.Event)
    """Cleared: the store keeps this camera's readers waiting."""
    sound: threading.Event = field(default_factory=threading.Event)
    """Cleared: the store keeps readers of sound waiting."""
    more_runs: list[tuple[int, int, str, int | None]] = field(default_factory=list)
    """What the timeline says beside the footage."""
    events: list[tuple[int, int, str]] = field(default_factory=list)
    """What was noticed, in order of time."""
    hidden: list[tuple[int, int]] = field(default_factory=list)
    """Time that this person's hours do not permit."""

    def __post_init__(self) -> None:
        self.reachable.set()
        self.sound.set()
        self.agent = self.tenant.agent()
        self.period = {rendition: PeriodKey.new() for rendition in Rendition}
        self.heads = {stream: self._genesis(stream) for stream in (Stream.MAIN, Stream.SUB)}

    def _genesis(self, stream: Stream) -> ChainHead:
        head = ChainHead(self.tenant.id, self.camera, stream, secrets.token_bytes(16))
        return head.after(
            head.genesis(
                self.agent.signer,
                self._stamp(0),
                agent=self.agent.id,
                reason=GenesisReason.FIRST_START,
                software="stand",
            )
        )

    def _stamp(self, second: float) -> Stamp:
        return Stamp(self.at(second), bytes(16), int(second * 1e9) + 1, ClockSource.SYSTEM_SYNCHRONISED, 1000)

    def at(self, second: float) -> int:
        """UTC µs of a second of the footage."""
        return self.start_us + round(second * US)

    def record(
        self,
        second: float,
        picture: Coded,
        *,
        sound: Coded | None = None,
        segment_s: float = 4,
        stream: Stream = Stream.MAIN,
        codec: str | None = None,
        moved: Mapping[float, bytes] | None = None,
    ) -> list[Stored]:
        """A run that begins at `second`, in segments of `segment_s`; those without a key frame are continuations. `moved`: places
        (64 by 36) by the second in which they moved; then each segment has a motion map."""
        run = secrets.token_bytes(16)
        made: list[Stored] = []
        first_key: uuid.UUID | None = None
        ticks = round(segment_s * picture.timescale)
        begin = picture.pieces[0].decode_time
        end = picture.pieces[-1].decode_time + picture.pieces[-1].duration
        for at in range(begin, end, ticks):
            pieces = [piece for piece in picture.pieces if at <= piece.decode_time < at + ticks]
            starts_with_key = pieces[0].sync
            stored = self._segment(
                second,
                begin,
                pieces,
                picture,
                sound,
                run,
                stream,
                codec,
                None if starts_with_key else first_key,
                moved,
            )
            if any(piece.sync for piece in pieces):
                first_key = stored.segment
            made.append(stored)
        return made

    def _segment(
        self,
        second: float,
        begin: int,
        pieces: list[Any],
        picture: Coded,
        sound: Coded | None,
        run: bytes,
        stream: Stream,
        codec: str | None,
        continues: uuid.UUID | None,
        moved: Mapping[float, bytes] | None,
    ) -> Stored:
        scale = picture.timescale
        first, last = pieces[0].decode_time, pieces[-1].decode_time + pieces[-1].duration
        start_us, end_us = (self.at(second + (t - begin) / scale) for t in (first, last))
        segment = uuid7(start_us // 1000)
        writer = SegmentWriter(SegmentPlace(self.tenant.id, self.camera, stream, segment))
        data = bytearray()
        part = writer.open_part(
            Rendition(stream),
            self.period[Rendition(stream)],
            data.extend,
            codec=codec or picture.codec,
            init=picture.init,
            timescale=scale,
        )
        for piece in pieces:
            part.append(piece.data, piece.decode_time, piece.duration, sync=piece.sync, samples=piece.samples)
        heard = bytearray()
        if sound is not None:
            low, high = first / scale, last / scale
            chosen = [p for p in sound.pieces if low <= p.decode_time / sound.timescale < high]
            if chosen:
                track = writer.open_part(
                    Rendition.AUDIO,
                    self.period[Rendition.AUDIO],
                    heard.extend,
                    codec=sound.codec,
                    init=sound.init,
                    timescale=sound.timescale,
                )
                for piece in chosen:
                    track.append(
                        piece.data, piece.decode_time, piece.duration, sync=True, samples=piece.samples
                    )
        mapped = bytearray()
        if moved is not None:
            within = sorted((self.at(at) - start_us, places) for at, places in moved.items())
            rows = tuple(Moved(us // 1000, places) for us, places in within if 0 <= us < end_us - start_us)
            writer.add_motion(MotionMap(64, 36, rows), mapped.extend)
        index = bytearray()
        finished = writer.finish(index.extend)
        signed = self.heads[stream].segment(
            self.agent.signer,
            self._stamp(second),
            segment=segment,
            start_us=start_us,
            end_us=end_us,
            run=run,
            size=finished.size,
            crc32c=finished.crc32c,
            parts=finished.parts,
            continuation_of=continues,
        )
        self.heads[stream] = self.heads[stream].after(signed)
        assert isinstance(signed.record, Segment)
        self.objects[str(segment)] = bytearray(bytes(data + heard + mapped + index))
        keys = {part.rendition: self.period[_class(part.rendition, stream)] for part in finished.parts}
        stored = Stored(
            segment, start_us, end_us, signed.encoded, finished.parts, bytes(index), keys, run, continues
        )
        self.segments[stream].append(stored)
        return stored

    def gap(self, from_s: float, to_s: float, reason: GapReason) -> None:
        self.gaps.append((self.at(from_s), self.at(to_s), reason))

    def hide(self, from_s: float, to_s: float) -> None:
        """From now on this person's hours do not permit this time; the timeline and playback answer as the portal's do."""
        self.hidden.append((self.at(from_s), self.at(to_s)))

    def _is_hidden(self, stored: Stored) -> bool:
        return any(stored.start_us < b and stored.end_us > a for a, b in self.hidden)

    def alter(self, stored: Stored, second: float) -> None:
        """Flips one byte of the video that shows `second` of the footage."""
        share = (self.at(second) - stored.start_us) / (stored.end_us - stored.start_us)
        part = stored.parts[0]
        self.objects[str(stored.segment)][part.offset + int(part.sealed_length * share)] ^= 1

    def is_sound(self, name: str, first: int) -> bool:
        """Whether byte `first` of an object is of its sound."""
        stored = next(s for items in self.segments.values() for s in items if str(s.segment) == name)
        sound = [part for part in stored.parts if part.rendition is Rendition.AUDIO]
        return any(part.offset <= first < part.offset + part.sealed_length for part in sound)

    # -- the browser API -------------------------------------------------------------------------------------------------

    def statements(self) -> dict[str, Any]:
        return {
            "root_fingerprint": self.tenant.fingerprint.hex(),
            "statements": [b64.encode(item) for item in self.tenant.statements],
        }

    def timeline(self, query: dict[str, list[str]]) -> dict[str, Any]:
        stream = Stream[query["stream"][0].upper()]
        from_us, to_us = (_us(query[name][0]) for name in ("from", "to"))
        runs = [
            (s.start_us, s.end_us, "recorded" if s.state == "stored" else s.state, None)
            for s in self.segments[stream]
        ]
        runs += [(a, b, "gap", int(reason)) for a, b, reason in self.gaps] + self.more_runs
        runs = [
            (a, b, state, reason)
            for begin, end, state, reason in runs
            for a, b in subtract([(begin, end)], self.hidden)
        ] + [(a, b, "not-permitted", None) for a, b in self.hidden]
        inside = [
            list(run) for run in sorted(runs, key=lambda run: run[0]) if run[1] > from_us and run[0] < to_us
        ]
        events = [list(one) for one in self.events if one[1] > from_us and one[0] < to_us]
        newest_us = self.segments[stream][-1].end_us
        camera = {"runs": inside, "newest_us": newest_us, "oldest_unsent_us": None, "events": events}
        return {"from_us": from_us, "to_us": to_us, "cameras": {str(self.camera): camera}}

    def of(self, camera: str) -> Stand:
        """The stand of a camera: this one or one beside it."""
        return next(stand for stand in (self, *self.beside) if str(stand.camera) == camera)

    def stills(self, body: dict[str, Any], store: str) -> dict[str, Any]:
        """As playback, one segment for each wish: the last one stored that began at or before it."""
        release = Release(secrets.token_bytes(16), uuid.uuid4(), now_us() + self.grant_seconds * US)
        public = b64.decode(body["hpke_public"], length=32)
        return {
            **self._head(release),
            "stills": [
                self.of(wish["camera"])._still(wish, public, release, store) for wish in body["stills"]
            ],
        }

    def _still(self, wish: dict[str, Any], public: bytes, release: Release, store: str) -> dict[str, Any]:
        stream = Stream[wish.get("stream", "sub").upper()]
        stored = [s for s in self.segments[stream] if s.state == "stored" and not s.continues]
        found = [s for s in stored if s.start_us <= wish.get("at_us", now_us())][-1:]
        return self._stream(
            stream.name.lower(), [self._granted(s, stream, public, release, store, False) for s in found]
        )

    def _stream(self, stream: str, segments: list[dict[str, Any]]) -> dict[str, Any]:
        agents = {str(self.agent.id): {"record_keys": [b64.encode(self.agent.signer.public_key)]}}
        return {
            "camera": str(self.camera),
            "stream": stream,
            "agents": agents,
            "segments": segments,
            "gaps": [],
            "not_permitted": [],
            "more_from_us": None,
        }

    def _head(self, release: Release) -> dict[str, Any]:
        return {
            "expires_us": release.expires_us,
            "session": b64.encode(release.session),
            "tenant": str(self.tenant.id),
            "account": str(release.account),
            "root_fingerprint": self.tenant.fingerprint.hex(),
            "statements_number": len(self.tenant.statements) - 1,
        }

    def playback(self, body: dict[str, Any], store: str) -> dict[str, Any]:
        release = Release(secrets.token_bytes(16), uuid.uuid4(), now_us() + self.grant_seconds * US)
        public = b64.decode(body["hpke_public"], length=32)
        stream = Stream[body["streams"][0]["stream"].upper()]
        until = min(body["to_us"], body["from_us"] + 120 * US)
        found = [s for s in self.segments[stream] if s.end_us > body["from_us"] and s.start_us < until]
        if found and found[0].continues:
            every = self.segments[stream]
            key = next(i for i, s in enumerate(every) if s.segment == found[0].continues)
            found[:0] = every[key : every.index(found[0])]
        answered = self._stream(
            body["streams"][0]["stream"],
            [
                self._granted(s, stream, public, release, store, body["audio"])
                for s in found
                if not self._is_hidden(s)
            ],
        )
        edges = [(s.start_us, s.end_us) for s in found if self._is_hidden(s)]
        answered["not_permitted"] = [
            {"from_us": a, "to_us": b}
            for a, b in intersect(union(self.hidden, edges), [(body["from_us"], until)])
        ]
        answered["gaps"] = [
            {"from_us": a, "to_us": b, "reason": int(reason)}
            for a, b, reason in self.gaps
            if b > body["from_us"] and a < until
        ]
        answered["more_from_us"] = until if until < body["to_us"] else None
        return {**self._head(release), "streams": [answered]}

    def motion_maps(self, body: dict[str, Any], store: str) -> dict[str, Any]:
        """As playback, the segments that have a map, with the keys of map and index alone."""
        release = Release(secrets.token_bytes(16), uuid.uuid4(), now_us() + self.grant_seconds * US)
        public = b64.decode(body["hpke_public"], length=32)
        wanted = (Rendition.MOTION, Rendition.INDEX)
        answers = []
        for stream, every in self.segments.items():
            found = [
                self._granted(s, stream, public, release, store, False, wanted)
                for s in every
                if Rendition.MOTION in s.keys and s.end_us > body["from_us"] and s.start_us < body["to_us"]
            ]
            answers += [self._stream(stream.name.lower(), found)] if found else []
        return {**self._head(release), "streams": answers}

    def clip(self, body: dict[str, Any], store: str) -> dict[str, Any]:
        """As playback of one stream; `clips` keeps what was asked."""
        self.clips.append(body)
        asked = {**body, "streams": [{"camera": body["camera"], "stream": body["stream"]}]}
        return {**self.playback(asked, store), "clip": body.get("clip") or secrets.token_urlsafe(8)}

    def live(self, body: dict[str, Any]) -> dict[str, Any]:
        """`tickets` keeps what a ticket binds: HPKE key, session, account."""
        ticket, session, account = secrets.token_urlsafe(16), secrets.token_bytes(16), uuid.uuid4()
        self.tickets[ticket] = (b64.decode(body["hpke_public"], length=32), session, account)
        return {
            "ticket": ticket,
            "url": self.live_url,
            "expires_us": now_us() + 30 * US,
            "tenant": str(self.tenant.id),
            "account": str(account),
            "session": b64.encode(session),
            "root_fingerprint": self.tenant.fingerprint.hex(),
        }

    def _granted(
        self,
        stored: Stored,
        stream: Stream,
        public: bytes,
        release: Release,
        store: str,
        audio: bool,
        wanted: Sequence[Rendition] = (Rendition.MAIN, Rendition.SUB, Rendition.AUDIO, Rendition.INDEX),
    ) -> dict[str, Any]:
        here = stored.state == "stored"
        url = f"{store}/{stored.segment}?grant={secrets.token_hex(4)}"
        if here:
            self.grants[url] = release.expires_us
        return {
            "id": str(stored.segment),
            "start_us": stored.start_us,
            "end_us": stored.end_us,
            "run": str(uuid.UUID(bytes=stored.run)),
            "state": stored.state,
            "agent": str(self.agent.id),
            "record": b64.encode(stored.record),
            "index": b64.encode(stored.index) if here else None,
            "url": url if here else None,
            "keys": [
                {
                    "rendition": int(rendition),
                    "envelope": b64.encode(self._release(stored, rendition, public, release)),
                }
                for rendition in stored.keys
                if rendition in wanted and (audio or rendition is not Rendition.AUDIO)
            ]
            if here
            else None,
        }

    def _release(self, stored: Stored, rendition: Rendition, public: bytes, release: Release) -> bytes:
        period = stored.keys[rendition]
        info = EnvelopeInfo(
            EnvelopePurpose.RELEASE,
            self.tenant.id,
            SegmentScope(self.camera, stored.segment, rendition),
            period.key_id,
            box_kid(public),
            0,
            release,
        )
        return seal_envelope(info, period.segment_key(stored.segment, rendition), public)


def _class(rendition: Rendition, stream: Stream) -> Rendition:
    return Rendition(stream) if rendition in (Rendition.INDEX, Rendition.MOTION) else rendition


def now_us() -> int:
    return time.time_ns() // 1000


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * US)


def footage(start_us: int) -> Stand:
    """The stand's standard footage, seconds from its start:

    0–20 AAC · 20–32 gap (camera unreachable) · 32–44 no sound · 44.15–60.15 A-law, groups of 8 s (continuations), after a hole of
    0.15 s · 64–76 B-frames · 76–80 pending · 80–84 deleted · 84–88 stored but gone from the store · 88–120 AAC, much data.
    """
    stand = Stand(start_us)
    stand.record(0, video(0, 20), sound=tone(20, "aac"))
    stand.gap(20, 32, GapReason.CAMERA_UNREACHABLE)
    stand.record(32, video(32_000, 12))
    stand.record(44.15, video(44_150, 16, gop_s=8), sound=tone(16, "alaw"))
    stand.record(64, video(64_000, 12, b_frames=2))
    for second, state in ((76, "pending"), (80, "deleted"), (84, "stored")):
        for stored in stand.record(second, video(second * 1000, 4)):
            stored.state = state
            if second == 84:
                del stand.objects[str(stored.segment)]
    stand.record(88, video(88_000, 32, noise=True), sound=tone(32, "aac"), segment_s=8)
    stand.record(0, video(0, 120), stream=Stream.SUB, segment_s=30)
    return stand


PAGE = """<!doctype html><html lang="en" data-theme="dark"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Gate</title><link rel="icon" href="data:,">{assets}</head>
<body><main><div class="watch"><vsaas-player data-camera="{camera}" data-name="Gate" data-tenant="stand" data-streams="main sub"
 data-may-live="{live}" data-may-playback="1" data-may-audio="1" data-may-clip="{clip}"
 data-time-zone="Europe/Berlin" {at}></vsaas-player>
</div></main></body></html>"""


SYNC_PAGE = """<!doctype html><html lang="en" data-theme="dark"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Side by side</title><link rel="icon" href="data:,">{assets}
</head><body><main><vsaas-sync data-tenant="stand" data-time-zone="Europe/Berlin" data-at-us="{at}">{cameras}</vsaas-sync></main></body>
</html>"""
SYNC_CAMERA = """<div hidden data-sync-camera="{id}" data-name="{name}" data-site="Yard" data-streams="main" data-may-audio="1"
 data-href="/?camera={id}"></div>"""


def _sync_page(stand: Stand, query: dict[str, list[str]]) -> str:
    chosen = [stand.of(camera) for camera in query["cameras"][0].split(",")]
    cameras = "".join(SYNC_CAMERA.format(id=item.camera, name=item.name) for item in chosen)
    at = round(datetime.fromisoformat(query["at"][0]).timestamp() * US)
    return SYNC_PAGE.format(assets=_assets("sync"), at=at, cameras=cameras)


def _assets(page: str = "camera") -> str:
    manifest = json.loads((DIST / "manifest.json").read_text())

    def sheets(name: str) -> list[str]:
        entry = manifest[name]
        return [sheet for part in entry.get("imports", []) for sheet in sheets(part)] + entry.get("css", [])

    out = []
    for name in ("src/pages/app.ts", f"src/pages/{page}.ts"):
        out += [f'<link rel="stylesheet" href="/static/{sheet}">' for sheet in sheets(name)]
        out.append(f'<script type="module" src="/static/{manifest[name]["file"]}"></script>')
    return "\n".join(dict.fromkeys(out))


def _policy(store: str) -> str:
    """As the portal's (vsaas/common/security.py)."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:; media-src blob:; "
        f"worker-src 'self' blob:; connect-src 'self' {store}; base-uri 'none'"
    )


class _Handler(BaseHTTPRequestHandler):
    stand: Stand
    store: str
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: tests look at `stand.asked`."""

    def send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, value: object) -> None:
        self.send(200, json.dumps(value).encode(), "application/json")


class PortalHandler(_Handler):
    def policy(self) -> str:
        hub = (self.stand.live_url or "").removesuffix("/live")
        return _policy(f"{self.store} {hub}")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.stand.asked.append(f"GET {url.path}")
        if url.path == "/api/v1/statements":
            self.send_json(self.stand.statements())
        elif url.path == "/api/v1/timeline":
            asked = query["cameras"][0].split(",")
            answers = [self.stand.of(camera).timeline(query) for camera in asked]
            self.send_json(
                {**answers[0], "cameras": {k: v for one in answers for k, v in one["cameras"].items()}}
            )
        elif url.path == "/sync":
            page = _sync_page(self.stand, query)
            self.send(200, page.encode(), "text/html", Content_Security_Policy=self.policy())
        elif url.path.startswith("/static/") and (path := (DIST / url.path[8:]).resolve()).is_relative_to(
            DIST
        ):
            kinds = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}
            policy = self.policy()
            self.send(
                200, path.read_bytes(), kinds.get(path.suffix, "text/plain"), Content_Security_Policy=policy
            )
        elif url.path == "/":
            at = f'data-time-us="{self.stand.at(float(query["s"][0]))}"' if "s" in query else ""
            live = int(self.stand.live_url is not None)
            clip = int(self.stand.may_clip)
            page = PAGE.format(assets=_assets(), camera=self.stand.camera, at=at, live=live, clip=clip)
            self.send(200, page.encode(), "text/html", Content_Security_Policy=self.policy())
        else:
            self.send(404, b"{}", "application/json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stand.asked.append(f"POST {self.path}")
        if self.path == "/api/v1/live":
            self.send_json(self.stand.live(body))
        elif self.path == f"/api/v1/cameras/{self.stand.camera}/uploads":
            if self.stand.agent_away:
                problem = {"type": "urn:vsaas:problem:agent-offline", "detail": self.stand.agent_away}
                self.send(409, json.dumps(problem).encode(), "application/problem+json")
            else:
                self.stand.uploads.append((body["from_us"], body["to_us"]))
                self.send_json({"id": str(uuid.uuid4()), "segments": None})
        elif self.path == "/api/v1/clips":
            self.send_json(self.stand.clip(body, self.store))
        elif self.path == "/api/v1/motion-maps":
            self.send_json(self.stand.motion_maps(body, self.store))
        elif self.path == "/api/v1/stills":
            self.send_json(self.stand.stills(body, self.store))
        else:
            stand = self.stand.of(body["streams"][0]["camera"])
            self.send_json(stand.playback(body, self.store))


class StoreHandler(_Handler):
    def do_GET(self) -> None:
        origin = {"Access_Control_Allow_Origin": "*"}
        url = urlsplit(self.path)
        name = url.path.removeprefix("/")
        stands = (self.stand, *self.stand.beside)
        owner = next((stand for stand in stands if name in stand.objects), self.stand)
        owner.reachable.wait(60)
        data = owner.objects.get(name)
        if max(stand.grants.get(f"{self.store}{self.path}", 0) for stand in stands) < now_us():
            return self.send(403, b"expired", "text/plain", **origin)
        if data is None:
            return self.send(404, b"no such key", "text/plain", **origin)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match is None:
            return self.send(400, b"ranges only", "text/plain", **origin)
        first, last = int(match[1]), min(int(match[2]), len(data) - 1)
        self.stand.ranges.append((name, first, last + 1))
        if owner.is_sound(name, first):
            owner.sound.wait(60)
        content_range = f"bytes {first}-{last}/{len(data)}"
        return self.send(
            206,
            bytes(data[first : last + 1]),
            "application/octet-stream",
            Content_Range=content_range,
            **origin,
        )

    def do_OPTIONS(self) -> None:
        self.send(
            204, b"", "text/plain", Access_Control_Allow_Origin="*", Access_Control_Allow_Headers="range"
        )


@contextmanager
def served(stand: Stand) -> Iterator[str]:
    """Serves the stand on free ports; gives the page's address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(base: type[_Handler], store: Callable[[int], str]) -> int:
        handler = type(base.__name__, (base,), {"stand": stand})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        handler.store = store(server.server_port)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    store = serve(StoreHandler, lambda port: f"http://127.0.0.1:{port}")
    portal = serve(PortalHandler, lambda _: f"http://127.0.0.1:{store}")
    try:
        yield f"http://127.0.0.1:{portal}/"
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    with served(footage(now_us() - 3600 * US)) as address:
        print(address, flush=True)
        threading.Event().wait()
