"""Everybody tries every way in, on one set-up. See `table.py` for how to add a row."""

from __future__ import annotations

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from django.test import Client

from tenants import checks
from tenants.declare import FRESH_S, AgentOnly, Platform, Public, Requires
from tenants.errors import NotFound
from tenants.middleware import TENANT_HEADER
from tenants.models import Tenant
from tenants.permissions import ACCOUNT_SELF
from tenants.scope import in_tenant_scope, tenant_scope
from tests.boxes import Box
from tests.cast import later, make_fresh
from tests.isolation.headers import assert_baseline
from tests.isolation.refusals import (
    OUTSIDE_HOURS,
    PAGE,
    STALE,
    at_the_door,
    document,
    is_api,
    permission_of,
    without_right,
)
from tests.isolation.stage import Stage, assert_holds_nothing_of_a, make_stage
from tests.isolation.table import API, CONSUMERS, TASKS, URLS, Consumer, Task, Url
from tests.rules import set_hours
from vsaas.approvals.acts import ROUTE_REFUSED
from vsaas.audit.acts import REFUSED
from vsaas.audit.models import AuditInbox
from vsaas.common.redis import client as redis_client

SESSION_ROWS = [row for row in URLS if isinstance(row.declares, Requires)]
AGENT_ROWS = [row for row in URLS if isinstance(row.declares, AgentOnly)]
PUBLIC_ROWS = [row for row in URLS if isinstance(row.declares, Public)]


def by_id(row: Url | Consumer | Task) -> str:
    return row.id


@pytest.fixture(scope="module")
def shared(database: None, object_store_server: None, pages: None) -> Stage:
    return make_stage().whole()


@pytest.fixture
def stage(request: pytest.FixtureRequest, shared: Stage) -> Stage:
    """Where whoever may do it does it."""
    row = request.node.callspec.params["row"]
    return make_stage() if getattr(row, "fresh", False) else shared


@pytest.fixture
def strangers(request: pytest.FixtureRequest, shared: Stage, stage: Stage) -> Stage:
    """Where others try: a request that names one of A's things is refused to all of them, and changes nothing."""
    return shared if request.node.callspec.params["row"].names_object else stage.whole()


def ask(stage: Stage, client: Client, row: Url, slug: str) -> HttpResponse:
    """The row's request, at the door of the tenant `slug`."""
    path = row.path(stage).replace(f"/t/{stage.slug}/", f"/t/{slug}/", 1)
    api = row.route.startswith(API)
    if isinstance(row.declares, Requires) and row.declares.wants_fresh(row.method):
        make_fresh(client, slug)
    return send(client, row, path, slug, api=api, body=row.payload(stage))


def send(
    client: Client, row: Url, path: str, slug: str, *, api: bool, body: tuple[bytes, str]
) -> HttpResponse:
    headers = {TENANT_HEADER: slug, "accept": "application/json"} if api else {"accept": "text/html"}
    reply = client.generic(row.method, path, body[0], content_type=body[1], headers=headers)
    assert_baseline(reply, signed_in=isinstance(row.declares, Requires))
    return reply


def alice_while_stale(row: Url, stage: Stage) -> None:
    """Her factor was given too long ago, and everything else is as it is when she succeeds."""
    with later(seconds=FRESH_S + 1):
        path = row.path(stage)
        reply = send(stage.alice, row, path, stage.slug, api=is_api(row), body=row.payload(stage))
    assert reply.status_code == STALE, ("stale", reply.status_code, reply.content[:300])
    assert_in_the_log(stage.cast.tenant_a, "Alice", reply, reason="stale-factor")


def signed(box: Box, row: Url, stage: Stage) -> HttpResponse:
    """The row's request, as a box sends it."""
    body, content_type = row.payload(stage)
    reply = box.send(row.method, row.path(stage), body or None, content_type=content_type)
    assert_baseline(reply, signed_in=True)
    return reply


def refused_at_the_door(row: Url, reply: HttpResponse) -> bool:
    """Whoever is not signed in is told so, by programs' and by people's means."""
    return reply.status_code == at_the_door(row) and (is_api(row) or "/sign-in" in reply["Location"])


