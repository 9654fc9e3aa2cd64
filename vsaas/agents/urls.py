"""Addresses of agents."""

from django.urls import path

from vsaas.agents import agent_api as agent_views
from vsaas.agents import api as views
from vsaas.agents import updates_api as updates_views
from vsaas.agents.packages import agent_package
from vsaas.agents.pages import enrol
from vsaas.agents.updates_pages import rollout, update_agent, updates_page

root = [
    path("agent-packages/vsaas-agent_<slug:architecture>.deb", agent_package, name="agent-package"),
]

pages = [
    path("agents/enrol", enrol, name="agents-enrol"),
    path("agents/updates", updates_page, name="agents-updates"),
    path("agents/updates/rollout", rollout, name="agents-rollout"),
    path("agents/<uuid:agent_id>/update", update_agent, name="agents-update"),
]

api = [
    path("agents", views.Agents.as_view(), name="api-agents"),
    path("agents/<uuid:agent_id>/revocation", views.AgentRevocation.as_view(), name="api-agent-revocation"),
    path(
        "agents/<uuid:agent_id>/replacement", views.AgentReplacement.as_view(), name="api-agent-replacement"
    ),
    path("agents/<uuid:agent_id>/keys", views.AgentNewKeys.as_view(), name="api-agent-keys"),
    path("agents/<uuid:agent_id>", views.OneAgent.as_view(), name="api-agent"),
    path("agents/<uuid:agent_id>/update", updates_views.AgentUpdating.as_view(), name="api-agent-update"),
    path("updates", updates_views.Updates.as_view(), name="api-updates"),
    path("updates/rollout", updates_views.Rollout.as_view(), name="api-updates-rollout"),
    path("enrolment-codes/<uuid:code_id>", views.OneEnrolmentCode.as_view(), name="api-enrolment-code"),
    path("enrolment-codes", views.EnrolmentCodes.as_view(), name="api-enrolment-codes"),
]

agent_api = [
    path("enrol", agent_views.enrol, name="agent-enrol"),
    path("state", agent_views.state, name="agent-state"),
    path("health", agent_views.health, name="agent-health"),
    path("keys", agent_views.keys, name="agent-keys"),
    path("updates/<str:digest>", agent_views.release_document, name="agent-release"),
    path("updates/<str:digest>/<str:name>", agent_views.release_file, name="agent-release-file"),
]
