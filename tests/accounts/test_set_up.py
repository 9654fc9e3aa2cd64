"""The set-up link: three steps, each loadable again, used up by the second factor and by nothing else."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP

from tenants.models import Membership, Tenant
from tenants.scope import tenant_scope
from tests.cast import PASSWORD, later, make_tenant
from vsaas.accounts.models import Account, RecoverySet, SetupLink, TotpDevice
from vsaas.accounts.setup import issue_link
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

PERSON = {"name": "Ada Owner", "email": "Ada@Example.org", "password": PASSWORD}


@pytest.fixture
def tenant(database) -> Tenant:
    return make_tenant("s")


@pytest.fixture
def link(tenant) -> str:
    with tenant_scope(tenant.id):
        return issue_link().removeprefix("http://127.0.0.1:8400")


@pytest.fixture
def browser() -> Client:
    return Client(headers={"accept": "text/html"})


def code_on(page: str) -> str:
    """The code an authenticator app shows that was given the secret on the page."""
    import base64

    secret = re.search(r"data-totp-secret>([A-Z2-7 ]+)<", page).group(1).replace(" ", "")
    totp = TOTP(base64.b32decode(secret))
    totp.time = clock.now().timestamp()
    return f"{totp.token():06d}"


def test_the_whole_sequence_makes_a_signed_in_owner(tenant, link, browser, pages):
    assert "Welcome to" in browser.get(link).content.decode()
    assert browser.post(link, PERSON)["Location"] == link
    page = browser.get(link).content.decode()
    assert 'src="data:image/svg+xml' in page
    reply = browser.post(link, {"code": code_on(page)})
    assert reply["Location"] == f"/t/{tenant.slug}/recovery-codes"
    assert len(re.findall(r"<li>[A-Z2-7-]{29}</li>", browser.get(reply["Location"]).content.decode())) == 10
    assert browser.post(reply["Location"])["Location"] == f"/t/{tenant.slug}/"
    with tenant_scope(tenant.id):
        account = Account.objects.get()
        assert (account.email, account.is_active) == ("ada@example.org", True)
        assert Membership.objects.get().role == "owner"
        assert TotpDevice.objects.get().confirmed
        assert RecoverySet.objects.get().saved_at is not None
        acts = list(AuditInbox.objects.order_by("id").values_list("act", flat=True))
        assert acts == ["setup.link-issued", "setup.owner", "recovery.made", "recovery.saved"]


def test_a_slip_loses_nothing(tenant, link, browser, pages):
    reply = browser.post(link, PERSON | {"password": "short"})
    assert reply.status_code == 422
    text = reply.content.decode()
    assert "Ada Owner" in text
    assert "12 characters" in text
    assert 'aria-invalid="true"' in text
    browser.post(link, PERSON)
    secret = code_on(browser.get(link).content.decode())
    assert browser.post(link, {"code": "000000"}).status_code == 422
    another_phone = Client(headers={"accept": "text/html"})
    assert code_on(another_phone.get(link).content.decode()) == secret
    back = browser.get(f"{link}?person").content.decode()
    assert "ada@example.org" in back
    browser.post(f"{link}?person", {"name": "Ada", "email": "ada@work.example", "password": ""})
    with tenant_scope(tenant.id):
        account = Account.objects.get()
        assert (account.email, account.check_password(PASSWORD)) == ("ada@work.example", True)


def test_nobody_signs_in_with_an_account_whose_second_factor_is_not_confirmed(tenant, link, browser, pages):
    browser.post(link, PERSON)
    reply = browser.post(f"/t/{tenant.slug}/sign-in", {"email": PERSON["email"], "password": PASSWORD})
    assert reply.status_code == 401


def test_a_used_link_opens_nothing_for_anybody_else(tenant, link, browser, pages):
    browser.post(link, PERSON)
    browser.post(link, {"code": code_on(browser.get(link).content.decode())})
    reply = Client(headers={"accept": "text/html"}).get(link)
    assert reply.status_code == 410
    assert "was used" in reply.content.decode()
    assert browser.get(link)["Location"] == f"/t/{tenant.slug}/"


def test_a_link_lives_24_hours(link, browser, pages):
    with later(hours=23):
        assert browser.get(link).status_code == 200
    with later(hours=25):
        assert browser.get(link).status_code == 410


def test_a_new_link_replaces_the_one_before(tenant, link, browser, pages):
    with tenant_scope(tenant.id):
        issue_link()
    assert browser.get(link).status_code == 410


def test_an_unknown_link_is_not_found_and_guessing_is_slowed_down(browser, pages, database):
    client = Client(headers={"accept": "text/html"}, REMOTE_ADDR="198.51.100.77")
    statuses = [client.get("/setup/" + "x" * 43).status_code for _ in range(21)]
    assert statuses[:20] == [404] * 20
    assert statuses[20] == 429


def test_links_are_stored_as_hashes(tenant, link):
    token = link.rsplit("/", 1)[1]
    with tenant_scope(tenant.id):
        stored = bytes(SetupLink.objects.get().token_hash)
    assert token.encode() not in stored
    assert len(stored) == 32


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "12 characters"),
        ("passwordpassword", "easy to guess"),
        ("Ada Owner Ada Owner", "easy to guess"),
        ("x" * 129, "128"),
    ],
)
def test_weak_passwords_are_refused_in_plain_words(link, browser, pages, password, says):
    reply = browser.post(link, PERSON | {"password": password})
    assert reply.status_code == 422
    assert says in reply.content.decode()


def test_the_command_prints_links_until_there_is_an_owner(tenant, browser, pages, capsys):
    call_command("setup_link", "--tenant", tenant.slug)
    link = capsys.readouterr().out.strip().removeprefix("http://127.0.0.1:8400")
    browser.post(link, PERSON)
    browser.post(link, {"code": code_on(browser.get(link).content.decode())})
    with pytest.raises(CommandError, match="has an owner already"):
        call_command("setup_link", "--tenant", tenant.slug)


def test_tenant_create_makes_a_tenant_with_a_site_once(database, capsys):
    slug = f"made-{make_tenant().id.hex[-8:]}"
    call_command("tenant_create", "--slug", slug, "--name", "Made", "--timezone", "Europe/Berlin")
    tenant_id = capsys.readouterr().out.strip()
    with tenant_scope(tenant_id):
        assert Tenant.objects.get().slug == slug
    with pytest.raises(CommandError, match="already"):
        call_command("tenant_create", "--slug", slug, "--name", "Again")
    with pytest.raises(CommandError, match="--timezone"):
        call_command("tenant_create", "--slug", f"{slug}x", "--name", "X", "--timezone", "Mars/Olympus")
