"""Nobody changes what people may do by moving a camera instead of giving a role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor, Grant, Place
from tenants.models import Membership
from tenants.permissions import PEOPLE_EDIT, all_permissions
from tenants.words import Text
from vsaas.common.errors import Denied


class GivesRights(Denied):
    """The change would give or take rights, which is another right."""

    problem = "gives-rights"


@dataclass(frozen=True, slots=True)
class Move:
    """Something that is to lie elsewhere: its name, where it lies, where it would."""

    name: str
    before: Place
    after: Place


def require_no_gain(actor: Actor, moves: Iterable[Move]) -> None:
    """Return when these moves change nobody's rights, or the actor may give roles and gives by them no more than they hold
    themselves, and nothing to themselves. Raises GivesRights. Three queries at most."""
    real = [move for move in moves if move.before != move.after]
    concerned = _concerned(real)
    if not concerned:
        return
    grants = access.grants_of(concerned)
    for move in real:
        changed = {account: rows for account, rows in grants.items() if _differs(rows, move)}
        if changed and not actor.tenant_wide(PEOPLE_EDIT):
            raise GivesRights(
                _(
                    "this would change what people may do with %(camera)s, whose roles are of its site or its groups: ask "
                    "somebody who may give roles"
                )
                % {"camera": move.name}
            )
        for account, rows in changed.items():
            _require_not_above(actor, move, rows, oneself=account == actor.account_id)


def _concerned(moves: list[Move]) -> set:
    """The accounts with a role on a site or group that something leaves or comes to."""
    sites = {place.site_id for move in moves for place in (move.before, move.after)}
    names = {name for move in moves for name in move.before.groups ^ move.after.groups}
    moved = any(move.before.site_id != move.after.site_id for move in moves)
    named = Q(group__in=names) | Q(site__in=sites) if moved else Q(group__in=names)
    return set(Membership.objects.filter(named).values_list("account_id", flat=True)) if moves else set()


def _held(grants: Iterable[Grant], place: Place) -> set:
    somebody = Actor(access.current_tenant_id(), access.current_tenant_id(), "", tuple(grants))
    return {one for one in all_permissions() if somebody.allows(one, place)}


def _differs(grants: Iterable[Grant], move: Move) -> bool:
    rows = tuple(grants)
    return _held(rows, move.before) != _held(rows, move.after)


def _require_not_above(actor: Actor, move: Move, grants: Iterable[Grant], *, oneself: bool) -> None:
    rows = tuple(grants)
    for permission in _held(rows, move.after) - _held(rows, move.before):
        if oneself or not actor.allows(permission, move.before):
            raise GivesRights(_beyond(permission.sentence) % {"camera": move.name})


def _beyond(right: Text) -> str:
    return str(
        _("this would let somebody %(right)s who may not now, which you cannot give on %(camera)s")
    ).replace("%(right)s", str(right))
