"""What happens to footage and is audited."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from vsaas.audit.acts import declare, one_of, watching
from vsaas.footage.models import FindingKind

NO_QUOTA = gettext_noop("none")
QUOTA = gettext_noop("%(size)s bytes")
CAMERA_DELETED = gettext_noop("camera deleted")
BY_RETENTION = gettext_noop("retention %(days)s days")
BY_QUOTA = gettext_noop("quota %(size)s bytes")

GONE_FROM_STORE = gettext_noop("version %(version)s of the object is gone from the store")
ANOTHER_OBJECT = gettext_noop("the store holds another object than the record of %(size)s bytes describes")
NO_RECORD = gettext_noop("%(size)s bytes that no record describes")
FOLLOWS_NOTHING = gettext_noop(
    "it names nothing before it, the portal knows chain %(known)s up to record %(seq)s"
)
FOLLOWS_OTHER_CHAIN = gettext_noop("it goes on from chain %(chain)s, the newest one here is %(known)s")
FOLLOWS_OLDER = gettext_noop("it goes on from record %(seq)s of chain %(known)s, which has %(newest)s")
FOLLOWS_OTHER_RECORD = gettext_noop(
    "it names another record %(seq)s of chain %(known)s than the portal holds"
)
SAYS_SO_ITSELF = gettext_noop("the agent itself reports that its last record is not the one the portal knows")

why_spoken = one_of(
    GONE_FROM_STORE,
    ANOTHER_OBJECT,
    NO_RECORD,
    FOLLOWS_NOTHING,
    FOLLOWS_OTHER_CHAIN,
    FOLLOWS_OLDER,
    FOLLOWS_OTHER_RECORD,
    SAYS_SO_ITSELF,
    *FindingKind.labels,
)
"""Why something is wrong with footage, as findings and the audit log keep it. What `sealing` says of a record stays as it
is: those are the format's own words."""


WATCHED = declare(
    "footage.watched", _("{actor} watched recordings of {object} from {from_time} on"), ["stream"]
)
CLIP = declare(
    "footage.clip", _("{actor} took a clip of {object}, {from_time} to {to_time}"), ["stream", "audio"]
)
UPLOAD_ASKED = declare(
    "footage.upload-asked", _("{actor} asked for {from_time} to {to_time} of {object} to be uploaded at once")
)
STILLS_SEEN = declare(
    "footage.stills-seen", _("{actor} looked at still pictures of {object} recorded from {from_time} on")
)
MAPS_SEEN = declare(
    "footage.maps-seen",
    _("{actor} searched the hour from {from_time} of {object} for motion in an area of the picture"),
)
FORK = declare(
    "footage.fork", _("{actor} sent a second, different record {seq} in chain {chain} of {object}"), ["why"]
)
TIP_MISMATCH = declare(
    "footage.tip-mismatch",
    _("{actor} began chain {chain} of {object} in the wrong place: {why}"),
    ["seq"],
    why=why_spoken,
)
RECORD_REFUSED = declare("footage.record-refused", _("a record of {actor} was refused: {why}"))
OBJECT_WRONG = declare(
    "footage.object-wrong",
    _("the store and the records of {object} disagree: {why}"),
    ["object_name"],
    why=why_spoken,
)
SETTLED = declare(
    "footage.finding-settled",
    _("{actor} says this is settled: {kind} ({object})"),
    kind=one_of(*FindingKind.labels),
)
DELETED = declare(
    "footage.deleted",
    _("{segments} segments of {object} from {from_time} to {to_time} were deleted: {policy}"),
    policy=one_of(CAMERA_DELETED, BY_RETENTION, BY_QUOTA),
)
FETCHED = declare(
    "footage.fetched", _("{actor} fetched the sealed footage of {object}, {from_time} to {to_time}")
)
KEYS_HANDED_OUT = declare(
    "footage.keys-handed-out",
    _("{actor} took {keys} keys of {object}, {from_time} to {to_time}, out of the system: {reason}"),
)
POLICY_CHANGED = declare(
    "footage.policy-changed",
    _("{actor} set the retention to {days} days and the quota to {quota}"),
    ["before", "after"],
    quota=one_of(NO_QUOTA, QUOTA),
)

watching(WATCHED, CLIP, STILLS_SEEN, FETCHED, KEYS_HANDED_OUT)
