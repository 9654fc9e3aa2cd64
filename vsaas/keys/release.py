"""Releasing keys: a period key is opened for a moment, and what it yields is sealed to one entitled person."""

import hmac
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from sealing.errors import SealingError, WrongEnvelope
from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid, camera_key_kind, rendition_class
from sealing.keys import (
    EnvelopeInfo,
    LiveScope,
    PeriodKey,
    RecScope,
    Release,
    SegmentScope,
    open_envelope,
    parse_envelope,
    seal_envelope,
)
from tenants.sight import Sight
from vsaas.accounts.models import Account
from vsaas.audit.services import DetailValue, What, Who, record_many, who
from vsaas.common import clock
from vsaas.keys.acts import KEYS_RELEASED
from vsaas.keys.envelopes import addresses_of
from vsaas.keys.errors import EnvelopeRefused, ReleaseRefused
from vsaas.keys.held.custody import is_held
from vsaas.keys.models import Envelope
from vsaas.keys.period_keys import OpenedKey, period_keys
from vsaas.keys.tenant_keys import open_private, recipient_key

logger = logging.getLogger(__name__)

PERSON_EPOCH = 0
LONGEST_S = 15 * 60
AT_ONCE = 5000
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class ReleaseTo:
    """Who receives keys: X25519 public key (32 bytes) made by the browser, session (16 bytes, made by the caller for
    this release), account, and the end of the release in UTC µs. All four are bound into each release envelope."""

    public_key: bytes
    session: bytes
    account: UUID
    expires_us: int


@dataclass(frozen=True)
class SegmentKeyRequest:
    """One part of one recorded segment, as its verified record states it.

    `rendition`: 1 main, 2 sub, 3 audio, 7 index. `key_id` and `commitment`: of the record's part. `start_us`, `end_us`:
    of the record; `received_us`: when it came to the portal. `sight`: which recorded time of the camera the person may
    see (`tenants.sight`).
    """

    camera: UUID
    stream: int
    segment: UUID
    rendition: int
    key_id: bytes
    commitment: bytes
    start_us: int
    end_us: int
    received_us: int
    sight: Sight


class ReleaseProblem(StrEnum):
    """Why one key was not released, while others were."""

    DESTROYED = "destroyed"  # deleted by policy, or its envelope never arrived
    NOT_PERMITTED = (
        "not-permitted"  # the person may not see this time, or not for as long as the release lasts
    )
    NO_CAMERA_KEY = "no-camera-key"  # sealed to the customer; a holder has to give the camera a key first
    WRONG_KEY = "wrong-key"  # the envelope does not open, or its key is not the one the record commits to


@dataclass(frozen=True)
class Released:
    """Answer to one request: `envelope` (canonical CBOR, SPEC 3.2, purpose release), or `period`, where the customer holds
    the keys: the whole hour's key as it is stored (purpose rec, sealed to the camera's key), or else `problem`."""

    segment: UUID
    rendition: int
    envelope: bytes | None
    problem: ReleaseProblem | None
    period: bytes | None = None


@dataclass(frozen=True)
class HeldKey:
    """A period key only the customer opens: its envelope to a key of its camera, None while it has none."""

    scope: RecScope
    envelope: bytes | None


def release_segment_keys(
    tenant_id: UUID,
    requests: Sequence[SegmentKeyRequest],
    to: ReleaseTo,
    *,
    by: Who | None = None,
    merged: Collection[UUID] = (),
) -> list[Released]:
    """Segment keys sealed to one entitled person, in the order of `requests`; where the customer holds the keys, the
    envelopes of whole hours.

    The caller has decided that the person may have them (`access.require`) and has verified the records; this gate
    checks that each segment (of an hour's key: the whole hour) lies wholly inside the time the person may
    see until the release ends, and the commitments,
    binds tenant, session, account and expiry, and writes the audit entry `keys.released` in
    the name of the account, or of `by` where no account asks (a command of the operator). `merged`: cameras that get
    no entry, because one of the same person, session and stretch of footage, some minutes old, stands for this release
    too (still pictures, refreshed again and again).
    Raises ReleaseRefused when `to` is malformed or has ended already.
    """
    _check_recipient(to)
    if len(requests) > AT_ONCE:
        raise ReleaseRefused(
            _("%(count)s keys are more than the %(most)s released at once: ask for less time")
            % {"count": len(requests), "most": AT_ONCE}
        )
    opened = _open_all(tenant_id, {request.key_id for request in requests})
    released = [_release_one(tenant_id, request, opened, to) for request in requests]
    _audit([pair for pair in zip(requests, released, strict=True) if pair[0].camera not in merged], to, by)
    return released


