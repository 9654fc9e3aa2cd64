"""Renaming an agent and moving it to another site. Inside the tenant's scope."""

from tenants.models import Site
from vsaas.agents.acts import CHANGED
from vsaas.agents.models import Agent
from vsaas.audit.services import Who, differences, record_act, what
from vsaas.common.errors import InvalidField
from vsaas.common.names import BadName, clean_name


class InvalidAgent(InvalidField):
    """A field of an agent is wrong."""

    problem = "invalid-agent"


def agent_change(agent: Agent, by: Who, *, name: str | None = None, site: Site | None = None) -> Agent:
    """Gives an agent another name or site; None stays. Its cameras stay on the sites they are on. Raises InvalidAgent.

    The caller has checked that `by` holds `agent:edit` on the agent and on `site`.
    """
    agent = Agent.objects.select_for_update(of=("self",)).select_related("site").get(id=agent.id)
    try:
        wanted = {
            "name": agent.name if name is None else clean_name(name),
            "site": agent.site if site is None else site,
        }
    except BadName as error:
        raise InvalidAgent("name", str(error)) from error
    changed = [field for field, value in wanted.items() if value != getattr(agent, field)]
    if changed:
        before = {field: getattr(agent, field) for field in changed}
        for field in changed:
            setattr(agent, field, wanted[field])
        agent.save(update_fields=changed)
        record_act(
            CHANGED,
            by,
            what(agent),
            changed=", ".join(changed),
            **differences(before, {field: wanted[field] for field in changed}),
        )
    return agent
