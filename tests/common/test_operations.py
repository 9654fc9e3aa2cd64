"""Alive, ready, figures: what operators and their tools ask of portal, worker and beat."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from cryptography import x509
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from tests.agent_sim import AgentSim, recorded
from tests.boxes import make_keys
from tests.cast import Cast, later
from vsaas.common import clock, health
from vsaas.common.redis import client as redis_client
from vsaas.common.tasks import pulse
from vsaas.footage.tasks import count_state
from vsaas.live.http import plain_http
from vsaas.onebox.authority import Authority

TOKEN = "only-for-tests-0123456789"


def env(**changes: object) -> override_settings:
    return override_settings(ENV=settings.ENV.model_copy(update=changes))


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield silent.getsockname()[1]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.token"
    path.write_text(TOKEN + "\n")
    return path


def test_alive_and_ready_are_one_word(database: None, object_store_server: None) -> None:
    assert Client().get("/healthz").content == b"alive\n"
    assert Client().get("/readyz").content == b"ready\n"


def test_this_machine_may_ask_by_its_own_name(database: None, object_store_server: None) -> None:
    assert Client(headers={"host": "localhost:8400"}).get("/healthz").status_code == 200
    assert Client(headers={"host": "elsewhere.example"}).get("/healthz").status_code == 400


def test_a_part_that_hangs_makes_it_not_ready_soon_and_strangers_do_not_learn_which(
    database: None, object_store_server: None, nowhere: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs() -> None:
        with socket.create_connection(("127.0.0.1", nowhere)) as waiting:
            waiting.recv(1)

    monkeypatch.setitem(health.PARTS, health.BUCKET, hangs)
    monkeypatch.setattr(health, "_readiness", {})
    monkeypatch.setattr(health, "PATIENCE_S", 0.5)
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.content) == (503, b"not ready\n")
    assert Client().get("/healthz").status_code == 200
    troubles = health.readiness().troubles()
    assert troubles == {health.BUCKET: "no answer within 0.5 s"}


def test_ready_again_once_the_part_is_back(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"well": False}

    def ask() -> None:
        if not state["well"]:
            raise ConnectionError("refused")

    monkeypatch.setitem(health.PARTS, "part", ask)
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    readiness = health.Readiness(["part"])
    assert readiness.troubles() == {"part": "ConnectionError: refused"}
    state["well"] = True
    assert readiness.troubles() == {}


def test_the_command_names_what_does_not_answer(
    database: None, object_store_server: None, capsys: pytest.CaptureFixture[str]
) -> None:
    redis_client().delete(health.PULSE_KEY + health.WORKER, health.PULSE_KEY + health.BEAT)
    with pytest.raises(SystemExit) as ended:
        call_command("health")
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "bucket: well" in said
    assert "worker: no sign of life yet" in said
    pulse.apply()
    health.pulse(health.BEAT)
    call_command("health", "--json")
    assert set(json.loads(capsys.readouterr().out).values()) == {None}


def test_a_worker_that_is_silent_for_half_a_minute_is_a_finding(
    database: None, capsys: pytest.CaptureFixture[str]
) -> None:
    pulse.apply()
    call_command("health", "worker")
    with later(seconds=31), pytest.raises(SystemExit):
        call_command("health", "worker")
    assert "worker: no sign of life for 31 s" in capsys.readouterr().out


# Figures


def figures(token: str = TOKEN) -> dict[str, float]:
    reply = Client(headers={"authorization": f"Bearer {token}"}).get("/metrics")
    assert reply.status_code == 200, reply.content
    assert reply["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in reply.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_without_a_token_file_there_are_no_figures(database: None) -> None:
    assert Client(headers={"authorization": f"Bearer {TOKEN}"}).get("/metrics").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong-wrong-wrong-wrong", f"Basic {TOKEN}", TOKEN])
def test_who_does_not_bring_the_token_sees_none(database: None, token_file: Path, header: str) -> None:
    with env(metrics_token_file=str(token_file)):
        reply = Client(headers={"authorization": header}).get("/metrics")
    assert reply.status_code == 401
    assert b"vsaas_" not in reply.content.replace(b"VSAAS", b"")


def test_an_empty_token_file_opens_nothing(database: None, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with env(metrics_token_file=str(tmp_path / "token")):
        assert Client(headers={"authorization": "Bearer "}).get("/metrics").status_code == 503


def test_requests_records_uploads_and_agents_are_counted_without_naming_anybody(
    cast: Cast, object_store_server: None, token_file: Path
) -> None:
    with env(metrics_token_file=str(token_file)):
        before = figures()
        make_keys(cast.tenant_a)
        agent = AgentSim.enrol(cast.tenant_a.id, cast.site_a)
        recorded(agent, clock.now_us() - 60_000_000, 3)
        Client().get(f"/t/{cast.tenant_a.slug}/sign-in")
        count_state.apply()
        after = figures()

        def grew(name: str) -> float:
            return after.get(name, 0) - before.get(name, 0)

        assert grew('vsaas_records_total{outcome="accepted"}') == 4
        assert grew('vsaas_http_requests_total{method="GET",route="t/<str:slug>/sign-in",status="200"}') == 1
        assert after['vsaas_http_request_seconds_count{route="agent/v1/records"}'] >= 1
        assert after['vsaas_part_ready{part="database"}'] == 1
        assert after['vsaas_agents{state="offline"}'] >= 1
        assert "vsaas_segments_awaited" in after
        assert "vsaas_queue_length" in after
        text = "\n".join(after)
        for told in (cast.tenant_a.slug, str(cast.tenant_a.id), cast.tenant_a.name, str(agent.id)):
            assert told not in text


def test_an_unheard_of_method_makes_no_label(database: None, token_file: Path) -> None:
    Client().generic("BREW", "/coffee/for/the/attacker")
    with env(metrics_token_file=str(token_file)):
        names = "\n".join(figures())
    assert "BREW" not in names
    assert "coffee" not in names


def test_the_figures_of_all_processes_of_a_machine_come_together(
    database: None, object_store_server: None, token_file: Path, tmp_path: Path
) -> None:
    """As in production: processes that count into one folder; one that has ended no longer watches live."""
    folder = tmp_path / "figures"
    folder.mkdir()
    code = (
        "import django; django.setup()\n"
        "from vsaas.common import metrics\n"
        "metrics.CONFIRMED.inc(3); metrics.LIVE_VIEWERS.set(2)\n"
    )
    child_env = os.environ | {"VSAAS_METRICS_DIR": str(folder)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=child_env, check=True, cwd=settings.BASE_DIR)
    with env(metrics_token_file=str(token_file), metrics_dir=str(folder)):
        found = figures()
    assert found["vsaas_segments_confirmed_total"] == 6
    assert found.get("vsaas_live_viewers", 0) == 0


# The hub


@async_to_sync
async def ask_hub(path: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple[int, bytes]:
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
    hub = ApplicationCommunicator(plain_http, scope)
    await hub.send_input({"type": "http.request"})
    start = await hub.receive_output(5)
    body = await hub.receive_output(5)
    return start["status"], body["body"]


def test_the_hub_answers_the_same_questions_and_nothing_else(database: None, token_file: Path) -> None:
    assert ask_hub("/healthz") == (200, b"alive\n")
    assert ask_hub("/readyz") == (200, b"ready\n")
    assert ask_hub("/metrics")[0] == 404
    assert ask_hub("/")[0] == 404
    with env(metrics_token_file=str(token_file)):
        assert ask_hub("/metrics")[0] == 401
        status, body = ask_hub("/metrics", ((b"authorization", f"Bearer {TOKEN}".encode()),))
    assert status == 200
    assert b"vsaas_live_viewers" in body


# An authority of one's own


def test_devices_get_the_authority_s_certificate_and_compare_its_fingerprint(
    database: None, pages: None, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    authority.prepare("192.168.1.20", dt.datetime.now(dt.UTC))
    with env(ca_file=str(authority.certificate_file)):
        page = Client(headers={"accept": "text/html"}).get("/ca")
        file = Client().get("/ca.crt")
    assert page.status_code == 200
    shown = page.content.decode()
    assert all(f"<span>{pair}</span>" in shown for pair in authority.fingerprint.split(":"))
    assert file["Content-Type"] == "application/x-x509-ca-cert"
    assert (
        x509.load_pem_x509_certificate(file.content)
        .subject.rfc4514_string()
        .startswith("CN=Video management")
    )


def test_without_an_authority_of_one_s_own_there_is_no_such_page(database: None) -> None:
    assert Client().get("/ca").status_code == 404
    assert Client().get("/ca.crt").status_code == 404
