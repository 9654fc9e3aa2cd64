"""Messages against a real SMTP server: over TLS, retried, given up, never lost and never sent twice knowingly."""

from __future__ import annotations

import datetime as dt
import email
import io
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, RequestFactory

from tenants.access import actor_of
from tenants.permissions import VIEWER
from tenants.scope import tenant_scope
from tests.cast import Cast, later, owner_connection
from vsaas.accounts import invitations
from vsaas.accounts.models import Invitation
from vsaas.accounts.people import Access
from vsaas.audit.models import AuditInbox
from vsaas.common import clock
from vsaas.mail import sending, tasks
from vsaas.mail.models import Message
from vsaas.onebox.authority import Authority

PASSWORD = "only for this mailbox"

# aiosmtpd does not count TLS from the first byte as TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
STARTTLS = pytest.mark.parametrize("scheme", ["smtp+starttls"], indirect=True)


@dataclass
class Server:
    """A mail server on this machine: what it took, and what it answers."""

    starttls: bool
    received: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """Answers to the next recipients, instead of taking them."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, to: str, options: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.starttls:
            assert session.ssl is not None, "nothing is sent before the connection is encrypted"
        self.received.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("ca"))
    made.prepare("127.0.0.1", dt.datetime.now(dt.UTC))
    return made


@pytest.fixture(params=["smtps", "smtp+starttls"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(
    scheme: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: None
) -> Iterator[Server]:
    """The portal's mail server: TLS, user and password."""
    taken = Server(starttls=scheme == "smtp+starttls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.server_certificate, authority.server_key)

    def authenticate(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data.login == b"portal" and data.password == PASSWORD.encode())

    common: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    if scheme == "smtps":
        controller = Controller(
            taken,
            hostname="127.0.0.1",
            port=free_port(),
            ssl_context=context,
            auth_require_tls=False,
            **common,
        )
    else:
        controller = Controller(
            taken,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context,
            require_starttls=True,
            **common,
        )
    controller.start()
    password = tmp_path / "smtp.password"
    password.write_text(PASSWORD + "\n")
    use(
        monkeypatch,
        smtp_url=f"{scheme}://portal@127.0.0.1:{controller.port}",
        smtp_password_file=str(password),
        ca_file=str(authority.certificate_file),
    )
    yield taken
    controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def use(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    mail = {"mail_outbox_page": False, "mail_from": "Video <video@example.com>"}
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update=mail | values))


def invite(cast: Cast, to: str = "nora@example.org", name: str = "Nora") -> str:
    """Alice invites somebody; the link."""
    with tenant_scope(cast.tenant_a.id):
        request = RequestFactory().get("/")
        _made, link = invitations.invite(request, actor_of(cast.alice), name, to, Access(VIEWER, None))
    return link


def messages(cast: Cast) -> list[Message]:
    with tenant_scope(cast.tenant_a.id):
        return list(Message.objects.order_by("created_at"))


def send(cast: Cast) -> Message:
    """Hand over the one message there is, as the worker does; what became of it."""
    (message,) = messages(cast)
    tasks.send_message(str(cast.tenant_a.id), str(message.id))
    return messages(cast)[0]


