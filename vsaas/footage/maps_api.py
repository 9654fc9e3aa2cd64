"""Motion maps in the browser API: what is needed to search an hour of a camera for motion in an area of its picture."""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response

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
from vsaas.footage.api import asked_of, cameras_for, playback_reply, release_to
from vsaas.footage.playback import StreamAnswer, motion_maps, open_objects, release_maps
from vsaas.footage.replies import MAPS_ASKED, PLAYBACK, MapsFields, MapsReply
from vsaas.footage.requests import maps_request
from vsaas.footage.sights import Sights
from vsaas.footage.times import hour_start_us, iso
from vsaas.keys.services import KmsError, NoTenantKeys, ReleaseRefused


class MotionMaps(ApiView):
    """POST motion-maps: the segments of up to an hour that hold a motion map, and the keys of the maps, sealed to the caller
    (docs/architecture.md). A map tells of recorded footage, so it takes the right to play."""

    access = Requires(CAMERA_PLAYBACK)
    keeps_answers = False  # URLs and keys live two minutes: asked again, they are made again

    @describe(
        "Ask for motion maps",
        request=MapsFields,
        request_example=MAPS_ASKED,
        reply=MapsReply,
        example=PLAYBACK,
        problems=(ReleaseRefused, NoTenantKeys, KmsError),
    )
    def post(self, request: Request) -> Response:
        """Per stream the stored segments that hold a motion map (rendition 5), as playback answers, with the keys of map and index
        alone; the map is one part of the object, at the offset its record names. A stream without any is left out. Audited as
        searching, once for each hour of footage in some minutes."""
        asked = maps_request(request.data)
        cameras = cameras_for(self.actor, [asked.camera])
        camera = cameras[asked.camera]
        stream = asked_of(Sights(self.actor), camera, Stream.SUB, False, CAMERA_PLAYBACK)
        to = release_to(self.actor, asked.hpke_public, [stream])
        with tenant_scope(self.actor.tenant_id, keys=True):
            answers = motion_maps(camera.id, stream.sight, asked.from_us, asked.to_us, to)
            open_objects(answers, object_store(), to.expires_us)
            written = self._receipts(request, camera, answers)
            release_maps(answers, to, merged=set() if written else {camera.id})
        return Response(playback_reply(self.actor, to, answers, None))

    def _receipts(self, request: Request, camera: Camera, answers: list[StreamAnswer]) -> bool:
        """Writes the receipts that are due, one for each hour of footage; whether there were any."""
        hours: list[receipts.Subject] = [
            (camera.id, hour_us)
            for hour_us in sorted(
                {hour_start_us(found.start_us) for answer in answers for found in answer.segments}
            )
        ]
        session: uuid.UUID | None = self.actor.token_id or session_id(request._request)
        due = receipts.due(session, hours, "map")
        audit.record_many(
            acts.MAPS_SEEN,
            audit.who(self.actor),
            [
                (audit.what(camera), {"from_time": iso(hour_us)})
                for _, hour_us in hours
                if hour_us is not None and (camera.id, hour_us) in due
            ],
            request=request._request,
        )
        return bool(due)
