"""Where weaknesses are reported to."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.test import Client, override_settings

from vsaas.common import clock
from vsaas.settings.env import Environment


def test_the_contact_of_the_operator_is_shown_and_nobody_elses(database: None) -> None:
    assert Client().get("/.well-known/security.txt").status_code == 404
    contact = "mailto:security@example.org"
    with override_settings(ENV=settings.ENV.model_copy(update={"security_contact": contact})):
        reply = Client().get("/.well-known/security.txt")
    assert reply["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in reply.content.decode().splitlines())
    assert fields["Contact"] == contact
    ends = dt.datetime.fromisoformat(fields["Expires"].replace("Z", "+00:00"))
    assert dt.timedelta(days=90) < ends - clock.now() < dt.timedelta(days=365)
    assert fields["Canonical"] == f"{settings.ENV.public_url}/.well-known/security.txt"


@pytest.mark.parametrize("wrong", ["security@example.org", "http://example.org/x", "mailto:a@b\nContact: x"])
def test_a_contact_must_be_one_of_the_forms_there_are(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSAAS_SECURITY_CONTACT", wrong)
    with pytest.raises(ValueError, match="mailto:"):
        Environment()  # type: ignore[call-arg]