def release_live_key(
    tenant_id: UUID, envelope: bytes, commitment: bytes, to: ReleaseTo, scope: LiveScope
) -> bytes:
    """The session key in a live `envelope` (purpose 2, sealed to the tenant), sealed again to one entitled person:
    a release envelope (canonical CBOR, scope `[camera, stream, rendition, publish id]`). What is sealed to the camera's own
    key is given as it came (its purpose says which of both it is).

    `scope`: what the person may see. Raises EnvelopeRefused when the envelope is for anything else, does not open, or
    its key is not the one `commitment` names. The caller audits the view.
    """
    _check_recipient(to)
    try:
        info, _sealed = parse_envelope(envelope)
        if info.purpose is not EnvelopePurpose.LIVE or not isinstance(info.scope, LiveScope):
            raise EnvelopeRefused("a live key comes in an envelope of purpose live")
        if info.scope != scope:
            raise EnvelopeRefused("the live key is for another camera, stream, rendition or publish")
        if _is_to_camera(tenant_id, info, scope):
            return envelope
        key = PeriodKey(info.key_id, _TenantBoxes(tenant_id).open(info, envelope))
        key.check(commitment)
    except SealingError as error:
        raise EnvelopeRefused(f"the live key cannot be released ({error.name}): {error}") from error
    return _seal(tenant_id, info.scope, key.key_id, key.key, to)


def _is_to_camera(tenant_id: UUID, info: EnvelopeInfo, scope: LiveScope) -> bool:
    """Whether a live key is sealed to the very camera's key for what it opens. Raises EnvelopeRefused when it is sealed to
    a key that does not fit, or to the customer alone, who has to give the camera a key first."""
    to = addresses_of({info.recipient}).get(info.recipient) if is_held() else None
    if to is None:
        return False
    if to.camera is None:
        raise EnvelopeRefused(
            "the camera has no key yet: a holder of the organisation's keys has to give it one"
        )
    kind = camera_key_kind(rendition_class(scope.stream, scope.rendition))
    if (to.camera, to.kind, to.epoch, tenant_id) != (scope.camera, kind, info.epoch, info.tenant):
        raise EnvelopeRefused("the live key is sealed to another camera's key")
    return True


def _check_recipient(to: ReleaseTo) -> None:
    if len(to.public_key) != 32 or len(to.session) != 16:
        raise ReleaseRefused(_("keys are released to an X25519 public key of 32 bytes and a session of 16"))
    left_us = to.expires_us - clock.now_us()
    if not 0 < left_us <= LONGEST_S * 1_000_000:
        raise ReleaseRefused(_("a release ends within %(most)s s from now: ask again") % {"most": LONGEST_S})


class _TenantBoxes:
    """The tenant's recipient keys, unwrapped at first use and dropped with the call that needed them."""

    def __init__(self, tenant_id: UUID) -> None:
        self._tenant_id = tenant_id
        self._opened: dict[tuple[bytes, int], bytes] = {}

    def open(self, expected: EnvelopeInfo, envelope: bytes) -> bytes:
        """The secret in an envelope to this tenant. Raises SealingError or KmsError."""
        private = self._private(expected.recipient, expected.epoch)
        if expected.tenant != self._tenant_id or private is None:
            raise WrongEnvelope("the envelope is not sealed to this tenant")
        return open_envelope(envelope, expected, private)

    def _private(self, recipient: bytes, epoch: int) -> bytes | None:
        if (recipient, epoch) not in self._opened:
            key = recipient_key(self._tenant_id, recipient)
            if key is None or key.epoch != epoch or key.wrapped_private is None:
                return None
            self._opened[(recipient, epoch)] = open_private(key)
        return self._opened[(recipient, epoch)]


def _open_all(tenant_id: UUID, key_ids: set[bytes]) -> dict[bytes, OpenedKey | HeldKey | None]:
    """Period keys by id; None where the envelope does not open. Destroyed and unknown ones are left out."""
    opened: dict[bytes, OpenedKey | HeldKey | None] = {}
    for key_id in key_ids:
        known = period_keys.recall(tenant_id, key_id)
        if known is not None:
            opened[key_id] = known
    missing = sorted(key_ids - opened.keys())
    boxes = _TenantBoxes(tenant_id)
    rows = list(Envelope.objects.filter(key_id__in=missing, destroyed_at=None)) if missing else []
    held = _held(rows)
    for row in rows:
        key_id = bytes(row.key_id)
        if key_id in held:
            opened[key_id] = held[key_id]
        elif opened.get(key_id) is None:
            opened[key_id] = _open_row(tenant_id, row, boxes)
    return opened


def _held(rows: Sequence[Envelope]) -> dict[bytes, HeldKey]:
    """Those of these key periods that are sealed to the customer: each with its envelope of the newest epoch. One query, or
    none."""
    if not rows or not is_held():
        return {}
    addresses = addresses_of({bytes(row.recipient_id) for row in rows})
    found: dict[bytes, tuple[int, HeldKey]] = {}
    for row in rows:
        to, key_id = addresses.get(bytes(row.recipient_id)), bytes(row.key_id)
        if to is None:
            continue  # the portal's own recipient: not re-wrapped yet, or sealed to nobody who counts
        epoch = 0 if to.camera is None else to.epoch
        scope = RecScope(row.camera_id, row.rendition_class, row.period_start_us)
        key = HeldKey(scope, bytes(row.sealed) if epoch else None)
        if key_id not in found or found[key_id][0] < epoch:
            found[key_id] = epoch, key
    return {key_id: key for key_id, (_epoch, key) in found.items()}


