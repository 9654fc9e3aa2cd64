"""Renaming an agent and moving it to another site, with its cameras where that is wished. Inside the tenant's scope.

Cameras stand above this package; they register how they come along.
"""

from collections.abc import Callable

from django.core.exceptions import ImproperlyConfigured

from tenants.access import Actor
from tenants.models import Site
from vsaas.agents.acts import CHANGED
from vsaas.agents.models import Agent
from vsaas.audit.services import Who, differences, record_act, what
from vsaas.common.errors import InvalidField
from vsaas.common.names import BadName, clean_name


class InvalidAgent(InvalidField):
    """A field of an agent is wrong."""

    problem = "invalid-agent"


TakeAlong = Callable[[Actor, Agent, Site, Site], int]
_take_along: TakeAlong | None = None


def register_take_along(take_along: TakeAlong) -> None:
    """`take_along(actor, agent, before, after)` moves the agent's cameras of one site to the other, as far as the actor may,
    and returns how many; inside the tenant's scope."""
    global _take_along
    _take_along = take_along


def agent_change(
    agent: Agent,
    by: Who,
    *,
    name: str | None = None,
    site: Site | None = None,
    cameras_as: Actor | None = None,
) -> Agent:
    """Gives an agent another name or site; None stays. Its cameras stay on the sites they are on, unless `cameras_as` says
    who takes those of its own site along. Raises InvalidAgent, and what taking a camera along raises; nothing is changed then.

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
    if "site" in changed and cameras_as is not None and site is not None:
        if _take_along is None:
            raise ImproperlyConfigured(
                "nobody takes cameras along: they register that in their AppConfig.ready"
            )
        _take_along(cameras_as, agent, agent.site, site)
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
