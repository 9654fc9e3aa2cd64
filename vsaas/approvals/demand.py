"""Where an organisation wants changes of roles to be made by two: the first asks, the second's approval carries them out."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants.access import Actor
from tenants.scope import after_scope, tenant_scope
from vsaas.approvals import requests
from vsaas.approvals.errors import AwaitsSecondPerson
from vsaas.approvals.models import ApprovalRequest
from vsaas.approvals.policy import policy
from vsaas.approvals.registry import Parameters, kind
from vsaas.common.api import session_id


def for_roles(request: HttpRequest, actor: Actor, name: str, parameters: Parameters) -> None:
    """Return when a change of roles may be made at once. Where it needs a second person, raise AwaitsSecondPerson, whose
    `extra` names the request that waits for one; what the caller did is not kept, the request is. The same change asked for
    twice by one person is one request. Raises TooManyWaiting.

    The caller has checked everything that would refuse the change, and passes by here when it is carried out.
    """
    if not policy().roles_need_second:
        return
    act = kind(name)
    waiting = requests.open_requests().filter(act=name, requester_id=actor.account_id)
    row = waiting.filter(parameters=dict(parameters)).first()
    if row is None:
        wish = requests.wish_as(act, parameters, session_id=session_id(request))
        row = requests.prepared(request, requests.requester_of(actor), wish)
        # Kept whether the page goes on or the error ends the request, which rolls everything else back.
        after_scope(partial(_keep, request, row))
    raise AwaitsSecondPerson(
        _(
            "this waits for a second person, and nothing has changed yet: it is done when somebody approves it under Approvals"
        ),
        extra={"approval": str(row.pk)},
    )


def _keep(request: HttpRequest, row: ApprovalRequest) -> None:
    with tenant_scope(row.tenant_id):
        requests.keep(request, row)
