"""The environment: everything missing or wrong is named at once, and nothing secret is told."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests import environment
from vsaas.common.redis_url import broker_url
from vsaas.settings.env import load, parse_database_url


@pytest.fixture
def env(monkeypatch):
    for name, value in environment.variables().items():
        monkeypatch.setenv(f"VSAAS_{name}", value)
    return monkeypatch


def test_a_full_environment_loads(env):
    assert load().allowed_hosts == ["127.0.0.1", "testserver"]


def test_every_missing_name_is_listed_at_once(env):
    for name in ("SECRET_KEY", "DATABASE_URL", "S3_BUCKET"):
        env.delenv(f"VSAAS_{name}")
    with pytest.raises(ImproperlyConfigured) as caught:
        load()
    assert "VSAAS_DATABASE_URL, VSAAS_S3_BUCKET, VSAAS_SECRET_KEY" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET_KEY", "hunter2-short", "VSAAS_SECRET_KEY"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x", "postgresql://role"),
        ("REDIS_URL", "http://:hunter2@x", "unix:///"),
        ("PUBLIC_URL", "https://host/path", "without a path"),
        ("PUBLIC_URL", "ftp://host", "http://host"),
        ("PUBLIC_URL", "http://portal.example", "INSECURE_COOKIES"),
        ("LIVE_URL", "http://host", "ws://host"),
        ("KMS", "plain", "keyfile:PATH"),
        ("LOG_LEVEL", "LOUD", "VSAAS_LOG_LEVEL"),
        ("ALLOWED_HOSTS", "", "VSAAS_ALLOWED_HOSTS"),
        ("OWNER_KEYS_DATABASE_URL", None, "together"),
        ("SMTP_URL", "smtps://mail.example", "VSAAS_MAIL_FROM together"),
        ("SMTP_URL", "smtps://portal:hunter2@mail.example", "VSAAS_SMTP_PASSWORD_FILE"),
        ("SMTP_URL", "smtp://mail.example", "unprotected"),
        ("SMTP_URL", "https://mail.example", "smtp+starttls://"),
        ("MAIL_FROM", "hunter2", "e-mail address"),
        ("SMTP_PASSWORD_FILE", "/etc/vsaas/hunter2", "names a user"),
    ],
)
def test_a_wrong_value_is_explained_without_showing_it(env, name, value, says):
    if value is None:
        env.delenv(f"VSAAS_{name}")
    else:
        env.setenv(f"VSAAS_{name}", value)
    with pytest.raises(ImproperlyConfigured) as caught:
        load()
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["LIVE_URL", "S3_PUBLIC_ENDPOINT"])
def test_behind_https_everything_browsers_reach_is_encrypted(env, name):
    encrypted = {
        "PUBLIC_URL": "https://a.example",
        "LIVE_URL": "wss://a.example",
        "S3_PUBLIC_ENDPOINT": "https://s.example",
    }
    for setting, value in encrypted.items():
        env.setenv(f"VSAAS_{setting}", value)
    env.setenv("VSAAS_DEBUG", "0")
    env.setenv("VSAAS_INSECURE_COOKIES", "0")
    env.setenv("VSAAS_MAIL_OUTBOX_PAGE", "0")
    load()
    env.setenv(f"VSAAS_{name}", "ws://a.example" if name == "LIVE_URL" else "http://s.example")
    with pytest.raises(ImproperlyConfigured, match=f"VSAAS_{name} is not encrypted"):
        load()


def test_messages_are_shown_on_a_loopback_address_without_a_mail_server_alone(env):
    env.setenv("VSAAS_SMTP_URL", "smtp://127.0.0.1")
    env.setenv("VSAAS_MAIL_FROM", "Video <video@example.com>")
    with pytest.raises(ImproperlyConfigured, match="VSAAS_MAIL_OUTBOX_PAGE"):
        load()
    env.setenv("VSAAS_MAIL_OUTBOX_PAGE", "0")
    assert load().mail_from == "Video <video@example.com>"


def test_messages_are_never_shown_on_a_public_address(env):
    for name, value in {"PUBLIC_URL": "https://a.example", "LIVE_URL": "wss://a.example"}.items():
        env.setenv(f"VSAAS_{name}", value)
    env.setenv("VSAAS_S3_PUBLIC_ENDPOINT", "https://s.example")
    env.setenv("VSAAS_INSECURE_COOKIES", "0")
    with pytest.raises(ImproperlyConfigured, match="VSAAS_MAIL_OUTBOX_PAGE shows links"):
        load()


def test_debug_and_insecure_cookies_stay_on_loopback(env):
    env.setenv("VSAAS_PUBLIC_URL", "https://portal.example")
    env.setenv("VSAAS_DEBUG", "1")
    with pytest.raises(ImproperlyConfigured, match="VSAAS_DEBUG"):
        load()


def test_database_addresses_take_sockets_and_hosts():
    socket = parse_database_url("postgresql://app:p%40ss@/vsaas?host=/run/pg")
    assert (socket["HOST"], socket["NAME"], socket["PASSWORD"]) == ("/run/pg", "vsaas", "p@ss")
    host = parse_database_url("postgresql://app:x@db.example:6432/vsaas?sslmode=verify-full")
    assert (host["HOST"], host["PORT"], host["OPTIONS"]["sslmode"]) == ("db.example", "6432", "verify-full")


def test_celery_reads_redis_addresses_in_its_own_spelling():
    assert broker_url("unix:///run/v.sock?db=3") == "redis+socket:///run/v.sock?virtual_host=3"
    assert broker_url("redis://:x@host:6379/0") == "redis://:x@host:6379/0"
