"""Envelopes and releases: what agents seal to the tenant reaches entitled people, sealed to them, and no one else."""

import dataclasses
import uuid
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db.utils import DatabaseError, ProgrammingError

from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid, rendition_class
from sealing.keys import (
    CameraScope,
    EnvelopeInfo,
    LiveScope,
    PeriodKey,
    RecScope,
    Release,
    SegmentScope,
    open_envelope,
    seal_envelope,
)
from tenants.scope import tenant_scope
from tenants.sight import Sight
from tests.cast import later, make_account
from tests.keys.dumps import holding
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.common import clock
from vsaas.keys.errors import EnvelopeRefused, ReleaseRefused
from vsaas.keys.models import Envelope
from vsaas.keys.period_keys import OpenedKey, PeriodKeys, period_keys
from vsaas.keys.services import (
    ReleaseProblem,
    ReleaseTo,
    SegmentKeyRequest,
    destroy_envelopes,
    envelope_camera,
    known_key_ids,
    release_live_key,
    release_segment_keys,
    store_envelopes,
    tenant_recipient,
)
from vsaas.onebox.processes import wait_until

HOUR_US = 3_600_000_000
ALL = Sight((None,), 0, None)
START_US = 1_764_064_990_000_000


@dataclass
class Sealed:
    """A period key of a camera, its envelope to the tenant, and what a record would say of it."""

    camera: uuid.UUID
    key: PeriodKey
    envelope: bytes

    def request(self, rendition: Rendition = Rendition.MAIN, **changes) -> SegmentKeyRequest:
        request = SegmentKeyRequest(
            self.camera,
            Stream.MAIN,
            uuid.uuid4(),
            rendition,
            self.key.key_id,
            self.key.commitment,
            start_us=START_US,
            end_us=START_US + 10_000_000,
            received_us=START_US + 10_000_000,
            sight=ALL,
        )
        return dataclasses.replace(request, **changes)


def seal(tenant, rendition: Rendition = Rendition.MAIN, /, **changes) -> Sealed:
    """A fresh period key sealed to the tenant; `changes` to the envelope's info."""
    with tenant_scope(tenant.id):
        recipient = tenant_recipient(tenant.id)
    key, camera = PeriodKey.new(), uuid.uuid4()
    info = EnvelopeInfo(
        EnvelopePurpose.REC,
        tenant.id,
        RecScope(camera, rendition_class(Stream.MAIN, rendition), HOUR_US),
        key.key_id,
        recipient.kid,
        recipient.epoch,
    )
    info = dataclasses.replace(info, **changes)
    public = changes.pop("public", recipient.public_key)
    return Sealed(camera, key, seal_envelope(info, key.key, public))


@dataclass
class Person:
    """Somebody's browser: a key made for one release."""

    account: uuid.UUID
    box: X25519PrivateKey

    def to(self, **changes) -> ReleaseTo:
        to = ReleaseTo(
            self.box.public_key().public_bytes_raw(), b"s" * 16, self.account, clock.now_us() + 120_000_000
        )
        return dataclasses.replace(to, **changes)


@pytest.fixture
def tenant(houses):
    return houses.tenant_a


@pytest.fixture
def person(tenant):
    with tenant_scope(tenant.id):
        account = make_account("Alice", factor=False)
    return Person(account.id, X25519PrivateKey.generate())


def store(tenant, *sealed: Sealed) -> None:
    with tenant_scope(tenant.id, keys=True):
        assert store_envelopes(tenant.id, [item.envelope for item in sealed]) == {
            item.key.key_id for item in sealed
        }


def release(tenant, requests, to, **options):
    with tenant_scope(tenant.id, keys=True):
        return release_segment_keys(tenant.id, requests, to, **options)


def opened(tenant, person, to, request, envelope) -> bytes:
    expected = EnvelopeInfo(
        EnvelopePurpose.RELEASE,
        tenant.id,
        SegmentScope(request.camera, request.segment, Rendition(request.rendition)),
        request.key_id,
        box_kid(to.public_key),
        0,
        Release(to.session, to.account, to.expires_us),
    )
    return open_envelope(envelope, expected, person.box.private_bytes_raw())