def assert_in_the_log(
    tenant: Tenant, name: str, reply: HttpResponse, *, act: str = REFUSED.name, reason: str = ""
) -> None:
    """The newest refusal of this person in the tenant's log is of the request that got this reply."""
    with tenant_scope(tenant.id):
        entry = AuditInbox.objects.filter(act=act, actor_name=name, outcome="refused").order_by("-id").first()
    assert entry is not None, f"no refusal of {name} was written down"
    asked = (reply.request["REQUEST_METHOD"], reply.request["PATH_INFO"])
    assert (entry.details["method"], entry.details["path"]) == asked
    assert not reason or entry.details["reason"] == reason


@pytest.mark.parametrize("row", SESSION_ROWS, ids=by_id)
def test_only_the_right_person_gets_in(row: Url, strangers: Stage, stage: Stage) -> None:
    nobody_at_the_door(row, strangers)
    wandas_wish_is_in_the_log(row, strangers)
    charlie_at_home(row, strangers)
    bob(row, strangers)
    hugo(row, strangers)
    assert isinstance(row.declares, Requires)
    if row.declares.wants_fresh(row.method):
        make_fresh(stage.alice, stage.slug)
        alice_while_stale(row, stage)
    reply = ask(stage, stage.alice, row, stage.slug)
    assert reply.status_code in row.succeeds, ("Alice", reply.status_code, reply.content[:600])


def nobody_at_the_door(row: Url, stage: Stage) -> None:
    """Whoever is not one of A's people, or not yet."""
    outside = {
        "nobody": Client(),
        "half": stage.half_signed_in,
        "waiting": stage.wanda.browser,
        "Charlie": stage.charlie,
        "Rita": stage.rita,
    }
    for name, client in outside.items():
        reply = ask(stage, client, row, stage.slug)
        assert refused_at_the_door(row, reply), (name, reply.status_code, reply.content[:300])
        assert_holds_nothing_of_a(stage, reply, row.path(stage))
    reply = signed(stage.box_b, row, stage)
    assert reply.status_code in (302, 401, 404), ("B's agent", reply.status_code)
    assert_holds_nothing_of_a(stage, reply, row.path(stage))


def charlie_at_home(row: Url, stage: Stage) -> None:
    """Charlie has every right in B, and A's ids: nothing of A exists there."""
    reply = ask(stage, stage.charlie, row, stage.slug_b)
    if row.names_object:
        assert reply.status_code in row.not_found, ("Charlie at home", reply.status_code, reply.content[:300])
    else:
        assert reply.status_code in row.succeeds, ("Charlie at home", reply.status_code, reply.content[:300])
    if reply.status_code in (403, 404):
        assert_in_the_log(stage.cast.tenant_b, "Charlie", reply)
    assert_holds_nothing_of_a(stage, reply, row.path(stage))


def wandas_wish_is_in_the_log(row: Url, stage: Stage) -> None:
    """Once a minute: the minute is over."""
    redis = redis_client()
    for key in redis.scan_iter("vsaas.approvals.noted.*", count=10_000):
        redis.delete(key)
    reply = ask(stage, stage.wanda.browser, row, stage.slug)
    assert_in_the_log(stage.cast.tenant_a, "Wanda", reply, act=ROUTE_REFUSED.name)


def hugo(row: Url, stage: Stage) -> None:
    """Hugo may do everything, at another time."""
    reply = ask(stage, stage.hugo.browser, row, stage.slug)
    assert reply.status_code == OUTSIDE_HOURS, ("Hugo", reply.status_code, reply.content[:300])
    assert_in_the_log(stage.cast.tenant_a, "Hugo", reply, reason="outside-hours")
    assert_holds_nothing_of_a(stage, reply, row.path(stage))


def bob(row: Url, stage: Stage) -> None:
    """Bob views the Gate: 403 without the permission, 404 for the Yard's objects, else nothing of the Yard."""
    reply = ask(stage, stage.bob, row, stage.slug)
    expected = without_right(row) or row.succeeds
    assert reply.status_code in expected, ("Bob", reply.status_code, reply.content[:300])
    if reply.status_code in (403, 404):
        assert_in_the_log(stage.cast.tenant_a, "Bob", reply)
    assert_holds_nothing_of_a(stage, reply, row.path(stage))


@pytest.mark.parametrize("row", AGENT_ROWS, ids=by_id)
def test_only_agents_get_in_where_agents_do(row: Url, stage: Stage) -> None:
    for client in (Client(), stage.alice, stage.charlie):
        reply = ask(stage, client, row, stage.slug)
        assert reply.status_code == 401, (reply.status_code, reply.content[:300])
        assert_holds_nothing_of_a(stage, reply)
    assert_holds_nothing_of_a(stage, signed(stage.box_b, row, stage))
    ours = signed(stage.box_a, row, stage)
    assert ours.status_code in row.succeeds, (ours.status_code, ours.content[:300])


