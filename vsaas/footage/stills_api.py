"""Still pictures in the browser API: walls of many cameras, and thumbnails of one."""

import uuid
from collections.abc import Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from sealing.ids import Stream
from tenants.declare import Requires
from tenants.permissions import CAMERA_PLAYBACK
from tenants.scope import tenant_scope
from vsaas.audit import services as audit
from vsaas.cameras.models import Camera
from vsaas.common.api import ApiView, session_id
from vsaas.common.describe import describe
from vsaas.common.object_store import object_store
from vsaas.footage import acts, receipts
from vsaas.footage.api import asked_of, cameras_for, release_to, stream_json
from vsaas.footage.playback import StreamAnswer, open_objects, release
from vsaas.footage.replies import STILLS, STILLS_ASKED, StillsFields, StillsReply
from vsaas.footage.requests import stills_request
from vsaas.footage.sights import Sights
from vsaas.footage.stills import Wish, stills
from vsaas.footage.times import hour_start_us, iso
from vsaas.keys.services import (
    KmsError,
    NoTenantKeys,
    ReleaseRefused,
    newest_statement_number,
    root_fingerprint,
)


class Stills(ApiView):
    """POST stills: for each picture wished, the segment that holds it and the keys of its video, sealed to the caller
    (docs/architecture.md). A still is recorded footage, so it takes the right to play."""

    access = Requires(CAMERA_PLAYBACK)
    keeps_answers = False  # URLs and keys live two minutes: asked again, they are made again

    @describe(
        "Ask for still pictures",
        request=StillsFields,
        request_example=STILLS_ASKED,
        reply=StillsReply,
        example=STILLS,
        problems=(ReleaseRefused, NoTenantKeys, KmsError),
    )
    def post(self, request: Request) -> Response:
        """For each picture wished, in that order, the segment that holds it, as playback answers: it begins with a key
        frame. Without `at_us` the newest picture, with it the last that began in the ten minutes before; without `stream`
        the sub stream while it is at most a minute behind. Keys of video and index only, never of sound."""
        asked = stills_request(request.data)
        cameras = cameras_for(self.actor, list(dict.fromkeys(wish.camera for wish in asked.wishes)))
        sights_of = Sights(self.actor)
        streams = {
            camera.id: asked_of(sights_of, camera, Stream.SUB, False, CAMERA_PLAYBACK)
            for camera in cameras.values()
        }
        to = release_to(self.actor, asked.hpke_public, list(streams.values()))
        with tenant_scope(self.actor.tenant_id, keys=True):
            sights = {camera: stream.sight for camera, stream in streams.items()}
            answers = stills(asked.wishes, sights, to.expires_us)
            distinct = list({id(answer): answer for answer in answers}.values())
            open_objects(distinct, object_store(), to.expires_us)
            seen = self._receipts(request, asked.wishes, answers, cameras)
            release(distinct, to, merged=cameras.keys() - seen)
        return Response(
            {
                "expires_us": to.expires_us,
                "session": b64.encode(to.session),
                "tenant": str(self.actor.tenant_id),
                "account": str(self.actor.account_id),
                "root_fingerprint": root_fingerprint(self.actor.tenant_id).hex(),
                "statements_number": newest_statement_number(self.actor.tenant_id),
                "stills": [stream_json(answer, None) for answer in answers],
            }
        )

    def _receipts(
        self,
        request: Request,
        wishes: Sequence[Wish],
        answers: Sequence[StreamAnswer],
        cameras: dict[uuid.UUID, Camera],
    ) -> set[uuid.UUID]:
        """Writes the receipts that are due; gives the cameras they are of."""
        begins: dict[receipts.Subject, int] = {}
        for wish, answer in zip(wishes, answers, strict=True):
            for found in answer.segments:
                hour_us = None if wish.at_us is None else hour_start_us(found.start_us)
                begins.setdefault((wish.camera, hour_us), found.start_us if hour_us is None else hour_us)
        due = receipts.due(self.actor.token_id or session_id(request._request), begins)
        audit.record_many(
            acts.STILLS_SEEN,
            audit.who(self.actor),
            [
                (audit.what(cameras[camera]), {"from_time": iso(start_us)})
                for (camera, hour_us), start_us in begins.items()
                if (camera, hour_us) in due
            ],
            request=request._request,
        )
        return {camera for camera, _ in due}