def test_a_person_receives_the_segments_key_and_not_the_period_key(tenant, person):
    sealed = seal(tenant)
    store(tenant, sealed)
    requests = [sealed.request(), sealed.request(), sealed.request(Rendition.INDEX)]
    to = person.to()
    answers = release(tenant, requests, to)
    keys = [
        opened(tenant, person, to, *pair)
        for pair in zip(requests, (a.envelope for a in answers), strict=True)
    ]
    assert keys == [sealed.key.segment_key(item.segment, Rendition(item.rendition)) for item in requests]
    assert sealed.key.key not in keys
    assert len(set(keys)) == 3


def test_a_release_opens_in_no_other_session_account_time_or_browser(tenant, person):
    sealed = seal(tenant)
    store(tenant, sealed)
    request, to = sealed.request(), person.to()
    (answer,) = release(tenant, [request], to)
    for other in (
        dataclasses.replace(to, session=b"x" * 16),
        dataclasses.replace(to, account=uuid.uuid4()),
        dataclasses.replace(to, expires_us=to.expires_us + 1),
    ):
        with pytest.raises(Exception, match="envelope"):
            opened(tenant, person, other, request, answer.envelope)
    stranger = Person(person.account, X25519PrivateKey.generate())
    with pytest.raises(Exception, match="envelope"):
        opened(tenant, stranger, stranger.to(), request, answer.envelope)


def test_one_odd_key_does_not_keep_the_others_back(tenant, person):
    good, never, destroyed, audio = seal(tenant), seal(tenant), seal(tenant), seal(tenant, Rendition.AUDIO)
    store(tenant, good, destroyed, audio)
    with tenant_scope(tenant.id, keys=True):
        assert destroy_envelopes(tenant.id, [destroyed.key.key_id]) == 1
    requests = [
        good.request(),
        never.request(),
        destroyed.request(),
        good.request(commitment=b"x" * 32),
        good.request(camera=uuid.uuid4()),
        audio.request(Rendition.MAIN),
        good.request(stream=Stream.SUB),
        audio.request(Rendition.AUDIO),
    ]
    answers = release(tenant, requests, person.to())
    assert [answer.problem for answer in answers] == [
        None,
        ReleaseProblem.DESTROYED,
        ReleaseProblem.DESTROYED,
        ReleaseProblem.WRONG_KEY,
        ReleaseProblem.WRONG_KEY,
        ReleaseProblem.WRONG_KEY,
        ReleaseProblem.WRONG_KEY,
        None,
    ]
    assert [answer.envelope is None for answer in answers] == [bool(answer.problem) for answer in answers]


def test_a_key_of_another_tenant_is_as_if_it_did_not_exist(houses, person):
    sealed = seal(houses.tenant_b)
    store(houses.tenant_b, sealed)
    (answer,) = release(houses.tenant_a, [sealed.request()], person.to())
    assert answer.problem is ReleaseProblem.DESTROYED
    with tenant_scope(houses.tenant_a.id, keys=True):
        assert known_key_ids(houses.tenant_a.id, [sealed.key.key_id]) == set()
        assert destroy_envelopes(houses.tenant_a.id, [sealed.key.key_id]) == 0
    with tenant_scope(houses.tenant_b.id, keys=True):
        assert known_key_ids(houses.tenant_b.id, [sealed.key.key_id]) == {sealed.key.key_id}


def test_the_key_store_raises_without_a_tenant(database):
    with pytest.raises(DatabaseError, match=r"app\.tenant|uuid"):
        list(Envelope.objects.unscoped("a test of row-level security"))


def test_releases_are_audited_by_camera_and_person(tenant, person):
    first, second = seal(tenant), seal(tenant)
    store(tenant, first, second)
    release(tenant, [first.request(), first.request(), second.request()], person.to())
    release(tenant, [first.request()], person.to(), by=system("manage.py key_release"))
    with tenant_scope(tenant.id):
        rows = list(AuditInbox.objects.filter(act="keys.released").order_by("at"))
    assert {(row.object_id, row.details["count"], row.actor_name) for row in rows} == {
        (str(first.camera), 2, "Alice"),
        (str(second.camera), 1, "Alice"),
        (str(first.camera), 1, "manage.py key_release"),
    }
    assert all(row.details["session"] == (b"s" * 16).hex() for row in rows)
    assert {(row.details["from_time"], row.details["to_time"]) for row in rows} == {
        ("2025-11-25T10:03:10Z", "2025-11-25T10:03:20Z")
    }


