"""A clip: a stretch of one stream that a person saves. It is audited once; its keys come two minutes at a time.

The ticket carries what was audited, signed, so that the windows that follow need no row and can ask for nothing more.
"""

import uuid
from dataclasses import dataclass

from django.core import signing
from django.utils.translation import gettext_lazy as _

from vsaas.common import clock
from vsaas.footage.requests import ClipRequest, refused
from vsaas.footage.times import US

CLIP_SALT = "vsaas.footage.clip"
TICKET_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Clip:
    """What was audited: whose clip, of which stream, [from_us, to_us)."""

    account: uuid.UUID
    camera: uuid.UUID
    stream: int
    from_us: int
    to_us: int

    def covers(self, asked: ClipRequest, account: uuid.UUID) -> bool:
        """Whether a window asked for by `account` lies inside this clip."""
        same = (self.account, self.camera, self.stream) == (account, asked.camera, int(asked.stream))
        return same and self.from_us <= asked.from_us and asked.to_us <= self.to_us


def write_ticket(clip: Clip) -> str:
    """The ticket of a clip; it opens nothing by itself and ends after 12 h."""
    fields = [clip.account.hex, clip.camera.hex, clip.stream, clip.from_us, clip.to_us, clock.now_us()]
    return signing.dumps(fields, salt=CLIP_SALT)


def read_ticket(ticket: str) -> Clip:
    """The clip of a ticket this portal wrote. Raises InvalidFields for any other, and for one that is over."""
    try:
        account, camera, stream, from_us, to_us, written_us = signing.loads(ticket, salt=CLIP_SALT)
    except signing.BadSignature:
        raise refused("clip", _("is not a ticket of this portal")) from None
    if clock.now_us() > written_us + TICKET_SECONDS * US:
        raise refused("clip", _("is over; begin the clip again"))
    return Clip(uuid.UUID(account), uuid.UUID(camera), stream, from_us, to_us)
