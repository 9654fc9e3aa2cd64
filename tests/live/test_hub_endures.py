"""The hub by itself: one agent, one browser or one failure does not decide what others are shown."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from sealing.ids import Stream
from vsaas.agents.commands import NEWS_REVOKED, channel_of
from vsaas.live import hub as hub_module
from vsaas.live.hub import CHECK_FAILED_S, LINGER_S, AgentLink, Hub, View
from vsaas.live.viewer import KEPT_BYTES_MOST, QUEUE_BYTES_MOST, Ticket, Viewer


@pytest.fixture
async def lone_hub(database: None) -> AsyncIterator[Hub]:
    """A hub without sockets; its connections are closed afterwards."""
    made = Hub()
    yield made
    await made.redis.aclose()


async def takes(_frame: bytes) -> None:
    return None


async def takes_nothing(_frame: bytes) -> None:
    await asyncio.Event().wait()


async def closes(_code: int) -> None:
    return None


async def cannot_close(_code: int) -> None:
    raise RuntimeError("Unexpected ASGI message 'websocket.close'")


async def is_gone(_code: int) -> None:
    raise ConnectionResetError


def a_ticket() -> Ticket:
    return Ticket(
        tenant=uuid.uuid4(),
        account=uuid.uuid4(),
        session_row=uuid.uuid4(),
        camera=uuid.uuid4(),
        stream=int(Stream.MAIN),
        audio=False,
        hpke_public=bytes(32),
        release_session=bytes(16),
    )


def a_view(hub: Hub, ticket: Ticket) -> View:
    view = View(ticket.tenant, ticket.camera, ticket.stream, uuid.uuid4(), bytes(32))
    hub._views[view.key] = view
    return view


async def test_an_agent_that_takes_no_message_is_let_go_and_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch,
    lone_hub: Hub,
) -> None:
    monkeypatch.setattr(hub_module, "SEND_S", 0.05)
    hub = lone_hub
    stuck = AgentLink(uuid.uuid4(), uuid.uuid4(), takes_nothing, closes)
    well = AgentLink(uuid.uuid4(), uuid.uuid4(), takes, closes)
    hub._links = {stuck.agent: stuck, well.agent: well}
    await hub._ping_all(silent_since=0.0)
    assert hub._links == {well.agent: well}
    assert well.pinged == 1


@pytest.mark.parametrize("close", [cannot_close, is_gone])
async def test_a_socket_that_cannot_be_closed_does_not_end_the_hub(
    close: object,
    lone_hub: Hub,
) -> None:
    hub = lone_hub
    for end in (
        lambda link: hub._ping_all(silent_since=time.monotonic() + 1),
        lambda link: hub._news(channel_of(link.agent).encode(), NEWS_REVOKED),
    ):
        link = AgentLink(uuid.uuid4(), uuid.uuid4(), takes, close)  # type: ignore[arg-type]
        hub._links = {link.agent: link}
        await end(link)
        assert hub._links == {}


async def test_news_that_cannot_be_acted_on_does_not_end_the_hub(
    monkeypatch: pytest.MonkeyPatch,
    lone_hub: Hub,
) -> None:
    async def no_database(*_: object) -> None:
        raise LookupError("the database is away")

    monkeypatch.setattr(hub_module, "in_scope", no_database)
    hub = lone_hub
    link = AgentLink(uuid.uuid4(), uuid.uuid4(), takes, closes)
    hub._links = {link.agent: link}
    await hub._heard(channel_of(link.agent).encode(), b"command")
    assert hub._links == {link.agent: link}


async def test_a_view_somebody_is_joining_is_not_ended(
    lone_hub: Hub,
) -> None:
    """Its viewer would go on watching where rights are never looked at again."""
    hub = lone_hub
    view = a_view(hub, a_ticket())
    view.joining = 1
    for after_s in (0.0, LINGER_S + 1):
        await hub._tend_view(view, after_s)
    assert view.key in hub._views
    view.joining = 0
    for after_s in (100.0, 100.0 + LINGER_S + 1):
        await hub._tend_view(view, after_s)
    assert view.key not in hub._views


async def test_nobody_watches_while_rights_cannot_be_looked_at(
    lone_hub: Hub,
) -> None:
    hub = lone_hub
    ticket = a_ticket()
    view, viewer = a_view(hub, ticket), Viewer(ticket)
    view.viewers.add(viewer)
    hub._checked_at[ticket.tenant] = 1000.0
    hub._drop_unchecked(1000.0 + CHECK_FAILED_S)
    assert not viewer.ended
    hub._drop_unchecked(1000.0 + CHECK_FAILED_S + 0.1)
    assert viewer.ended
    assert not view.viewers


def test_what_is_never_dropped_does_not_grow_without_end_either() -> None:
    viewer = Viewer(a_ticket())
    for _ in range(2 * (QUEUE_BYTES_MOST + KEPT_BYTES_MOST) // 4096):
        viewer.offer(bytes(4096), fragment=False, opens=False)
    assert viewer.ended
    assert viewer.queued_bytes < 4096
