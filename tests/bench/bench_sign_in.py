"""Signing in while a crowd guesses: 1,000 wrong passwords a minute, each at another account and from another network."""

from __future__ import annotations

import json
import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx

from tests.bench.apart import databases, rows_of
from tests.bench.row import Row

TIMES = 12
GUESSES_PER_S = 1000 / 60
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def rows() -> Iterator[Row]:
    """In a process of its own with the services it needs."""
    yield from rows_of("tests.bench.bench_sign_in")


def _measure() -> Iterator[dict[str, Any]]:
    from django.contrib.auth.hashers import Argon2PasswordHasher

    from tenants.scope import tenant_scope
    from tests import cast
    from tests.live_portal import running_portal

    people = cast.make_cast()
    hasher = Argon2PasswordHasher()
    with tenant_scope(people.tenant_a.id):
        people.alice.password = hasher.encode(cast.PASSWORD, hasher.salt())  # at the portal's own strength
        people.alice.save()
    with running_portal("vsaas.settings") as portal:
        page = f"{portal}/t/{people.tenant_a.slug}/sign-in"
        person = httpx.Client(headers={"Accept": "text/html"}, timeout=30)
        give(person, page, people.alice.email, cast.PASSWORD)
        code = person.post(
            f"{page}/factor", data=form(person, f"{page}/factor") | {"code": cast.code_of(people.alice)}
        )
        assert code.status_code == 302, code.status_code
        alone = [give(person, page, people.alice.email, cast.PASSWORD) for _ in range(TIMES)]
        with guessing(page) as guesses:
            time.sleep(5)
            beside = [give(person, page, people.alice.email, cast.PASSWORD) for _ in range(TIMES)]
        rate = guesses.per_minute()
    where = f"from a known browser, portal of one process; {rate:,.0f} guesses a minute, no two at one account or from one network"
    for name, value, unit, target in (
        ("sign-in: password, median", statistics.median(alone), "ms", None),
        ("sign-in: password beside the guesses, median", statistics.median(beside), "ms", None),
        ("sign-in: slower beside the guesses", statistics.median(beside) / statistics.median(alone), "×", 3),
    ):
        yield {"name": name, "value": value, "unit": unit, "against": where, "target": target}


def form(client: httpx.Client, page: str) -> dict[str, str]:
    """The form's hidden field, fetched with the page."""
    reply = client.get(page)
    found = TOKEN.search(reply.text)
    assert found is not None, (reply.status_code, reply.headers, reply.text[:300])
    return {"csrfmiddlewaretoken": found[1]}


def give(client: httpx.Client, page: str, email: str, password: str) -> float:
    """Gives the password in a browser; how long the answer took, in ms."""
    for name in [name for name in client.cookies if name.startswith("vsaas_s_")]:
        del client.cookies[name]  # signed in before: the browser stays known
    fields = form(client, page) | {"email": email, "password": password}
    began = time.perf_counter()
    reply = client.post(page, data=fields, headers={"Referer": page})
    took = (time.perf_counter() - began) * 1000
    assert reply.status_code == 302, (reply.status_code, reply.text[:300])
    return took


class Guesses:
    """Who guesses, at an even pace, whether answers come or not."""

    def __init__(self, page: str) -> None:
        self._page, self._numbers = page, count()
        self._stop = threading.Event()
        self._sent, self._began = 0, time.monotonic()
        client = httpx.Client(headers={"Accept": "text/html"})
        self._fields, self._cookies = form(client, page), dict(client.cookies)
        self._threads = [threading.Thread(target=self._guess, args=(n,), daemon=True) for n in range(100)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def per_minute(self) -> float:
        return self._sent / (time.monotonic() - self._began) * 60

    def _guess(self, turn: int) -> None:
        pause_s = len(self._threads) / GUESSES_PER_S
        if self._stop.wait(turn / GUESSES_PER_S):
            return
        with httpx.Client(timeout=30, cookies=self._cookies) as client:
            while not self._stop.is_set():
                number, began = next(self._numbers), time.monotonic()
                fields = self._fields | {"email": f"guess{number}@example.org", "password": "Winter2026!"}
                network = f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}"
                client.post(
                    self._page, data=fields, headers={"X-Forwarded-For": network, "Referer": self._page}
                )
                self._sent += 1
                self._stop.wait(max(0.0, pause_s - (time.monotonic() - began)))


@contextmanager
def guessing(page: str) -> Iterator[Guesses]:
    """Guesses until the block ends."""
    guesses = Guesses(page)
    guesses.start()
    try:
        yield guesses
    finally:
        guesses.end()


def main() -> None:
    """Prints the rows as JSON on one line."""
    with databases():
        print(json.dumps(list(_measure())))


if __name__ == "__main__":
    main()
