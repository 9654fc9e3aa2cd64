"""What concerns one organisation: who can act in it, and what the apps above have to say (`register_source`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenants.lookups import tenants_for_task
from tenants.models import Tenant
from tenants.roles import roles
from tenants.scope import tenant_scope
from vsaas.accounts import rules
from vsaas.accounts.people import owners
from vsaas.audit.models import AuditEntry, AuditInbox
from vsaas.common import clock
from vsaas.installation.finding import Finding, bad, good, weak
from vsaas.keys.acts import KEY_STORE_COPIED

BACKUP_GOOD_DAYS = 7

_sources: list[Callable[[], list[Finding]]] = []


def register_source(source: Callable[[], list[Finding]]) -> None:
    """Have `source()` asked for findings of the current tenant."""
    if source not in _sources:
        _sources.append(source)


def findings() -> list[Finding]:
    """Of the current tenant. All of it may be shown to its owners."""
    return [_owners(), _factors(), *(finding for source in _sources for finding in source())]


def _owners() -> Finding:
    name, what = "owners", gettext_lazy("Owners")
    count = owners().count()
    if count >= 2:
        found = ngettext("%(count)s person", "%(count)s persons", count) % {"count": count}
        return good(name, what, found, to_owners=True)
    remedy = _("Make a second person owner, so that a lost password or a holiday keeps nobody out.")
    if count == 1:
        found = _("only one: nobody else can act when they cannot")
        return weak(name, what, found, remedy, to_owners=True)
    return bad(name, what, _("none"), _("Let a set-up link be made (manage.py setup_link)."), to_owners=True)


def _factors() -> Finding:
    """The kinds of second factor the sign-in rules accept; one is required always."""
    name, what = "second-factors", gettext_lazy("Second factors")
    said, known, kinds = rules.sign_in_rules(), roles(), rules.kinds()
    accepted = {key: said.of_role(key).kinds for key in known}
    only_sent = [str(known[key].title) for key, one in accepted.items() if not one & rules.STRONG]
    if only_sent:
        return bad(
            name,
            what,
            _("%(roles)s: codes that are sent, and nothing stronger") % {"roles": ", ".join(only_sent)},
            _(
                "Accept an authenticator app or a passkey as well, in the sign-in rules, and have people set one up."
            ),
            to_owners=True,
        )
    union: frozenset[str] = frozenset().union(*accepted.values())
    names = ", ".join(str(kinds.get(one, one)) for one in sorted(union))
    if union - rules.STRONG:
        remedy = _(
            "Accept only apps and passkeys where you can: a code that is sent may be read by whoever reads the mailbox or takes "
            "over the telephone number."
        )
        return weak(name, what, names, remedy, to_owners=True)
    return good(name, what, _("always required: %(kinds)s") % {"kinds": names}, to_owners=True)


def of_all() -> list[tuple[str, list[Finding]]]:
    """Every organisation's slug and findings, for whoever runs the installation."""
    return [_of(tenant) for tenant in tenants_for_task("the installation is graded")]


def _of(tenant_id: UUID) -> tuple[str, list[Finding]]:
    with tenant_scope(tenant_id):
        return Tenant.objects.get().slug, findings()


def backup() -> Finding:
    """How old the newest backup is that any organisation's log speaks of."""
    name, what = "backup", "newest backup"
    made = [at for tenant in tenants_for_task("the newest backup is looked for") if (at := _copied(tenant))]
    if not made:
        return weak(
            name,
            what,
            "none known here (backups other than those of `make backup` leave no trace in the portal)",
            "make one and keep it elsewhere (docs/production.md), and try the way back once",
        )
    days = (clock.now() - max(made)).total_seconds() / 86_400
    found = f"of {max(made):%Y-%m-%d %H:%M} UTC, {days:.0f} days old"
    if days <= BACKUP_GOOD_DAYS:
        return good(name, what, found)
    return weak(name, what, found, "have backups made by a timer, at least once a week")


def _copied(tenant_id: UUID) -> datetime | None:
    with tenant_scope(tenant_id):
        found = [
            rows.filter(act=KEY_STORE_COPIED.name).aggregate(newest=Max("at"))["newest"]
            for rows in (AuditInbox.objects, AuditEntry.objects)
        ]
    return max((at for at in found if at is not None), default=None)
