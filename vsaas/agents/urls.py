"""Addresses of agents."""

from django.urls import path

from vsaas.agents import agent_api as agent_views
from vsaas.agents import api as views
from vsaas.agents.packages import agent_package
from vsaas.agents.pages import enrol

root = [
    path("agent-packages/vsaas-agent_<slug:architecture>.deb", agent_package, name="agent-package"),
]

pages = [path("agents/enrol", enrol, name="agents-enrol")]

api = [
    path("agents", views.Agents.as_view(), name="api-agents"),
    path("agents/<uuid:agent_id>/revocation", views.AgentRevocation.as_view(), name="api-agent-revocation"),
    path(
        "agents/<uuid:agent_id>/replacement", views.AgentReplacement.as_view(), name="api-agent-replacement"
    ),
    path("agents/<uuid:agent_id>", views.OneAgent.as_view(), name="api-agent"),
    path("enrolment-codes/<uuid:code_id>", views.OneEnrolmentCode.as_view(), name="api-enrolment-code"),
    path("enrolment-codes", views.EnrolmentCodes.as_view(), name="api-enrolment-codes"),
]

agent_api = [
    path("enrol", agent_views.enrol, name="agent-enrol"),
    path("state", agent_views.state, name="agent-state"),
    path("health", agent_views.health, name="agent-health"),
]