@pytest.mark.parametrize("row", PUBLIC_ROWS, ids=by_id)
def test_what_is_open_to_all_shows_nothing_of_anybody(row: Url, stage: Stage) -> None:
    reply = ask(stage, Client(), row, stage.slug)
    assert reply.status_code in row.succeeds, (reply.status_code, reply.content[:300])
    assert_holds_nothing_of_a(stage, reply)


@pytest.mark.parametrize("row", CONSUMERS, ids=by_id)
async def test_sockets_admit_whom_they_should_and_nobody_else(
    row: Consumer, stage: Stage, hub_address: str
) -> None:
    everybody = ("anonymous", "charlie", "agent_b", "bob", "waiting", "hugo", "agent_a", "alice")
    admitted = {name for name in everybody if await row.connect(stage, name)}
    assert admitted == row.admits


@pytest.mark.parametrize("row", TASKS, ids=by_id)
def test_tasks_stay_in_their_tenant(row: Task, stage: Stage) -> None:
    task = next(entry.target for entry in checks.tasks() if entry.name == row.name)
    if isinstance(row.declares, Requires):
        with pytest.raises((NotFound, ObjectDoesNotExist)):
            task(str(stage.cast.tenant_b.id), *row.arguments(stage))
        task(str(stage.cast.tenant_a.id), *row.arguments(stage))
    else:
        task(*row.arguments(stage))
    assert not in_tenant_scope()


def test_every_way_in_has_a_row_and_every_row_a_way_in() -> None:
    rows = {("url", row.route) for row in URLS}
    rows |= {("consumer", row.route) for row in CONSUMERS} | {("task", row.name) for row in TASKS}
    ways = {(entry.kind, entry.route) for entry in checks.entries()}
    assert not ways - rows, f"add rows to tests/isolation/table.py for: {sorted(ways - rows)}"
    assert not rows - ways, f"these rows of tests/isolation/table.py lead nowhere: {sorted(rows - ways)}"


def test_every_method_of_an_api_view_has_a_row() -> None:
    rows = {(row.route, row.method) for row in URLS}
    ways = {
        (entry.route, method.upper())
        for entry in checks.urls()
        if (view := getattr(entry.target, "view_class", None) or getattr(entry.target, "cls", None))
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view, method)
    }
    assert not ways - rows, f"add rows to tests/isolation/table.py for: {sorted(ways - rows)}"


def test_rows_say_what_the_code_declares() -> None:
    declared = {(entry.kind, entry.route): entry.declaration for entry in checks.entries()}
    for kind, rows in (("url", URLS), ("consumer", CONSUMERS)):
        for row in rows:
            found = declared[kind, row.route]
            assert type(found) is type(row.declares), row.id
            if isinstance(row.declares, Requires):
                assert found == row.declares, row.id
    for task in TASKS:
        found = declared["task", task.name]
        assert found == task.declares if isinstance(task.declares, Requires) else isinstance(found, Platform)


ASKED = ("test", "search", "look", "setting", "import", "batch")


def test_when_the_hours_have_come_the_same_session_succeeds(shared: Stage) -> None:
    """With what only reads: everything else was shown by Alice, who has no hours."""
    set_hours(shared.cast.tenant_a, "by-hours")
    wrong = []
    try:
        for row in SESSION_ROWS:
            if row.method != "GET" or row.fresh:
                continue
            reply = ask(shared, shared.hugo.browser, row, shared.slug)
            # What is Alice's alone is not there for Hugo either, what she asked her agents among it.
            alone = row.reach == "account" or permission_of(row) == ACCOUNT_SELF
            alone = alone or any(f"<uuid:{asked}_id>" in row.route for asked in ASKED)
            if reply.status_code not in ((*row.succeeds, *row.not_found) if alone else row.succeeds):
                wrong.append((row.id, reply.status_code))
    finally:
        set_hours(shared.cast.tenant_a, "by-hours", sign_in=[])
    assert wrong == []


def test_the_page_of_refusals_says_what_the_table_does() -> None:
    assert PAGE.read_text() == document(), "write it anew: python -m tests.isolation"
