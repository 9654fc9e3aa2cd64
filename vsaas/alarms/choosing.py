"""What somebody is told by mail: chosen by themselves, for the sites they may look after."""

from __future__ import annotations

from django.http import HttpRequest

from tenants import access
from tenants.access import Actor
from tenants.models import Site
from tenants.permissions import AGENT_VIEW
from vsaas.accounts.models import Account
from vsaas.alarms import acts, telling
from vsaas.alarms.telling import Wish
from vsaas.audit.services import record_act, what, who


def sites_to_choose(actor: Actor) -> list[Site]:
    """The sites on which the actor may look after agents, by name."""
    return list(access.visible(actor, AGENT_VIEW, Site.objects.order_by("name")))


def change(request: HttpRequest, actor: Actor, wish: Wish) -> None:
    """Keeps the wish and writes down that it changed. The sites are of `sites_to_choose`."""
    if telling.wish_of(actor) == wish:
        return
    telling.choose(actor, wish)
    account = Account.objects.get(pk=actor.account_id)
    told = acts.NOTHING if not wish.by_mail else acts.ALL if wish.sites is None else acts.SOME
    record_act(acts.CHOSEN, who(actor), what(account), request=request, told=told)
