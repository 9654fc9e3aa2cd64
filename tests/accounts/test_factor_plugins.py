"""Codes to telephone numbers: the plug-in of docs/factors.md, word for word, against a gateway; and plug-ins that are wrong."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from tenants.scope import tenant_scope
from tests.accounts.test_email_codes import give, page_of, rule, wrong
from tests.accounts.test_passkeys import acts_of, at, code_of, password_given, sign_in
from tests.api_calls import call, problem
from tests.cast import PASSWORD, Cast, later
from vsaas.accounts import factor_plugins, tasks
from vsaas.accounts.models import Account, SentFactor

pytestmark = pytest.mark.usefixtures("pages")
NUMBER = "+4930123456"


class Gateway(ThreadingHTTPServer):
    """An SMS gateway on this machine: what it took, and what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken: list[dict[str, str]] = []
        self.answer = 202

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/messages"


class Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = self.headers["Authorization"] == "Bearer only for this gateway"
        answer = self.server.answer if right else 401
        if answer == 202:
            self.server.taken.append(body)
        self.send_response(answer)
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        """Nothing: what came stands in `taken`."""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example of the documentation as a module, `sms_gateway`, and none of the installation's plug-ins after the test."""
    page = (settings.BASE_DIR / "docs" / "factors.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    name = f"sms_gateway_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(example)
    (tmp_path / "token").write_text("only for this gateway\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / f"{name}.py"
    factor_plugins.load([])


@pytest.fixture
def gateway(module: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("SMS_GATEWAY_URL", server.url)
    monkeypatch.setenv("SMS_GATEWAY_TOKEN_FILE", str(module.parent / "token"))
    factor_plugins.load([f"{module.stem}.HttpSms"])
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def work(account: Account) -> None:
    """What the worker does with the code an account asked for, twice: the queue may deliver again."""
    with tenant_scope(account.tenant_id):
        row = SentFactor.objects.get(user=account)
    for _time in range(2):
        tasks.send_code(str(account.tenant_id), str(row.pk), row.asked_in, "en")


def code_at(gateway: Gateway, account: Account) -> str:
    """The newest code that was sent to an account's number."""
    work(account)
    found = re.match(r"(\d{6}) is your code for ", gateway.taken[-1]["text"])
    assert found is not None
    return found[1]


def begin(client: Client, account: Account, number: str = "030 123456") -> Any:
    """Password and code, then the number."""
    path = at(account, "account/numbers/sms")
    reply = client.post(path, {"password": PASSWORD, "code": code_of(account)})
    assert (reply.status_code, reply["Location"]) == (302, path), page_of(reply)
    return client.post(path, {"number": number})


def add(client: Client, account: Account, gateway: Gateway) -> None:
    path = at(account, "account/numbers/sms")
    assert begin(client, account, "+49 (30) 123-456").status_code == 302
    reply = client.post(path, {"code": code_at(gateway, account)})
    assert (reply.status_code, reply["Location"]) == (302, at(account, "account")), page_of(reply)


def ask(door: Client, account: Account) -> Any:
    return door.post(at(account, "sign-in/factor"), {"code": "", "send-code": "sms"})


@pytest.fixture
def alice(cast: Cast, gateway: Gateway) -> Client:
    """Alice, signed in where text messages are accepted."""
    client = sign_in(cast.alice)
    assert rule(client, cast, kinds=["app", "sms"]).status_code == 200
    return client


def test_without_a_plug_in_nothing_of_it_shows(cast: Cast) -> None:
    alice = sign_in(cast.alice)
    assert rule(alice, cast, kinds=["app", "sms"]).status_code == 422
    assert alice.get(at(cast.alice, "account/numbers/sms")).status_code == 404
    assert "Text message" not in page_of(alice.get(at(cast.alice, "organisation/sign-in")))


def test_a_number_counts_once_its_code_came_back_and_then_signs_in(
    cast: Cast, alice: Client, gateway: Gateway
) -> None:
    assert "Text message" in page_of(alice.get(at(cast.alice, "organisation/sign-in")))
    olga, elsewhere = sign_in(cast.olga), sign_in(cast.olga)
    path = at(cast.olga, "account/numbers/sms")
    assert begin(olga, cast.olga).status_code == 422, "no code of a country"
    assert olga.post(path, {"number": "+49 (30) 123-456"}).status_code == 302
    code = code_at(gateway, cast.olga)
    assert [one["to"] for one in gateway.taken] == [NUMBER], "sent once, however often the queue delivers"
    with tenant_scope(cast.tenant_a.id):
        row = SentFactor.objects.get()
    assert NUMBER.encode() not in bytes(row.number_sealed)
    assert ask(password_given(cast.olga), cast.olga).status_code == 422, "not confirmed yet"
    assert elsewhere.post(path, {"password": PASSWORD, "code": code}).status_code == 422
    assert olga.post(path, {"code": wrong(code)}).status_code == 422
    with later(seconds=2):
        assert olga.post(path, {"code": code}).status_code == 302
    assert elsewhere.get(path).status_code == 302, "other sessions ended"
    assert "+49 … 56" in page_of(olga.get(at(cast.olga, "account")))
    with later(seconds=61):
        door = password_given(cast.olga)
        assert "Text message, to +49 … 56" in page_of(door.get(at(cast.olga, "sign-in/factor")))
        assert ask(door, cast.olga).status_code == 302
        assert give(door, cast.olga, code_at(gateway, cast.olga)) == 302
    said = acts_of(cast.olga)
    assert ("session.signed-in", {"factor": "a code by text message"}) in said
    added = [details for act, details in said if act == "account.number-added"]
    assert added == [{"kind": "a code by text message", "number": "+49 … 56", "count": 2}]


def test_a_gateway_that_does_not_take_it_is_told_and_audited(
    cast: Cast, alice: Client, gateway: Gateway
) -> None:
    olga = sign_in(cast.olga)
    add(olga, cast.olga, gateway)
    gateway.answer = 503
    with later(seconds=61):
        door = password_given(cast.olga)
        assert ask(door, cast.olga).status_code == 302
        work(cast.olga)
        assert "The code could not be sent" in page_of(door.get(at(cast.olga, "sign-in/factor")))
        gateway.answer = 202
        assert ask(door, cast.olga).status_code == 302, "nothing was sent, so at once"
        assert give(door, cast.olga, code_at(gateway, cast.olga)) == 302
    failed = [details for act, details in acts_of(cast.olga) if act == "session.code-not-sent"]
    assert failed == [{"factor": "a code by text message", "error": "the gateway answered 503"}]


def test_a_number_is_removed_but_not_as_the_last_factor(cast: Cast, alice: Client, gateway: Gateway) -> None:
    olga = sign_in(cast.olga)
    add(olga, cast.olga, gateway)
    path = at(cast.olga, "account/numbers/sms/remove")
    assert rule(alice, cast, roles={"operator": {"kinds": ["sms"]}}).status_code == 200
    assert olga.post(path, {"password": PASSWORD, "code": code_of(cast.olga)}).status_code == 302
    assert "none of the second factors you would have left" in page_of(olga.get(at(cast.olga, "account")))
    assert rule(alice, cast, roles={}).status_code == 200
    assert olga.post(path, {"password": PASSWORD, "code": code_of(cast.olga)}).status_code == 302
    assert olga.get(path).status_code == 404
    assert olga.get(at(cast.olga, "account")).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        assert not SentFactor.objects.exists()


def test_programs_set_a_number_up_and_remove_it(cast: Cast, alice: Client, gateway: Gateway) -> None:
    olga = sign_in(cast.olga)

    def post(rest: str, **body: str) -> Any:
        path = f"/api/v1/account/numbers/sms{rest}"
        return call(None, "POST", path, body, client=olga, vsaas_tenant=cast.tenant_a.slug)

    def listed() -> Any:
        path = "/api/v1/account/numbers"
        return call(None, "GET", path, client=olga, vsaas_tenant=cast.tenant_a.slug).json()["items"]

    assert listed() == [{"kind": "sms", "title": "Text message", "number": None}]
    refused = post("", password="wrong", code=code_of(cast.olga), number=NUMBER)
    assert (refused.status_code, problem(refused)) == (422, "invalid-fields")
    assert post("/confirmation", code="123456").status_code == 404
    told = post("", password=PASSWORD, code=code_of(cast.olga), number=NUMBER)
    assert told.json() == {"kind": "sms", "to": "+49 … 56", "good_minutes": 5}
    code = code_at(gateway, cast.olga)
    assert post("/confirmation", code=wrong(code)).status_code == 422
    with later(seconds=2):
        assert post("/confirmation", code=code).json()["number"] == "+49 … 56"
        assert post("/removal", password=PASSWORD, code=code_of(cast.olga)).json()["number"] is None
        assert listed()[0]["number"] is None


class Nothing:
    """No plug-in."""


class Nameless(factor_plugins.FactorPlugin):
    title, noun = "Fax", "a code by fax"

    def send(self, sending: factor_plugins.Sending) -> None:
        raise NotImplementedError


class Taken(Nameless):
    name: ClassVar[str] = "app"


class Sendless(factor_plugins.FactorPlugin):
    name, title, noun = "fax", "Fax", "a code by fax"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("HttpSms", "write it as module.Class"),
        ("no_such_module.HttpSms", "cannot be imported"),
        (f"{__name__}.Missing", "is no class made of"),
        (f"{__name__}.Nothing", "is no class made of"),
        (f"{__name__}.Nameless", "has no name"),
        (f"{__name__}.Taken", "may not be called 'app'"),
        (f"{__name__}.Sendless", "send"),
    ],
)
def test_a_plug_in_that_is_wrong_keeps_the_portal_from_starting(path: str, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape("VSAAS_FACTOR_PLUGINS: " + path)) as raised:
        factor_plugins.load([path])
    assert why in str(raised.value)


def test_the_examples_own_settings_are_looked_at_when_it_starts(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_GATEWAY_URL", "http://sms.example.org/")
    with pytest.raises(ImproperlyConfigured, match="must begin with https"):
        factor_plugins.load([f"{module.stem}.HttpSms"])
    monkeypatch.setenv("SMS_GATEWAY_URL", "https://sms.example.org/")
    monkeypatch.setenv("SMS_GATEWAY_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(ImproperlyConfigured, match="No such file"):
        factor_plugins.load([f"{module.stem}.HttpSms"])
    assert factor_plugins.plugins() == {}
