"""What is wrong with footage reaches the people who look after it, and nobody else."""

from __future__ import annotations

from tenants.scope import tenant_scope
from tests.agent_sim import AgentSim, recorded
from tests.cast import Cast, sign_in
from vsaas.audit.models import AuditInbox
from vsaas.common.object_store import object_store
from vsaas.footage.check import check_tenant
from vsaas.footage.models import Finding

NOON = 1_767_268_800_000_000


def gone(agent: AgentSim) -> str:
    """A stored object that somebody took away, found by the daily check."""
    stream, segments = recorded(agent, NOON, 2)
    name = stream.name(segments[0])
    object_store().delete(name, object_store().head(name).version_id)
    check_tenant(agent.tenant, object_store())
    return name


def test_a_recording_that_is_gone_stands_on_the_page_in_words_and_in_the_audit_log(
    agent: AgentSim, people: Cast, pages: None
) -> None:
    name = gone(agent)
    page = sign_in(people.alice).get(f"/t/{people.tenant_a.slug}/health").content.decode()
    assert "A stored recording is gone" in page
    assert name in page
    with tenant_scope(agent.tenant):
        assert AuditInbox.objects.filter(act="footage.object-wrong").count() == 1
    check_tenant(agent.tenant, object_store())
    with tenant_scope(agent.tenant):
        assert AuditInbox.objects.filter(act="footage.object-wrong").count() == 1


def test_settled_it_leaves_the_page_and_that_is_audited(agent: AgentSim, people: Cast, pages: None) -> None:
    gone(agent)
    client = sign_in(people.alice)
    api = {"VSaaS-Tenant": people.tenant_a.slug, "Accept": "application/json"}
    (row,) = client.get("/api/v1/findings", headers=api).json()["items"]
    assert row["kind"] == "object-missing"
    address = f"/t/{people.tenant_a.slug}/health/{row['id']}/settled"
    assert client.post(address)["Location"] == f"/t/{people.tenant_a.slug}/health"
    assert client.get("/api/v1/findings", headers=api).json() == {"items": [], "next": None}
    assert client.post(f"/api/v1/findings/{row['id']}/settlement", headers=api).status_code == 204
    with tenant_scope(agent.tenant):
        assert AuditInbox.objects.filter(act="footage.finding-settled").count() == 1
        assert Finding.objects.exclude(closed_us=None).count() == 1
    assert "Nothing is wrong" in client.get(f"/t/{people.tenant_a.slug}/health").content.decode()