def test_nothing_is_released_to_a_stranger_or_without_an_end(tenant, person):
    sealed = seal(tenant)
    store(tenant, sealed)
    for to in (
        person.to(account=uuid.uuid4()),
        person.to(expires_us=clock.now_us() - 1),
        person.to(expires_us=clock.now_us() + 3600_000_000),
        person.to(public_key=b"short"),
        person.to(public_key=bytes(32)),
        person.to(session=b""),
    ):
        with pytest.raises(ReleaseRefused):
            release(tenant, [sealed.request()], to)


def test_destroyed_keys_stay_destroyed_when_the_agent_sends_them_again(tenant, person):
    sealed = seal(tenant)
    store(tenant, sealed)
    release(tenant, [sealed.request()], person.to())
    with tenant_scope(tenant.id, keys=True):
        assert destroy_envelopes(tenant.id, [sealed.key.key_id]) == 1
        assert destroy_envelopes(tenant.id, [sealed.key.key_id]) == 0
        store_envelopes(tenant.id, [sealed.envelope])
        assert known_key_ids(tenant.id, [sealed.key.key_id]) == {sealed.key.key_id}
    (answer,) = release(tenant, [sealed.request()], person.to())
    assert answer.problem is ReleaseProblem.DESTROYED
    with tenant_scope(tenant.id, keys=True):
        assert bytes(Envelope.objects.get(key_id=sealed.key.key_id).recipient_id)
        assert Envelope.objects.get(key_id=sealed.key.key_id).sealed is None


def test_opened_keys_are_known_to_their_tenant_alone_until_they_are_destroyed(tenant, person):
    sealed = seal(tenant)
    store(tenant, sealed)
    release(tenant, [sealed.request()], person.to())
    assert period_keys.recall(tenant.id, sealed.key.key_id).key == sealed.key
    assert period_keys.recall(uuid.uuid4(), sealed.key.key_id) is None
    with tenant_scope(tenant.id, keys=True):
        destroy_envelopes(tenant.id, [sealed.key.key_id])
    assert period_keys.recall(tenant.id, sealed.key.key_id) is None


def test_opened_keys_are_dropped_by_themselves():
    keys, tenant_id = PeriodKeys(kept_s=0.05), uuid.uuid4()
    for _ in range(3):
        key = PeriodKey.new()
        keys.keep(tenant_id, OpenedKey(RecScope(uuid.uuid4(), 1, 0), key))
    assert keys.recall(tenant_id, key.key_id).key == key
    assert wait_until(lambda: len(keys) == 0, 10)
    assert keys.recall(tenant_id, key.key_id) is None


def test_storing_again_is_success_and_keeps_the_first(tenant):
    sealed = seal(tenant)
    store(tenant, sealed)
    with tenant_scope(tenant.id):
        recipient = tenant_recipient(tenant.id)
    info = EnvelopeInfo(
        EnvelopePurpose.REC,
        tenant.id,
        RecScope(sealed.camera, 1, HOUR_US),
        sealed.key.key_id,
        recipient.kid,
        recipient.epoch,
    )
    again = seal_envelope(info, sealed.key.key, recipient.public_key)
    store(tenant, Sealed(sealed.camera, sealed.key, again))
    with tenant_scope(tenant.id, keys=True):
        assert bytes(Envelope.objects.get().sealed) == sealed.envelope


def test_a_second_envelope_of_one_key_for_another_camera_is_refused(tenant):
    sealed = seal(tenant)
    store(tenant, sealed)
    forged = seal(tenant, key_id=sealed.key.key_id)
    with pytest.raises(EnvelopeRefused, match="another key period"), tenant_scope(tenant.id, keys=True):
        store_envelopes(tenant.id, [forged.envelope])


def test_envelopes_for_elsewhere_are_refused(houses):
    tenant = houses.tenant_a
    camera = uuid.uuid4()
    elsewhere = [
        seal(houses.tenant_b).envelope,
        seal(tenant, tenant=houses.tenant_b.id).envelope,
        seal(tenant, epoch=2).envelope,
        seal(tenant, purpose=EnvelopePurpose.CAMERA_SOURCE, scope=CameraScope(camera)).envelope,
        seal(
            tenant,
            purpose=EnvelopePurpose.LIVE,
            scope=LiveScope(camera, Stream.MAIN, Rendition.MAIN, b"p" * 16),
        ).envelope,
        b"",
        b"\xa0",
        b"\xff" * 40,
        seal(tenant).envelope[:-1],
        seal(tenant).envelope + b"\x00",
        b"\x00" * 10_000,
    ]
    for envelope in elsewhere:
        with pytest.raises(EnvelopeRefused), tenant_scope(tenant.id, keys=True):
            store_envelopes(tenant.id, [seal(tenant).envelope, envelope])
    with tenant_scope(tenant.id, keys=True):
        assert not Envelope.objects.exists()