def _open_row(tenant_id: UUID, row: Envelope, boxes: _TenantBoxes) -> OpenedKey | None:
    scope = RecScope(row.camera_id, row.rendition_class, row.period_start_us)
    recipient, key_id = bytes(row.recipient_id), bytes(row.key_id)
    expected = EnvelopeInfo(EnvelopePurpose.REC, tenant_id, scope, key_id, recipient, row.recipient_epoch)
    try:
        key = PeriodKey(key_id, boxes.open(expected, bytes(row.sealed)))
    except SealingError as error:
        logger.warning("envelope of key %s does not open (%s)", key_id.hex(), error.name)
        return None
    opened = OpenedKey(scope, key)
    period_keys.keep(tenant_id, opened)
    return opened


def _release_one(
    tenant_id: UUID,
    request: SegmentKeyRequest,
    opened: dict[bytes, OpenedKey | HeldKey | None],
    to: ReleaseTo,
) -> Released:
    def refused(problem: ReleaseProblem) -> Released:
        return Released(request.segment, request.rendition, None, problem)

    if not request.sight.permits(
        request.start_us, request.end_us, request.received_us, until_us=to.expires_us
    ):
        return refused(ReleaseProblem.NOT_PERMITTED)
    if request.key_id not in opened:
        return refused(ReleaseProblem.DESTROYED)
    key = opened[request.key_id]
    if isinstance(key, HeldKey):
        if not _is_of(request, key.scope):
            return refused(ReleaseProblem.WRONG_KEY)
        if not request.sight.permits(*hour_of(key.scope.period_start_us), until_us=to.expires_us):
            return refused(ReleaseProblem.NOT_PERMITTED)
        if key.envelope is None:
            return refused(ReleaseProblem.NO_CAMERA_KEY)
        return Released(request.segment, request.rendition, None, None, key.envelope)
    if key is None or not _fits(request, key):
        return refused(ReleaseProblem.WRONG_KEY)
    rendition = Rendition(request.rendition)
    secret = key.key.segment_key(request.segment, rendition)
    scope = SegmentScope(request.camera, request.segment, rendition)
    envelope = _seal(tenant_id, scope, request.key_id, secret, to)
    return Released(request.segment, request.rendition, envelope, None)


def hour_of(period_start_us: int) -> tuple[int, int, int]:
    """Start and end of the hour a key period belongs to, over or not (its key opens what is still to come as well), and its
    start once more as when it came: what the segments themselves were late is looked at for each of them."""
    start_us = period_start_us - period_start_us % HOUR_US
    return start_us, start_us + HOUR_US, start_us


def _is_of(request: SegmentKeyRequest, scope: RecScope) -> bool:
    """Whether a key is of the camera and rendition class asked for."""
    wanted = rendition_class(Stream(request.stream), Rendition(request.rendition))
    return (scope.camera, scope.rendition_class) == (request.camera, wanted)


def _fits(request: SegmentKeyRequest, opened: OpenedKey) -> bool:
    """Whether the key is of the camera and rendition class asked for, and the one the record commits to."""
    if not _is_of(request, opened.scope):
        return False
    return hmac.compare_digest(opened.key.commitment, request.commitment)


def _audit(answered: Sequence[tuple[SegmentKeyRequest, Released]], to: ReleaseTo, by: Who | None) -> None:
    given: dict[UUID, list[SegmentKeyRequest]] = {}
    for request, answer in answered:
        if answer.period is not None:
            start_us, end_us, _ = hour_of(request.start_us)
            given.setdefault(request.camera, []).append(replace(request, start_us=start_us, end_us=end_us))
        elif answer.envelope is not None:
            given.setdefault(request.camera, []).append(request)
    if not given:
        return
    rows: list[tuple[What, Mapping[str, DetailValue]]] = [
        (
            What("camera", str(camera)),
            {
                "count": len(released),
                "first": str(min(one.segment for one in released)),
                "last": str(max(one.segment for one in released)),
                "from_time": clock.iso(min(one.start_us for one in released)),
                "to_time": clock.iso(max(one.end_us for one in released), up=True),
                "session": to.session.hex(),
                "until_us": to.expires_us,
            },
        )
        for camera, released in given.items()
    ]
    record_many(KEYS_RELEASED, by or _account(to.account), rows)


def _account(account_id: UUID) -> Who:
    account = Account.objects.filter(id=account_id).first()
    if account is None:
        raise ReleaseRefused(_("keys are released to an account of this organisation"))
    return who(account)


def _seal(
    tenant_id: UUID, scope: SegmentScope | LiveScope, key_id: bytes, secret: bytes, to: ReleaseTo
) -> bytes:
    info = EnvelopeInfo(
        EnvelopePurpose.RELEASE,
        tenant_id,
        scope,
        key_id,
        box_kid(to.public_key),
        PERSON_EPOCH,
        Release(to.session, to.account, to.expires_us),
    )
    try:
        return seal_envelope(info, secret, to.public_key)
    except SealingError as error:
        raise ReleaseRefused(
            _("keys cannot be sealed to this public key: %(error)s") % {"error": error}
        ) from error