def test_an_invitation_arrives_over_tls_as_text_and_html(cast: Cast, server: Server) -> None:
    link = invite(cast)
    sent = send(cast)
    assert (sent.state, sent.sealed, sent.error) == ("sent", None, "")
    (mail,) = server.received
    assert (mail["From"], mail["To"]) == ("Video <video@example.com>", "nora@example.org")
    assert mail["Subject"] == "Alice invites you to Tenant A"
    assert mail["Message-ID"] == f"<{sent.id}@127.0.0.1>"
    assert mail["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert link in body.get_content()
    # Nobody's second worker sends it again.
    tasks.send_message(str(cast.tenant_a.id), str(sent.id))
    assert len(server.received) == 1


def test_what_a_message_holds_lies_sealed_in_the_database(cast: Cast, server: Server) -> None:
    link = invite(cast)
    token = link.rsplit("/", 1)[1]
    with owner_connection() as connection:
        row = connection.execute(
            "SELECT row_to_json(m)::text, encode(m.sealed, 'escape') FROM mail_message m WHERE tenant_id = %s",
            [cast.tenant_a.id],
        ).fetchone()
    assert row is not None
    assert token not in row[0] + row[1]


@STARTTLS
def test_a_server_that_is_busy_is_asked_again_later(cast: Cast, server: Server) -> None:
    invite(cast)
    server.answers = ["451 try later", "451 try later"]
    waiting = send(cast)
    assert (waiting.state, waiting.error) == ("waiting", "the mail server said 451 try later")
    assert dt.timedelta(seconds=50) < waiting.next_at - clock.now() <= dt.timedelta(seconds=60)
    assert send(cast).attempts == 1, "not before its time"
    with later(seconds=61):
        second = send(cast)
        assert (second.state, second.attempts) == ("waiting", 2)
        assert second.next_at - clock.now() > dt.timedelta(seconds=110)
    with later(seconds=200):
        assert send(cast).state == "sent"
    assert len(server.received) == 1


@STARTTLS
def test_an_address_nobody_has_is_given_up_and_owners_see_it(
    cast: Cast, server: Server, client_for: Any, pages: None
) -> None:
    invite(cast)
    server.answers = ["550 no such user here"]
    failed = send(cast)
    assert (failed.state, failed.error) == ("failed", "the mail server said 550 no such user here")
    with tenant_scope(cast.tenant_a.id):
        act = AuditInbox.objects.get(act="mail.not-delivered")
    assert act.details == {"to": "nora@example.org", "error": failed.error}
    alice, slug = client_for(cast.alice), cast.tenant_a.slug
    assert "1 message could not be delivered" in alice.get(f"/t/{slug}/people").content.decode()
    listed = alice.get(f"/t/{slug}/mail").content.decode()
    assert "550 no such user here" in listed
    # What stands in it is shown to nobody: there is a mail server.
    assert alice.get(f"/t/{slug}/mail/{failed.id}").status_code == 404
    assert alice.post(f"/t/{slug}/mail/{failed.id}/retry").status_code == 302
    deliver_all(cast)
    assert [str(mail["To"]) for mail in server.received].count("nora@example.org") == 1


def deliver_all(cast: Cast) -> None:
    box = sending.Box(cast.tenant_a.id)
    with box.open():
        waiting = sending.due(box)
    for message_id in waiting:
        tasks.send_message(str(cast.tenant_a.id), str(message_id))


@STARTTLS
def test_a_message_whose_worker_died_is_sent_by_another(cast: Cast, server: Server) -> None:
    invite(cast)
    (message,) = messages(cast)
    with tenant_scope(cast.tenant_a.id):
        Message.objects.filter(pk=message.pk).update(state="sending", claimed_at=clock.now(), attempts=1)
    deliver_all(cast)
    assert not server.received, "it may be under way"
    with later(minutes=16):
        deliver_all(cast)
    assert [mail["Message-ID"] for mail in server.received] == [f"<{message.id}@127.0.0.1>"]


@STARTTLS
def test_of_two_workers_one_sends(cast: Cast, server: Server) -> None:
    invite(cast)
    (message,) = messages(cast)
    took: list[bool] = []

    def work() -> None:
        from django.db import connections

        took.append(sending.send(sending.Box(cast.tenant_a.id), UUID(str(message.id))))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(took) == [False, False, False, True]
    assert len(server.received) == 1


@STARTTLS
def test_an_invitation_withdrawn_meanwhile_is_not_sent(cast: Cast, server: Server) -> None:
    invite(cast)
    (message,) = messages(cast)
    with tenant_scope(cast.tenant_a.id):
        Invitation.objects.update(revoked_at=clock.now())
    tasks.send_message(str(cast.tenant_a.id), str(message.id))
    assert (messages(cast), server.received) == ([], [])


@STARTTLS
@pytest.mark.parametrize("wrong", ["another authority", "another password", "nobody listens"])
def test_a_server_that_cannot_be_used_keeps_messages_waiting(
    cast: Cast, server: Server, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(cast)
    if wrong == "another authority":
        monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"ca_file": None}))
    elif wrong == "another password":
        Path(settings.ENV.smtp_password_file).write_text("guessed")
    else:
        url = f"smtps://portal@127.0.0.1:{free_port()}"
        monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"smtp_url": url}))
    waiting = send(cast)
    assert waiting.state == "waiting"
    assert waiting.error
    assert not server.received
    with later(days=3):
        assert send(cast).state == "failed"


@STARTTLS
def test_line_breaks_in_names_make_no_headers(cast: Cast, server: Server) -> None:
    invite(cast, name="Nora\r\nBcc: everybody@example.org")
    with tenant_scope(cast.tenant_a.id):
        Invitation.objects.update(invited_by_name="Alice\r\nBcc: everybody@example.org")
    assert send(cast).state == "sent"
    assert server.received[0]["Bcc"] is None


def test_content_goes_after_a_day_and_rows_after_a_week(cast: Cast, client_for: Any, pages: None) -> None:
    """On one machine, where messages are read instead of sent."""
    invite(cast)
    kept = send(cast)
    assert kept.state == "kept"
    alice = client_for(cast.alice)
    page = f"/t/{cast.tenant_a.slug}/mail/{kept.id}"
    assert "/setup/" in alice.get(page).content.decode()
    out = io.StringIO()
    call_command("outbox", "--tenant", cast.tenant_a.slug, stdout=out)
    assert "To: nora@example.org" in out.getvalue()
    assert "/setup/" in out.getvalue()
    with later(hours=1):
        tasks.remove_old_messages()
    assert messages(cast)[0].sealed is not None
    with later(days=1, hours=1):
        tasks.remove_old_messages()
        assert messages(cast)[0].sealed is None
    assert alice.get(page).status_code == 404
    with later(days=8):
        tasks.remove_old_messages()
    assert messages(cast) == []


def test_without_mail_nothing_is_written_and_nothing_is_offered(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, pages: None
) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"mail_outbox_page": False}))
    invite(cast)
    assert messages(cast) == []
    with pytest.raises(CommandError, match="VSAAS_MAIL_OUTBOX_PAGE"):
        call_command("outbox", "--tenant", cast.tenant_a.slug)
    slug = cast.tenant_a.slug
    assert "forgot" not in Client().get(f"/t/{slug}/sign-in").content.decode()
    assert Client().get(f"/t/{slug}/forgot").status_code == 404
    assert Client().get("/find-sign-in").status_code == 404
