"""`make up` as people run it, end to end: from nothing to verified footage, through crashes, to nothing again."""

import json
import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.onebox.listening import listening_ports, with_children
from tests.onebox.running import Checkout, four_free_ports
from vsaas.onebox.processes import Identity, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("drills")]

LOOPBACK = "0100007F"
SERVICES = {"postgres", "valkey", "s3", "camera", "portal", "hub", "worker", "beat", "agent"}


@pytest.fixture(scope="module")
def checkout(running_checkout: Checkout) -> Checkout:
    """A copy of this checkout in which everything runs; the browser's tests look at it before these do."""
    return running_checkout


def identities(checkout: Checkout) -> dict[str, Identity]:
    found = {name: Identity.of(pid) for name, pid in checkout.processes().items()}
    return {name: process for name, process in found.items() if process is not None}


def ends(process: Identity, patience_seconds: float = 60) -> bool:
    return wait_until(lambda: not process.alive(), patience_seconds)


def test_it_tells_tools_where_everything_is_in_a_closed_file(checkout: Checkout) -> None:
    content = checkout.up_json()
    assert set(content) == {
        "portal_url", "setup_url", "s3_endpoint", "s3_bucket", "tenant", "root_fingerprint", "agent_id", "cameras",
    }  # fmt: skip
    assert content["portal_url"] == f"http://127.0.0.1:{checkout.port}"
    assert re.fullmatch("[0-9a-f]{64}", content["root_fingerprint"])
    [camera] = content["cameras"]
    assert set(camera) == {"id", "name", "rtsp_url"}
    assert stat.S_IMODE((checkout.root / "var" / "up.json").stat().st_mode) == 0o600


def test_it_shows_the_owner_s_link_and_the_way_in_from_another_computer(checkout: Checkout) -> None:
    link = checkout.up_json()["setup_url"]
    assert checkout.said(link)
    assert checkout.said(f"ssh -L {checkout.port}:127.0.0.1:{checkout.port} -L {checkout.port + 1}:")
    assert httpx.get(link).status_code in (200, 410)  # 410: the browser's tests went through it


def test_footage_was_fetched_and_verified_before_it_said_so(checkout: Checkout) -> None:
    assert checkout.said("footage is stored: verified")


def test_every_process_runs_and_listens_on_the_declared_ports_of_this_machine_alone(
    checkout: Checkout,
) -> None:
    assert set(checkout.processes()) == SERVICES | {"supervisor"}
    heard = listening_ports(with_children(checkout.supervisor()))
    assert heard == {(LOOPBACK, checkout.port + offset) for offset in range(4)}


def test_no_secret_stands_on_a_command_line_or_in_a_log(checkout: Checkout) -> None:
    secrets = json.loads((checkout.root / "var" / "secrets" / "passwords.json").read_text()).values()
    told = checkout.printed() + "".join(
        path.read_text(errors="replace") for path in (checkout.root / "var" / "log").iterdir()
    )
    for pid in with_children(checkout.supervisor()):
        told += Path(f"/proc/{pid}/cmdline").read_text()
    assert [number for number, secret in enumerate(secrets) if secret in told] == []


def test_the_portal_s_commands_find_their_settings_by_themselves(checkout: Checkout) -> None:
    command = [str(checkout.root / ".venv" / "bin" / "python"), "manage.py", "footage_policy"]
    command += ["--tenant", checkout.up_json()["tenant"]]  # other tests may have made more organisations
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("VSAAS_", "DJANGO"))}
    said = subprocess.run(command, cwd=checkout.root, env=clean, capture_output=True, text=True, check=True)
    assert said.stdout.startswith("footage is kept 30 days, with a quota of ")


