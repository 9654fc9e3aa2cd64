"""The log: one line an event, who and how long, and nothing that opens anything."""

from __future__ import annotations

import io
import json
import logging
import secrets
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, sign_in
from vsaas.common.logs import formatter, redact
from vsaas.common.sigv4 import Presigner

TOKEN = secrets.token_urlsafe(32)
SECRET = "hunter2-Zk9"
PRESIGNED = Presigner(
    endpoint="https://s3.example", region="r", bucket="footage", access_key="AKIA12345", secret_key=SECRET
).url("GET", "t/x/c/y", 60)
SIGNATURE = PRESIGNED.rpartition("X-Amz-Signature=")[2]

LEAKS = [
    (f"cannot open rtsp://admin:{SECRET}@10.0.0.9/stream1", [SECRET, "admin:"], "10.0.0.9/stream1"),
    (f"cannot open rtsp://admin:p@ss/{SECRET}@10.0.0.9/s", [SECRET], "10.0.0.9/s"),
    (f"postgresql://vsaas_app:{SECRET}@/vsaas?host=/run/pg", [SECRET], "host=/run/pg"),
    (f"redis://:{SECRET}@redis.example:6379/0", [SECRET], "redis.example:6379/0"),
    (f"PUT {PRESIGNED} gave 503", [SIGNATURE, "AKIA12345"], "gave 503"),
    (f"GET /setup/{TOKEN} gave 410", [TOKEN], "gave 410"),
    (f"GET /invite/{TOKEN[:20]}?next=/t/a/", [TOKEN[:20]], "next=/t/a/"),
    (f"Cookie: vsaas_s_demo={TOKEN}; vsaas_csrf={TOKEN[:32]}", [TOKEN, TOKEN[:32]], "Cookie"),
    (f"{{'vsaas_s_demo': '{TOKEN[:30]}', 'lang': 'de'}}", [TOKEN[:30]], "'lang': 'de'"),
    (f"headers {{'Authorization': 'Bearer {SECRET}', 'Accept': '*/*'}}", [SECRET], "'Accept': '*/*'"),
    (f"Authorization: Bearer {SECRET}", [SECRET], "Authorization"),
    (f'{{"ticket": "{TOKEN[:25]}", "camera": "c1"}}', [TOKEN[:25]], '"camera": "c1"'),
    (f"password={SECRET}&name=Alice", [SECRET], "name=Alice"),
    (f"VSAAS_S3_SECRET_KEY={SECRET} and VSAAS_SECRET_KEY={TOKEN}", [TOKEN], "VSAAS_S3_SECRET_KEY"),
    (f"session key {TOKEN} was refused", [TOKEN], "was refused"),
    ("enrol with ABCDEFGHIJKLMNOP-" + "A2B3" * 13, ["ABCDEFGHIJKLMNOP", "A2B3A2B3"], "enrol with"),
    ("enrol with " + "-".join(["ABCD"] * 4 + ["E2F3"] * 13), ["ABCD", "E2F3"], "enrol with"),
]


@pytest.mark.parametrize(("text", "secret_parts", "stays"), LEAKS, ids=range(len(LEAKS)))
@pytest.mark.parametrize("kind", ["text", "json"])
def test_no_secret_comes_through(kind: str, text: str, secret_parts: list[str], stays: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it failed: %s", (text,), sys.exc_info())
    line = formatter(kind).format(record)
    assert [part for part in secret_parts if part in line] == []
    said = json.loads(line)["message"] if kind == "json" else line
    assert stays in said


@pytest.mark.parametrize(
    "text",
    [
        "segment 01930a4e-7c1f-7a3c-8f00-2b1d4c5e6f70 of chain 00112233445566778899aabbccddeeff is stored",
        "GET t/<str:slug>/cameras/<uuid:id> 200 12.5 ms",
        "the root's fingerprint is " + "ab" * 32,
        "not ready: bucket: ObjectStoreError: cannot reach bucket footage: the store answered 503",
        "https://portal.example.com/t/demo/cameras",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


# Lines of requests


@pytest.fixture
def lines() -> Iterator[Any]:
    """What the portal writes in JSON while the test runs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter("json"))
    logger, root = logging.getLogger("vsaas.requests"), logging.getLogger()
    before = logger.level
    logger.setLevel(logging.INFO)
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    logger.setLevel(before)


def test_a_request_is_one_line_with_its_route_status_time_and_who(
    cast: Cast, pages: None, lines: Any
) -> None:
    browser = sign_in(cast.alice)
    reply = browser.get(f"/t/{cast.tenant_a.slug}/agents", headers={"x-request-id": "front-0123456789"})
    assert reply["X-Request-Id"] == "front-0123456789"
    line = lines()[-1]
    assert (line["request_id"], line["method"], line["status"]) == ("front-0123456789", "GET", 200)
    assert line["route"] == "t/<str:slug>/agents"
    assert (line["tenant"], line["actor"]) == (str(cast.tenant_a.id), str(cast.alice.id))
    assert line["ms"] > 0
    assert line["time"].endswith("Z")


def test_a_request_id_is_made_where_the_front_sends_none_or_nonsense(database: None, lines: Any) -> None:
    first = Client().get("/nothing", headers={"x-request-id": "a\tb' OR 1=1"})["X-Request-Id"]
    second = Client().get("/nothing")["X-Request-Id"]
    assert len(first) == len(second) == 16
    assert first != second
    assert [line["route"] for line in lines() if line["logger"] == "vsaas.requests"] == [
        "unmatched",
        "unmatched",
    ]


def test_a_page_of_an_error_names_the_request_as_the_log_does(cast: Cast, pages: None, lines: Any) -> None:
    reply = sign_in(cast.bob).get(
        f"/t/{cast.tenant_a.slug}/audit", headers={"accept": "text/html", "x-request-id": "from-the-front-7"}
    )
    assert reply.status_code == 403
    assert "Reference for whoever runs the system: from-the-front-7" in reply.content.decode()
    line = [one for one in lines() if one["logger"] == "vsaas.requests"][-1]
    assert line["request_id"] == reply["X-Request-Id"] == "from-the-front-7"


def test_neither_a_set_up_link_nor_a_session_is_in_the_log(cast: Cast, pages: None, lines: Any) -> None:
    Client(headers={"accept": "text/html"}).get(f"/setup/{TOKEN}")
    browser = sign_in(cast.alice)
    cookies = [morsel.value for morsel in browser.cookies.values()]
    browser.get(f"/t/{cast.tenant_a.slug}/")
    browser.get("/t/nobody/../../etc/passwd?token=" + SECRET)
    told = json.dumps(lines())
    assert len(lines()) >= 5
    assert [secret for secret in (TOKEN, SECRET, *cookies) if secret and secret in told] == []


def test_whoever_asks_about_health_all_day_fills_no_log(database: None, lines: Any) -> None:
    Client().get("/healthz")
    assert [line for line in lines() if line["logger"] == "vsaas.requests"] == []
