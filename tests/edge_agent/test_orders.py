"""Orders: kept over restarts without a portal, newer ones followed, older and forged ones never."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge_agent.__main__ import main
from edge_agent.cloud import Cloud
from edge_agent.errors import PortalUnreachable, StateUnusable, TrustBroken
from edge_agent.identity import Identity
from edge_agent.keys import BoxKeys
from edge_agent.orders import Orders, check_live_url
from protocol.plan import RecordingPlan
from protocol.state import AgentState, ChainTip
from sealing.ids import CameraKeyKind, Stream
from sealing.statement import Recipients
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box
from tests.edge_agent.tiny_portal import NOW_US, SOURCE, Organisation, Reply, TinyPortal, as_json, new_signer

LIVE = "ws://127.0.0.1:9"


@pytest.fixture
def portal() -> Iterator[TinyPortal]:
    with TinyPortal(LIVE).serving() as portal:
        yield portal


@pytest.fixture
def box(portal: TinyPortal, tmp_path: Path) -> EnrolledBox:
    box = enrolled_box(tmp_path / "box", portal.url, LIVE, cameras=2, sub=True)
    portal.accepts(box.identity.keys.transport_public)
    return box


def says(
    box: EnrolledBox,
    first: int,
    command: bytes,
    *,
    statements: list[bytes] | None = None,
    live_url: str = LIVE,
) -> AgentState:
    kept = box.organisation.statements if statements is None else statements
    return AgentState(first, tuple(kept[first:]), command, (), NOW_US, live_url)


def test_cameras_are_known_after_a_restart_without_any_portal(box: EnrolledBox) -> None:
    orders = box.orders()
    setups = orders.cameras()
    assert [setup.name for setup in setups] == ["gate", "gate"]
    assert setups[0].source_main == setups[0].source_sub == SOURCE
    assert "s3cret" not in repr(setups)
    assert orders.cameras() is setups


@pytest.mark.parametrize("unknown", [{1: "Mars/Olympus"}, {2: [9, 1]}, {3: [[1, 0, 60, 1, 9]]}])
def test_a_plan_this_release_cannot_read_leaves_the_other_orders_and_records_everything(
    box: EnrolledBox, unknown: dict[int, object]
) -> None:
    class LaterPlan(RecordingPlan):
        def to_map(self) -> dict[int, object]:
            return super().to_map() | unknown

    public, make = box.identity.keys.box_public, box.organisation.camera
    known = replace(make(public), plan=RecordingPlan("Europe/Berlin"))
    later = replace(make(public), name="yard", plan=LaterPlan("UTC"))
    assert box.orders().offer_command(box.organisation.command(2, (known, later)))
    again = box.orders()
    assert again.command_number == 2
    assert [(setup.plan, setup.source_main) for setup in again.cameras()] == [
        (known.plan, SOURCE),
        (None, SOURCE),
    ]
    (alarm,) = again.alarms
    assert alarm.startswith("recording plans cannot be read here (")
    assert alarm.endswith("of: yard; update this agent")
    assert again.offer_command(box.organisation.command(3, (known,)))
    assert again.alarms == ()


async def test_newer_statements_and_commands_are_fetched_and_kept(
    box: EnrolledBox, portal: TinyPortal
) -> None:
    orders = box.orders()
    command = box.organisation.command(2)
    portal.states(box.organisation, lambda: command)
    waiting = asyncio.create_task(orders.wait_change(orders.version))
    async with Cloud(box.identity) as cloud:
        number = box.organisation.state(Recipients(()))
        command = box.organisation.command(2)
        await orders.heard(cloud, number, 2)
        assert (orders.statement_number, orders.command_number) == (number, 2)
        asked = len(portal.requests)
        await orders.heard(cloud, number, 2)
        assert len(portal.requests) == asked
    assert await waiting == orders.version
    again = box.orders()
    assert (again.statement_number, again.command_number) == (number, 2)
    assert again.alarms == ()
    assert again.trust.recipient_for(uuid.uuid4(), CameraKeyKind.PICTURE) is None


async def test_many_new_statements_come_in_several_answers(
    box: EnrolledBox, portal: TinyPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.orders.STATEMENTS_AT_ONCE", 3)
    organisation = box.organisation
    for _ in range(7):
        organisation.state(Recipients((organisation.recipient,)))
    command = organisation.command(2)

    def state(request: object) -> Reply:
        first = int(request.path.partition("statements=")[2])  # type: ignore[attr-defined]
        some = tuple(organisation.statements[first : first + 3])
        return as_json(AgentState(first, some, command, (), NOW_US, LIVE).to_json())

    portal.routes["GET /agent/v1/state"] = state
    orders = box.orders()
    async with Cloud(box.identity) as cloud:
        await orders.refresh(cloud)
    assert orders.statement_number == len(organisation.statements) - 1


def test_a_portal_that_lost_statements_is_not_obeyed_and_raises_an_alarm(box: EnrolledBox) -> None:
    orders = box.orders()
    number, command = orders.statement_number, box.organisation.command(2)
    with pytest.raises(TrustBroken, match="has lost statements: it does not show number 3"):
        orders.offer_state(
            says(box, number, command, statements=box.organisation.statements[:-1]), box.identity.portal
        )
    assert orders.command_number == 1
    assert len(orders.alarms) == 1
    orders.offer_state(says(box, number, command), box.identity.portal)
    assert orders.alarms == ()
    assert orders.command_number == 2


def test_another_statement_at_a_number_seen_is_not_obeyed(box: EnrolledBox) -> None:
    orders = box.orders()
    organisation = box.organisation
    number = orders.statement_number
    organisation.statements.pop()
    organisation.state(Recipients(()))
    with pytest.raises(TrustBroken, match="another statement 3 than this box has seen"):
        orders.offer_state(says(box, number, organisation.command(2)), box.identity.portal)
    assert orders.trust.recipients == (organisation.recipient,)
    assert orders.alarms


def test_new_statements_that_do_not_follow_or_are_forged_are_not_obeyed(box: EnrolledBox) -> None:
    orders = box.orders()
    organisation = box.organisation
    number = orders.statement_number
    organisation.root = new_signer()
    organisation.state(Recipients(()))
    with pytest.raises(TrustBroken, match="do not hold"):
        orders.offer_state(says(box, number, organisation.command(2)), box.identity.portal)
    assert orders.statement_number == number
    assert box.orders().statement_number == number


def test_an_older_command_document_is_never_obeyed(box: EnrolledBox) -> None:
    orders = box.orders()
    organisation = box.organisation
    older, newer = organisation.command(2), organisation.command(3)
    assert orders.offer_command(newer)
    assert not orders.offer_command(older)
    assert not orders.offer_command(newer)
    assert orders.alarms == ()
    with pytest.raises(TrustBroken, match="number 2 is below 3"):
        orders.offer_state(says(box, orders.statement_number, older), box.identity.portal)
    assert orders.command_number == box.orders().command_number == 3
    assert "restored from an old backup" in orders.alarms[0]


def test_two_documents_with_one_number_raise_an_alarm(box: EnrolledBox) -> None:
    orders = box.orders()
    with pytest.raises(TrustBroken, match="differs from the one with the same number 1"):
        orders.offer_command(box.organisation.command(1))
    assert len(orders.cameras()) == 2


def test_documents_for_another_agent_of_another_key_or_damaged_are_refused(box: EnrolledBox) -> None:
    orders = box.orders()
    organisation = box.organisation
    good = organisation.command(9)
    other_tenant = Organisation()
    other_tenant.agent, other_tenant.command_signer = organisation.agent, organisation.command_signer
    for bad in (
        organisation.command(9, agent=uuid.uuid4()),
        organisation.command(9, signer=new_signer()),
        other_tenant.command(9),
        good[:-1] + bytes([good[-1] ^ 1]),
        good[:-1],
        b"",
    ):
        with pytest.raises(TrustBroken, match="document 1 stays in force"):
            orders.offer_command(bad)
    assert orders.command_number == 1
    assert orders.offer_command(good)
    assert orders.alarms == ()


async def test_a_pushed_document_fetches_the_statements_it_builds_on(
    box: EnrolledBox, portal: TinyPortal
) -> None:
    orders = box.orders()
    organisation = box.organisation
    organisation.change_command_key()
    pushed = organisation.command(2)
    portal.states(organisation, lambda: pushed)
    async with Cloud(box.identity) as cloud:
        await orders.pushed(cloud, pushed)
        asked = len(portal.requests)
        await orders.pushed(cloud, pushed)
        await orders.pushed(cloud, organisation.command(3))
        assert len(portal.requests) == asked
        with pytest.raises(TrustBroken, match="cannot be read"):
            await orders.pushed(cloud, b"\xa0")
    assert orders.command_number == 3


def test_a_document_under_a_replaced_command_key_still_holds_after_a_restart(box: EnrolledBox) -> None:
    """The key was changed and no document of the new key has come yet: the box goes on recording."""
    orders = box.orders()
    number, kept = orders.statement_number, box.organisation.command(2)
    assert orders.offer_command(kept)
    box.organisation.change_command_key()
    orders.offer_state(says(box, number, kept), box.identity.portal)
    again = box.orders()
    assert again.statement_number == number + 1
    assert again.command_number == 2
    old_signer = box.organisation.command_signer
    box.organisation.change_command_key()
    with pytest.raises(TrustBroken):
        again.offer_command(box.organisation.command(3, signer=new_signer()))
    assert again.offer_command(box.organisation.command(3, signer=old_signer))


def test_certificates_people_accepted_are_known_by_the_host_of_the_camera(box: EnrolledBox) -> None:
    orders, organisation = box.orders(), box.organisation
    accepted = replace(organisation.camera(box.identity.keys.box_public), certificate=bytes(range(32)))
    assert orders.offer_command(organisation.command(2, (accepted,)))
    host = urlsplit(SOURCE).hostname
    assert orders.accepted(f"https://{host}:8443/onvif/device_service") == {bytes(range(32))}
    assert orders.accepted("https://192.0.2.77/onvif/device_service") == frozenset()


def test_an_address_sealed_to_another_box_is_a_problem_of_that_camera_alone(box: EnrolledBox) -> None:
    orders = box.orders()
    organisation, keys = box.organisation, box.identity.keys
    stranger = organisation.camera(BoxKeys.new().box_public)
    swapped = replace(organisation.camera(keys.box_public), camera=uuid.uuid4())
    good = organisation.camera(keys.box_public)
    assert orders.offer_command(organisation.command(2, (stranger, swapped, good)))
    first, second, third = orders.cameras()
    assert first.source_main is second.source_main is None
    assert "type it again in the portal" in first.problem
    assert (third.source_main, third.problem) == (SOURCE, "")
    assert (first.unopened, third.unopened) == ({Stream.MAIN}, frozenset())
    half = replace(organisation.camera(keys.box_public), source_sub=stranger.source_main)
    assert orders.offer_command(organisation.command(3, (half,)))
    (setup,) = orders.cameras()
    assert (setup.source_main, setup.source_sub, setup.unopened) == (SOURCE, None, {Stream.SUB})


async def test_the_portal_tells_where_its_chains_stand_even_when_it_has_lost_statements(
    box: EnrolledBox, portal: TinyPortal
) -> None:
    """A portal restored from a backup lost both: what it lacks of records must not wait until it is obeyed again."""
    orders = box.orders()
    tip = ChainTip(bytes(16), uuid.uuid4(), 1, 7, bytes(32))
    told: list[ChainTip] = []

    async def take(tips: Sequence[ChainTip]) -> None:
        told.extend(tips)

    orders.on_tips = take
    state = AgentState(0, (), box.organisation.command(1), (tip,), NOW_US, LIVE)
    portal.routes["GET /agent/v1/state"] = lambda request: as_json(state.to_json())
    async with Cloud(box.identity) as cloud:
        with pytest.raises(TrustBroken):
            await orders.refresh(cloud)
    assert told == [tip]


def test_a_revoked_agent_knows_it(box: EnrolledBox) -> None:
    orders = box.orders()
    number = orders.statement_number
    box.organisation.revoke()
    orders.offer_state(says(box, number, box.organisation.command(2)), box.identity.portal)
    assert orders.revoked
    assert "was revoked" in orders.alarms[0]
    assert box.orders().alarms


def test_a_live_address_without_protection_is_not_used(box: EnrolledBox) -> None:
    orders = box.orders()
    command = box.organisation.command(2)
    orders.offer_state(
        says(box, orders.statement_number, command, live_url="ws://elsewhere.example"), box.identity.portal
    )
    assert orders.live_url == LIVE
    assert "wss://" in orders.alarms[0]
    assert orders.command_number == 2
    orders.offer_state(
        says(box, orders.statement_number, command, live_url="wss://live.example/"), box.identity.portal
    )
    assert (orders.live_url, orders.alarms) == ("wss://live.example", ())
    assert box.orders().live_url == "wss://live.example"


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:1",
        "http://live.example",
        "wss://",
        "wss://u:p@live.example",
        "wss://[",
        "wss://a/?b=c",
    ],
)
def test_live_addresses_of_a_protected_portal(url: str) -> None:
    with pytest.raises(TrustBroken):
        check_live_url("https://portal.example", url)


async def test_an_answer_that_is_no_state_changes_nothing(box: EnrolledBox, portal: TinyPortal) -> None:
    orders = box.orders()
    portal.routes["GET /agent/v1/state"] = lambda request: as_json({"statements": 4})
    async with Cloud(box.identity) as cloud:
        with pytest.raises(PortalUnreachable, match="cannot be read"):
            await orders.refresh(cloud)
    assert orders.alarms == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("statements.cbor", b"\x80"),
        ("statements.cbor", b"\x81\x01"),
        ("statements.cbor", b"\xff"),
        ("command.cbor", b""),
        ("portal.json", b"{}"),
        ("portal.json", b'{"live_url": "ws://elsewhere.example"}'),
    ],
)
def test_damaged_orders_are_named(box: EnrolledBox, name: str, data: bytes) -> None:
    (box.state / "orders" / name).write_bytes(data)
    with pytest.raises(StateUnusable, match="do not hold"):
        box.orders()


def test_a_box_follows_its_portal_to_tls_and_back(box: EnrolledBox, portal: TinyPortal) -> None:
    assert main(["move", "https://127.0.0.1:9443", "--state", str(box.state)]) == 0
    assert (
        Orders.load(Identity.load(box.state)).live_url == "wss://127.0.0.1:9443"
    )  # until the portal names the hub's
    assert main(["move", portal.url, "--state", str(box.state)]) == 0
    assert Orders.load(Identity.load(box.state)).live_url == "wss://127.0.0.1:9443"
