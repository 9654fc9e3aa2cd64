"""Footage in the browser API: the timeline, playback, and clips."""

import secrets
import uuid
from collections.abc import Sequence
from typing import Any

import redis
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from protocol.limits import GRANT_GET_SECONDS, LAST_US
from sealing.ids import Stream
from tenants import access
from tenants.access import Actor
from tenants.declare import Requires
from tenants.errors import NotFound, OutsideHours
from tenants.permissions import CAMERA_AUDIO, CAMERA_CLIP, CAMERA_PLAYBACK, Permission
from tenants.scope import tenant_scope
from vsaas.audit import services as audit
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.common.api import ApiView, session_id
from vsaas.common.describe import describe
from vsaas.common.object_store import object_store
from vsaas.common.redis import client
from vsaas.footage import acts, events
from vsaas.footage.clips import Clip, read_ticket, write_ticket
from vsaas.footage.playback import AHEAD_US, Asked, Found, StreamAnswer, playback
from vsaas.footage.replies import (
    CLIP,
    CLIP_ASKED,
    PLAYBACK,
    PLAYBACK_ASKED,
    TIMELINE,
    TIMELINE_QUERY,
    ClipFields,
    ClipReply,
    PlaybackFields,
    PlaybackReply,
    TimelineReply,
)
from vsaas.footage.requests import (
    ClipRequest,
    clip_request,
    playback_request,
    refused,
    timeline_request,
)
from vsaas.footage.sights import Sights
from vsaas.footage.timeline import timeline
from vsaas.footage.times import US, iso
from vsaas.keys.services import (
    KmsError,
    NoTenantKeys,
    Released,
    ReleaseRefused,
    ReleaseTo,
    newest_statement_number,
    root_fingerprint,
)

WATCH_MERGED_S = 600
"""Requests of one player that follow each other are one act in the audit log; each release stands there by itself."""


def cameras_for(actor: Actor, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Camera]:
    """The cameras, when the actor may play all of them. Raises NotFound or Denied. What was deleted together with its
    recordings is not found from that moment on, though the sweep takes its time."""
    rows = Camera.objects.filter(id__in=ids, erase_footage=False).prefetch_related("groups")
    found = {camera.id: camera for camera in rows}
    for camera_id in ids:
        if camera_id not in found:
            raise NotFound()
        access.require(actor, CAMERA_PLAYBACK, found[camera_id])
    return found


class Timeline(ApiView):
    """GET timeline?cameras=…&from=…&to=…&stream=…&resolution=…: merged runs per camera (docs/architecture.md)."""

    access = Requires(CAMERA_PLAYBACK)

    @describe("Get the timeline of cameras", query=TIMELINE_QUERY, reply=TimelineReply, example=TIMELINE)
    def get(self, request: Request) -> Response:
        """What was recorded when, per camera, merged into runs, and what was noticed. Small whatever the range."""
        asked = timeline_request(request.query_params)
        allowed = cameras_for(self.actor, asked.cameras)
        seen = Sights(self.actor)
        sights = {camera: seen.of(allowed[camera], CAMERA_PLAYBACK) for camera in asked.cameras}
        found = timeline(sights, asked.stream, asked.from_us, asked.to_us, asked.resolution_us)
        marked = events.marks(sights, asked.from_us, asked.to_us, asked.resolution_us)
        cameras = {
            str(camera): {
                "runs": [run.row() for run in line.runs],
                "newest_us": line.newest_us,
                "oldest_unsent_us": line.oldest_unsent_us,
                "events": [mark.row() for mark in marked[camera]],
            }
            for camera, line in found.items()
        }
        return Response({"from_us": asked.from_us, "to_us": asked.to_us, "cameras": cameras})


