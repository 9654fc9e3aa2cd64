"""The worker as a process of its own, as in production: it chains, signs and sends on by itself, and not without its key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenants.scope import tenant_scope
from tests import environment
from tests.audit.receivers import collecting, wait_for
from tests.audit.test_pages import say
from tests.cast import Cast
from tests.live_hub import ROOT
from vsaas.audit.models import AuditCheckpoint, AuditInbox
from vsaas.audit.services import system
from vsaas.audit.siem import destinations
from vsaas.audit.siem.destinations import Wanted
from vsaas.onebox.processes import Program

pytestmark = pytest.mark.real_time


def settings(**changes: str) -> dict[str, str]:
    paths = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "vsaas.settings",
    }
    return paths | {f"VSAAS_{name}": value for name, value in (environment.variables() | changes).items()}


def command(folder: Path) -> list[str]:
    """Worker and beat in one."""
    words = ["celery", "-A", "vsaas.worker", "worker", "--beat", "--pool", "solo", "--loglevel", "WARNING"]
    return [sys.executable, "-m", *words, "--schedule", str(folder / "beat")]


def test_what_is_done_is_signed_and_sent_on_within_seconds(cast: Cast, tmp_path: Path) -> None:
    worker = Program("the worker", command(tmp_path), env=settings(), log=tmp_path / "worker.log")
    with collecting(tmp_path / "https") as collector:
        with tenant_scope(cast.tenant_a.id):
            wanted = Wanted("Watch", "ocsf", collector.url, collector.ca_pem)
            destinations.add(wanted, system("tests"))
        say(cast, "something")
        worker.start()
        try:
            wait_for(lambda: len(collector.events) == 2, lambda: (tmp_path / "worker.log").read_text())
        finally:
            worker.stop()
    with tenant_scope(cast.tenant_a.id):
        assert not AuditInbox.objects.exists()
        assert AuditCheckpoint.objects.order_by("-size").first().size == 2


@pytest.mark.parametrize(
    ("lacking", "says"), [("AUDIT_KEY", "set VSAAS_AUDIT_KEY"), ("KMS", "there is no key file")]
)
def test_without_its_keys_the_worker_does_not_start(
    database, tmp_path: Path, lacking: str, says: str
) -> None:
    env = settings(KMS="keyfile:/nowhere/kms.key") if lacking == "KMS" else settings()
    if lacking == "AUDIT_KEY":
        del env["VSAAS_AUDIT_KEY"]
    done = subprocess.run(
        command(tmp_path), env=env, cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode != 0
    assert says in done.stderr
