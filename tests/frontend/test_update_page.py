"""The page of updates in the browser: what failed and why, an agent held; and how it looks."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.test import override_settings
from playwright.sync_api import expect

from installer.release import make_key, make_release
from protocol.health import UpdateHealth
from protocol.release import document_hash
from tenants.scope import tenant_scope
from tests.frontend.test_estate import Estate, estate
from tests.looks import looks_right
from vsaas.agents import releases, rollouts, updates
from vsaas.agents.models import Agent, AgentHealth
from vsaas.audit.services import system

__all__ = ["estate"]


def test_what_failed_is_seen_and_an_agent_is_held(estate: Estate, tmp_path: Path) -> None:
    key = tmp_path / "key"
    make_key(key)
    package = tmp_path / "vsaas-agent_9.0_amd64.deb"
    package.write_bytes(b"package")
    document = make_release(key, [package], updates_from="0", notes="Sharper pictures at night.")
    assert estate.box.beat(software="vsaas-agent 0.1.0").status_code == 204
    with (
        override_settings(ENV=settings.ENV.model_copy(update={"agent_packages": str(tmp_path)})),
        tenant_scope(estate.cast.tenant_a.id, keys=True),
    ):
        agent = Agent.objects.get(id=estate.box.agent_id)
        AgentHealth.objects.filter(agent=agent).update(update=UpdateHealth("idle").__dict__)
        release = releases.find(document_hash(document.read_bytes()))
        rollouts.start(release, system("tests"))
        updates.give(agent.ordered_update)
        reason = (
            "2 of 2 streams are not recorded, Gate with a rather long name at the back of the yard among them"
        )
        updates.take_answer(agent, UpdateHealth("rolled-back", "9.0", 1, reason, None))
        rollouts.look_after()
    page = estate.page("agents")
    page.get_by_role("link", name="Updates").click()
    expect(page.get_by_text("1 of 1 agents of a stage failed")).to_be_visible()
    expect(page.get_by_text("Gate with a rather long name")).to_be_visible()
    looks_right(page, "updates", "UPDATE_PICTURES")
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_role("button", name="Let")).to_be_visible()
    assert estate.noise == []