def test_nobody_else_may_read_what_it_keeps(checkout: Checkout) -> None:
    var = checkout.root / "var"
    closed = [var / "secrets", var / "log", var / "agent", var / "s3", var / "valkey"]
    assert [path for path in closed if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    readable = [path for path in var.iterdir() if path.is_file() and path.stat().st_mode & 0o044]
    assert readable == []


def test_a_second_make_up_is_refused_in_one_sentence(checkout: Checkout) -> None:
    second = checkout.make("up")
    assert second.returncode != 0
    assert f"`make up` already runs in {checkout.root}" in second.stderr


def test_make_clean_does_nothing_while_it_runs(checkout: Checkout) -> None:
    refused = checkout.make("clean", FORCE="1")
    assert refused.returncode != 0
    assert "cannot clean while the system runs; stop it first: make down" in refused.stderr


@pytest.mark.parametrize("name", ["portal", "agent", "postgres"])
def test_one_that_is_killed_comes_back_and_that_is_said(checkout: Checkout, name: str) -> None:
    before = identities(checkout)[name]
    os.kill(before.pid, signal.SIGKILL)
    assert wait_until(lambda: checkout.processes().get(name) not in (None, before.pid), 60)
    assert wait_until(lambda: checkout.said(f"{name} ended"), 20)
    sign_in = f"{checkout.up_json()['portal_url']}/t/{checkout.up_json()['tenant']}/sign-in"
    assert wait_until(lambda: answers(sign_in), 60)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_killed_itself_it_leaves_nothing_running_and_starts_again_where_it_was(checkout: Checkout) -> None:
    before, left = checkout.up_json(), identities(checkout)
    os.kill(checkout.supervisor(), signal.SIGKILL)
    assert all(ends(process) for process in left.values())
    again = checkout.up()
    for known in ("tenant", "root_fingerprint", "agent_id", "cameras"):
        assert again[known] == before[known]


def test_ctrl_c_stops_everything(checkout: Checkout) -> None:
    running = identities(checkout)
    checkout.interrupt()
    assert [name for name, process in running.items() if process.alive()] == []
    assert checkout.said("everything is stopped; the data stay in var/")
    assert "nothing runs in" in checkout.make("down").stdout
    assert not (checkout.root / "var" / "up.json").exists()


def test_on_another_port_it_is_the_same_system_and_make_down_stops_it(checkout: Checkout) -> None:
    known = json.loads((checkout.root / "var" / "agent" / "identity" / "agent.json").read_text())
    checkout.port = four_free_ports()
    content = checkout.up()
    assert content["portal_url"].endswith(str(checkout.port))
    assert content["agent_id"] == known["agent"]
    running = identities(checkout)
    assert "everything is stopped" in checkout.make("down").stdout
    assert [name for name, process in running.items() if process.alive()] == []


def test_a_busy_port_is_named(checkout: Checkout) -> None:
    with subprocess.Popen(
        ["python3", "-m", "http.server", "--bind", "127.0.0.1", str(checkout.port + 2)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as other:
        assert wait_until(lambda: answers(f"http://127.0.0.1:{checkout.port + 2}/"), 20)
        refused = checkout.make("up")
        other.terminate()
    assert refused.returncode != 0
    assert f"port {checkout.port + 2} on 127.0.0.1 (object store) cannot be used" in refused.stderr
    assert "make up PORT=" in refused.stderr


def test_an_address_that_is_no_camera_is_refused_without_repeating_it(checkout: Checkout) -> None:
    refused = checkout.make("up", CAMERA="http://admin:hunter2@10.0.0.9/")
    assert refused.returncode != 0
    assert "CAMERA is no camera's address: write rtsp://" in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout


def test_make_clean_asks_and_deletes_nothing_without_a_yes(checkout: Checkout) -> None:
    refused = checkout.make("clean", given="no\n")
    assert "Type yes to delete" in refused.stdout
    assert "nothing was deleted" in refused.stderr
    assert (checkout.root / "var" / "postgres").exists()


def test_make_clean_deletes_everything_after_a_yes(checkout: Checkout) -> None:
    data = (checkout.root / "var" / "postgres").resolve()
    assert checkout.make("clean", given="yes\n").returncode == 0
    assert not (checkout.root / "var").exists()
    assert not data.exists()
