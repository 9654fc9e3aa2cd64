"""How many requests a caller may send, and what is told about it."""

from __future__ import annotations

import math
import re

import pytest

from tests.api_calls import call, problem
from tests.cast import Cast, later, make_token
from vsaas.common import clock, rates

CAMERAS = "/api/v1/cameras"
FEW = rates.Rate("token", requests=5, seconds=60)


@pytest.fixture
def few(monkeypatch) -> rates.Rate:
    monkeypatch.setattr(rates, "TOKEN", FEW)
    return FEW


def test_a_burst_is_let_through_then_refused_with_when_to_come_back(cast: Cast, few: rates.Rate) -> None:
    token = make_token(cast.alice)[1]
    with clock.stopped():
        left = []
        for _ in range(few.requests):
            reply = call(token, "GET", CAMERAS)
            assert reply.status_code == 200
            assert reply["RateLimit-Policy"] == '"token";q=5;w=60'
            left.append(int(re.fullmatch(r'"token";r=(\d+);t=(\d+)', reply["RateLimit"])[1]))
        assert left == [4, 3, 2, 1, 0]
        refused = call(token, "GET", CAMERAS)
    assert (refused.status_code, problem(refused)) == (429, "too-fast")
    assert refused["Retry-After"] == "12"
    assert refused.json()["retry_after_s"] == 12
    assert refused["RateLimit"].startswith('"token";r=0;')


def test_after_the_time_told_the_next_is_let_through(cast: Cast, few: rates.Rate) -> None:
    token = make_token(cast.alice)[1]
    with clock.stopped():
        for _ in range(few.requests):
            call(token, "GET", CAMERAS)
        wait_s = int(call(token, "GET", CAMERAS)["Retry-After"])
        with later(seconds=wait_s):
            assert call(token, "GET", CAMERAS).status_code == 200
            assert call(token, "GET", CAMERAS).status_code == 429
        with later(seconds=few.seconds * 2):
            assert call(token, "GET", CAMERAS)["RateLimit"] == '"token";r=4;t=12'


def test_each_token_has_an_allowance_of_its_own(cast: Cast, few: rates.Rate) -> None:
    first, second = make_token(cast.alice)[1], make_token(cast.alice)[1]
    with clock.stopped():
        for _ in range(few.requests + 1):
            reply = call(first, "GET", CAMERAS)
        assert reply.status_code == 429
        assert call(second, "GET", CAMERAS).status_code == 200


def test_a_refused_request_counts_and_tells_too(cast: Cast) -> None:
    reply = call(make_token(cast.alice)[1], "POST", "/api/v1/enrolment-codes", {})
    assert reply.status_code == 422
    assert reply["RateLimit"].startswith('"token";r=599;')


def test_a_person_is_limited_apart_from_their_tokens(cast: Cast, client_for) -> None:
    alice = client_for(cast.alice)
    reply = call(None, "GET", CAMERAS, client=alice, vsaas_tenant=cast.tenant_a.slug)
    assert reply["RateLimit-Policy"] == '"session";q=3000;w=60'


def test_without_redis_nobody_is_stopped(cast: Cast, monkeypatch, caplog) -> None:
    import redis

    def broken() -> redis.Redis:
        return redis.Redis(unix_socket_path="/nowhere/redis.sock")

    token = make_token(cast.alice)[1]
    monkeypatch.setattr(rates.common_redis, "client", broken)
    reply = call(token, "GET", CAMERAS)
    assert reply.status_code == 200
    assert "RateLimit" not in reply
    assert "Redis does not answer" in caplog.text


def test_the_allowance_comes_back_evenly(cast: Cast, few: rates.Rate) -> None:
    token = make_token(cast.alice)[1]
    let_through = 0
    with clock.stopped():
        for second in range(120):
            with later(seconds=second):
                let_through += call(token, "GET", CAMERAS).status_code == 200
    assert let_through == few.requests + math.floor(119 / (few.seconds / few.requests))
