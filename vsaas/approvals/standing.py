"""Nobody may be left without anybody who could approve them.

Whoever needs approval to sign in must have another active member, with a second factor, who may give it; a change after
which that is not so is refused. Where changes of roles need a second person, two people must be able to make them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, grants_of
from tenants.models import Membership
from tenants.permissions import LOGIN_APPROVE, PEOPLE_EDIT
from tenants.roles import roles
from tenants.scope import current_tenant_id
from tenants.words import Text
from vsaas.approvals import people
from vsaas.approvals.errors import NobodyToApprove
from vsaas.approvals.models import ApprovalPolicy

Kept = Callable[[], Callable[[], None]]
_kept: list[Kept] = []


def register_kept(kept: Kept) -> None:
    """Something else a change of people's rights must leave in place: `kept()` looks before the change, and what it returns
    raises after it when that is gone."""
    if kept not in _kept:
        _kept.append(kept)


_SIGN_IN = "sign-in"
_ROLES = "roles"


@contextmanager
def keeps_approvers() -> Iterator[None]:
    """Raises NobodyToApprove at its end when a change made inside leaves somebody without an approver who had one, or
    binds somebody who has none, or takes away what is registered to be kept. The caller holds the lock on the tenant's
    people."""
    before, others = stranded(), [kept() for kept in _kept]
    yield
    for still in others:
        still()
    for who, why in stranded().items():
        if who not in before:
            raise NobodyToApprove(why)


def stranded() -> dict[UUID | str, Text]:
    """Whom nobody could approve, by account (or what else nobody could do), with the reason. Empty in nearly every
    organisation at the cost of two queries."""
    needing = any(role.needs_approval for role in roles().values())
    roles_need_second = ApprovalPolicy.objects.filter(roles_need_second=True).exists()
    if not needing and not roles_need_second:
        return {}
    actors = _members()
    able = people.accounts().may_join(set(actors))
    found: dict[UUID | str, Text] = {}
    if needing:
        found |= _without_approver(actors, able)
    editors = {one for one in able if actors[one].tenant_wide(PEOPLE_EDIT)}
    if roles_need_second and len(editors) < 2:
        found[_ROLES] = _(
            "changes of roles need a second person: two people must be left who may change roles and have a second factor"
        )
    return found


def _members() -> dict[UUID, Actor]:
    tenant_id = current_tenant_id()
    ids = set(Membership.objects.values_list("account_id", flat=True))
    return {one: Actor(tenant_id, one, "", grants) for one, grants in grants_of(ids).items()}


def _without_approver(actors: dict[UUID, Actor], able: set[UUID]) -> dict[UUID | str, Text]:
    approvers = {one for one in able if actors[one].tenant_wide(LOGIN_APPROVE)}
    if not approvers:
        return {
            _SIGN_IN: _(
                "a role needs a second person's approval to sign in: somebody must be left who may approve it and has a second factor"
            )
        }
    return {
        one: _(
            "%(name)s needs approval to sign in, and nobody else could give it: let somebody else approve sign-ins first"
        )
        % {"name": str(people.account(one) or one)}
        for one, actor in actors.items()
        if people.bound(actor) and not approvers - {one}
    }
