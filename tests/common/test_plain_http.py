"""Plain HTTP is answered on this machine alone; elsewhere it is refused, or leads to https."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client, override_settings

HTTPS = "https://portal.example.org"


@pytest.fixture
def by_https(database: None) -> Iterator[None]:
    """A portal that people reach over https, behind a front."""
    with override_settings(
        ENV=settings.ENV.model_copy(update={"public_url": HTTPS}),
        ALLOWED_HOSTS=["portal.example.org", "127.0.0.1"],
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    ):
        yield


def ask(method: str = "GET", path: str = "/readyz", host: str = "portal.example.org", **meta: str):
    client = Client(headers={"accept": meta.pop("accept", "text/html")}, SERVER_NAME=host)
    return client.generic(method, path, **meta)


def test_a_page_asked_for_in_the_clear_is_found_over_https(by_https: None) -> None:
    reply = ask(path="/find-sign-in?x=1", REMOTE_ADDR="192.0.2.7")
    assert (reply.status_code, reply["Location"]) == (301, f"{HTTPS}/find-sign-in?x=1")
    assert not reply.cookies


@pytest.mark.parametrize(("method", "path"), [("POST", "/find-sign-in"), ("GET", "/api/v1/me")])
def test_forms_and_programs_are_refused_with_the_reason(by_https: None, method: str, path: str) -> None:
    reply = ask(method, path, REMOTE_ADDR="192.0.2.7")
    assert reply.status_code == 403
    assert reply.json()["type"] == "urn:vsaas:problem:not-encrypted"
    assert HTTPS in reply.json()["detail"]


def test_encrypted_or_from_this_machine_it_is_answered(by_https: None) -> None:
    assert ask(path="/healthz", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_PROTO="https").status_code == 200
    assert ask(path="/healthz", host="127.0.0.1").status_code == 200
    # The name alone is what anybody can send.
    assert ask(path="/healthz", host="127.0.0.1", REMOTE_ADDR="192.0.2.7").status_code in (301, 403)


def test_without_https_only_names_of_this_machine_are_answered(database: None) -> None:
    with override_settings(ALLOWED_HOSTS=["nvr.local", "127.0.0.1", "[::1]"]):
        assert ask(path="/healthz", host="nvr.local").status_code == 403
        assert ask(path="/healthz", host="127.0.0.1").status_code == 200
        assert ask(path="/healthz", host="[::1]").status_code == 200
