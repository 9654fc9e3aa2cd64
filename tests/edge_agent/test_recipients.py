"""To whom the agent seals: the tenant, or the keys of cameras once the customer holds the keys."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge_agent.errors import TrustBroken
from edge_agent.keys import HOUR_US, PeriodKeys
from edge_agent.live import new_session_keys
from edge_agent.orders import Orders
from edge_agent.spool import Spool
from protocol.state import AgentState
from sealing.errors import WrongEnvelope
from sealing.ids import CameraKeyKind, EnvelopePurpose, Rendition, Stream
from sealing.keys import EnvelopeInfo, LiveScope, PeriodKey, RecScope, open_envelope, parse_envelope
from sealing.statement import CameraKey, CameraKeys, Recipient
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box

AT_US = 1_790_000_000_000_000 // HOUR_US * HOUR_US + 60_000_000
PICTURE, SOUND = CameraKeyKind.PICTURE, CameraKeyKind.SOUND


class Holder:
    """A customer's camera keys with their private halves."""

    def __init__(self, camera: uuid.UUID) -> None:
        self.camera = camera
        self.private = {kind: X25519PrivateKey.generate() for kind in CameraKeyKind}
        self.epoch = 0

    def keys(self, *kinds: CameraKeyKind) -> CameraKeys:
        """The next statement of these keys."""
        self.epoch += 1
        for kind in kinds:
            self.private[kind] = X25519PrivateKey.generate()
        return CameraKeys(
            tuple(CameraKey(self.camera, kind, self.public(kind), self.epoch) for kind in kinds)
        )

    def public(self, kind: CameraKeyKind) -> bytes:
        return self.private[kind].public_key().public_bytes_raw()


@pytest.fixture
def box(tmp_path: Path) -> EnrolledBox:
    return enrolled_box(tmp_path / "state", "http://127.0.0.1:1", "ws://127.0.0.1:1", cameras=1)


@pytest.fixture
def orders(box: EnrolledBox) -> Orders:
    return box.orders()


@pytest.fixture
def camera(orders: Orders) -> uuid.UUID:
    return orders.cameras()[0].camera


def offer(box: EnrolledBox, orders: Orders) -> None:
    """The portal tells the box every statement there is."""
    organisation, first = box.organisation, orders.statement_number
    command = organisation.command(orders.command_number + 1, tuple(orders.command.cameras))
    news = tuple(organisation.statements[first:])
    state = AgentState(first, news, command, (), AT_US, orders.live_url)
    orders.offer_state(state, box.identity.portal)


def sealed_to(spool: Spool, key: PeriodKey) -> tuple[EnvelopeInfo, bytes]:
    [(envelope,)] = spool.read("SELECT envelope FROM envelopes WHERE key_id = ?", (key.key_id,))
    return parse_envelope(envelope)[0], envelope


def opens(spool: Spool, key: PeriodKey, private: X25519PrivateKey) -> bool:
    info, envelope = sealed_to(spool, key)
    try:
        return open_envelope(envelope, info, private.private_bytes_raw()) == key.key
    except WrongEnvelope:
        return False


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", budget_bytes=10**9, floor_bytes=0)


@pytest.fixture
def periods(spool: Spool, box: EnrolledBox, orders: Orders) -> PeriodKeys:
    keys = PeriodKeys(spool, box.identity.tenant, box.identity.keys.wrapping_key())
    keys.follow(orders.trust)
    return keys


def test_picture_and_sound_go_to_the_keys_of_the_camera_and_to_nobody_else(
    box: EnrolledBox, orders: Orders, camera: uuid.UUID, spool: Spool, periods: PeriodKeys
) -> None:
    organisation, holder = box.organisation, Holder(camera)
    organisation.hand_over()
    organisation.state(holder.keys(PICTURE, SOUND))
    offer(box, orders)
    periods.follow(orders.trust)
    picture = periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US)
    sound = periods.key_for(camera, Stream.SUB, Rendition.AUDIO, AT_US)
    stranger = periods.key_for(uuid.uuid4(), Stream.MAIN, Rendition.MAIN, AT_US)
    who = {
        "tenant": organisation.recipient_private,
        "picture": holder.private[PICTURE],
        "sound": holder.private[SOUND],
    }
    opened = [
        {name for name, private in who.items() if opens(spool, key, private)}
        for key in (picture, sound, stranger)
    ]
    assert opened == [{"picture"}, {"sound"}, {"tenant"}]


def test_live_keys_go_to_the_keys_of_the_camera(box: EnrolledBox, orders: Orders, camera: uuid.UUID) -> None:
    holder = Holder(camera)
    box.organisation.state(holder.keys(PICTURE, SOUND))
    offer(box, orders)
    publish = b"\x07" * 16
    made = new_session_keys(box.identity.tenant, camera, Stream.SUB, publish, orders.trust)
    for rendition, kind in ((Rendition.SUB, PICTURE), (Rendition.AUDIO, SOUND)):
        key, envelope = made.keys[rendition], made.envelopes[rendition]
        recipient = parse_envelope(envelope)[0]
        scope = LiveScope(camera, Stream.SUB, rendition, publish)
        expected = EnvelopeInfo(
            EnvelopePurpose.LIVE, box.identity.tenant, scope, key.key_id, recipient.recipient, 1
        )
        assert open_envelope(envelope, expected, holder.private[kind].private_bytes_raw()) == key.key