def test_the_camera_of_an_envelope_is_named_before_it_is_stored(tenant):
    sealed = seal(tenant)
    assert envelope_camera(sealed.envelope) == sealed.camera
    with pytest.raises(EnvelopeRefused):
        envelope_camera(b"\xa0")


def test_an_envelope_that_does_not_open_releases_nothing(tenant, person):
    sealed = seal(tenant)
    garbled = bytearray(sealed.envelope)
    garbled[-1] ^= 1
    with tenant_scope(tenant.id, keys=True):
        store_envelopes(tenant.id, [bytes(garbled)])
    (answer,) = release(tenant, [sealed.request()], person.to())
    assert answer.problem is ReleaseProblem.WRONG_KEY


def live(tenant, /, **changes) -> tuple[PeriodKey, LiveScope, bytes]:
    key, scope = PeriodKey.new(), LiveScope(uuid.uuid4(), Stream.MAIN, Rendition.MAIN, b"p" * 16)
    with tenant_scope(tenant.id):
        recipient = tenant_recipient(tenant.id)
    info = EnvelopeInfo(EnvelopePurpose.LIVE, tenant.id, scope, key.key_id, recipient.kid, recipient.epoch)
    info = dataclasses.replace(info, **changes)
    return key, scope, seal_envelope(info, key.key, recipient.public_key)


def test_a_live_key_is_sealed_on_to_the_viewer(tenant, person):
    key, scope, envelope = live(tenant)
    to = person.to()
    with tenant_scope(tenant.id):
        answer = release_live_key(tenant.id, envelope, key.commitment, to, scope)
    expected = EnvelopeInfo(
        EnvelopePurpose.RELEASE,
        tenant.id,
        scope,
        key.key_id,
        box_kid(to.public_key),
        0,
        Release(to.session, to.account, to.expires_us),
    )
    assert open_envelope(answer, expected, person.box.private_bytes_raw()) == key.key


def test_a_live_key_that_is_not_what_it_says_is_refused(houses, person):
    tenant = houses.tenant_a
    key, scope, envelope = live(tenant)
    with tenant_scope(tenant.id):
        for bad, commitment in (
            (envelope, b"x" * 32),
            (envelope[:-1] + b"\x00", key.commitment),
            (live(tenant, tenant=houses.tenant_b.id, scope=scope)[2], key.commitment),
            (seal(tenant).envelope, key.commitment),
            (b"", key.commitment),
        ):
            with pytest.raises(EnvelopeRefused):
                release_live_key(tenant.id, bad, commitment, person.to(), scope)
        for elsewhere in (
            dataclasses.replace(scope, camera=uuid.uuid4()),
            dataclasses.replace(scope, stream=Stream.SUB),
            dataclasses.replace(scope, rendition=Rendition.AUDIO),
            dataclasses.replace(scope, publish=b"q" * 16),
        ):
            with pytest.raises(EnvelopeRefused, match="another camera, stream, rendition or publish"):
                release_live_key(tenant.id, envelope, key.commitment, person.to(), elsewhere)
        with later(hours=1), pytest.raises(ReleaseRefused):
            release_live_key(tenant.id, envelope, key.commitment, person.to(expires_us=1), scope)


def test_neither_database_holds_a_period_or_segment_key_in_clear(tenant, person):
    sealed = seal(tenant)
    store(tenant, sealed)
    request = sealed.request()
    release(tenant, [request], person.to())
    assert holding(sealed.key.key_id, "default", "keys")
    assert holding(sealed.key.key, "default", "keys") == []
    assert holding(sealed.key.segment_key(request.segment, Rendition.MAIN), "default", "keys") == []


def test_the_app_can_destroy_an_envelope_and_do_nothing_else_to_it(tenant):
    sealed = seal(tenant)
    store(tenant, sealed)
    for act in (
        lambda: Envelope.objects.all().delete(),
        lambda: Envelope.objects.update(camera_id=uuid.uuid4()),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(tenant.id, keys=True):
            act()