class Playback(ApiView):
    """POST playback: everything a player needs for the next two minutes (docs/architecture.md)."""

    access = Requires(CAMERA_PLAYBACK)
    keeps_answers = False  # URLs and keys live two minutes: asked again, they are made again

    @describe(
        "Ask for recordings",
        request=PlaybackFields,
        request_example=PLAYBACK_ASKED,
        reply=PlaybackReply,
        example=PLAYBACK,
        problems=(ReleaseRefused, NoTenantKeys, KmsError),
    )
    def post(self, request: Request) -> Response:
        """Per segment: its signed record, its sealed index, where its sealed bytes are fetched, and its keys, sealed to
        your `hpke_public`. The bytes come straight from the object store, sealed as the agent sealed them; see
        `sealing/SPEC.md` for how to verify and open them. Audited as watching."""
        asked = playback_request(request.data)
        cameras = cameras_for(self.actor, [stream.camera for stream in asked.streams])
        until_us = min(asked.to_us, asked.from_us + AHEAD_US)
        seen = Sights(self.actor)
        streams = [
            asked_of(seen, cameras[stream.camera], stream.stream, asked.audio, CAMERA_PLAYBACK)
            for stream in asked.streams
        ]
        to = release_to(self.actor, asked.hpke_public, streams)
        with tenant_scope(self.actor.tenant_id, keys=True):
            answers = playback(streams, asked.from_us, until_us, to, object_store())
            self._audit(request, answers, cameras, asked.from_us)
        return Response(playback_reply(self.actor, to, answers, until_us if until_us < asked.to_us else None))

    def _audit(
        self, request: Request, answers: list[StreamAnswer], cameras: dict[uuid.UUID, Camera], from_us: int
    ) -> None:
        session = self.actor.token_id or session_id(request._request)
        for answer in answers:
            if not any(found.keys for found in answer.segments):
                continue
            end_us = max(found.end_us for found in answer.segments)
            if _continues_watching(session, answer.asked, from_us, end_us):
                continue
            audit.record_act(
                acts.WATCHED,
                audit.who(self.actor),
                audit.what(cameras[answer.asked.camera]),
                request=request._request,
                from_time=iso(from_us),
                stream=Stream(answer.asked.stream).name.lower(),
            )


class Clips(ApiView):
    """POST clips: as playback, of one stream, to be saved; a right of its own, audited once (docs/architecture.md)."""

    access = Requires(CAMERA_CLIP)
    keeps_answers = False  # URLs and keys live two minutes: asked again, they are made again

    @describe(
        "Ask for a clip",
        request=ClipFields,
        request_example=CLIP_ASKED,
        reply=ClipReply,
        example=CLIP,
        problems=(ReleaseRefused, NoTenantKeys, KmsError),
    )
    def post(self, request: Request) -> Response:
        """As playback, of one stream, to be saved. The first request names the whole clip and is audited as saving it; the
        two-minute windows after it send the `clip` of its reply, a ticket good for 12 hours. Takes the right to play as
        well."""
        asked = clip_request(request.data)
        camera = access.get(
            self.actor, CAMERA_CLIP, Camera.objects.filter(erase_footage=False), pk=asked.camera
        )
        access.require(self.actor, CAMERA_PLAYBACK, camera)
        until_us = min(asked.to_us, asked.from_us + AHEAD_US)
        stream = asked_of(Sights(self.actor), camera, asked.stream, asked.audio, CAMERA_PLAYBACK, CAMERA_CLIP)
        to = release_to(self.actor, asked.hpke_public, [stream])
        with tenant_scope(self.actor.tenant_id, keys=True):
            ticket = self._ticket(request, asked, camera)
            answers = playback([stream], asked.from_us, until_us, to, object_store())
        more_from_us = until_us if until_us < asked.to_us else None
        return Response({**playback_reply(self.actor, to, answers, more_from_us), "clip": ticket})

    def _ticket(self, request: Request, asked: ClipRequest, camera: Camera) -> str:
        """The ticket shown, when it covers what is asked; a new one, and an act in the log, when none is shown."""
        account = self.actor.account_id
        if asked.ticket is not None:
            if not read_ticket(asked.ticket).covers(asked, account):
                raise refused("clip", _("is the ticket of another clip"))
            return asked.ticket
        audit.record_act(
            acts.CLIP,
            audit.who(self.actor),
            audit.what(camera),
            request=request._request,
            from_time=iso(asked.from_us),
            to_time=iso(asked.to_us),
            stream=asked.stream.name.lower(),
            audio=asked.audio and _hears(self.actor, camera),
        )
        return write_ticket(Clip(account, asked.camera, int(asked.stream), asked.from_us, asked.to_us))


