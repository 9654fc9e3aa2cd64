"""Signing in and out, as a browser does it."""

import re

import pytest
from django.test import Client

from tenants.scope import tenant_scope
from tests import cast as people
from tests.cast import later
from vsaas.accounts import crowd, throttle
from vsaas.accounts.models import Account, RecoverySet, Session, TotpDevice
from vsaas.accounts.sessions import SessionStore
from vsaas.accounts.tasks import remove_ended
from vsaas.audit.models import AuditInbox
from vsaas.common import clock


def post(client: Client, slug: str, email: str, password: str = people.PASSWORD, **extra):
    return client.post(f"/t/{slug}/sign-in", {"email": email, "password": password} | extra)


def acts_of(tenant) -> list[str]:
    with tenant_scope(tenant.id):
        return list(AuditInbox.objects.order_by("id").values_list("act", flat=True))


def codes_in(reply) -> list[str]:
    return re.findall(r"<li>((?:[A-Z2-7]{4}-){5}[A-Z2-7]{4})</li>", reply.content.decode())


def test_password_and_code_open_a_session_in_this_tenant_only(cast, client_for, anonymous):
    client = client_for(cast.alice)
    assert [name for name in client.cookies if name.startswith("vsaas_s_")] == [
        f"vsaas_s_{cast.tenant_a.slug}"
    ]
    cookie = client.cookies[f"vsaas_s_{cast.tenant_a.slug}"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    with tenant_scope(cast.tenant_a.id):
        session = Session.objects.get()
        assert session.account_id == cast.alice.id
        assert cookie.value not in (session.key_hash, session.data)
    assert "session.signed-in" in acts_of(cast.tenant_a)


def test_a_session_that_owes_the_second_factor_has_no_rights(cast):
    client = Client(headers={"accept": "text/html"})
    slug = cast.tenant_a.slug
    assert post(client, slug, cast.alice.email).status_code == 302
    reply = client.get(f"/t/{slug}/recovery-codes")
    assert reply.status_code == 302
    assert reply["Location"].startswith(f"/t/{slug}/sign-in?next=")


def test_the_key_of_the_session_changes_at_each_step(cast):
    client = Client()
    slug = cast.tenant_a.slug
    name = f"vsaas_s_{slug}"
    post(client, slug, cast.alice.email)
    first = client.cookies[name].value
    client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    second = client.cookies[name].value
    assert first != second
    with tenant_scope(cast.tenant_a.id):
        assert Session.objects.count() == 1


def test_a_session_that_ends_while_a_request_of_it_runs_ends_quietly(cast, monkeypatch):
    """Signed out in another tab, just as the code of the second factor arrives."""
    client = Client()
    slug = cast.tenant_a.slug
    post(client, slug, cast.alice.email)
    save = SessionStore.save

    def ended_first(store, must_create=False):
        Session.objects.all().delete()
        return save(store, must_create)

    monkeypatch.setattr(SessionStore, "save", ended_first)
    reply = client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    assert reply.status_code == 302
    monkeypatch.undo()
    assert client.cookies[f"vsaas_s_{slug}"].value == ""
    assert client.get(f"/t/{slug}/", headers={"accept": "text/html"})["Location"].startswith(
        f"/t/{slug}/sign-in"
    )


def test_codes_nobody_confirmed_still_let_in_and_using_one_confirms_them(cast, pages):
    """The person wrote them down, closed the page, and lost the phone."""
    slug = cast.tenant_a.slug
    client = Client(headers={"accept": "text/html"})
    post(client, slug, cast.alice.email)
    client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    codes = codes_in(client.get(f"/t/{slug}/recovery-codes"))
    assert len(codes) == 10
    for code in codes[:2]:
        other = Client(headers={"accept": "text/html"})
        post(other, slug, cast.alice.email)
        assert other.post(f"/t/{slug}/sign-in/factor", {"code": code})["Location"] == f"/t/{slug}/"
        assert other.get(f"/t/{slug}/").status_code == 200


@pytest.mark.parametrize("who", ["known", "unknown", "of another tenant"])
def test_a_wrong_sign_in_gets_one_answer_whoever_it_names(cast, who, pages):
    email = {
        "known": cast.alice.email,
        "unknown": "nobody@example.org",
        "of another tenant": cast.charlie.email,
    }[who]
    password = people.PASSWORD if who == "of another tenant" else "wrong wrong wrong"
    reply = post(Client(), cast.tenant_a.slug, email, password)
    assert reply.status_code == 401
    text = reply.content.decode()
    assert "do not belong together here" in text
    assert email in text  # what was typed is kept
    assert password not in text


def test_refused_sign_ins_are_audited_though_nothing_was_signed_in(cast, pages):
    post(Client(), cast.tenant_a.slug, cast.alice.email, "wrong wrong wrong")
    assert acts_of(cast.tenant_a) == ["session.password-refused"]


@pytest.fixture
def stopped_clock():
    with clock.stopped():
        yield


@pytest.mark.usefixtures("stopped_clock")
def test_guessing_is_slowed_down_per_account_and_network_with_retry_after(cast, pages):
    slug = cast.tenant_a.slug
    for _ in range(5):
        assert post(Client(), slug, cast.alice.email, "wrong wrong wrong").status_code == 401
    reply = post(Client(), slug, cast.alice.email)  # the right one, too soon
    assert reply.status_code == 429
    assert int(reply["Retry-After"]) >= 1
    assert post(Client(REMOTE_ADDR="192.0.2.7"), slug, cast.alice.email).status_code == 302
    assert post(Client(), slug, cast.olga.email).status_code == 302
    with later(seconds=20):
        assert post(Client(), slug, cast.alice.email).status_code == 302


@pytest.mark.usefixtures("stopped_clock")
def test_one_password_cannot_be_tried_on_every_account_of_a_tenant(cast, pages):
    client = Client(REMOTE_ADDR="192.0.2.99")
    for _ in range(throttle.NETWORK.free - 2):  # hashing forty passwords would take its time
        throttle.NETWORK.attempt(str(cast.tenant_a.id), "192.0.2.99")
    tried = []
    for number in range(3):
        reply = post(client, cast.tenant_a.slug, f"guess{number}@example.org", "Winter2026!")
        tried.append(reply.status_code)
        if number == 0:  # signing in oneself in between does not start the count anew
            assert post(client, cast.tenant_a.slug, cast.olga.email).status_code == 302
    assert tried == [401, 401, 429]


@pytest.mark.usefixtures("stopped_clock")
def test_unknown_accounts_are_slowed_down_alike(cast, pages):
    codes = [post(Client(), cast.tenant_a.slug, "nobody@example.org").status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_a_crowd_of_guesses_is_checked_in_turn_and_keeps_nobody_waiting_who_is_known(
    cast, pages, monkeypatch
):
    slug = cast.tenant_a.slug
    known = people.sign_in(cast.alice)
    known.post(f"/t/{slug}/sign-out")
    monkeypatch.setattr(crowd, "WAITS_S", 0.01)
    with crowd.in_turn(known=False):  # somebody else's password is being checked
        for email in (cast.olga.email, "nobody@example.org"):
            for number in range(throttle.PASSWORD.free + 2):  # what was not tried is not counted
                reply = post(Client(REMOTE_ADDR="192.0.2.88"), slug, email)
                assert (reply.status_code, reply["Retry-After"]) == (429, "10"), number
        assert post(known, slug, cast.alice.email).status_code == 302
    assert post(Client(REMOTE_ADDR="192.0.2.88"), slug, cast.olga.email).status_code == 302


def test_a_code_is_taken_once(cast, pages):
    slug = cast.tenant_a.slug
    code = people.code_of(cast.alice)
    for expected in (302, 401):
        client = Client()
        post(client, slug, cast.alice.email)
        assert client.post(f"/t/{slug}/sign-in/factor", {"code": code}).status_code == expected


@pytest.mark.usefixtures("stopped_clock")
def test_wrong_codes_are_slowed_down(cast, pages):
    slug = cast.tenant_a.slug
    client = Client()
    post(client, slug, cast.alice.email)
    first = client.post(f"/t/{slug}/sign-in/factor", {"code": "000000"})
    second = client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    assert (first.status_code, second.status_code) == (401, 429)
    assert int(second["Retry-After"]) >= 1
    with later(seconds=2):
        third = client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    assert third.status_code == 302


@pytest.mark.parametrize(
    "code", ["", "12345", "１２３４５６", "99999999999999999999", "abcdef", "-12345", "1e5"]
)
def test_odd_codes_are_refused_without_a_fault(cast, pages, code):
    client = Client()
    post(client, cast.tenant_a.slug, cast.alice.email)
    reply = client.post(f"/t/{cast.tenant_a.slug}/sign-in/factor", {"code": code})
    assert reply.status_code in (401, 422)


def test_the_second_factor_must_follow_the_password_within_ten_minutes(cast):
    client = Client()
    slug = cast.tenant_a.slug
    post(client, slug, cast.alice.email)
    with later(minutes=11):
        reply = client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    assert (reply.status_code, reply["Location"]) == (302, f"/t/{slug}/sign-in")


def test_recovery_codes_are_shown_until_kept_and_work_once(cast, client_for, pages):
    slug = cast.tenant_a.slug
    client = client_for(cast.alice)
    page = f"/t/{slug}/recovery-codes"
    codes = codes_in(client.get(page))
    assert len(set(codes)) == 10
    assert codes_in(client.get(page)) == codes
    client.post(page)
    assert client.get(page).status_code == 302
    with tenant_scope(cast.tenant_a.id):
        assert RecoverySet.objects.get().saved_at is not None
    for expected in (302, 401):
        other = Client()
        post(other, slug, cast.alice.email)
        reply = other.post(f"/t/{slug}/sign-in/factor", {"code": codes[0].lower().replace("-", " ")})
        assert reply.status_code == expected


def test_an_idle_session_ends(cast, client_for):
    client = client_for(cast.alice)
    with later(hours=9):
        reply = client.get(f"/t/{cast.tenant_a.slug}/recovery-codes")
    assert reply["Location"].startswith(f"/t/{cast.tenant_a.slug}/sign-in")


def test_a_session_in_use_lives_on_but_never_above_seven_days(cast, client_for, pages):
    client = client_for(cast.alice)
    page = f"/t/{cast.tenant_a.slug}/recovery-codes"
    for hours in range(7, 7 * 24, 7):
        with later(hours=hours):
            assert client.get(page).status_code == 200
    with later(hours=7 * 24 + 1):
        assert client.get(page).status_code == 302


def test_signing_out_ends_the_session_on_the_server(cast, client_for):
    client = client_for(cast.alice)
    slug = cast.tenant_a.slug
    stolen = Client(headers={"accept": "text/html"})
    stolen.cookies[f"vsaas_s_{slug}"] = client.cookies[f"vsaas_s_{slug}"].value
    assert client.post(f"/t/{slug}/sign-out").status_code == 302
    assert stolen.get(f"/t/{slug}/recovery-codes")["Location"].startswith(f"/t/{slug}/sign-in")
    with tenant_scope(cast.tenant_a.id):
        assert not Session.objects.exists()
    assert client.get(f"/t/{slug}/sign-out").status_code == 405


def test_one_browser_is_signed_in_to_two_tenants_side_by_side(cast, client_for, pages):
    client = client_for(cast.alice)
    other = client_for(cast.charlie)
    client.cookies.update(other.cookies)
    for tenant in (cast.tenant_a, cast.tenant_b):
        assert client.get(f"/t/{tenant.slug}/recovery-codes").status_code == 200


def test_a_session_key_of_one_tenant_opens_nothing_in_another(cast, client_for):
    client = client_for(cast.alice)
    moved = Client(headers={"accept": "text/html"})
    moved.cookies[f"vsaas_s_{cast.tenant_b.slug}"] = client.cookies[f"vsaas_s_{cast.tenant_a.slug}"].value
    reply = moved.get(f"/t/{cast.tenant_b.slug}/recovery-codes")
    assert reply["Location"].startswith(f"/t/{cast.tenant_b.slug}/sign-in")


def test_a_deactivated_account_is_out_at_once_and_cannot_come_back(cast, client_for, pages):
    client = client_for(cast.alice)
    slug = cast.tenant_a.slug
    with tenant_scope(cast.tenant_a.id):
        Account.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert client.get(f"/t/{slug}/recovery-codes").status_code == 302
    assert post(Client(), slug, cast.alice.email).status_code == 401


def test_a_changed_password_ends_other_sessions(cast, client_for):
    client = client_for(cast.alice)
    with tenant_scope(cast.tenant_a.id):
        cast.alice.set_password("another long password 42 x")
        cast.alice.save()
    assert client.get(f"/t/{cast.tenant_a.slug}/recovery-codes").status_code == 302


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/t/other/", "javascript:alert(1)", ""]
)
def test_after_sign_in_nobody_is_sent_elsewhere(cast, target):
    client = Client()
    slug = cast.tenant_a.slug
    post(client, slug, cast.alice.email, next=target)
    with tenant_scope(cast.tenant_a.id):
        RecoverySet.objects.create(user=cast.alice, name="x", saved_at=cast.alice.created_at)
    reply = client.post(f"/t/{slug}/sign-in/factor", {"code": people.code_of(cast.alice)})
    assert reply["Location"] == f"/t/{slug}/"


def test_forms_without_their_csrf_token_are_refused(cast):
    client = Client(enforce_csrf_checks=True)
    assert post(client, cast.tenant_a.slug, cast.alice.email).status_code == 403


def test_a_person_is_never_locked_out_of_the_second_factor_for_more_than_15_minutes(cast):
    with tenant_scope(cast.tenant_a.id):
        device = TotpDevice.objects.get(user=cast.alice)
        device.throttling_failure_count = 1000
        device.throttle_increment()
        assert device.verify_is_allowed()[0] is False
        with later(minutes=15, seconds=1):
            assert device.verify_is_allowed()[0] is True


def test_the_totp_secret_is_sealed_at_rest(cast):
    with tenant_scope(cast.tenant_a.id):
        device = TotpDevice.objects.get(user=cast.alice)
        assert device.secret not in bytes(device.secret_sealed)


def test_ended_sessions_are_removed_and_living_ones_stay(cast, client_for):
    client_for(cast.alice)
    with later(hours=3):
        client_for(cast.bob)
    with later(hours=9):
        remove_ended()
    with tenant_scope(cast.tenant_a.id):
        assert [session.account_id for session in Session.objects.all()] == [cast.bob.id]
