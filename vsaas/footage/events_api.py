"""Events in the browser API: what cameras and agents noticed, one by one."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import CAMERA_PLAYBACK
from vsaas.common.api import ApiView
from vsaas.common.cursors import bad_cursor, pack, unpack
from vsaas.common.describe import describe
from vsaas.common.paging import limit_of
from vsaas.common.shapes import page_example
from vsaas.footage.api import cameras_for
from vsaas.footage.events import OTHER, WORDS, Place, listed
from vsaas.footage.replies import EVENT, EVENTS_QUERY, EventPage
from vsaas.footage.requests import range_request, refused
from vsaas.footage.sights import Sights


class Events(ApiView):
    """GET events?cameras=…&from=…&to=…&type=…&cursor=…: by time (docs/architecture.md)."""

    access = Requires(CAMERA_PLAYBACK)

    @describe("List events", query=EVENTS_QUERY, reply=EventPage, example=page_example(EVENT), paged=True)
    def get(self, request: Request) -> Response:
        """What cameras and agents noticed, by time: motion, tampering, inputs. What lasts longer than a minute comes in pieces,
        of which all but the last say that it goes on."""
        query = request.query_params
        cameras, from_us, to_us = range_request(query)
        kinds = _kinds(query.get("type"))
        most = limit_of(query)
        allowed = cameras_for(self.actor, cameras)
        seen = Sights(self.actor)
        sights = {camera: seen.of(allowed[camera], CAMERA_PLAYBACK) for camera in cameras}
        rows = listed(sights, kinds, from_us, to_us, _after(query.get("cursor")), most + 1)
        more = len(rows) > most
        last = rows[most - 1].place if more else None
        cursor = last and pack(last.start_us, str(last.camera), str(last.chain), last.seq)
        return Response({"items": [row.json() for row in rows[:most]], "next": cursor})


def _kinds(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    kinds = frozenset(text.split(","))
    words = [*WORDS.values(), OTHER]
    if not kinds <= set(words):
        raise refused("type", _("is one or more of %(words)s") % {"words": ", ".join(words)})
    return kinds


def _after(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    start_us, camera, chain, seq = unpack(cursor, int, str, str, int)
    try:
        place = Place(start_us, UUID(camera), UUID(chain), seq)
    except ValueError:
        raise bad_cursor() from None
    if not (0 <= start_us < 1 << 63 and 0 <= seq < 1 << 63):
        raise bad_cursor()
    return place
