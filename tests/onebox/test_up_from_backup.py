"""`make backup` and `make restore` as people run them: a machine that is lost, and a database that is."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.onebox.running import Checkout
from vsaas.onebox.box import Box
from vsaas.onebox.layout import Layout, Ports
from vsaas.onebox.manage import manage
from vsaas.onebox.processes import wait_until
from vsaas.onebox.recorder import Tenant, agent_status, verified_range

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("drills")]

PASSPHRASE = "only for tests: five words by dice"


class Drill:
    """What the tests below hand on to each other: the system, its backup, and what was recorded when."""

    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        self.backup = folder / "backup.tar"
        self.passphrase_file = folder / "passphrase"
        self.passphrase_file.write_text(PASSPHRASE + "\n")
        self.passphrase_file.chmod(0o600)
        self.moments: dict[str, datetime] = {}

    @property
    def box(self) -> Box:
        return Box(Layout(self.checkout.root), Ports(self.checkout.port))

    def make(self, target: str, *, given: str = "", **variables: str) -> Any:
        return self.checkout.make(target, given=given, PASSPHRASE_FILE=str(self.passphrase_file), **variables)

    def note(self, name: str) -> None:
        self.moments[name] = datetime.now(UTC)

    def note_end(self, name: str, since: str) -> None:
        """Notes up to when there is footage in the store. What is recorded at this instant ends later than that, and may
        get into a backup by its record alone."""
        report = self.report(since, datetime.now(UTC))
        assert not isinstance(report, str), report
        self.moments[name] = datetime.fromisoformat(report["cameras"][0]["to"]["time"])

    def report(self, since: str, end: datetime) -> dict[str, Any] | str:
        up = self.checkout.up_json()
        tenant = Tenant(up["tenant"], "", up["root_fingerprint"], False, ())
        return verified_range(self.box, tenant, up["cameras"][0]["id"], self.moments[since], end)

    def segments(self, since: str, until: str | None = None) -> int:
        """How many verified segments there are between two moments; -1 while something does not verify."""
        report = self.report(since, self.moments[until] if until else datetime.now(UTC))
        if isinstance(report, str) or not report["state"].startswith("verified"):
            return -1
        return sum(stream["segments_good"] for stream in report["cameras"])

    def wait_for(self, count: int, since: str, until: str | None = None) -> None:
        assert wait_until(lambda: self.segments(since, until) >= count, 90, pause_seconds=1), (
            self.report(since, self.moments[until] if until else datetime.now(UTC)),
            agent_status(self.box),
        )

    def findings(self) -> list[str]:
        """What the portal found odd about its footage."""
        code = "from vsaas.footage.models import Finding\nfrom tenants.lookups import tenants_for_task\n"
        code += "from tenants.scope import tenant_scope\n"
        code += "for tenant in tenants_for_task('drill'):\n    with tenant_scope(tenant):\n"
        code += "        for row in Finding.objects.all(): print(row.kind, row.detail)"
        return manage(
            self.checkout.root, self.box.settings(), "shell", "--no-imports", "-c", code
        ).splitlines()


@pytest.fixture(scope="module")
def drill(running_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Drill:
    """The shared copy of the checkout, started again where other tests have ended and wiped it."""
    drill = Drill(running_checkout, tmp_path_factory.mktemp("backup"))
    drill.note("beginning")
    if running_checkout.process is None or running_checkout.process.poll() is not None:
        running_checkout.up()
    return drill


def test_a_backup_is_made_while_everything_runs_into_one_closed_file(drill: Drill) -> None:
    drill.wait_for(2, "beginning")
    drill.note_end("before the backup", "beginning")
    made = drill.make("backup", TO=str(drill.backup), WITH_FOOTAGE="1")
    assert made.returncode == 0, made.stderr
    drill.note("backup")
    assert f"backed up to {drill.backup}" in made.stdout
    assert stat.S_IMODE(drill.backup.stat().st_mode) == 0o600
    data = drill.backup.read_bytes()
    secrets = json.loads((drill.checkout.root / "var" / "secrets" / "passwords.json").read_text()).values()
    assert [number for number, secret in enumerate(secrets) if secret.encode() in data] == []


def test_a_backup_is_not_overwritten(drill: Drill) -> None:
    again = drill.make("backup", TO=str(drill.backup))
    assert again.returncode != 0
    assert "is there already and is not overwritten" in again.stderr


def test_nothing_is_restored_while_the_system_runs(drill: Drill) -> None:
    refused = drill.make("restore", FROM=str(drill.backup), given="yes\n")
    assert refused.returncode != 0
    assert "cannot restore while the system runs; stop it first: make down" in refused.stderr


def test_after_the_machine_is_lost_everything_up_to_the_backup_plays_and_recording_goes_on(
    drill: Drill,
) -> None:
    before = drill.checkout.up_json()
    drill.make("down")
    drill.make("clean", FORCE="1")
    restored = drill.make("restore", FROM=str(drill.backup))
    assert restored.returncode == 0, restored.stderr
    drill.note("second start")
    again = drill.checkout.up()  # it says that it runs only once fresh footage was verified
    for known in ("tenant", "root_fingerprint", "agent_id"):
        assert again[known] == before[known]
    assert again["cameras"][0]["id"] == before["cameras"][0]["id"]
    drill.wait_for(2, "beginning", "before the backup")
    drill.wait_for(1, "second start")
    assert drill.findings() == []


def test_without_a_yes_or_with_another_passphrase_nothing_is_changed(drill: Drill) -> None:
    drill.wait_for(3, "second start")
    drill.note("third stop")
    drill.make("down")
    kept = (drill.checkout.root / "var" / "postgres").resolve()
    refused = drill.make("restore", FROM=str(drill.backup), given="no\n")
    assert "This machine's agent stays, and sends again what the backup does not know." in refused.stdout
    assert "nothing was changed" in refused.stderr
    drill.passphrase_file.write_text("another passphrase than that\n")
    refused = drill.make("restore", FROM=str(drill.backup), given="yes\n")
    assert "this passphrase does not open" in refused.stderr
    drill.passphrase_file.write_text(PASSPHRASE + "\n")
    assert (drill.checkout.root / "var" / "postgres").resolve() == kept
    assert [path.name for path in drill.checkout.root.glob("var*")] == ["var"]


def test_after_the_database_is_lost_the_agent_sends_again_what_the_backup_does_not_know(drill: Drill) -> None:
    restored = drill.make("restore", FROM=str(drill.backup), given="yes\n")
    assert restored.returncode == 0, restored.stderr
    drill.note("third start")
    drill.checkout.up()
    drill.wait_for(3, "second start", "third stop")
    drill.wait_for(1, "third start")
    assert drill.findings() == []
    status = agent_status(drill.box)
    assert status is not None
    assert status["troubles"] == []


def test_a_stopped_system_is_backed_up_too_and_a_damaged_backup_changes_nothing(drill: Drill) -> None:
    drill.make("down")
    made = drill.make("backup")
    assert made.returncode == 0, made.stderr
    [backup] = (drill.checkout.root / "backups").iterdir()
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1
    backup.write_bytes(data)
    refused = drill.make("restore", FROM=str(backup), given="yes\n")
    assert refused.returncode != 0
    assert "is damaged or was cut short" in refused.stderr
    assert [path.name for path in drill.checkout.root.glob("var*")] == ["var"]
