"""What owners type about people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from tenants.models import Membership, Site
from tenants.permissions import OWNER, ROLES, VIEWER, Permission, role
from vsaas.accounts.models import Account
from vsaas.accounts.people import ROLE_WORDS, Access

ALL, SOME = "all", "some"


class AccessForm(forms.Form):
    """A role, on all sites or some."""

    role = forms.ChoiceField(label=_("Role"), choices=[(one.name, one.title) for one in ROLES.values()])
    where = forms.ChoiceField(
        label=_("Where"), choices=[(ALL, _("All sites, also those added later")), (SOME, _("These sites"))]
    )
    sites = forms.ModelMultipleChoiceField(
        queryset=None,
        required=False,
        label=_("Sites"),
        error_messages={
            "invalid_choice": _("One of these sites does not exist here any more. Choose again."),
            "invalid_pk_value": _("One of these sites does not exist here any more. Choose again."),
        },
    )

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sites"].queryset = sites  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("role") == OWNER.name and data.get("where") == SOME:
            self.add_error("where", _("An owner is one of all sites. Choose all sites, or another role."))
        elif data.get("where") == SOME and not data.get("sites") and "sites" not in self.errors:
            self.add_error("sites", _("Choose at least one site."))
        return data

    @property
    def access(self) -> Access:
        """What was chosen; of a valid form."""
        chosen = self.cleaned_data
        sites = None if chosen["where"] == ALL else frozenset(site.pk for site in chosen["sites"])
        return Access(role(chosen["role"]), sites)

    # What the template draws: each choice with its words and whether it is chosen now.

    def roles(self) -> list[dict[str, Any]]:
        """The roles as cards: what each may do, and whether it is chosen."""
        value = self["role"].value()
        return [
            {
                "name": one.name,
                "title": one.title,
                "words": ROLE_WORDS[one.name],
                "rights": rights_of(one.permissions),
                "chosen": one.name == value,
            }
            for one in ROLES.values()
        ]

    def places(self) -> list[dict[str, Any]]:
        """The sites to tick."""
        value = {str(getattr(site, "pk", site)) for site in self["sites"].value() or ()}
        return [
            {"id": site.pk, "name": site.name, "chosen": str(site.pk) in value}
            for site in self.fields["sites"].queryset  # type: ignore[attr-defined]
        ]

    def chosen_where(self) -> str:
        """All or some."""
        return str(self["where"].value() or "")


class InviteForm(AccessForm):
    """Whom to invite, as what."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("They sign in with it. Nothing is sent there yet: you hand the link on yourself."),
        widget=forms.EmailInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ["name", "email", "role", "where", "sites"]


def first_access(sites: Sequence[UUID] = ()) -> dict[str, Any]:
    """What an empty form proposes: the least. Of `sites` to choose from, a single one is chosen already."""
    return {"role": VIEWER.name, "where": SOME, "sites": sites if len(sites) == 1 else ()}


def access_as_it_is(account: Account) -> dict[str, Any]:
    """A member's role and sites as the form begins with them. Of several roles the first is proposed."""
    rows: list[Membership] = list(account.memberships.all())
    if not rows:
        return first_access()
    everywhere = any(row.site_id is None for row in rows)
    sites: list[UUID] = [row.site_id for row in rows if row.site_id is not None]
    return {"role": rows[0].role, "where": ALL if everywhere else SOME, "sites": sites}


def rights_of(permissions: frozenset[Permission]) -> list[str]:
    """What permissions let one do, in their own sentences."""
    return sorted(permission.sentence for permission in permissions)
