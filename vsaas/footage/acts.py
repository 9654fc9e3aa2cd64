"""What happens to footage and is audited."""

from vsaas.audit.acts import declare

WATCHED = declare("footage.watched", "{actor} watched recordings of {object} from {from_time} on")
CLIP = declare("footage.clip", "{actor} took a clip of {object}, {from_time} to {to_time}")
UPLOAD_ASKED = declare(
    "footage.upload-asked", "{actor} asked for {from_time} to {to_time} of {object} to be uploaded at once"
)
STILLS_SEEN = declare(
    "footage.stills-seen", "{actor} looked at still pictures of {object} recorded from {from_time} on"
)
FORK = declare("footage.fork", "{actor} sent a second, different record {seq} in chain {chain} of {object}")
TIP_MISMATCH = declare(
    "footage.tip-mismatch", "{actor} began chain {chain} of {object} in the wrong place: {why}"
)
RECORD_REFUSED = declare("footage.record-refused", "a record of {actor} was refused: {why}")
OBJECT_WRONG = declare("footage.object-wrong", "the store and the records of {object} disagree: {why}")
SETTLED = declare("footage.finding-settled", "{actor} says this is settled: {kind} ({object})")
DELETED = declare(
    "footage.deleted", "{segments} segments of {object} from {from_time} to {to_time} were deleted: {policy}"
)
FETCHED = declare(
    "footage.fetched", "{actor} fetched the sealed footage of {object}, {from_time} to {to_time}"
)
KEYS_HANDED_OUT = declare(
    "footage.keys-handed-out",
    "{actor} took {keys} keys of {object}, {from_time} to {to_time}, out of the system: {reason}",
)
POLICY_CHANGED = declare(
    "footage.policy-changed", "{actor} set the retention to {days} days and the quota to {quota}"
)
