"""Every way to recorded footage, and whether it gives anything of a stretch: of time that lies too far back none does.

A row of the isolation table that takes a right of playback stands here, or among those that give no footage.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.http import HttpResponse

from tests.isolation.stage import Stage
from tests.isolation.table import API, PAGES
from vsaas.agents.presence import presence_key
from vsaas.common import clock
from vsaas.common.redis import client

PUBLIC = "CQ" + "A" * 41


@dataclass(frozen=True)
class Asked:
    """Alice asks for a stretch of a camera's recordings. `agent` records it."""

    stage: Stage
    camera: UUID
    agent: UUID
    from_us: int
    to_us: int
    folder: Path

    @property
    def span(self) -> dict[str, int]:
        return {"from_us": self.from_us, "to_us": self.to_us}

    def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        """A request as a program sends it, with her session."""
        headers = {"VSaaS-Tenant": self.stage.slug, "accept": "application/json"}
        text = json.dumps(body) if body else ""
        return self.stage.alice.generic(
            method, API + path, text, content_type="application/json", headers=headers
        )

    def segments(self, path: str, body: dict[str, Any], streams: str = "streams") -> list[dict[str, Any]]:
        """The segments of a reply of playback's kind, each with its URL and keys."""
        reply = self.send("POST", path, body | {"hpke_public": PUBLIC})
        assert reply.status_code == 200, (path, reply.status_code, reply.content[:300])
        rows: list[dict[str, Any]] = [
            row for stream in json.loads(reply.content)[streams] for row in stream["segments"]
        ]
        assert all(row["url"] and row["keys"] for row in rows)
        return rows


@dataclass(frozen=True)
class Way:
    """`method` and `route` as in the isolation table (a command: its name alone). `words`: what it answers to time that is
    not permitted. `gives`: whether it gave anything."""

    method: str
    route: str
    words: str
    gives: Callable[[Asked], bool]
    refuses: bool = False  # with 403, which is audited; else what is not permitted is left out of an answer

    @property
    def id(self) -> str:
        return f"{self.method} {self.route}".strip()


def _timeline(asked: Asked) -> bool:
    begin, end = (clock.from_us(us).strftime("%Y-%m-%dT%H:%M:%SZ") for us in (asked.from_us, asked.to_us))
    reply = asked.send("GET", f"timeline?cameras={asked.camera}&from={begin}&to={end}&stream=main")
    assert reply.status_code == 200, reply.content[:300]
    states = {run[2] for run in json.loads(reply.content)["cameras"][str(asked.camera)]["runs"]}
    assert states in ({"not-permitted"}, {"recorded"})
    return states == {"recorded"}


def _events(asked: Asked) -> bool:
    reply = asked.send("GET", f"events?cameras={asked.camera}&from={asked.from_us}&to={asked.to_us}")
    assert reply.status_code == 200, reply.content[:300]
    return bool(json.loads(reply.content)["items"])


def _playback(asked: Asked) -> bool:
    wish = {"camera": str(asked.camera), "stream": "main"}
    return bool(asked.segments("playback", {"streams": [wish], "audio": False, **asked.span}))


def _clip(asked: Asked) -> bool:
    wish = {"camera": str(asked.camera), "stream": "main", "audio": False}
    return bool(asked.segments("clips", {**wish, **asked.span}))


def _still(asked: Asked) -> bool:
    wish = {"camera": str(asked.camera), "at_us": asked.to_us - 1, "stream": "main"}
    return bool(asked.segments("stills", {"stills": [wish]}, "stills"))


def _maps(asked: Asked) -> bool:
    return bool(asked.segments("motion-maps", {"camera": str(asked.camera), **asked.span}))


def _upload(asked: Asked) -> bool:
    client().set(presence_key(asked.agent), "tests", ex=60)
    reply = asked.send("POST", f"cameras/{asked.camera}/uploads", asked.span)
    assert reply.status_code in (202, 403), reply.content[:300]
    return reply.status_code == 202


def _key_release(asked: Asked) -> bool:
    begin, end = (clock.from_us(us).isoformat() for us in (asked.from_us, asked.to_us))
    file = asked.folder / secrets.token_hex(8)
    call_command(
        "key_release", str(asked.camera), "--tenant", asked.stage.slug, "--from", begin, "--to", end,
        "--reason", "a test", "--by", asked.stage.cast.alice.email, "-o", str(file), stdout=io.StringIO(),
    )  # fmt: skip
    return bool(json.loads(file.read_text())["keys"])


LEFT_OUT = "left out: no record, URL or key"
WAYS = [
    Way(
        "GET",
        API + "timeline",
        "the stretch is called not permitted, with footage or without",
        _timeline,
    ),
    Way("GET", API + "events", "left out", _events),
    Way("POST", API + "playback", LEFT_OUT, _playback),
    Way("POST", API + "clips", LEFT_OUT, _clip),
    Way("POST", API + "stills", "the last picture that is permitted, or none", _still),
    Way("POST", API + "motion-maps", LEFT_OUT, _maps),
    Way("POST", API + "cameras/<uuid:camera_id>/uploads", "403", _upload, refuses=True),
    Way("", "manage.py key_release", "left out: no key", _key_release),
]
GIVES_NONE = {
    f"GET {PAGES}sync": "a page: what it shows, it asks the routes above for",
    f"GET {API}cameras/<uuid:camera_id>/uploads/<uuid:order_id>": "how many segments an order moved forward, of time that was "
    "permitted when it was given",
}
"""Rows that take a right of playback and give nothing of the recordings, each with the reason."""