def asked_of(seen: Sights, camera: Camera, stream: Stream, audio: bool, *needed: Permission) -> Asked:
    """A stream with what of its recorded time the actor may see who needs these rights, and hear if `audio` is wanted."""
    hears = seen.of(camera, *needed, CAMERA_AUDIO) if audio and _hears(seen.actor, camera) else None
    return Asked(camera.id, int(stream), seen.of(camera, *needed), hears)


def release_to(actor: Actor, hpke_public: bytes, streams: Sequence[Asked]) -> ReleaseTo:
    """To whom keys and URLs go, and until when: two minutes, or the end of the hours that open one of the streams. Raises
    OutsideHours in the last second of these."""
    now_us = clock.now_us()
    sights = [one for stream in streams for one in (stream.sight, stream.hears) if one is not None]
    expires_us = min([now_us + GRANT_GET_SECONDS * US, *(one.until_us(LAST_US) for one in sights)])
    if expires_us < now_us + US:
        raise OutsideHours(
            _("your hours of playback are over; ask again in a moment"), extra={"opens_us": None}
        )
    return ReleaseTo(
        public_key=hpke_public,
        session=secrets.token_bytes(16),
        account=actor.account_id,
        expires_us=expires_us,
    )


def _hears(actor: Actor, camera: Camera) -> bool:
    """Audio is a right of its own: without it the video comes, the key of the sound does not."""
    return access.may(actor, CAMERA_AUDIO, camera)


def _continues_watching(session: uuid.UUID | None, asked: Asked, from_us: int, end_us: int) -> bool:
    """Whether this goes on from what the same session watched a moment ago. Without Redis nothing is merged."""
    if session is None:
        return False
    key = f"vsaas:watched:{session}:{asked.camera}:{asked.stream}"
    try:
        before = client().set(key, f"{from_us}:{end_us}", ex=WATCH_MERGED_S, get=True)
    except redis.RedisError:
        return False
    if before is None:
        return False
    start, end = (int(part) for part in bytes(before).split(b":"))
    return start <= from_us <= end + 10 * US


def playback_reply(
    actor: Actor, to: ReleaseTo, answers: list[StreamAnswer], more_from_us: int | None
) -> dict[str, Any]:
    """The body of playback's reply."""
    return {
        "expires_us": to.expires_us,
        "session": b64.encode(to.session),
        "tenant": str(actor.tenant_id),
        "account": str(actor.account_id),
        "root_fingerprint": root_fingerprint(actor.tenant_id).hex(),
        "statements_number": newest_statement_number(actor.tenant_id),
        "streams": [stream_json(answer, more_from_us) for answer in answers],
    }


def stream_json(answer: StreamAnswer, more_from_us: int | None) -> dict[str, Any]:
    """What one stream has, as docs/architecture.md says."""
    return {
        "camera": str(answer.asked.camera),
        "stream": Stream(answer.asked.stream).name.lower(),
        "agents": {
            str(agent): {"record_keys": [b64.encode(key) for key in sorted(keys)]}
            for agent, keys in answer.agents.items()
        },
        "segments": [_segment_json(found, answer) for found in answer.segments],
        "gaps": [{"from_us": gap.from_us, "to_us": gap.to_us, "reason": gap.reason} for gap in answer.gaps],
        "not_permitted": [{"from_us": begin, "to_us": end} for begin, end in answer.not_permitted],
        "more_from_us": more_from_us,
    }


def _segment_json(found: Found, answer: StreamAnswer) -> dict[str, Any]:
    return {
        "id": str(found.segment),
        "start_us": found.start_us,
        "end_us": found.end_us,
        "run": str(found.run),
        "state": found.state_word,
        "agent": str(answer.agent_of[found.segment]),
        "adopted": found.adopted,
        "record": b64.encode(found.signed),
        "index": None if found.index_part is None else b64.encode(found.index_part),
        "url": found.url,
        "keys": [_key_json(key) for key in found.keys if key.problem is None]
        if found.url is not None
        else None,
    }


def _key_json(key: Released) -> dict[str, Any]:
    """The key of one rendition, sealed to the caller's browser, or that of its hour, sealed to the camera's key."""
    if key.period is not None:
        return {"rendition": key.rendition, "period": b64.encode(key.period)}
    assert key.envelope is not None
    return {"rendition": key.rendition, "envelope": b64.encode(key.envelope)}