def test_a_rolled_camera_key_begins_a_new_period_key_at_once_and_after_a_restart_too(
    box: EnrolledBox, orders: Orders, camera: uuid.UUID, spool: Spool, periods: PeriodKeys
) -> None:
    holder = Holder(camera)
    box.organisation.state(holder.keys(PICTURE, SOUND))
    offer(box, orders)
    periods.follow(orders.trust)
    first = periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US)
    sound = periods.key_for(camera, Stream.MAIN, Rendition.AUDIO, AT_US)
    assert periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US + 1) == first
    spool.write(lambda connection: connection.execute("UPDATE envelopes SET sent_us = 1")).result()
    box.organisation.state(holder.keys(PICTURE))
    offer(box, orders)
    started_again = PeriodKeys(spool, box.identity.tenant, box.identity.keys.wrapping_key())
    for keys in (periods, started_again):
        keys.follow(orders.trust)
        second = keys.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US + 2)
        assert second.key_id != first.key_id
        assert opens(spool, second, holder.private[PICTURE])
        assert keys.key_for(camera, Stream.MAIN, Rendition.AUDIO, AT_US + 2) == sound


def test_what_the_portal_was_not_given_yet_is_sealed_again_hours_of_before_too(
    box: EnrolledBox, orders: Orders, camera: uuid.UUID, spool: Spool, periods: PeriodKeys
) -> None:
    """An agent that was offline over the switch: nobody holds the key to which it had sealed its hours."""
    hours = [periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US + i * HOUR_US) for i in range(3)]
    spool.write(
        lambda connection: connection.execute(
            "UPDATE envelopes SET sent_us = 1 WHERE key_id = ?", (hours[0].key_id,)
        )
    ).result()
    holder = Holder(camera)
    box.organisation.hand_over()
    box.organisation.state(holder.keys(PICTURE, SOUND))
    offer(box, orders)
    periods.follow(orders.trust)
    assert [opens(spool, key, holder.private[PICTURE]) for key in hours] == [False, True, True]
    info, _ = sealed_to(spool, hours[1])
    assert info.scope == RecScope(camera, 1, AT_US // HOUR_US * HOUR_US + HOUR_US)


def test_keys_of_hours_the_portal_has_are_not_kept(
    camera: uuid.UUID, spool: Spool, periods: PeriodKeys
) -> None:
    periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US)
    periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US + HOUR_US)
    spool.write(lambda connection: connection.execute("UPDATE envelopes SET sent_us = 1")).result()
    last = periods.key_for(camera, Stream.MAIN, Rendition.MAIN, AT_US + 2 * HOUR_US)
    assert spool.read("SELECT key_id FROM period_keys") == [(last.key_id,)]


def test_after_the_handover_the_portals_root_swaps_no_key(
    box: EnrolledBox, orders: Orders, camera: uuid.UUID
) -> None:
    organisation, holder, thief = box.organisation, Holder(camera), Holder(camera)
    organisation.hand_over()
    organisation.state(holder.keys(PICTURE, SOUND))
    offer(box, orders)
    thief.epoch = holder.epoch
    organisation.root = organisation.old_root
    organisation.state(thief.keys(PICTURE, SOUND))
    with pytest.raises(TrustBroken, match="do not hold"):
        offer(box, orders)
    assert orders.alarms
    assert "not obeyed" in orders.alarms[0]
    to = box.orders().trust.recipient_for(camera, PICTURE)
    assert isinstance(to, CameraKey)
    assert to.public_key == holder.public(PICTURE)


def test_a_portal_that_takes_the_handover_back_is_not_obeyed(
    box: EnrolledBox, orders: Orders, camera: uuid.UUID
) -> None:
    organisation, holder = box.organisation, Holder(camera)
    organisation.hand_over()
    organisation.state(holder.keys(PICTURE, SOUND))
    offer(box, orders)
    number = orders.statement_number
    del organisation.statements[-2:]
    organisation.root = organisation.old_root
    for _ in range(3):
        organisation.change_command_key()
    state = AgentState(
        number,
        tuple(organisation.statements[number:]),
        organisation.command(orders.command_number + 1),
        (),
        AT_US,
        orders.live_url,
    )
    with pytest.raises(TrustBroken):
        orders.offer_state(state, box.identity.portal)
    assert orders.alarms
    assert isinstance(orders.trust.recipient_for(camera, PICTURE), CameraKey)


def test_a_camera_without_a_key_of_its_own_is_sealed_to_the_tenant(
    box: EnrolledBox, orders: Orders, camera: uuid.UUID
) -> None:
    to = orders.trust.recipient_for(camera, PICTURE)
    assert isinstance(to, Recipient)
    assert to == box.organisation.recipient
