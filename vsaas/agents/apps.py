from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Agents: enrolment, identity, heartbeat, commands."""

    name = "vsaas.agents"
    label = "agents"
